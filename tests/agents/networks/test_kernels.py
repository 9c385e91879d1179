"""Compiled passes through small networks against autograd, and that they always see the weights of the moment."""

import copy
import math
import os
import pickle
import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from tasam_agents.networks import kernels, traces
from tasam_agents.networks.compiled import flattened
from tasam_agents.networks.layers import HiddenLayers
from tasam_agents.networks.traces import trace

WITHOUT_COMPILER = os.environ.get("NUMBA_DISABLE_JIT", "0") != "0"


def made(widths: tuple[int, ...], seed: int = 0) -> nn.Sequential:
    torch.manual_seed(seed)
    return HiddenLayers(widths[1:-1]).make(widths[0], widths[-1])


def flat(parts: list[Tensor]) -> Tensor:
    return torch.cat([part.detach().flatten() for part in parts])


def exact(network: nn.Sequential, inputs: Tensor, slopes: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Outputs, ∂/∂weights and ∂/∂inputs, by autograd through a copy in double precision."""
    double, leaf = copy.deepcopy(network).double(), inputs.double().requires_grad_()
    outputs = double(leaf)
    *by_weights, by_inputs = torch.autograd.grad(outputs, [*double.parameters(), leaf], slopes.double())
    return outputs.detach(), flat(by_weights), by_inputs


def assert_near(found: Tensor, expected: Tensor) -> None:
    """Within rounding in single precision, of the largest entry: sums of terms of both signs."""
    assert found.dtype is torch.float32
    bound = 3e-6 * max(1.0, expected.abs().max().item())
    torch.testing.assert_close(found.double(), expected, rtol=0.0, atol=bound)


def assert_agrees(network: nn.Sequential, inputs: Tensor, slopes: Tensor) -> None:
    outputs, by_weights, by_inputs = exact(network, inputs, slopes)
    passed = trace(network, inputs)
    assert not passed.outputs.requires_grad
    assert_near(passed.outputs, outputs)
    assert_near(passed.weights(slopes), by_weights)
    assert_near(passed.inputs(slopes), by_inputs)


ROWS = [*range(1, 10), 258]
OUTPUTS = [1, 3, 8, 9]


@pytest.mark.parametrize("rows", ROWS)
@pytest.mark.parametrize("outputs", OUTPUTS)
@pytest.mark.parametrize("hidden", [(), (1,), (16, 16), (13, 7), (5, 32, 3), (9, 4, 6, 11), (127, 128)])
def test_both_ways_agree_with_autograd(hidden: tuple[int, ...], outputs: int, rows: int) -> None:
    network = made((7, *hidden, outputs))
    assert_agrees(network, torch.randn(rows, 7), torch.randn(rows, outputs))


@settings(max_examples=60, deadline=None)
@given(
    widths=st.lists(st.integers(1, 128), min_size=2, max_size=5),
    rows=st.sampled_from(ROWS),
    outputs=st.sampled_from(OUTPUTS),
    scale=st.sampled_from([0.1, 1.0, 10.0]),
)
def test_both_ways_agree_with_autograd_for_any_widths(widths: list[int], rows: int, outputs: int, scale: float) -> None:
    network = made((*widths, outputs))
    assert_agrees(network, scale * torch.randn(rows, widths[0]), torch.randn(rows, outputs))


@pytest.mark.parametrize("widths", [(4, 2), (4, 7, 2), (5, 9, 4, 3), (3, 8, 5, 6, 9)])
@pytest.mark.parametrize("rows", [1, 6])
def test_the_kernels_themselves_agree_with_autograd(widths: tuple[int, ...], rows: int) -> None:
    """As above, but also where nothing is compiled and traces do without them."""
    network, inputs, slopes = made(widths), torch.randn(rows, widths[0]), torch.randn(rows, widths[-1])
    outputs, by_weights, by_inputs = exact(network, inputs, slopes)
    theta, sizes = flattened(list(network.parameters())).numpy(), np.array(widths)
    columns, turned = (np.ascontiguousarray(each.numpy().T) for each in (inputs, slopes))
    hidden, found = np.empty(rows * sum(widths[1:-1]), np.float32), np.empty((widths[-1], rows), np.float32)
    kernels.forward(theta, sizes, columns, hidden, found)
    assert_near(torch.from_numpy(found.T), outputs)
    gradient, of_inputs = np.zeros_like(theta), np.zeros((widths[0], rows), np.float32)
    kernels.backward(theta, sizes, columns, hidden, turned, gradient, np.empty((1, 0), np.float32))
    kernels.backward(theta, sizes, columns, hidden, turned, np.empty(0, np.float32), of_inputs)
    assert_near(torch.from_numpy(gradient), by_weights)
    assert_near(torch.from_numpy(of_inputs.T), by_inputs)


def test_inputs_of_any_shape_and_order_in_memory() -> None:
    network = made((4, 7, 5, 3))
    assert_agrees(network, torch.randn(2, 6, 4), torch.randn(2, 6, 3))
    assert_agrees(network, torch.randn(4, 6).t(), torch.randn(3, 6).t())
    assert_agrees(network, torch.randn(6, 9)[:, 2:6], torch.randn(1, 3).expand(6, 3))
    assert_agrees(network, torch.randn(4), torch.randn(3))


@pytest.mark.skipif(WITHOUT_COMPILER, reason="nothing is compiled")
def test_small_plain_networks_in_single_precision_are_compiled_and_no_others() -> None:
    rows = torch.randn(3, 4)
    assert isinstance(trace(made((4, 128, 2)), rows), traces._CompiledTrace)
    assert isinstance(trace(made((4, 129, 2)), rows), traces._PlainTrace)
    assert isinstance(trace(made((4, 8, 2)).double(), rows.double()), traces._PlainTrace)


# ---------------------------------------------------------------- tanh


def tanh(values: list[float]) -> list[float]:
    array = np.array(values, dtype=np.float32)
    kernels.tanh(array)
    return [float(value) for value in array]


def test_tanh_is_that_of_the_standard_library() -> None:
    count = 4_001 if WITHOUT_COMPILER else 400_001
    values = np.concatenate([np.linspace(-20.0, 20.0, count), [0.0, 1e-30, -1e-10]]).astype(np.float32)
    found = np.array(tanh(list(values)))
    expected = np.array([math.tanh(value) for value in values])
    assert np.abs(found - expected).max() < 3e-7
    assert np.abs(found).max() <= 1.0
    assert tanh([0.0]) == [0.0]


@pytest.mark.parametrize("length", [1, 3, 4, 8, 15, 16, 33, 64])
def test_tanh_of_what_is_not_finite(length: int) -> None:
    """Wherever in a vector it stands: an infinite number is ±1, and what is not a number stays so."""
    for place in range(length):
        values = [0.5] * length
        for wrong, expected in ((math.inf, 1.0), (-math.inf, -1.0), (math.nan, math.nan), (-math.nan, math.nan)):
            values[place] = wrong
            found = tanh(values)
            assert found.pop(place) == pytest.approx(expected, abs=3e-7, nan_ok=True)
            assert found == pytest.approx([math.tanh(0.5)] * (length - 1))


@pytest.mark.parametrize("widths", [(4, 7, 2), (4, 16, 16, 3), (5, 33, 9)])
def test_what_is_not_a_number_never_becomes_one(widths: tuple[int, ...]) -> None:
    """In a row of inputs or of slopes or among the weights: a run that diverges is noticed by it."""
    rows = 6
    for row in range(rows):
        network, inputs, slopes = made(widths), torch.randn(rows, widths[0]), torch.randn(rows, widths[-1])
        inputs[row, row % widths[0]] = torch.nan
        passed = trace(network, inputs)
        assert passed.outputs.isnan().all(dim=1).tolist() == [k == row for k in range(rows)]
        assert passed.outputs.isnan().any(dim=1).tolist() == [k == row for k in range(rows)]
        assert passed.weights(slopes).isnan().any()
        assert passed.inputs(slopes).isnan().any(dim=1).tolist() == [k == row for k in range(rows)]
        inputs[row] = 0.5
        slopes[row, 0] = torch.nan
        passed = trace(network, inputs)
        assert passed.outputs.isfinite().all()
        assert passed.weights(slopes).isnan().any()
        assert passed.inputs(slopes).isnan().all(dim=1).tolist() == [k == row for k in range(rows)]
    for weight in network.parameters():
        before = weight.detach().clone()
        with torch.no_grad():
            weight.flatten()[-1] = torch.nan
            assert trace(network, inputs).outputs.isnan().any()
            weight.copy_(before)
    assert trace(network, inputs).outputs.isfinite().all()


def test_infinite_weights_of_the_last_layer_show() -> None:
    network, inputs = made((4, 7, 2)), torch.randn(6, 4)
    with torch.no_grad():
        list(network.parameters())[-1][1] = torch.inf
    assert trace(network, inputs).outputs.isfinite().tolist() == [[True, False]] * 6


# ---------------------------------------------------------------- whose weights


def change(network: nn.Module) -> None:
    with torch.no_grad():
        for weight in network.parameters():
            weight.mul_(1.5).add_(0.1)


@pytest.mark.parametrize("is_traced_before", [False, True])
def test_a_copy_has_weights_of_its_own(is_traced_before: bool) -> None:
    network, inputs, slopes = made((4, 7, 5, 2)), torch.randn(6, 4), torch.randn(6, 2)
    if is_traced_before:
        trace(network, inputs)
    before = trace(copy.deepcopy(network), inputs).outputs
    for copied in (copy.deepcopy(network), pickle.loads(pickle.dumps(network))):
        change(copied)
        assert torch.equal(trace(network, inputs).outputs, before)
        assert_agrees(copied, inputs, slopes)
        after = trace(copied, inputs).outputs
        assert not torch.allclose(after, before)
        change(network)
        assert torch.equal(trace(copied, inputs).outputs, after)
        assert_agrees(network, inputs, slopes)
        network.load_state_dict(made((4, 7, 5, 2)).state_dict())


@pytest.mark.parametrize("is_assigned", [False, True])
def test_the_next_trace_sees_loaded_weights(is_assigned: bool) -> None:
    network, other = made((4, 7, 5, 2)), made((4, 7, 5, 2), seed=1)
    inputs, slopes = torch.randn(6, 4), torch.randn(6, 2)
    trace(network, inputs)
    network.load_state_dict(other.state_dict(), assign=is_assigned)
    assert_agrees(network, inputs, slopes)
    assert torch.equal(trace(network, inputs).outputs, trace(other, inputs).outputs)


@pytest.mark.parametrize("place", range(6))
def test_the_next_trace_sees_any_weight_that_changes_in_place(place: int) -> None:
    network, inputs, slopes = made((4, 7, 5, 2)), torch.randn(6, 4), torch.randn(6, 2)
    before = trace(network, inputs).outputs
    with torch.no_grad():
        list(network.parameters())[place].add_(0.3)
    assert not torch.allclose(trace(network, inputs).outputs, before)
    assert_agrees(network, inputs, slopes)


@pytest.mark.parametrize("place", range(6))
def test_the_next_trace_sees_any_weight_that_is_replaced(place: int) -> None:
    network, inputs, slopes = made((4, 7, 5, 2)), torch.randn(6, 4), torch.randn(6, 2)
    trace(network, inputs)
    weight = list(network.parameters())[place]
    weight.data = weight.data + 0.3
    assert_agrees(network, inputs, slopes)


def test_a_network_goes_to_double_precision_and_back() -> None:
    network, inputs, slopes = made((4, 7, 5, 2)), torch.randn(6, 4), torch.randn(6, 2)
    trace(network, inputs)
    network.double()
    assert trace(network, inputs.double()).outputs.dtype is torch.float64
    network.float()
    change(network)
    assert_agrees(network, inputs, slopes)


@pytest.mark.parametrize("is_leaf", [False, True])
def test_flattened_keeps_values_and_makes_views(is_leaf: bool) -> None:
    parameters = [weight if is_leaf else weight.detach() for weight in made((4, 7, 2)).parameters()]
    values = [weight.detach().clone() for weight in parameters]
    vector = flattened(parameters)
    assert not vector.requires_grad
    assert torch.equal(vector, flat(values))
    assert all(torch.equal(weight, value) for weight, value in zip(parameters, values, strict=True))
    assert flattened(parameters).data_ptr() == vector.data_ptr()
    assert flattened(parameters).shape == vector.shape
    vector.copy_(torch.arange(float(len(vector))))
    assert torch.equal(flat(parameters), torch.arange(float(len(vector))))
    with torch.no_grad():
        parameters[2][1, 3] = -5.0
    assert vector[7 * 4 + 7 + 7 + 3] == -5.0
    again = flattened(parameters[1:3])
    assert again.data_ptr() == parameters[1].data_ptr()
    assert torch.equal(again, vector[28 : 28 + 7 + 14])


def test_flattened_weights_still_learn_by_autograd() -> None:
    network = made((4, 7, 2))
    flattened(list(network.parameters()))
    network(torch.randn(3, 4)).sum().backward()
    assert all(weight.grad is not None and weight.grad.shape == weight.shape for weight in network.parameters())


WITHOUT = """
import torch
from tasam_agents.networks.compiled import flattened
from tasam_agents.networks.layers import HiddenLayers
from tasam_agents.networks.traces import _PlainTrace, trace

torch.manual_seed(0)
network, inputs = HiddenLayers((7, 5)).make(4, 2), torch.randn(6, 4)
passed = trace(network, inputs)
assert isinstance(passed, _PlainTrace)
torch.testing.assert_close(passed.outputs, network(inputs).detach())
expected = torch.autograd.grad(network(inputs).sum(), list(network.parameters()))
torch.testing.assert_close(passed.weights(torch.ones(6, 2)), torch.cat([each.flatten() for each in expected]))
"""


def test_a_trace_needs_no_compiler() -> None:
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1"}
    done = subprocess.run([sys.executable, "-c", WITHOUT], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
