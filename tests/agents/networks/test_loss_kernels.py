"""The compiled gradients of both losses against autograd, and that what is not a number shows."""

import copy
import math
from collections.abc import Sequence
from typing import cast

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from tasam_agents.networks.actors import Actor
from tasam_agents.networks.compiled import flattened
from tasam_agents.networks.layers import HiddenLayers
from tasam_agents.networks.loss_kernels import actor_gradient, critic_gradient

ROWS = [1, 3, 4, 17, 48]


def made(num_inputs: int, hidden: Sequence[int], num_outputs: int, seed: int = 0) -> nn.Sequential:
    torch.manual_seed(seed)
    return HiddenLayers(hidden).make(num_inputs, num_outputs)


def widths_of(network: nn.Sequential) -> np.ndarray:
    layers = [layer for layer in network if isinstance(layer, nn.Linear)]
    return np.array([layers[0].in_features, *(layer.out_features for layer in layers)])


def last(network: nn.Sequential) -> nn.Linear:
    return cast(nn.Linear, network[-1])


def theta_of(network: nn.Module) -> np.ndarray:
    return flattened(list(network.parameters())).numpy()


def columns(rows: Tensor) -> np.ndarray:
    return np.ascontiguousarray(rows.float().numpy().T)


def flat(parts: Sequence[Tensor]) -> Tensor:
    return torch.cat([part.detach().flatten() for part in parts])


def assert_near(found: np.ndarray, expected: Tensor) -> None:
    """Within rounding in single precision, of the largest entry."""
    assert found.dtype == np.float32
    bound = 1e-5 * max(0.1, expected.abs().max().item())
    torch.testing.assert_close(torch.from_numpy(found).double(), expected.double(), rtol=0.0, atol=bound)


# ---------------------------------------------------------------- critic


@pytest.mark.parametrize("rows", ROWS)
@pytest.mark.parametrize("outputs", [1, 3])
@pytest.mark.parametrize("hidden", [(7,), (16, 5), (6, 9, 8)])
def test_the_critics_gradient_is_that_of_the_mean_squared_error(
    hidden: tuple[int, ...], outputs: int, rows: int
) -> None:
    network, inputs, targets = made(5, hidden, outputs), torch.randn(rows, 5), torch.randn(rows, outputs)
    double = copy.deepcopy(network).double()
    loss = (double(inputs.double()) - targets.double()).square().mean()
    expected = flat(torch.autograd.grad(loss, list(double.parameters())))
    theta = theta_of(network)
    before, gradient = theta.copy(), np.zeros_like(theta)
    found = critic_gradient(theta, widths_of(network), columns(inputs), columns(targets), gradient)
    assert found == pytest.approx(loss.item(), rel=1e-5)
    assert_near(gradient, expected)
    np.testing.assert_array_equal(theta, before)


@pytest.mark.parametrize("place", ["inputs", "targets", "weights"])
def test_a_critics_loss_that_is_not_a_number_shows(place: str) -> None:
    network, inputs, targets = made(5, (7,), 1), torch.randn(6, 5), torch.randn(6, 1)
    theta = theta_of(network)
    {"inputs": inputs, "targets": targets, "weights": torch.from_numpy(theta)[None]}[place][0, -1] = torch.nan
    gradient = np.zeros_like(theta)
    assert math.isnan(critic_gradient(theta, widths_of(network), columns(inputs), columns(targets), gradient))
    assert np.isnan(gradient).any()


# ---------------------------------------------------------------- actor

D, A, M = 3, 2, 3


