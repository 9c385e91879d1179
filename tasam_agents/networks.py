"""Actors π_i and the global critic Q: networks over rows of inputs, after column selection and scaling.

Shapes: n mini-batch, M agents, d inputs per agent, A action size (A_i of agent i, A the largest; the columns beyond
A_i are padding, constant 0.5, and count nowhere). Actions lie in (0, 1).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import cast

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from tasam_agents.config import NetworkRegularisation
from tasam_agents.layers import make_network

PLAIN = NetworkRegularisation()
"""Linear and tanh layers, nothing else."""

PADDING = 0.5
"""Action value in padded columns: the centre of (0, 1), so that the critics' centred input is zero there."""

# Range of log σ, the usual one of soft actor-critic. Its centre, −1.5, gives sigmoid actions of about −1.5 nats per
# dimension, so that a fresh policy starts near its target entropy.
LOG_STD_MIN, LOG_STD_MAX = -5.0, 2.0


class InputScaling:
    """Which observation columns the networks see, and in which units: x = (o − offset)·scale.

    Args:
        layout: named groups of observation columns.
        observation_sizes: columns of each agent that are not padding; padding stays zero after scaling.
        scaling: (group, offset, scale); scale 0 drops the group; groups not named stay as they are.

    Raises:
        ValueError: a group that the layout does not have, or no column left.
    """

    def __init__(
        self,
        layout: Mapping[str, slice],
        observation_sizes: Sequence[int],
        scaling: Sequence[tuple[str, float, float]],
    ) -> None:
        width = max(observation_sizes)
        offset, scale = np.zeros(width, np.float32), np.ones(width, np.float32)
        for group, group_offset, group_scale in scaling:
            if group not in layout:
                raise ValueError(f"input_scaling names {group!r}, allowed: groups of the observation {list(layout)}")
            offset[layout[group]], scale[layout[group]] = group_offset, group_scale
        self.columns = np.flatnonzero(scale)
        if self.columns.size == 0:
            raise ValueError(f"input_scaling = {scaling!r} drops every column, allowed: one scale or more not 0")
        is_own = np.arange(width) < np.asarray(observation_sizes)[:, None]  # (M, D)
        self._offset = offset[self.columns]
        self._scale = np.where(is_own, scale, np.float32(0))[:, self.columns]  # (M, d)

    @property
    def size(self) -> int:
        """d."""
        return int(self.columns.size)

    def __call__(self, observations: NDArray[np.float32]) -> NDArray[np.float32]:
        """(…, M, D) observations → (…, M, d) float32 inputs."""
        inputs: NDArray[np.float32] = (observations[..., self.columns] - self._offset) * self._scale
        return inputs.astype(np.float32, copy=False)


