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
    """The M actors. Six modules in a loop run as fast as stacked weights and stay six separate networks."""

    def __init__(self, actors: Sequence[Actor]) -> None:
        super().__init__()
        self.action_sizes = tuple(actor.action_size for actor in actors)
        self.actors = nn.ModuleList(actors)

    @property
    def networks(self) -> list[nn.Sequential]:
        """The layers of each actor."""
        return [cast(Actor, actor).network for actor in self.actors]

    def sample_one(self, i: int, inputs: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        """Actor i: actions (n, A_i) and log-probabilities (n,); inputs (n, M, d) and noise (n, M, A) of all."""
        actions, log_prob = self.actors[i](inputs[:, i], noise[:, i, : self.action_sizes[i]])
        return actions, log_prob

    def sample_each(self, inputs: Tensor, noise: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """All actors: lists of actions (n, A_i) and of log-probabilities (n,)."""
        samples = [self.sample_one(i, inputs, noise) for i in range(len(self.actors))]
        return [actions for actions, _ in samples], [log_prob for _, log_prob in samples]

    def most_likely_each(self, inputs: Tensor) -> list[Tensor]:
        """All actors: deterministic actions (n, A_i)."""
        return [cast(Actor, actor).most_likely(inputs[:, i]) for i, actor in enumerate(self.actors)]

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
) -> JointPolicy:
    """One actor per agent."""
    layers = HiddenLayers(hidden, regularisation)
    return JointPolicy([Actor(num_inputs, layers, size) for size in action_sizes])
