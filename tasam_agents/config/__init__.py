"""Every hyper-parameter, once, and the named configurations."""

from tasam_agents.config.fields import (
    ORAN_INPUT_SCALING,
    AnchorConfig,
    GateConfig,
    LearnerConfig,
    NetworkRegularisation,
    PolicyConfig,
    RadiusConfig,
    RegularisationConfig,
    RhoSchedule,
    SamConfig,
    Scalar,
    TemperatureConfig,
    TrainConfig,
)

__all__ = [
    "ORAN_INPUT_SCALING",
    "AnchorConfig",
    "GateConfig",
    "LearnerConfig",
    "NetworkRegularisation",
    "PolicyConfig",
    "RadiusConfig",
    "RegularisationConfig",
    "RhoSchedule",
    "SamConfig",
    "Scalar",
    "TemperatureConfig",
    "TrainConfig",
]
