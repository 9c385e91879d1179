"""The two steps of eqs. (11) and (12) on a quadratic, and against a maintained implementation."""

import copy

import pytest
import torch
from support.learners import M, make_batch, make_learner
from torch import nn

from tasam_agents.config import SamConfig
from tasam_agents.learner.adam import NetworkAdam
from tasam_agents.learner.sam import STABILISER, TINY_NORM, global_norm, perturbed
from tasam_agents.networks.compiled import flattened


def test_second_gradient_of_a_quadratic_in_closed_form() -> None:
    hessian = torch.tensor([[3.0, 1.0], [1.0, 2.0]], dtype=torch.float64)
    theta = torch.tensor([0.7, -1.3], dtype=torch.float64, requires_grad=True)
    start, rho = theta.detach().clone(), 0.25
    (gradient,) = torch.autograd.grad(0.5 * theta @ hessian @ theta, theta)
    with perturbed(theta, gradient, rho) as ratio:
        (sharp,) = torch.autograd.grad(0.5 * theta @ hessian @ theta, theta)
        assert torch.linalg.vector_norm(theta.detach() - start).item() == pytest.approx(rho)
    g = hessian @ start
    torch.testing.assert_close(sharp, hessian @ (start + rho * g / g.norm()))
    assert ratio == pytest.approx(rho / start.norm().item())


def test_one_norm_over_all_tensors_of_a_network() -> None:
    first, second = torch.zeros(2, 1, requires_grad=True), torch.zeros(1, requires_grad=True)
    gradient = [torch.tensor([[3.0], [0.0]]), torch.tensor([4.0])]
    assert global_norm(gradient) == pytest.approx(5.0)
    with perturbed(flattened([first, second]), torch.tensor([3.0, 0.0, 4.0]), 10.0):
        torch.testing.assert_close(first.detach(), torch.tensor([[6.0], [0.0]]))
        torch.testing.assert_close(second.detach(), torch.tensor([8.0]))


def test_weights_come_back_exactly_also_after_an_error() -> None:
    torch.manual_seed(0)
    weights, gradient = torch.randn(2550, requires_grad=True), torch.randn(2550)
    before = weights.detach().clone()
    subtracted = before + 0.3 * gradient - 0.3 * gradient
    assert not torch.equal(subtracted, before), "subtracting would not restore these weights"

    def fail_inside() -> None:
        with perturbed(weights, gradient, 0.3):
            assert not torch.equal(weights, before)
            raise RuntimeError("inside")

    with pytest.raises(RuntimeError, match="inside"):
        fail_inside()
    assert torch.equal(weights, before)


def test_no_perturbation_along_a_vanishing_gradient() -> None:
    weights = torch.ones(3, requires_grad=True)
    for gradient in (torch.zeros(3), torch.full((3,), TINY_NORM / 10)):
        with perturbed(weights, gradient, 0.5) as ratio:
            assert torch.equal(weights, torch.ones(3))
        assert ratio == 0.0


@pytest.mark.parametrize("scale_invariant", [False, True])
def test_same_weights_as_the_sam_of_pytorch_optimizer(scale_invariant: bool) -> None:
    pytorch_optimizer = pytest.importorskip("pytorch_optimizer")
    torch.manual_seed(1)
    ours = nn.Sequential(nn.Linear(4, 16), nn.Tanh(), nn.Linear(16, 1)).double()
    theirs = copy.deepcopy(ours)
    rho, learning_rate = 0.1, 1e-2
    adam = NetworkAdam(dict(ours.named_parameters()), learning_rate)
    oracle = pytorch_optimizer.SAM(
        theirs.parameters(), torch.optim.Adam, rho=rho, adaptive=scale_invariant, lr=learning_rate
    )

    for _ in range(25):
        x = torch.randn(32, 4, dtype=torch.float64)
        y = torch.sin(3 * x.sum(dim=1, keepdim=True))

        def gradient(x: torch.Tensor = x, y: torch.Tensor = y) -> torch.Tensor:
            parts = torch.autograd.grad((ours(x) - y).square().mean(), adam.parameters)
            return torch.cat([part.flatten() for part in parts])

        with perturbed(adam.theta, gradient(), rho, scale_invariant, stabiliser=0.0):
            sharp = gradient()
        adam.step(sharp)

        oracle.zero_grad()
        (theirs(x) - y).square().mean().backward()
        oracle.first_step(zero_grad=True)
        (theirs(x) - y).square().mean().backward()
        oracle.second_step(zero_grad=True)
        for mine, reference in zip(ours.parameters(), theirs.parameters(), strict=True):
            torch.testing.assert_close(mine, reference, rtol=1e-6, atol=1e-8)


