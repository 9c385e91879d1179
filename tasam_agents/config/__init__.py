"""Every hyper-parameter, once, and the named configurations."""

from tasam_agents.config.anchor import AnchorConfig
from tasam_agents.config.bases import ORAN_INPUT_SCALING
from tasam_agents.config.fields import LearnerConfig, Scalar, TrainConfig
from tasam_agents.config.networks import NetworkRegularisation, RegularisationConfig
from tasam_agents.config.sam import GateConfig, RadiusConfig, RhoSchedule, SamConfig
from tasam_agents.config.temperature import TemperatureConfig
from tasam_agents.config.variants import VARIANTS, variant

__all__ = [
    "ORAN_INPUT_SCALING",
    "VARIANTS",
    "AnchorConfig",
    "GateConfig",
    "LearnerConfig",
    "NetworkRegularisation",
    "RadiusConfig",
    "RegularisationConfig",
    "RhoSchedule",
    "SamConfig",
    "Scalar",
    "TemperatureConfig",
    "TrainConfig",
    "variant",
]
