"""The way back through a network, against autograd through the module itself."""

import pytest
import torch

from tasam_agents.config import NetworkRegularisation
from tasam_agents.networks.layers import HiddenLayers, Tanh
from tasam_agents.networks.traces import trace

KINDS = {
    "plain": NetworkRegularisation(),
    "layer_norm": NetworkRegularisation(layer_norm=True),
    "crelu": NetworkRegularisation(activation="crelu"),
    "spectral_norm": NetworkRegularisation(spectral_norm=True),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("hidden", [(7,), (7, 5, 3)])
@pytest.mark.parametrize("shape", [(6, 4), (3, 2, 4)])
def test_both_ways_agree_with_autograd(kind: str, hidden: tuple[int, ...], shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    network = HiddenLayers(hidden, KINDS[kind]).make(4, 2).double()
    inputs, slopes = torch.randn(shape, dtype=torch.float64), torch.randn(*shape[:-1], 2, dtype=torch.float64)
    leaf = inputs.clone().requires_grad_()
    outputs = network(leaf)
    *by_weights, by_inputs = torch.autograd.grad(outputs, [*network.parameters(), leaf], slopes)

    passed = trace(network, inputs)
    assert not passed.outputs.requires_grad
    torch.testing.assert_close(passed.outputs, outputs.detach(), rtol=1e-12, atol=1e-14)
    torch.testing.assert_close(passed.inputs(slopes), by_inputs)
    torch.testing.assert_close(passed.weights(slopes), torch.cat([expected.flatten() for expected in by_weights]))


def test_a_trace_changes_no_input_and_another_pass_no_trace() -> None:
    torch.manual_seed(0)
    network = HiddenLayers((7, 5)).make(4, 2)
    inputs, slopes = torch.randn(6, 4), torch.randn(6, 2)
    before = inputs.clone()
    passed = trace(network, inputs)
    once = passed.weights(slopes)
    by_inputs = passed.inputs(slopes)
    trace(network, inputs + 1.0)
    assert torch.equal(inputs, before)
    assert torch.equal(once, passed.weights(slopes))
    assert torch.equal(by_inputs, passed.inputs(slopes))


def test_tanh_is_the_same_with_and_without_a_graph() -> None:
    rows = torch.linspace(-12.0, 12.0, 10_001)
    with torch.no_grad():
        torch.testing.assert_close(Tanh()(rows), torch.tanh(rows), rtol=1e-6, atol=1e-7)
        assert rows[0] == -12.0, "not overwritten"
    assert torch.equal(Tanh()(rows), torch.tanh(rows))


@pytest.mark.filterwarnings("ignore:`torch.jit.script")
def test_tanh_has_a_derivative_in_every_way_that_torch_offers() -> None:
    rows = torch.randn(5)
    slopes = 1.0 - torch.tanh(rows).square()
    torch.testing.assert_close(torch.func.jvp(Tanh(), (rows,), (torch.ones(5),))[1], slopes)
    torch.testing.assert_close(torch.func.vmap(torch.func.grad(Tanh()))(rows), slopes)


EXPORTS = {
    "traced": torch.jit.trace,
    "exported": lambda network, inputs: torch.export.export(network, (inputs,)).module(),
}


@pytest.mark.parametrize("kind", EXPORTS)
@pytest.mark.filterwarnings("ignore:`torch.jit.trace")
@torch.no_grad()
def test_an_exported_network_has_its_tanh(kind: str) -> None:
    torch.manual_seed(0)
    network, inputs = HiddenLayers((7, 5)).make(4, 2), torch.randn(6, 4)
    exported = EXPORTS[kind](network, torch.zeros(6, 4))
    torch.testing.assert_close(exported(inputs), network(inputs))
