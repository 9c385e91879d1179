"""A batch of independent networks that step together."""

from oran_env.simulator.simulator import Simulator, StepResult

__all__ = ["Simulator", "StepResult"]
