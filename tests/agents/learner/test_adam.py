"""Adam with L2 against torch's own optimisers, and what a reset makes it forget."""

import copy
from collections.abc import Iterable
from typing import Any

import pytest
import torch
from torch import nn

from tasam_agents.learner.adam import NetworkAdam
from tasam_agents.learner.diverged import DivergedError
from tasam_agents.learner.sam import perturbed


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 16), nn.Tanh(), nn.Linear(16, 1)).double()


def losses(net: nn.Module, step: int) -> torch.Tensor:
    x = torch.randn(32, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(step))
    loss: torch.Tensor = (net(x) - torch.sin(x.sum(dim=1, keepdim=True))).square().mean()
    return loss


def flat(parts: Iterable[torch.Tensor]) -> torch.Tensor:
    return torch.cat([part.detach().flatten() for part in parts])


def gradient(adam: NetworkAdam, loss: torch.Tensor, share: float = 1.0) -> torch.Tensor:
    return adam.penalised(flat(torch.autograd.grad(loss, adam.parameters)), share)


@pytest.mark.parametrize(("kind", "oracle"), [("decoupled", torch.optim.AdamW), ("in_loss", torch.optim.Adam)])
def test_l2_on_matrices_agrees_with_torch(kind: str, oracle: Any) -> None:
    ours, theirs = network(), network()
    adam = NetworkAdam(dict(ours.named_parameters()), 1e-2, l2=0.3, l2_kind=kind)
    groups = [
        {"params": [p for p in theirs.parameters() if p.ndim > 1], "weight_decay": 0.3},
        {"params": [p for p in theirs.parameters() if p.ndim == 1], "weight_decay": 0.0},
    ]
    reference = oracle(groups, lr=1e-2 * 0.5)
    for step in range(20):
        adam.step(gradient(adam, losses(ours, step)), factor=0.5)
        reference.zero_grad()
        torch.autograd.backward(losses(theirs, step))
        reference.step()
    for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-9, atol=1e-11)
    assert not torch.allclose(ours[0].weight, network()[0].weight)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["decoupled", "in_loss"])
def test_no_l2_is_bit_identical_to_plain(kind: str) -> None:
    ours, plain = network(), network()
    adam = NetworkAdam(dict(ours.named_parameters()), 1e-2, l2=0.0, l2_kind=kind)
    other = NetworkAdam(dict(plain.named_parameters()), 1e-2)
    for step in range(3):
        adam.step(gradient(adam, losses(ours, step)))
        other.step(gradient(other, losses(plain, step)))
    assert all(torch.equal(p, q) for p, q in zip(ours.parameters(), plain.parameters(), strict=True))


def test_l2_in_the_loss_is_differentiated_where_sam_stands() -> None:
    net = network()
    adam = NetworkAdam(dict(net.named_parameters()), 1e-2, l2=0.3, l2_kind="in_loss")

    def whole() -> torch.Tensor:
        return losses(net, 0) + 0.15 * torch.stack([p.square().sum() for p in net.parameters() if p.ndim > 1]).sum()

    first = gradient(adam, losses(net, 0))
    torch.testing.assert_close(first, flat(torch.autograd.grad(whole(), adam.parameters)))
    with perturbed(adam.theta, first, 0.5):
        second = gradient(adam, losses(net, 0))
        torch.testing.assert_close(second, flat(torch.autograd.grad(whole(), adam.parameters)))
    assert not torch.allclose(first[:64], second[:64])


def test_parts_of_a_loss_share_the_penalty_and_change_no_gradient_given() -> None:
    net = network()
    adam = NetworkAdam(dict(net.named_parameters()), 1e-2, l2=0.3, l2_kind="in_loss")
    plain = flat(torch.autograd.grad(losses(net, 0), adam.parameters))
    given = plain.clone()
    torch.testing.assert_close(
        adam.penalised(given, 0.25) + adam.penalised(given, 0.75), gradient(adam, 2 * losses(net, 0))
    )
    assert torch.equal(given, plain)
    added = torch.split(adam.penalised(given, 0.25) - plain, [p.numel() for p in adam.parameters])
    for part, weight in zip(added, adam.parameters, strict=True):
        expected = 0.25 * 0.3 * weight.detach().flatten() if weight.ndim > 1 else torch.zeros_like(part)
        torch.testing.assert_close(part, expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 1e-6)])
