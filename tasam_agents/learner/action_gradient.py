"""How the values change with each actor's action: the critic's half of the chain rule.

The actors need ∂V_i/∂a_i only, where V_i is what actor i ascends: the sum of all DUs' values (`team`) or its own
(`individual`). Stopping at the actions saves the gradients with respect to the critics' weights, a third of the pass.
Values are the least of the twins. Shapes: n mini-batch, M agents, A action size.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from tasam_agents.networks.critics import GlobalCritic, JointCritic


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


def action_gradient(critics: Sequence[GlobalCritic], inputs: Tensor, actions: Tensor, objective: str) -> ActionGradient:
    """One pass of all actors: inputs (n, M, d), actions (n, M, A) without a graph of their own."""
    own, context = actions.detach().requires_grad_(), actions.detach().requires_grad_()
    values = least_of_twins(critics, inputs, own, context)
    cross: Tensor | None = None
    if isinstance(critics[0], JointCritic) and objective == "individual":
        # Each output has a gradient of its own with respect to the shared input, of which DU i's slot is kept.
        num = values.shape[1]
        slots = [torch.autograd.grad(values[:, i].sum(), own, retain_graph=i + 1 < num)[0][:, i] for i in range(num)]
        total = torch.stack(slots, dim=1)
    elif objective == "team" and critics[0].has_context:
        own_role, cross = torch.autograd.grad(values.sum(), (own, context))
        total = own_role + cross
    else:
        (total,) = torch.autograd.grad(values.sum(), own)
    values = values.detach()
    ascended = values.sum(dim=1, keepdim=True).expand_as(values) if objective == "team" else values
    return ActionGradient(values, ascended, total, cross)


def perturbed_action_gradient(
    critics: Sequence[GlobalCritic],
    inputs: Tensor,
    actions: Tensor,
    perturbed: Mapping[int, Tensor],
    first: ActionGradient,
    objective: str,
    cross_values: str,
) -> dict[int, tuple[Tensor, Tensor]]:
    """V_i (n,) and ∂V_i/∂ã_i (n, A) of every perturbed actor i, whose action ã_i (n, A) meets the others' unperturbed
    `actions` (n, M, A).

    `exact` is the definition: for each i all values at (a_1 … ã_i … a_M). With per-agent rows that costs n·M critic
    rows per open gate, each gate as much as the whole first pass. `linear` evaluates DU i's own value at ã_i, n rows
    per gate, and keeps the others' values linear in ã_i with the slope of the first pass (`first.cross`): a DU moves
    another's mean field by only 1/(M − 1) of its own step, and the two agree as ρ → 0. The joint critic has one row
    for all DUs, so there both cost the same and it is always exact; without a cross term they are the same.
    """
    gated = list(perturbed)
    if not gated:
        return {}
    if isinstance(critics[0], JointCritic) or (first.cross is not None and cross_values == "exact"):
        exact = {}
        for i in gated:
            action = perturbed[i].detach().requires_grad_()
            replaced = torch.cat([actions[:, :i], action.unsqueeze(1), actions[:, i + 1 :]], dim=1)
            values = least_of_twins(critics, inputs, replaced, replaced)
            ascended = values.sum(dim=1) if objective == "team" else values[:, i]
            (slope,) = torch.autograd.grad(ascended.sum(), action)
            exact[i] = (ascended.detach(), slope)
        return exact
    own = torch.stack([perturbed[i].detach() for i in gated], dim=1).requires_grad_()
    values = least_of_twins(critics, inputs, own, actions, gated)
    (slopes,) = torch.autograd.grad(values.sum(), own)
    values = values.detach()
    if objective == "team":
        others = first.values.sum(dim=1, keepdim=True) - first.values[:, gated]
        if first.cross is not None:
            others = others + (first.cross[:, gated] * (own.detach() - actions[:, gated])).sum(dim=-1)
            slopes = slopes + first.cross[:, gated]
        values = values + others
    return {i: (values[:, k], slopes[:, k]) for k, i in enumerate(gated)}
