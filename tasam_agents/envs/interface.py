"""What the learner sees of an environment: a fixed population of agents, several envs side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from tasam_agents.envs.seeding import Seed
from tasam_agents.errors import UserError


class EnvironmentRefused(UserError):
    """The environment cannot be made, or is not one that the learner can be trained on."""


class NotReproducible(RuntimeError):
    """The environment did not repeat an episode from the same seed and actions."""


class ObservationPolicy(Protocol):
    """What acts on an environment as it is: it sees the observations."""

    def __call__(self, observations: NDArray[np.float32]) -> NDArray[np.float32]:
        """Observations (B, M, D) → actions (B, M, A)."""


class InputPolicy(Protocol):
    """What acts within a training: it sees the columns that the networks see, selected and scaled."""

    def __call__(self, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
        """Inputs (B, M, d) → actions (B, M, A)."""


class BatchStep(Protocol):
    """What one step of all B envs gave."""

    @property
    def observations(self) -> NDArray[np.float32]:
        """(B, M, D); the final one where the episode ended."""

    @property
    def rewards(self) -> NDArray[np.float32]:
        """(B, M)."""

    @property
    def terminated(self) -> NDArray[np.bool_]:
        """(B, M): nothing follows, no bootstrap."""

    @property
    def truncated(self) -> NDArray[np.bool_]:
        """(B,): time limit, the bootstrap goes on."""

    @property
    def info(self) -> Mapping[str, NDArray[Any]]:
        """Named numbers, each (B, M) or (B, M, n)."""


class BatchedEnv(Protocol):
    """B envs with the same M agents. Sizes are padded to the largest agent; actions lie in (0, 1)."""

    @property
    def agents(self) -> tuple[str, ...]:
        """M names."""

    @property
    def num_envs(self) -> int:
        """B."""

    @property
    def observation_sizes(self) -> tuple[int, ...]:
        """Per agent; D is the largest."""

    @property
    def action_sizes(self) -> tuple[int, ...]:
        """Per agent; A is the largest."""

    @property
    def observation_layout(self) -> Mapping[str, slice]:
        """Named groups of observation columns."""

    def reset(self, seed: Sequence[Seed] | None = None) -> NDArray[np.float32]:
        """Begin an episode in every env (one seed or name per env, see ``seeding``; None: each env's next episode)."""

    def step(self, actions: NDArray[np.float32]) -> BatchStep:
        """Advance every env by one step. actions: (B, M, A) in (0, 1)."""

    def reset_done(self) -> NDArray[np.float32]:
        """Begin the next episode where one has ended; return what all agents now observe, (B, M, D)."""


@runtime_checkable
class Resumable(Protocol):
    """A BatchedEnv that can be stored in a checkpoint and put back, bit for bit."""

    def get_state(self) -> dict[str, NDArray[Any]]:
        """All that changes while the environment runs."""

    def set_state(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Go on exactly where ``get_state`` was taken."""


@dataclass(frozen=True)
class Step:
    """A BatchStep of plain arrays."""

    observations: NDArray[np.float32]
    rewards: NDArray[np.float32]
    terminated: NDArray[np.bool_]
    truncated: NDArray[np.bool_]
    info: Mapping[str, NDArray[Any]]


def ended(step: BatchStep) -> NDArray[np.bool_]:
    """Networks whose episode is over: time limit, or every agent terminated. Shape (B,)."""
    over: NDArray[np.bool_] = step.truncated | step.terminated.all(axis=1)
    return over