@pytest.mark.parametrize("factor", [1.0, 0.3])
def test_twenty_steps_agree_with_torch_in_weights_and_moments(
    dtype: torch.dtype, tolerance: float, factor: float
) -> None:
    """On the same gradients: of some weights they are tiny, of some large, of some zero."""
    ours, theirs = network().to(dtype), network().to(dtype)
    adam = NetworkAdam(dict(ours.named_parameters()), 1e-2)
    reference = torch.optim.Adam(theirs.parameters(), lr=1e-2 * factor, foreach=False)
    generator = torch.Generator().manual_seed(0)
    scale = 10.0 ** torch.randint(-9, 4, adam.theta.shape, generator=generator).to(dtype)
    scale[::5] = 0.0
    sizes = [weight.numel() for weight in theirs.parameters()]
    for _ in range(20):
        vector = torch.randn(adam.theta.shape, generator=generator, dtype=dtype) * scale
        given = vector.clone()
        adam.step(given, factor)
        assert torch.equal(given, vector)
        for weight, part in zip(theirs.parameters(), torch.split(vector, sizes), strict=True):
            weight.grad = part.view_as(weight)
        reference.step()
    state = adam.state()
    assert len(state) == 3 * len(sizes)
    for (name, weight), size in zip(theirs.named_parameters(), torch.split(scale, sizes), strict=True):
        torch.testing.assert_close(ours.get_parameter(name), weight, rtol=tolerance, atol=tolerance)
        moments = reference.state[weight]
        assert state[f"{name}.step"] == moments["step"] == 20
        for key, unit in (("exp_avg", size), ("exp_avg_sq", size.square())):  # a mean of both signs may be near zero
            found, expected = state[f"{name}.{key}"], moments[key]
            assert found.shape == expected.shape
            bound = tolerance * (expected.abs() + unit.view_as(expected))
            assert ((found - expected).abs() <= bound).all(), (name, key)
    start = flat(network().to(dtype).parameters())
    assert torch.equal(adam.theta[::5], start[::5]), "no gradient, no step"
    assert (adam.theta != start).sum() == (scale != 0.0).sum()


def test_weights_and_moments_are_views_of_what_is_stepped() -> None:
    net = network()
    values = [weight.detach().clone() for weight in net.parameters()]
    adam = NetworkAdam(dict(net.named_parameters()), 1e-2)
    assert torch.equal(adam.theta, flat(values))
    adam.step(gradient(adam, losses(net, 0)))
    assert torch.equal(adam.theta, flat(net.parameters()))
    assert not torch.equal(adam.theta, flat(values))
    # A loaded state is what goes on, too.
    other = NetworkAdam(dict(network().named_parameters()), 1e-2)
    with torch.no_grad():
        other.theta.copy_(adam.theta)
        for name, moment in other.state().items():
            moment.copy_(adam.state()[name])
    vector = gradient(adam, losses(net, 1))
    adam.step(vector)
    other.step(vector)
    assert torch.equal(adam.theta, other.theta)
    assert all(torch.equal(moment, adam.state()[name]) for name, moment in other.state().items())


@pytest.mark.parametrize("wrong", [torch.nan, torch.inf, -torch.inf])
@pytest.mark.parametrize("l2", [0.0, 0.3])
def test_a_gradient_that_is_not_finite_names_the_weight_and_changes_nothing(wrong: float, l2: float) -> None:
    net = network()
    adam = NetworkAdam(dict(net.named_parameters()), 1e-2, l2=l2)
    adam.step(gradient(adam, losses(net, 0)))
    before = adam.theta.clone(), {name: moment.clone() for name, moment in adam.state().items()}
    vector = gradient(adam, losses(net, 1))
    vector[4 * 16 + 3] = wrong
    with pytest.raises(DivergedError, match=r"the gradient of 0\.bias is not finite"):
        adam.step(vector)
    vector[-1] = wrong
    with pytest.raises(DivergedError, match=r"the gradient of 0\.bias, 2\.bias is not finite"):
        adam.step(vector)
    with pytest.raises(DivergedError, match="the gradient of some weights is not finite"):
        adam.step(torch.full_like(vector, 1e200))
    assert torch.equal(adam.theta, before[0])
    assert all(torch.equal(moment, before[1][name]) for name, moment in adam.state().items())


def test_forgotten_weights_take_a_first_step_again() -> None:
    net = network()
    adam = NetworkAdam(dict(net.named_parameters()), 1e-2)
    for step in range(5):
        adam.step(gradient(adam, losses(net, step)))
    kept = {name: t.clone() for name, t in adam.state().items() if name.startswith("0.")}
    adam.forget(adam.parameters[2:])
    state = adam.state()
    assert all(torch.equal(state[name], t) for name, t in kept.items())
    assert all(not t.any() for name, t in state.items() if name.startswith("2."))
    before = copy.deepcopy(net[2].state_dict())
    adam.step(gradient(adam, losses(net, 9)))
    moved = (net[2].state_dict()["weight"] - before["weight"]).abs()
    torch.testing.assert_close(moved, torch.full_like(moved, 1e-2), rtol=1e-3, atol=0.0)
