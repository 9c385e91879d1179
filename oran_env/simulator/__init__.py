"""A batch of independent networks that step together."""

from oran_env.simulator.simulator import Simulator
from oran_env.simulator.view import StepResult

__all__ = ["Simulator", "StepResult"]