class Actor(nn.Module):
    """π_i: a = sigmoid(z), z ~ Normal(mean, σ) per action dimension, mean and log σ from one network."""

    def __init__(
        self,
        num_inputs: int,
        hidden: Sequence[int],
        action_size: int,
        regularisation: NetworkRegularisation = PLAIN,
    ) -> None:
        super().__init__()
        self.action_size = action_size
        self.network = make_network(num_inputs, hidden, 2 * action_size, regularisation)

    def distribution(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log σ of z, each (n, A_i); log σ is bounded softly, so its gradient never stops."""
        mean, raw = self.network(inputs).chunk(2, dim=-1)
        log_std = LOG_STD_MIN + 0.5 * (LOG_STD_MAX - LOG_STD_MIN) * (torch.tanh(raw) + 1.0)
        return mean, log_std

    def forward(self, inputs: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        """Reparameterised sample: actions (n, A_i) and log π(a|s) (n,), for standard normal noise (n, A_i)."""
        mean, log_std = self.distribution(inputs)
        z = mean + log_std.exp() * noise
        # log π(a) = log N(z) − log da/dz, and −log da/dz = −log(a(1 − a)) = 2·softplus(z) − z holds without overflow.
        log_prob = (2.0 * F.softplus(z) - z - log_std - 0.5 * noise.square()).sum(dim=-1)
        return torch.sigmoid(z), log_prob - 0.5 * math.log(2.0 * math.pi) * self.action_size

    def divergence(self, inputs: Tensor, anchor: Actor, direction: str) -> Tensor:
        """KL between this policy and another one at each input, (n,) [nats], summed over action dimensions.

        In closed form: the sigmoid is one to one, so the KL of the actions is that of the normal z. No gradient flows
        into the anchor.

        Args:
            inputs: (n, d).
            anchor: the other policy.
            direction: `anchor_to_policy`, KL(anchor ‖ this), or `policy_to_anchor`, KL(this ‖ anchor).
        """
        with torch.no_grad():
            other = anchor.distribution(inputs)
        own = self.distribution(inputs)
        (mean_p, log_std_p), (mean_q, log_std_q) = (own, other) if direction == "policy_to_anchor" else (other, own)
        # KL(p ‖ q) = log σ_q/σ_p + (σ_p² + (μ_p − μ_q)²)/(2σ_q²) − 1/2 in every dimension.
        ratio = (2.0 * (log_std_p - log_std_q)).exp()
        shift = ((mean_p - mean_q) * (-log_std_q).exp()).square()
        return (log_std_q - log_std_p + 0.5 * (ratio + shift - 1.0)).sum(dim=-1)

    def most_likely(self, inputs: Tensor) -> Tensor:
        """Deterministic action sigmoid(mean), (n, A_i)."""
        mean, _ = self.distribution(inputs)
        return torch.sigmoid(mean)


class JointPolicy(nn.Module):
    """The M actors. Six modules in a loop run as fast as stacked weights and stay six separate networks."""

    def __init__(
        self,
        num_inputs: int,
        hidden: Sequence[int],
        action_sizes: Sequence[int],
        regularisation: NetworkRegularisation = PLAIN,
    ) -> None:
        super().__init__()
        self.action_sizes = tuple(action_sizes)
        self.actors = nn.ModuleList(Actor(num_inputs, hidden, size, regularisation) for size in action_sizes)

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


class PerAgentCritic(nn.Module):
    """Q of one DU from its own row: input, action, one-hot id and, for `mean_field`, the mean over the other DUs of
    their actions and inputs. All DUs share the weights, so a mini-batch of n joint transitions is n·M rows.

    The actions come in twice, as the DU's own and as the others' context, so that the gradients with respect to the
    two roles of an action can be taken apart. `pooled` (mean_field=False) has no context and ignores it.
    """

    identity: Tensor

    def __init__(
        self,
        num_agents: int,
        num_inputs: int,
        action_size: int,
        hidden: Sequence[int],
        action_scale: float,
        mean_field: bool,
        regularisation: NetworkRegularisation = PLAIN,
    ) -> None:
        super().__init__()
        self.num_agents, self.action_scale, self.mean_field = num_agents, action_scale, mean_field
        row = num_inputs + action_size
        self.network = make_network(row * (2 if mean_field else 1) + num_agents, hidden, 1, regularisation)
        self.register_buffer("identity", torch.eye(num_agents), persistent=False)

    def forward(self, inputs: Tensor, own: Tensor, context: Tensor, agents: Sequence[int] | None = None) -> Tensor:
        """Values (n, M) of all DUs, or (n, G) of the G DUs `agents`.

        inputs (n, M, d) and context (n, M, A) always hold all DUs; own is (n, M, A) or (n, G, A).
        """
        chosen = slice(None) if agents is None else list(agents)
        rows = inputs[:, chosen]
        features = [rows, (own - PADDING) * self.action_scale, self.identity[chosen].expand(len(inputs), -1, -1)]
        if self.mean_field:
            # The mean over no other DU (M = 1) is zero.
            share = 1.0 / max(self.num_agents - 1, 1)
            features.append((inputs.sum(dim=1, keepdim=True) - rows) * share)
            centred = context - PADDING
            others = centred.sum(dim=1, keepdim=True) - centred[:, chosen]
            features.append(others * (share * self.action_scale))
        values: Tensor = self.network(torch.cat(features, dim=-1)).squeeze(-1)
        return values


class JointCritic(nn.Module):
    """Q of all DUs from everything concatenated, one output per DU. An action has one role here, since every output
    reads the same vector: `own` counts, `context` is ignored."""

    def __init__(
        self,
        num_agents: int,
        num_inputs: int,
        action_size: int,
        hidden: Sequence[int],
        action_scale: float,
        regularisation: NetworkRegularisation = PLAIN,
    ) -> None:
        super().__init__()
        self.action_scale = action_scale
        self.network = make_network(num_agents * (num_inputs + action_size), hidden, num_agents, regularisation)

    def forward(self, inputs: Tensor, own: Tensor, context: Tensor, agents: Sequence[int] | None = None) -> Tensor:
        """Values (n, M) of all DUs, or (n, G) of the G DUs `agents`; inputs (n, M, d), own (n, M, A)."""
        centred = (own - PADDING) * self.action_scale
        values: Tensor = self.network(torch.cat([inputs.flatten(1), centred.flatten(1)], dim=-1))
        return values if agents is None else values[:, list(agents)]


GlobalCritic = PerAgentCritic | JointCritic


def make_critic(
    kind: str,
    num_agents: int,
    num_inputs: int,
    action_size: int,
    hidden: Sequence[int],
    action_scale: float,
    regularisation: NetworkRegularisation = PLAIN,
) -> GlobalCritic:
    """The global critic of `LearnerConfig.critic`: `mean_field`, `pooled` or `joint`."""
    if kind == "joint":
        return JointCritic(num_agents, num_inputs, action_size, hidden, action_scale, regularisation)
    return PerAgentCritic(
        num_agents, num_inputs, action_size, hidden, action_scale, kind == "mean_field", regularisation
    )
