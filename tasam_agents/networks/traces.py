"""A pass through a network that can be followed back: to its weights, or to its inputs.

For plain networks, linear and tanh layers alone, both ways are written out, which saves the bookkeeping of autograd,
and compiled where they are small. All others go through autograd. All give the same numbers up to rounding.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, cast

import numba
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from tasam_agents.networks import kernels
from tasam_agents.networks.layers import Tanh

MAX_COMPILED_WIDTH = 128
"""Wider layers are left to BLAS, which can use several threads."""


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
    compiled = _compiled(network)
    if compiled is not None and inputs.dtype is torch.float32:
        return _CompiledTrace(compiled, inputs)
    is_plain = all(type(layer) in (nn.Linear, Tanh) for layer in network)
    return _PlainTrace(network, inputs) if is_plain else _GraphTrace(network, inputs)


def flattened(parameters: Sequence[Tensor]) -> Tensor:
    """All entries as one vector, one parameter after the other, of which each is a view from now on."""
    sizes = [parameter.numel() for parameter in parameters]
    first, places = parameters[0], np.cumsum([0, *sizes])
    memory, begin = first.untyped_storage().data_ptr(), first.storage_offset()
    if all(
        parameter.untyped_storage().data_ptr() == memory and parameter.storage_offset() == begin + place
        for parameter, place in zip(parameters, places, strict=False)
    ):
        return first.detach().as_strided((int(places[-1]),), (1,))
    vector = torch.cat([parameter.detach().flatten() for parameter in parameters])
    for parameter, part in zip(parameters, torch.split(vector, sizes), strict=True):
        parameter.data = part.view_as(parameter)
    return vector


class _Compiled:
    """What the kernels read of a plain network."""

    def __init__(self, layers: Sequence[nn.Linear], widths: Sequence[int]) -> None:
        parameters = [parameter for layer in layers for parameter in (layer.weight, layer.bias)]
        self.theta: NDArray[np.float32] = flattened(parameters).numpy()
        self.widths, self.num_hidden, self.num_outputs = np.array(widths), sum(widths[1:-1]), widths[-1]
        self._layers, self._places = layers, [parameter.data_ptr() for parameter in parameters]

    @property
    def is_current(self) -> bool:
        """Whether the weights still are where they were: a copy of a network has some of its own."""
        held = (
            parameter for layer in self._layers for parameter in layer._parameters.values() if parameter is not None
        )
        return [parameter.data_ptr() for parameter in held] == self._places

    def __reduce__(self) -> tuple[type[str], tuple[str]]:
        return str, (_UNKNOWN,)  # copies and pickles of a network look anew


def _compiled(network: nn.Sequential) -> _Compiled | None:
    """Of a small plain network in single precision; kept with it, since looking takes longer than a pass."""
    held: _Compiled | str | None = network.__dict__.get("compiled", _UNKNOWN)
    if held is None or (isinstance(held, _Compiled) and held.is_current):
        return held
    layers = [layer for layer in network if isinstance(layer, nn.Linear)]
    widths = [layers[0].in_features, *(layer.out_features for layer in layers)]
    is_plain = all(type(layer) in (nn.Linear, Tanh) for layer in network)
    is_small = max(widths[1:]) <= MAX_COMPILED_WIDTH and layers[0].weight.dtype is torch.float32
    is_possible = is_plain and is_small and not numba.config.DISABLE_JIT
    network.__dict__["compiled"] = found = _Compiled(layers, widths) if is_possible else None
    return found


class _CompiledTrace:
    """h_0 = inputs, h_l = tanh(W_l h_{l−1} + b_l), outputs = W_L h_{L−1} + b_L, by `kernels`."""

    def __init__(self, network: _Compiled, inputs: Tensor) -> None:
        self._network, self._shape = network, inputs.shape
        self._rows = _rows_of(inputs)
        n = len(self._rows)
        self._hidden = np.empty(n * network.num_hidden, dtype=np.float32)
        outputs = np.empty((n, network.num_outputs), dtype=np.float32)
        kernels.forward(network.theta, network.widths, self._rows, self._hidden, outputs)
        self.outputs = torch.from_numpy(outputs).view(*inputs.shape[:-1], network.num_outputs)

    def weights(self, slopes: Tensor) -> Tensor:
        found = np.zeros(len(self._network.theta), dtype=np.float32)
        self._back(slopes, found, _NOTHING)
        return torch.from_numpy(found)

    def inputs(self, slopes: Tensor) -> Tensor:
        found = np.zeros(self._rows.shape, dtype=np.float32)
        self._back(slopes, _NOTHING[0], found)
        return torch.from_numpy(found).view(self._shape)

    def _back(self, slopes: Tensor, gradient: Any, of_inputs: Any) -> None:
        network = self._network
        kernels.backward(network.theta, network.widths, self._rows, self._hidden, _rows_of(slopes), gradient, of_inputs)


_UNKNOWN = "unknown"
_NOTHING = np.empty((1, 0), dtype=np.float32)


def _rows_of(tensor: Tensor) -> NDArray[np.float32]:
    """(…, d) → (n, d), one after the other in memory."""
    return np.ascontiguousarray(tensor.detach().numpy().reshape(-1, tensor.shape[-1]))


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
