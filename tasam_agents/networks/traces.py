"""A pass through a network that can be followed back: to its weights, or to its inputs.

For plain networks, linear and tanh layers alone, both ways are written out, which saves the bookkeeping of autograd,
and compiled where they are small. All others go through autograd. All give the same numbers up to rounding.
"""

from __future__ import annotations

from typing import Any, Protocol, cast

import numpy as np
import torch
from torch import Tensor, nn

from tasam_agents.networks import kernels
from tasam_agents.networks.compiled import CompiledNetwork, columns_of, compiled
from tasam_agents.networks.layers import Tanh


class Trace(Protocol):
    """What a pass has left behind. It holds for as long as the weights stay as they were."""

    outputs: Tensor
    """(…, K), without a graph."""

    def weights(self, slopes: Tensor) -> Tensor:
        """Σ slopes·outputs differentiated by all weights, one vector in the order of the parameters; slopes (…, K)."""

    def inputs(self, slopes: Tensor) -> Tensor:
        """The same differentiated by the inputs, (…, d)."""


def trace(network: nn.Sequential, inputs: Tensor) -> Trace:
    """Pass inputs (…, d) through a network."""
    small = compiled(network)
    if small is not None and inputs.dtype is torch.float32:
        return _CompiledTrace(small, inputs)
    is_plain = all(type(layer) in (nn.Linear, Tanh) for layer in network)
    return _PlainTrace(network, inputs) if is_plain else _GraphTrace(network, inputs)


class _CompiledTrace:
    """h_0 = inputs, h_l = tanh(W_l h_{l−1} + b_l), outputs = W_L h_{L−1} + b_L, by `kernels`."""

    def __init__(self, network: CompiledNetwork, inputs: Tensor) -> None:
        self._network, self._shape = network, inputs.shape
        self._columns = columns_of(inputs)
        n = self._columns.shape[1]
        self._hidden = np.empty(n * network.num_hidden, dtype=np.float32)
        outputs = np.empty((network.num_outputs, n), dtype=np.float32)
        kernels.forward(network.theta, network.widths, self._columns, self._hidden, outputs)
        self.outputs = torch.from_numpy(outputs.T.reshape(*inputs.shape[:-1], network.num_outputs))

    def weights(self, slopes: Tensor) -> Tensor:
        found = np.zeros(len(self._network.theta), dtype=np.float32)
        self._back(slopes, found, _NOTHING)
        return torch.from_numpy(found)

    def inputs(self, slopes: Tensor) -> Tensor:
        found = np.zeros(self._columns.shape, dtype=np.float32)
        self._back(slopes, _NOTHING[0], found)
        return torch.from_numpy(found.T.reshape(self._shape))

    def _back(self, slopes: Tensor, gradient: Any, of_inputs: Any) -> None:
        theta, widths = self._network.theta, self._network.widths
        kernels.backward(theta, widths, self._columns, self._hidden, columns_of(slopes), gradient, of_inputs)


_NOTHING = np.empty((1, 0), dtype=np.float32)


class _PlainTrace:
    """The same layer by layer."""

    def __init__(self, network: nn.Sequential, inputs: Tensor) -> None:
        self._layers = [layer for layer in network if isinstance(layer, nn.Linear)]
        self._shape = inputs.shape
        with torch.no_grad():
            rows = inputs.reshape(-1, inputs.shape[-1])
            self._rows = [rows]  # what each linear layer has read
            for layer in self._layers[:-1]:
                rows = Tanh.in_place(torch.addmm(layer.bias, rows, layer.weight.t()))
                self._rows.append(rows)
            last = self._layers[-1]
            outputs = torch.addmm(last.bias, rows, last.weight.t())
        self.outputs = outputs.view(*inputs.shape[:-1], outputs.shape[-1])

    @torch.no_grad()
    def weights(self, slopes: Tensor) -> Tensor:
        errors = slopes.reshape(-1, slopes.shape[-1])
        sizes = [size for layer in self._layers for size in (layer.weight.numel(), layer.out_features)]
        found = errors.new_empty(sum(sizes))
        parts = torch.split(found, sizes)
        for number in reversed(range(len(self._layers))):
            torch.mm(errors.t(), self._rows[number], out=parts[2 * number].view_as(self._layers[number].weight))
            torch.sum(errors, dim=0, out=parts[2 * number + 1])
            if number:
                errors = self._before(errors, number)
        return found

    @torch.no_grad()
    def inputs(self, slopes: Tensor) -> Tensor:
        errors = slopes.reshape(-1, slopes.shape[-1])
        for number in reversed(range(1, len(self._layers))):
            errors = self._before(errors, number)
        return (errors @ self._layers[0].weight).view(self._shape)

    def _before(self, errors: Tensor, number: int) -> Tensor:
        """∂/∂(what goes into the tanh before layer `number`), from that of what comes out of the layer."""
        slopes = errors @ self._layers[number].weight
        return cast(Tensor, torch.ops.aten.tanh_backward(slopes, self._rows[number]))


class _GraphTrace:
    """By autograd."""

    def __init__(self, network: nn.Sequential, inputs: Tensor) -> None:
        self._parameters = list(network.parameters())
        with torch.enable_grad():
            self._leaf = inputs.detach().requires_grad_()
            self._outputs = network(self._leaf)
        self.outputs = self._outputs.detach()

    def weights(self, slopes: Tensor) -> Tensor:
        found = torch.autograd.grad(self._outputs, self._parameters, slopes, retain_graph=True)
        return torch.cat([each.flatten() for each in found])

    def inputs(self, slopes: Tensor) -> Tensor:
        return torch.autograd.grad(self._outputs, self._leaf, slopes, retain_graph=True)[0]
