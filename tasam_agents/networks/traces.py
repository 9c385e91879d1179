"""A pass through a network that can be followed back: to its weights, or to its inputs.

For plain networks, linear and tanh layers alone, both ways are written out; that takes half the time of autograd, which
small networks spend on its bookkeeping. All others go through autograd. Both give the same numbers up to rounding.
"""

from __future__ import annotations

from typing import Protocol, cast

import torch
from torch import Tensor, nn

from tasam_agents.networks.layers import Tanh


class Trace(Protocol):
    """What a pass has left behind. It holds for as long as the weights stay as they were."""

    outputs: Tensor
    """(…, K), without a graph."""

    def weights(self, slopes: Tensor, count: int | None = None) -> list[Tensor]:
        """Σ slopes·outputs differentiated by the weights, or the first `count` tensors of them; slopes (…, K)."""

    def inputs(self, slopes: Tensor) -> Tensor:
        """The same differentiated by the inputs, (…, d)."""


def trace(network: nn.Sequential, inputs: Tensor) -> Trace:
    """Pass inputs (…, d) through a network."""
    is_plain = all(type(layer) in (nn.Linear, Tanh) for layer in network)
    return _PlainTrace(network, inputs) if is_plain else _GraphTrace(network, inputs)


class _PlainTrace:
    """h_0 = inputs, h_l = tanh(W_l h_{l−1} + b_l), outputs = W_L h_{L−1} + b_L."""

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
    def weights(self, slopes: Tensor, count: int | None = None) -> list[Tensor]:
        """Of W_1, b_1, W_2, …: the order of the network's parameters."""
        errors = slopes.reshape(-1, slopes.shape[-1])
        found: list[Tensor] = []
        for number in reversed(range(len(self._layers))):
            if count is None or 2 * number < count:
                found += [errors.sum(dim=0), errors.t() @ self._rows[number]]
            if number:
                errors = self._before(errors, number)
        return found[::-1][:count]

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

    def weights(self, slopes: Tensor, count: int | None = None) -> list[Tensor]:
        return list(torch.autograd.grad(self._outputs, self._parameters[:count], slopes, retain_graph=True))

    def inputs(self, slopes: Tensor) -> Tensor:
        return torch.autograd.grad(self._outputs, self._leaf, slopes, retain_graph=True)[0]
