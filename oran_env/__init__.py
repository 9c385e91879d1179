"""oran_env: the DUs of an O-RAN share spectrum. A PettingZoo environment for resource management."""

from oran_env.benchmark import score
from oran_env.checks import check_env
from oran_env.components import Components, Info
from oran_env.du_env import OranDuEnv
from oran_env.e2 import E2Wrapper
from oran_env.gymnasium_env import OranJointEnv
from oran_env.lookahead import LookaheadPolicy
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
    "E2Wrapper",
    "Info",
    "LookaheadPolicy",
    "OranDuEnv",
    "OranDuVectorEnv",
    "OranJointEnv",
    "OranJointVectorEnv",
    "OranParallelEnv",
    "Policy",
    "Scenario",
    "ScenarioError",
    "Simulator",
    "check_env",
    "make_scenario",
    "parallel_env",
    "reference_policies",
    "register",
    "score",
]

register()
