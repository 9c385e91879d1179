"""oran_env: the DUs of an O-RAN share spectrum. A PettingZoo environment for resource management."""

from oran_env.envs.e2_wrapper import E2Wrapper
from oran_env.envs.joint_env import OranJointEnv
from oran_env.envs.parallel_env import OranParallelEnv, parallel_env
from oran_env.envs.single_du_env import OranDuEnv
from oran_env.envs.vector_env import OranDuVectorEnv, OranJointVectorEnv
from oran_env.policies.lookahead import LookaheadPolicy
from oran_env.policies.offered import reference_policies
from oran_env.policies.rules import Policy
from oran_env.registration import register
from oran_env.scenario.fields import Scenario
from oran_env.scenario.presets import PRESETS, TRAFFIC_PROFILES, make_scenario
from oran_env.scenario.slices import SLICES
from oran_env.scenario.validation import ScenarioError
from oran_env.scoring.score import score
from oran_env.simulator.components import Components
from oran_env.simulator.simulator import Simulator
from oran_env.simulator.view import Info, Network
from oran_env.testing.check_env import check_env
from oran_env.version import __version__

__all__ = [
    "PRESETS",
    "SLICES",
    "TRAFFIC_PROFILES",
    "Components",
    "E2Wrapper",
    "Info",
    "LookaheadPolicy",
    "Network",
    "OranDuEnv",
    "OranDuVectorEnv",
    "OranJointEnv",
    "OranJointVectorEnv",
    "OranParallelEnv",
    "Policy",
    "Scenario",
    "ScenarioError",
    "Simulator",
    "__version__",
    "check_env",
    "make_scenario",
    "parallel_env",
    "reference_policies",
    "register",
    "score",
]

register()