def test_adaptive_perturbation_in_closed_form() -> None:
    """ε = ρ T² g/‖T g‖ with T = |θ| + η: larger weights move more, and ‖T⁻¹ ε‖ = ρ."""
    theta, gradient, rho = torch.tensor([2.0, -0.5, 0.0]), torch.tensor([1.0, 2.0, 3.0]), 0.3
    weights = theta.clone().requires_grad_()
    scale = theta.abs() + STABILISER
    with perturbed(weights, gradient, rho, scale_invariant=True) as ratio:
        epsilon = weights.detach() - theta
    torch.testing.assert_close(epsilon, rho * scale**2 * gradient / (scale * gradient).norm(), rtol=1e-4, atol=1e-6)
    assert (epsilon / scale).norm().item() == pytest.approx(rho, rel=1e-4)
    assert ratio == pytest.approx((epsilon.norm() / theta.norm()).item(), rel=1e-4)
    assert torch.equal(weights.detach(), theta)


def test_rescaled_networks_are_as_sharp_under_adaptive_sam_and_not_under_sam() -> None:
    """Two layers of a rectified network times and over 5 compute the same, so their sharpness should be the same."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(3, 8, bias=False), nn.ReLU(), nn.Linear(8, 1, bias=False)).double()
    rescaled = copy.deepcopy(net)
    with torch.no_grad():
        next(rescaled[0].parameters()).mul_(5.0)
        next(rescaled[2].parameters()).div_(5.0)
    x = torch.randn(16, 3, dtype=torch.float64)

    def loss(network: nn.Module) -> torch.Tensor:
        value: torch.Tensor = network(x).square().mean()
        return value

    def perturbed_loss(network: nn.Module, scale_invariant: bool) -> float:
        weights = list(network.parameters())
        gradient = torch.cat([part.flatten() for part in torch.autograd.grad(loss(network), weights)])
        with perturbed(flattened(weights), gradient, 0.2, scale_invariant, stabiliser=0.0):
            return loss(network).item()

    assert loss(net).item() == pytest.approx(loss(rescaled).item())
    assert perturbed_loss(net, True) == pytest.approx(perturbed_loss(rescaled, True))
    assert perturbed_loss(net, True) > loss(net).item()
    assert abs(perturbed_loss(net, False) / perturbed_loss(rescaled, False) - 1.0) > 0.1


def test_no_adaptive_perturbation_along_a_vanishing_gradient() -> None:
    weights = torch.ones(3, requires_grad=True)
    with perturbed(weights, torch.full((3,), TINY_NORM / 10), 0.5, scale_invariant=True) as ratio:
        assert torch.equal(weights, torch.ones(3))
    assert ratio == 0.0


def test_a_relative_radius_is_in_units_of_the_weights() -> None:
    weights = torch.tensor([3.0] * 4 + [-4.0] * 4)  # of norm 10
    gradient = torch.tensor([1.0] * 4 + [0.0] * 4)
    with perturbed(weights, gradient, 0.05, relative=True) as ratio:
        assert ratio == pytest.approx(0.05)
        torch.testing.assert_close(weights[:4], torch.full((4,), 3.25))
    with pytest.raises(ValueError, match="relative_radius = True, allowed: False with scale_invariant"):
        SamConfig(relative_radius=True, scale_invariant=True)


def test_the_learner_perturbs_by_shares_of_the_weights() -> None:
    learner = make_learner(sam=SamConfig(actors="all", relative_radius=True))
    metrics = learner.update(make_batch())
    assert metrics["critic_perturbation_ratio"] == pytest.approx(0.3, rel=1e-4)
    assert metrics["perturbation_ratio"] == pytest.approx([0.2] * M, rel=1e-4)
