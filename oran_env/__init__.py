"""oran_env: six DUs share spectrum. A PettingZoo environment for O-RAN resource management."""

from oran_env.components import Components, Info
from oran_env.du_env import OranDuEnv
from oran_env.gymnasium_env import OranJointEnv
from oran_env.pettingzoo_env import OranParallelEnv, parallel_env
from oran_env.policies import Policy, reference_policies
from oran_env.presets import PRESETS, TRAFFIC_PROFILES, make_scenario
from oran_env.registration import register
from oran_env.scenario import SLICES, Scenario, ScenarioError
from oran_env.simulator import Simulator
from oran_env.vector_env import OranDuVectorEnv, OranJointVectorEnv

__version__ = "0.1.0"

__all__ = [
    "PRESETS",
    "SLICES",
    "TRAFFIC_PROFILES",
    "Components",
    "Info",
    "OranDuEnv",
    "OranDuVectorEnv",
    "OranJointEnv",
    "OranJointVectorEnv",
    "OranParallelEnv",
    "Policy",
    "Scenario",
    "ScenarioError",
    "Simulator",
    "make_scenario",
    "parallel_env",
    "reference_policies",
]

register()
