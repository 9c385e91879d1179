"""The joint policy π: the actors of all agents.

Shapes: n mini-batch, M agents, d inputs per agent, A action size (A_i of agent i, A the largest; the columns beyond
A_i are padding, constant 0.5, and count nowhere).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tasam_agents.config import BernoulliPolicy, NetworkRegularisation, PolicyConfig, RelaxedPolicy
from tasam_agents.networks.actors import Actor, BernoulliActor, RelaxedActor
from tasam_agents.networks.critics import PADDING
from tasam_agents.networks.layers import PLAIN, HiddenLayers


class JointPolicy(nn.Module):
    """The M actors. Six modules in a loop run as fast as stacked weights and stay six separate networks."""

    def __init__(self, actors: Sequence[Actor], noise_size: int) -> None:
        super().__init__()
        self.action_sizes = tuple(actor.action_size for actor in actors)
        self.noise_size = noise_size
        self.actors = nn.ModuleList(actors)

    @property
    def networks(self) -> list[nn.Sequential]:
        """The layers of each actor."""
        return [cast(Actor, actor).network for actor in self.actors]

    def sample_one(self, i: int, inputs: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        """Actor i: actions (n, A_i) and log-probabilities (n,); inputs (n, M, d) and noise (n, M, A) of all."""
        size = self.action_sizes[i]
        shared = noise[:, i, max(self.action_sizes) :]
        actions, log_prob = self.actors[i](inputs[:, i], torch.cat([noise[:, i, :size], shared], dim=-1))
        return actions, log_prob

    def sample_each(self, inputs: Tensor, noise: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """All actors: lists of actions (n, A_i) and of log-probabilities (n,)."""
        samples = [self.sample_one(i, inputs, noise) for i in range(len(self.actors))]
        return [actions for actions, _ in samples], [log_prob for _, log_prob in samples]

    def most_likely_each(self, inputs: Tensor) -> list[Tensor]:
        """All actors: deterministic actions (n, A_i)."""
        return [cast(Actor, actor).most_likely(inputs[:, i]) for i, actor in enumerate(self.actors)]

    def set_progress(self, progress: float) -> None:
        """Let what follows the run, as the sharpness of bits does, be that of t/T = progress."""
        for actor in self.actors:
            cast(Actor, actor).set_progress(progress)

    def pad(self, actions: Tensor) -> Tensor:
        """(n, A_i) → (n, A)."""
        missing = max(self.action_sizes) - actions.shape[-1]
        return F.pad(actions, (0, missing), value=PADDING) if missing else actions

    def stack(self, actions: Sequence[Tensor]) -> Tensor:
        """Per actor (n, A_i) → (n, M, A)."""
        return torch.stack([self.pad(own) for own in actions], dim=1)


def make_policy(
    config: PolicyConfig,
    num_inputs: int,
    hidden: Sequence[int],
    action_sizes: Sequence[int],
    resource_columns: Sequence[Sequence[int]] = (),
    regularisation: NetworkRegularisation = PLAIN,
) -> JointPolicy:
    """One actor per agent.

    Raises:
        ValueError: shared noise or a reservation where the environment names no resources.
    """
    make = POLICIES[type(config)]
    return make(config, num_inputs, HiddenLayers(hidden, regularisation), action_sizes, resource_columns)


def _make_bits(
    config: BernoulliPolicy,
    num_inputs: int,
    hidden: HiddenLayers,
    action_sizes: Sequence[int],
    resource_columns: Sequence[Sequence[int]],
) -> JointPolicy:
    bits = [BernoulliActor(config, num_inputs, hidden, size) for size in action_sizes]
    if config.reserved_share > 0.0:
        _reserve(bits, resource_columns, config)
    return JointPolicy(bits, max(action_sizes))


def _make_relaxed(
    config: RelaxedPolicy,
    num_inputs: int,
    hidden: HiddenLayers,
    action_sizes: Sequence[int],
    resource_columns: Sequence[Sequence[int]],
) -> JointPolicy:
    kinds: list[tuple[int, ...]] = []
    if config.shared_noise > 0.0:
        refused = f"policy.shared_noise = {config.shared_noise}, allowed: 0"
        if not resource_columns:
            raise ValueError(f"{refused}; this environment names no resources")
        if min(action_sizes) < max(action_sizes):
            raise ValueError(f"{refused}, or actions of one size, not {list(action_sizes)}")
        kinds = list(zip(*resource_columns, strict=True))
    actors = [RelaxedActor(config, num_inputs, hidden, size, kinds) for size in action_sizes]
    return JointPolicy(actors, max(action_sizes) + len(kinds))


POLICIES: dict[type, Callable[[Any, int, HiddenLayers, Sequence[int], Sequence[Sequence[int]]], JointPolicy]] = {
    RelaxedPolicy: _make_relaxed,
    BernoulliPolicy: _make_bits,
}
"""The actors of every class of `LearnerConfig.policy`."""


def _reserve(
    actors: Sequence[BernoulliActor], resource_columns: Sequence[Sequence[int]], config: BernoulliPolicy
) -> None:
    """Let the first resources begin as reserved: the first for actor 0, the next for actor 1, and around again."""
    if not resource_columns:
        raise ValueError(
            f"policy.reserved_share = {config.reserved_share}, allowed: 0; this environment names no resources"
        )
    each = int(config.reserved_share * len(resource_columns) / len(actors))
    seldom = math.log(config.reserved_claim / (1.0 - config.reserved_claim))
    for k, columns in enumerate(resource_columns[: each * len(actors)]):
        for i, actor in enumerate(actors):
            if i != k % len(actors):
                with torch.no_grad():
                    cast(Tensor, actor.network[-1].bias)[list(columns)] = seldom
