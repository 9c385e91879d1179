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
    perturbed = actions[:, [0, 2]] * 0.3
    values, slopes = perturbed_action_gradient(critics, inputs, actions, [0, 2], perturbed, first, objective, "exact")
    for k, i in enumerate((0, 2)):
        joint = actions.clone()
        joint[:, i] = perturbed[:, k]
        value, gradient = brute_force(critics, inputs, joint, i, objective)
        torch.testing.assert_close(values[:, k], value)
        torch.testing.assert_close(slopes[:, k], gradient)


def test_linear_cross_values_tend_to_the_exact_ones(rows: tuple[Tensor, Tensor]) -> None:
    critics, (inputs, actions) = twins("mean_field"), rows
    first = action_gradient(critics, inputs, actions, "team")
    direction = torch.randn(N, A, dtype=torch.float64, generator=torch.Generator().manual_seed(5))
    slope_errors, value_errors = [], []
    for step in (0.1, 0.01, 0.001):
        perturbed = (actions[:, 1] + step * direction)[:, None]
        arguments = (critics, inputs, actions, [1], perturbed, first, "team")
        exact = perturbed_action_gradient(*arguments, "exact")
        linear = perturbed_action_gradient(*arguments, "linear")
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
    values, slopes = perturbed_action_gradient(
        critics, inputs, actions, range(M), actions, first, objective, cross_values
    )
    torch.testing.assert_close(values, first.ascended)
    torch.testing.assert_close(slopes, first.total)
