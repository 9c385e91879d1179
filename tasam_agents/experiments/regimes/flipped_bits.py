"""Noise between a decision and its execution: one in ten bits of every DU's action is flipped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from oran_env.scenario.slices import EMBB, MMTC, URLLC
from oran_env.simulator.simulator import Simulator
from tasam_agents.config.fields import Scalar
from tasam_agents.envs.interface import BatchStep, Step
from tasam_agents.envs.seeding import Seed
from tasam_agents.errors import UserError

SHARE = 0.1
_SEED = 10_000  # of the flips: the same for everyone who is judged


class FlippedBits:
    """A BatchedEnv whose actions are executed as bits b and e of every RB, some of them flipped.

    A twin with the codec of the agents reads the actions. What is executed, and rewarded, happens in an environment
    with `two_bit` and the same networks. Agents see what they would there, and of their actions what the twin shows.

    Args:
        arguments: of the environment that the agents act in.
        names: of the networks.
        share: of the bits that are flipped.
    """

    def __init__(self, arguments: Mapping[str, Scalar], names: Sequence[Seed], share: float = SHARE) -> None:
        if not 0.0 <= share <= 1.0:
            raise UserError(f"share is {share}; allowed: 0 to 1")
        self._twin = Simulator(num_networks=len(names), seed=list(names), **arguments)  # type: ignore[arg-type]
        self._bits = Simulator(
            num_networks=len(names),
            seed=list(names),
            **{**arguments, "codec": "two_bit"},  # type: ignore[arg-type]
        )
        self._share = share
        self.agents, self.num_envs = self._twin.agents, len(names)
        self.observation_sizes, self.action_sizes = self._twin.observation_sizes, self._twin.action_sizes
        self.observation_layout: Mapping[str, slice] = self._twin.observation_layout
        self._rng = np.random.default_rng(_SEED)

    def reset(self, seed: Sequence[Seed] | None = None) -> NDArray[np.float32]:
        """See BatchedEnv; the flips begin anew, too."""
        self._rng = np.random.default_rng(_SEED)
        self._bits.reset(seed=seed)
        return self._seen(self._twin.reset(seed=seed))

    def step(self, actions: NDArray[np.float32]) -> BatchStep:
        """See BatchedEnv."""
        seen = self._twin.step(actions).observations
        assert self._twin.last_outcome is not None
        slices = self._twin.last_outcome.slice_of_rb
        bits = np.concatenate([(slices == MMTC) | (slices == URLLC), (slices == EMBB) | (slices == MMTC)], axis=-1)
        flipped = bits ^ (self._rng.random(bits.shape) < self._share)
        done = self._bits.step(flipped.astype(np.float32))
        return Step(self._seen(seen), done.rewards, done.terminated, done.truncated, done.info)

    def reset_done(self) -> NDArray[np.float32]:
        """See BatchedEnv."""
        self._bits.reset_done()
        return self._seen(self._twin.reset_done())

    def _seen(self, observations: NDArray[np.float32]) -> NDArray[np.float32]:
        """The twin's observations with what does not depend on the codec from where the bits are executed."""
        executed, layout = self._bits.observations, self._bits.observation_layout
        for group, columns in self.observation_layout.items():
            if group != "previous_action":
                observations[..., columns] = executed[..., layout[group]]
        return observations
