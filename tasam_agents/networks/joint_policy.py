"""The joint policy π: the actors of all agents.

Shapes: n mini-batch, M agents, d inputs per agent, A action size (A_i of agent i, A the largest; the columns beyond
A_i are padding, constant 0.5, and count nowhere).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tasam_agents.config import NetworkRegularisation
from tasam_agents.networks.actors import Actor
from tasam_agents.networks.critics import PADDING
from tasam_agents.networks.layers import PLAIN, HiddenLayers


class JointPolicy(nn.Module):
    """The actors of the M DUs: one network each, or one whose weights all share.

    Six modules in a loop run as fast as stacked weights and stay six separate networks.

    Attributes:
        actors: the M networks, or the one.
        served: by network, the DUs that it acts for.
    """

    def __init__(self, actors: Sequence[Actor], action_sizes: Sequence[int]) -> None:
        super().__init__()
        self.action_sizes = tuple(action_sizes)
        self.actors = nn.ModuleList(actors)
        num = len(self.action_sizes)
        self.served = [[i] for i in range(num)] if len(actors) == num else [list(range(num))]

    def actor(self, i: int) -> Actor:
        """What acts for DU i."""
        return cast(Actor, self.actors[i if len(self.served) > 1 else 0])

    @property
    def networks(self) -> list[nn.Sequential]:
        """The layers of each actor."""
        return [cast(Actor, actor).network for actor in self.actors]

    def sample_of(self, network: int, inputs: Tensor, noise: Tensor) -> dict[int, tuple[Tensor, Tensor]]:
        """By DU that a network serves, its actions (n, A_i) and log-probabilities (n,); inputs (n, M, d) and noise
        (n, M, A) of all."""
        actor, served = self.actors[network], self.served[network]
        if len(served) == 1:
            i = served[0]
            return {i: actor(inputs[:, i], noise[:, i, : self.action_sizes[i]])}
        actions, log_probs = actor(inputs, noise)  # all rows at once
        return dict(enumerate(zip(actions.unbind(1), log_probs.unbind(1), strict=True)))

    def sample_each(self, inputs: Tensor, noise: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """All DUs: lists of actions (n, A_i) and of log-probabilities (n,)."""
        samples = [own for k in range(len(self.served)) for own in self.sample_of(k, inputs, noise).values()]
        return [actions for actions, _ in samples], [log_prob for _, log_prob in samples]

    def most_likely_each(self, inputs: Tensor) -> list[Tensor]:
        """All DUs: deterministic actions (n, A_i)."""
        if len(self.served) < len(self.action_sizes):
            return list(self.actor(0).most_likely(inputs).unbind(1))
        return [self.actor(i).most_likely(inputs[:, i]) for i in range(len(self.action_sizes))]

    def pad(self, actions: Tensor) -> Tensor:
        """(n, A_i) → (n, A)."""
        missing = max(self.action_sizes) - actions.shape[-1]
        return F.pad(actions, (0, missing), value=PADDING) if missing else actions

    def stack(self, actions: Sequence[Tensor]) -> Tensor:
        """Per actor (n, A_i) → (n, M, A)."""
        return torch.stack([self.pad(own) for own in actions], dim=1)


def make_policy(
    num_inputs: int,
    hidden: Sequence[int],
    action_sizes: Sequence[int],
    regularisation: NetworkRegularisation = PLAIN,
    is_shared: bool = False,
) -> JointPolicy:
    """One actor per agent, or one for all.

    Raises:
        ValueError: one for all whose action sizes differ.
    """
    if is_shared and len(set(action_sizes)) > 1:
        raise ValueError(f"shared_actor = True with actions of {tuple(action_sizes)} values, allowed: one size for all")
    layers = HiddenLayers(hidden, regularisation)
    sizes = action_sizes[:1] if is_shared else action_sizes
    return JointPolicy([Actor(num_inputs, layers, size) for size in sizes], action_sizes)
