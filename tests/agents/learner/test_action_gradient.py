"""The critic's half of the chain rule against brute force, for every critic and objective."""

from collections.abc import Sequence

import pytest
import torch
from torch import Tensor

from tasam_agents.learner.action_gradient import action_gradient, perturbed_action_gradient
from tasam_agents.networks.critics import GlobalCritic, make_critic

N, M, D, A = 4, 3, 2, 5
KINDS = ("mean_field", "joint", "pooled")
OBJECTIVES = ("team", "individual")


@pytest.fixture
def rows() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    double = {"generator": generator, "dtype": torch.float64}
    return torch.randn(N, M, D, **double), torch.rand(N, M, A, **double)  # type: ignore[call-overload]


def twins(kind: str) -> list[GlobalCritic]:
    torch.manual_seed(2)
    return [make_critic(kind, M, D, A, (16, 16), 2.0).double() for _ in range(2)]


def brute_force(
    critics: Sequence[GlobalCritic], inputs: Tensor, actions: Tensor, i: int, objective: str
) -> tuple[Tensor, Tensor]:
    """V_i (n,) and ∂V_i/∂a_i, everything evaluated at the joint action and differentiated as a whole."""
    leaf = actions.clone().requires_grad_()
    values = torch.minimum(*(critic(inputs, leaf, leaf) for critic in critics))
    ascended = values.sum(dim=1) if objective == "team" else values[:, i]
    (gradient,) = torch.autograd.grad(ascended.sum(), leaf)
    return ascended.detach(), gradient[:, i]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("objective", OBJECTIVES)
def test_first_pass_is_the_gradient_of_what_each_actor_ascends(
    kind: str, objective: str, rows: tuple[Tensor, Tensor]
) -> None:
    critics = twins(kind)
    first = action_gradient(critics, *rows, objective)
    for i in range(M):
        value, gradient = brute_force(critics, *rows, i, objective)
        torch.testing.assert_close(first.ascended[:, i], value)
        torch.testing.assert_close(first.total[:, i], gradient)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("objective", OBJECTIVES)
def test_exact_second_pass_meets_the_others_unperturbed(kind: str, objective: str, rows: tuple[Tensor, Tensor]) -> None:
    critics, (inputs, actions) = twins(kind), rows
    first = action_gradient(critics, inputs, actions, objective)
    perturbed = {i: (actions[:, i] * 0.3).contiguous() for i in (0, 2)}
    second = perturbed_action_gradient(critics, inputs, actions, perturbed, first, objective, "exact")
    assert list(second) == [0, 2]
    for i, action in perturbed.items():
        joint = actions.clone()
        joint[:, i] = action
        value, gradient = brute_force(critics, inputs, joint, i, objective)
        torch.testing.assert_close(second[i][0], value)
        torch.testing.assert_close(second[i][1], gradient)


def test_linear_cross_values_tend_to_the_exact_ones(rows: tuple[Tensor, Tensor]) -> None:
    critics, (inputs, actions) = twins("mean_field"), rows
    first = action_gradient(critics, inputs, actions, "team")
    direction = torch.randn(N, A, dtype=torch.float64, generator=torch.Generator().manual_seed(5))
    slope_errors, value_errors = [], []
    for step in (0.1, 0.01, 0.001):
        perturbed = {1: actions[:, 1] + step * direction}
        arguments = (critics, inputs, actions, perturbed, first, "team")
        exact = perturbed_action_gradient(*arguments, "exact")[1]
        linear = perturbed_action_gradient(*arguments, "linear")[1]
        value_errors.append((exact[0] - linear[0]).abs().max().item())
        slope_errors.append((exact[1] - linear[1]).abs().max().item())
    assert slope_errors[0] > 0, "away from the first pass they differ"
    assert slope_errors[2] < 0.02 * slope_errors[0]  # first order in the step
    assert value_errors[2] < 0.0005 * value_errors[0]  # second order


@pytest.mark.parametrize("cross_values", ["linear", "exact"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("objective", OBJECTIVES)
def test_second_pass_at_the_same_action_repeats_the_first(
    kind: str, objective: str, cross_values: str, rows: tuple[Tensor, Tensor]
) -> None:
    critics, (inputs, actions) = twins(kind), rows
    first = action_gradient(critics, inputs, actions, objective)
    same = {i: actions[:, i] for i in range(M)}
    second = perturbed_action_gradient(critics, inputs, actions, same, first, objective, cross_values)
    for i in range(M):
        torch.testing.assert_close(second[i][0], first.ascended[:, i])
        torch.testing.assert_close(second[i][1], first.total[:, i])


def test_no_open_gate_costs_no_critic_row(rows: tuple[Tensor, Tensor]) -> None:
    critics, (inputs, actions) = twins("mean_field"), rows
    first = action_gradient(critics, inputs, actions, "team")
    assert perturbed_action_gradient([], inputs, actions, {}, first, "team", "exact") == {}
