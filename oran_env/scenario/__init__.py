"""Every number and mechanism of the simulated network, once."""

from oran_env.scenario.fields import FIELD_GROUPS, SLICES, Scenario, ScenarioError

__all__ = ["FIELD_GROUPS", "SLICES", "Scenario", "ScenarioError"]
