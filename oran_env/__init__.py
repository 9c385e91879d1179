"""oran_env: six DUs share spectrum. A PettingZoo environment for O-RAN resource management."""

from oran_env.du_env import OranDuEnv
from oran_env.gymnasium_env import OranJointEnv
from oran_env.pettingzoo_env import OranParallelEnv, parallel_env
from oran_env.registration import register
from oran_env.scenario import PRESETS, SLICES, Scenario, ScenarioError, make_scenario
from oran_env.simulator import Simulator
from oran_env.vector_env import OranDuVectorEnv, OranJointVectorEnv

__version__ = "0.1.0"

__all__ = [
    "PRESETS",
    "SLICES",
    "OranDuEnv",
    "OranDuVectorEnv",
    "OranJointEnv",
    "OranJointVectorEnv",
    "OranParallelEnv",
    "Scenario",
    "ScenarioError",
    "Simulator",
    "make_scenario",
    "parallel_env",
]

register()
