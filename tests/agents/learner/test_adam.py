"""Adam with L2 against torch's own optimisers, and what a reset makes it forget."""

import copy
from typing import Any

import pytest
import torch
from torch import nn

from tasam_agents.learner.adam import NetworkAdam
from tasam_agents.learner.sam import perturbed


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 16), nn.Tanh(), nn.Linear(16, 1)).double()


def losses(net: nn.Module, step: int) -> torch.Tensor:
    x = torch.randn(32, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(step))
    loss: torch.Tensor = (net(x) - torch.sin(x.sum(dim=1, keepdim=True))).square().mean()
    return loss


def gradient(adam: NetworkAdam, loss: torch.Tensor, count: int | None = None) -> list[torch.Tensor]:
    return adam.penalised(torch.autograd.grad(loss, adam.parameters[:count]))


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
    for mine, expected in zip(first, torch.autograd.grad(whole(), adam.parameters), strict=True):
        torch.testing.assert_close(mine, expected)
    with perturbed(adam.parameters, first, 0.5):
        second = gradient(adam, losses(net, 0))
        for mine, expected in zip(second, torch.autograd.grad(whole(), adam.parameters), strict=True):
            torch.testing.assert_close(mine, expected)
    assert not torch.allclose(first[0], second[0])


def test_gradient_of_the_first_tensors_alone() -> None:
    net = network()
    adam = NetworkAdam(dict(net.named_parameters()), 1e-2, l2=0.3, l2_kind="in_loss")
    every, two = gradient(adam, losses(net, 0)), gradient(adam, losses(net, 0), count=2)
    assert len(two) == 2
    assert all(torch.equal(g, h) for g, h in zip(two, every, strict=False))


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
