"""Every number and mechanism of the simulated network, once: fields, presets, and what is allowed."""

from oran_env.scenario.fields import CHOICES, FIELD_GROUPS, Scenario
from oran_env.scenario.presets import PRESETS, TRAFFIC_PROFILES, make_scenario
from oran_env.scenario.slices import EMBB, MMTC, NUM_SLICES, SLICES, URLLC
from oran_env.scenario.validation import ScenarioError

__all__ = [
    "CHOICES",
    "EMBB",
    "FIELD_GROUPS",
    "MMTC",
    "NUM_SLICES",
    "PRESETS",
    "SLICES",
    "TRAFFIC_PROFILES",
    "URLLC",
    "Scenario",
    "ScenarioError",
    "make_scenario",
]
