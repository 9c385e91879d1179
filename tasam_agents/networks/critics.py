"""The global critic Q: networks over rows of inputs, after column selection and scaling.

Shapes: n mini-batch, M agents, d inputs per agent, A action size (A_i of agent i, A the largest; the columns beyond
A_i are padding, constant 0.5, and count nowhere). Actions lie in (0, 1).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from tasam_agents.config import NetworkRegularisation
from tasam_agents.networks.layers import PLAIN, HiddenLayers, num_encoder_weights

Floats = NDArray[np.floating[Any]]

PADDING = 0.5
"""Action value in padded columns: the centre of (0, 1), so that the critics' centred input is zero there."""


@dataclass(frozen=True)
class CriticRows:
    """What a critic reads of every joint transition."""

    num_agents: int
    """M."""
    num_inputs: int
    """d."""
    action_size: int
    """A."""
    action_scale: float
    """The critics see (a − 0.5)·action_scale."""


class PerAgentCritic(nn.Module):
    """Q of one DU from its own row: input, action, one-hot id and, for `mean_field`, the mean over the other DUs of
    their actions and inputs. All DUs share the weights, so a mini-batch of n joint transitions is n·M rows.

    The actions come in twice, as the DU's own and as the others' context, so that the gradients with respect to the
    two roles of an action can be taken apart. `pooled` (mean_field=False) has no context and ignores it.
    """

    def __init__(self, rows: CriticRows, hidden: HiddenLayers, mean_field: bool) -> None:
        super().__init__()
        self.action_scale, self.has_context = rows.action_scale, mean_field
        self._first_action, self._action_size = rows.num_inputs, rows.action_size
        self._share = 1.0 / max(rows.num_agents - 1, 1)  # the mean over no other DU (M = 1) is zero
        row = rows.num_inputs + rows.action_size
        self._num_features = row * (2 if mean_field else 1) + rows.num_agents
        self.network = hidden.make(self._num_features, 1)
        self._identity = np.eye(rows.num_agents, dtype=np.float32)

    @property
    def num_encoder_weights(self) -> int:
        """How many of the weights, from the first on, are those of the encoder."""
        return num_encoder_weights(self.network)

    def rows(self, inputs: Tensor, own: Tensor, context: Tensor, agents: Sequence[int] | None = None) -> Tensor:
        """What the network reads, (n, M, F) of all DUs or (n, G, F) of the G DUs `agents`.

        inputs (n, M, d) and context (n, M, A) always hold all DUs; own is (n, M, A) or (n, G, A).
        """
        # One feature after the other in memory, as a compiled pass reads them.
        arrays = [each.detach().numpy() for each in (inputs, own, context)]  # a third of the time of torch's calls
        rows = np.empty((self._num_features, *own.shape[:2]), dtype=np.result_type(*arrays)).transpose(1, 2, 0)
        found = torch.from_numpy(rows)
        chosen = slice(None) if agents is None else list(agents)
        end = self._first_action + self._action_size
        rows[..., end : end + len(self._identity)] = self._identity[chosen]
        if any(each.requires_grad for each in (inputs, own, context)):
            self._fill(found, inputs, own, context, chosen)
        else:
            self._fill(rows, arrays[0], arrays[1], arrays[2], chosen)
        return found

    def _fill(self, rows: Any, inputs: Any, own: Any, context: Any, chosen: slice | list[int]) -> None:
        """All but the one-hot ids, in place; tensors or arrays."""
        first, last = self._first_action, self._first_action + self._action_size
        end = last + len(self._identity)
        mine = inputs[:, chosen]
        rows[..., :first] = mine
        rows[..., first:last] = (own - PADDING) * self.action_scale
        if self.has_context:
            centred = context - PADDING
            rows[..., end : end + first] = (inputs.sum(1)[:, None] - mine) * self._share
            others = centred.sum(1)[:, None] - centred[:, chosen]
            rows[..., end + first :] = others * (self._share * self.action_scale)

    def action_slopes(self, slopes: Floats) -> tuple[Floats, Floats | None]:
        """From ∂/∂`rows` of all DUs, (n, M, F), ∂/∂own and, where there is a context, ∂/∂context, both (n, M, A)."""
        first, size = self._first_action, self._action_size
        own = slopes[..., first : first + size] * self.action_scale
        if not self.has_context:
            return own, None
        others = slopes[..., -size:]
        return own, (others.sum(1)[:, None] - others) * (self._share * self.action_scale)

    def forward(self, inputs: Tensor, own: Tensor, context: Tensor, agents: Sequence[int] | None = None) -> Tensor:
        """Values (n, M) of all DUs, or (n, G) of the G DUs `agents`; arguments as of `rows`."""
        return self.values(self.network(self.rows(inputs, own, context, agents)), agents)

    @staticmethod
    def values(outputs: Tensor, agents: Sequence[int] | None = None) -> Tensor:
        """Of the network's outputs for `rows`, the values (n, M) or (n, G)."""
        return outputs.squeeze(-1)


