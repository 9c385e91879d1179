"""What others see of the simulator: what a step gives, and what a component of the user's reads in its middle."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from oran_env.model.outcome import UNDEFINED, Outcome
from oran_env.model.parameters import Parameters
from oran_env.model.state import State
from oran_env.numerics.jit import Floats, Singles
from oran_env.scenario.fields import Scenario

Info = Mapping[str, NDArray[Any]]


class StepResult(NamedTuple):
    """One step of all networks."""

    observations: Singles  # (B, M, D)
    rewards: Singles  # (B, M)
    terminated: NDArray[np.bool_]  # (B, M) always False: an episode ends by truncation
    truncated: NDArray[np.bool_]  # (B,)
    info: Info  # each (B, M) or (B, M, 3), keys and formulas: Outcome


def without_nan(info: Info) -> dict[str, NDArray[Any]]:
    """``info`` for environments, whose official tests take NaN for a difference: 1 as Q̄ is in a slice without UE.

    Their metadata tell by which number such entries are to be left out of means.
    """
    return {name: np.fmin(array, 1.0) if name in UNDEFINED else array for name, array in info.items()}


class Network(Protocol):
    """A batch of B networks in the middle of a step; a ``Simulator`` is one."""

    @property
    def scenario(self) -> Scenario:
        """What is simulated."""

    @property
    def parameters(self) -> Parameters:
        """The scenario in the units of the kernels."""

    @property
    def num_networks(self) -> int:
        """B."""

    @property
    def action_size(self) -> int:
        """A, number of values in the action of one DU."""

    @property
    def state(self) -> State:
        """Everything that changes from step to step; to be read."""

    @property
    def last_outcome(self) -> Outcome | None:
        """What this step has handed out so far."""

    @property
    def info(self) -> Info:
        """The part of it that is told, by name."""

    def uniforms(self, size: int, purpose: int = 0) -> Floats:
        """Random numbers (B, size) in (0, 1) that keep the environment reproducible."""