class Case:
    """An actor, twins whose rows are inputs, action and two further features, and a mini-batch."""

    def __init__(self, rows: int, hidden: Sequence[int], seed: int = 0, size: int = A) -> None:
        self.actor = Actor(D, HiddenLayers(hidden), size)
        self.actor.network = made(D, hidden, 2 * size, seed)
        self.twins = [made(D + size + 2, (11, 6), 1, seed + k) for k in (1, 2)]
        self.inputs, self.others = torch.randn(rows, D), torch.randn(rows, 2)
        self.noise, self.betas, self.scale, self.share = torch.randn(rows, size), torch.rand(M) + 0.1, 2.0, 1.0 / rows

    def expected(self) -> tuple[Tensor, Tensor, Tensor]:
        """∂L/∂θ, log π and min(Q¹, Q²), by autograd in double precision."""
        actor, twins = copy.deepcopy(self.actor).double(), [copy.deepcopy(twin).double() for twin in self.twins]
        actions, log_probs = actor(self.inputs.double(), self.noise.double())
        features = torch.cat([self.inputs.double(), (actions - 0.5) * self.scale, self.others.double()], dim=-1)
        values = torch.minimum(*(twin(features)[:, 0] for twin in twins))
        betas = self.betas.double()[torch.arange(len(values)) % M]
        loss = (self.share * (betas * log_probs - values)).sum()
        return flat(torch.autograd.grad(loss, list(actor.parameters()))), log_probs.detach(), values.detach()

    def found(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        n, theta = len(self.inputs), theta_of(self.actor.network)
        nothing = torch.full(self.noise.shape, torch.nan)  # the actions come from the actor
        rows = columns(torch.cat([self.inputs, nothing, self.others], dim=-1))
        log_probs, values, gradient = np.empty(n, np.float32), np.empty(n, np.float32), np.zeros_like(theta)
        twins = tuple(theta_of(twin) for twin in self.twins)
        actor_gradient(
            theta, widths_of(self.actor.network), twins, widths_of(self.twins[0]), rows, columns(self.noise),
            self.betas.numpy(), self.scale, self.share, log_probs, values, gradient,
        )  # fmt: skip
        return gradient, log_probs, values


def assert_agrees(case: Case) -> None:
    for found, expected in zip(case.found(), case.expected(), strict=True):
        assert_near(found, expected)


@pytest.mark.parametrize("rows", ROWS)
@pytest.mark.parametrize("size", [1, 2, 5])
@pytest.mark.parametrize("hidden", [(8,), (16, 5), (6, 9, 8)])
def test_the_actors_gradient_is_that_of_autograd(hidden: tuple[int, ...], size: int, rows: int) -> None:
    assert_agrees(Case(rows, hidden, size=size))


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), rows=st.sampled_from(ROWS))
def test_the_actors_gradient_is_that_of_autograd_for_any_weights(seed: int, rows: int) -> None:
    assert_agrees(Case(rows, (8, 7), seed))


def test_either_twin_can_be_the_least_in_every_row() -> None:
    case = Case(48, (8,))
    for first, second in ((50.0, 0.0), (0.0, 50.0)):
        for twin, shift in zip(case.twins, (first, second), strict=True):
            with torch.no_grad():
                last(twin).bias.fill_(shift)
        assert_agrees(case)


@pytest.mark.parametrize("z", [-60.0, 60.0])
def test_far_out_nothing_overflows(z: float) -> None:
    case = Case(4, (8,))
    with torch.no_grad():
        last(case.actor.network).bias[:A] = z
    assert_agrees(case)
    assert all(np.isfinite(each).all() for each in case.found())


@pytest.mark.parametrize("place", ["actor", "first twin", "second twin", "noise", "inputs"])
def test_what_is_not_a_number_shows_in_values_or_entropies(place: str) -> None:
    case = Case(6, (8,))
    tensors: dict[str, Tensor] = {
        "actor": last(case.actor.network).bias, "first twin": last(case.twins[0]).bias,
        "second twin": last(case.twins[1]).bias, "noise": case.noise[0], "inputs": case.inputs[0],
    }  # fmt: skip
    with torch.no_grad():
        tensors[place][0] = torch.nan
    gradient, log_probs, values = case.found()
    assert np.isnan(values).any() or np.isnan(log_probs).any()
    assert np.isnan(gradient).any() or place.endswith("twin")  # a bias of a twin moves no slope