class JointCritic(nn.Module):
    """Q of all DUs from everything concatenated, one output per DU. An action has one role here, since every output
    reads the same vector: `own` counts, `context` is ignored."""

    def __init__(self, rows: CriticRows, hidden: HiddenLayers) -> None:
        super().__init__()
        self.action_scale = rows.action_scale
        self._actions = (rows.num_agents, rows.action_size)
        self._num_values = rows.num_agents * rows.action_size
        self.network = hidden.make(rows.num_agents * (rows.num_inputs + rows.action_size), rows.num_agents)

    @property
    def num_encoder_weights(self) -> int:
        """How many of the weights, from the first on, are those of the encoder."""
        return num_encoder_weights(self.network)

    def rows(self, inputs: Tensor, own: Tensor, context: Tensor, agents: Sequence[int] | None = None) -> Tensor:
        """What the network reads, (n, F): inputs (n, M, d) and actions own (n, M, A) of all DUs."""
        centred = (own - PADDING) * self.action_scale
        return torch.cat([inputs.flatten(1), centred.flatten(1)], dim=-1)

    def action_slopes(self, slopes: Floats) -> tuple[Floats, None]:
        """From ∂/∂`rows`, (n, F), ∂/∂own (n, M, A)."""
        return slopes[:, -self._num_values :].reshape(-1, *self._actions) * self.action_scale, None

    def forward(self, inputs: Tensor, own: Tensor, context: Tensor, agents: Sequence[int] | None = None) -> Tensor:
        """Values (n, M) of all DUs, or (n, G) of the G DUs `agents`; inputs (n, M, d), own (n, M, A)."""
        return self.values(self.network(self.rows(inputs, own, context)), agents)

    @staticmethod
    def values(outputs: Tensor, agents: Sequence[int] | None = None) -> Tensor:
        """Of the network's outputs for `rows`, those of all DUs or of `agents`."""
        return outputs if agents is None else outputs[:, list(agents)]


GlobalCritic = PerAgentCritic | JointCritic


CRITICS: dict[str, Callable[[CriticRows, HiddenLayers], GlobalCritic]] = {
    "mean_field": partial(PerAgentCritic, mean_field=True),
    "pooled": partial(PerAgentCritic, mean_field=False),
    "joint": JointCritic,
}
"""The global critics by `LearnerConfig.critic`."""


def make_critic(
    kind: str,
    num_agents: int,
    num_inputs: int,
    action_size: int,
    hidden: Sequence[int],
    action_scale: float,
    regularisation: NetworkRegularisation = PLAIN,
) -> GlobalCritic:
    """The global critic of `LearnerConfig.critic`."""
    rows = CriticRows(num_agents, num_inputs, action_size, action_scale)
    return CRITICS[kind](rows, HiddenLayers(hidden, regularisation))
