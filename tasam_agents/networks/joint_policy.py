"""The joint policy π: the actors of all agents.

Shapes: n mini-batch, M agents, d inputs per agent, A action size (A_i of agent i, A the largest; the columns beyond
A_i are padding, constant 0.5, and count nowhere).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, cast

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

    @property
    def networks(self) -> list[nn.Sequential]:
        """The layers of each actor."""
        return [cast(Actor, actor).network for actor in self.actors]

    def rows_of(self, network: int, joint: Any) -> Any:
        """Of a tensor or an array (n, M, …), what belongs to the G DUs that a network serves, (n, G, …); no copy."""
        served = self.served[network]
        return joint[:, served[0] : served[-1] + 1]

    def sample_of(self, network: int, inputs: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        """Actions (n, G, A_i) and log-probabilities (n, G) of the G DUs that a network serves; inputs (n, M, d) and
        noise (n, M, A) of all."""
        actor = self.actors[network]
        sample = actor(self.rows_of(network, inputs), self.rows_of(network, noise)[..., : actor.action_size])
        return cast(tuple[Tensor, Tensor], sample)

    def sample(self, inputs: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        """All DUs: actions (n, M, A) and log-probabilities (n, M)."""
        actions, log_probs = zip(*(self.sample_of(k, inputs, noise) for k in range(len(self.served))), strict=True)
        return self.joined(actions), torch.cat(log_probs, dim=1)

    def most_likely(self, inputs: Tensor) -> Tensor:
        """All DUs: deterministic actions (n, M, A)."""
        actors = cast(Iterable[Actor], self.actors)
        return self.joined([actor.most_likely(self.rows_of(k, inputs)) for k, actor in enumerate(actors)])

    def pad(self, actions: Tensor) -> Tensor:
        """(…, A_i) → (…, A)."""
        missing = max(self.action_sizes) - actions.shape[-1]
        return F.pad(actions, (0, missing), value=PADDING) if missing else actions

    def joined(self, actions: Sequence[Tensor]) -> Tensor:
        """Per network (n, G, A_i) → (n, M, A)."""
        padded = [self.pad(own) for own in actions]
        return padded[0] if len(padded) == 1 else torch.cat(padded, dim=1)


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
