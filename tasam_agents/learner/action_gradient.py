"""How the values change with each actor's action: the critic's half of the actors' chain rule.

The actors need ∂V_i/∂a_i only, where V_i is what actor i ascends: the sum of all DUs' values (`team`) or its own
(`individual`). Stopping at the actions saves the gradients with respect to the critics' weights, a third of the pass.
Values are the least of the twins. Shapes: n mini-batch, M agents, A action size.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tasam_agents.networks.critics import GlobalCritic, JointCritic
from tasam_agents.networks.traces import trace

IS_TEAM = {"team": True, "individual": False}
"""Whether actor i ascends the sum of all values, by `LearnerConfig.objective`."""

CROSS_VALUES_ARE_EXACT = {"linear": False, "exact": True}
"""By `SamConfig.cross_values`."""


@dataclass(frozen=True)
class ActionGradient:
    """∂V_i/∂a_i at a policy's own actions, with the parts that a second pass can reuse."""

    values: Tensor
    """(n, M) Q_i."""
    ascended: Tensor
    """(n, M) V_i."""
    total: Tensor
    """(n, M, A) ∂V_i/∂a_i."""
    cross: Tensor | None
    """(n, M, A) Σ_{j≠i} ∂Q_j/∂a_i, where it is known apart from ∂Q_i/∂a_i and counts, else None."""


def least_of_twins(
    critics: Sequence[GlobalCritic],
    inputs: Tensor,
    own: Tensor,
    context: Tensor,
    agents: Sequence[int] | None = None,
) -> Tensor:
    """min(Q¹, Q²), (n, M), or (n, G) for the DUs `agents`."""
    first, second = (critic(inputs, own, context, agents) for critic in critics)
    return torch.minimum(first, second)


class LeastOfTwins:
    """min(Q¹, Q²) at some actions, and how it changes with them: one pass of each twin.

    Args:
        critics: the twins.
        inputs, own, context, agents: as a critic takes them.

    Attributes:
        values: (n, M), or (n, G) for the G DUs `agents`.
    """

    def __init__(
        self,
        critics: Sequence[GlobalCritic],
        inputs: Tensor,
        own: Tensor,
        context: Tensor,
        agents: Sequence[int] | None = None,
    ) -> None:
        self._critic = critics[0]
        rows = self._critic.rows(inputs, own, context, agents)  # both twins read the same
        self._traces = [trace(critic.network, rows) for critic in critics]
        first, second = (self._critic.values(passed.outputs).numpy() for passed in self._traces)
        self.values = torch.from_numpy(np.minimum(first, second))
        self._is_first = (first <= second).astype(first.dtype)

    def action_slopes(self, weights: Any = 1.0) -> tuple[Tensor, Tensor | None]:
        """Σ weights·values differentiated by own and, where there is one, by context; weights as the values, or all
        the same."""
        weights = weights.numpy() if isinstance(weights, Tensor) else weights
        of_first = self._is_first * weights  # what of a value's weight goes to the first twin; the rest to the second
        first, second = (
            passed.inputs(torch.from_numpy(share.reshape(passed.outputs.shape))).numpy()
            for passed, share in zip(self._traces, (of_first, weights - of_first), strict=True)
        )
        own, context = self._critic.action_slopes(first + second)
        return torch.from_numpy(own), None if context is None else torch.from_numpy(context)


def action_gradient(critics: Sequence[GlobalCritic], inputs: Tensor, actions: Tensor, objective: str) -> ActionGradient:
    """One pass of all actors: inputs (n, M, d), actions (n, M, A) without a graph."""
    is_team = IS_TEAM[objective]
    least = LeastOfTwins(critics, inputs, actions, actions)
    values, cross = least.values, None
    if isinstance(critics[0], JointCritic) and not is_team:
        # Each output has a gradient of its own with respect to the shared input, of which DU i's slot is kept.
        each = torch.eye(values.shape[1], dtype=values.dtype)
        total = torch.stack([least.action_slopes(one)[0][:, i] for i, one in enumerate(each)], dim=1)
    else:
        total, others = least.action_slopes()
        if is_team and others is not None:
            total, cross = total + others, others
    ascended = values.sum(dim=1, keepdim=True).expand_as(values) if is_team else values
    return ActionGradient(values, ascended, total, cross)


def perturbed_action_gradient(
    critics: Sequence[GlobalCritic],
    inputs: Tensor,
    actions: Tensor,
    gated: Sequence[int],
    perturbed: Tensor,
    first: ActionGradient,
    objective: str,
    cross_values: str,
) -> tuple[Tensor, Tensor]:
    """V_i (n, G) and ∂V_i/∂ã_i (n, G, A) of the G perturbed actors `gated`, each of whose actions ã_i, in `perturbed`
    (n, G, A), meets the others' unperturbed `actions` (n, M, A).

    `exact` is the definition: for each i all values at (a_1 … ã_i … a_M). With per-agent rows that costs n·M critic
    rows per open gate, each gate as much as the whole first pass. `linear` evaluates DU i's own value at ã_i, n rows
    per gate, and keeps the others' values linear in ã_i with the slope of the first pass (`first.cross`): a DU moves
    another's mean field by only 1/(M − 1) of its own step, and the two agree as ρ → 0. The joint critic has one row
    for all DUs, so there both cost the same and it is always exact; without a cross term they are the same.
    """
    is_team, is_exact = IS_TEAM[objective], CROSS_VALUES_ARE_EXACT[cross_values]
    if isinstance(critics[0], JointCritic) or (first.cross is not None and is_exact):
        found_values, found_slopes = [], []
        for k, i in enumerate(gated):
            replaced = torch.cat([actions[:, :i], perturbed[:, k : k + 1], actions[:, i + 1 :]], dim=1)
            least = LeastOfTwins(critics, inputs, replaced, replaced)
            found_values.append(least.values.sum(dim=1) if is_team else least.values[:, i])
            one = torch.eye(actions.shape[1], dtype=actions.dtype)[i]
            by_own, by_context = least.action_slopes(1.0 if is_team else one)
            found_slopes.append((by_own if by_context is None else by_own + by_context)[:, i])
        return torch.stack(found_values, dim=1), torch.stack(found_slopes, dim=1)
    least = LeastOfTwins(critics, inputs, perturbed, actions, gated)
    values, (slopes, _) = least.values, least.action_slopes()
    if is_team:
        values = values + first.values.sum(dim=1, keepdim=True) - first.values[:, gated]
        if first.cross is not None:
            values = values + (first.cross[:, gated] * (perturbed - actions[:, gated])).sum(dim=-1)
            slopes = slopes + first.cross[:, gated]
    return values, slopes
