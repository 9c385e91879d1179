"""Networks as the kernels take them: weights as one vector, rows as columns."""

from __future__ import annotations

from collections.abc import Sequence

import numba
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from tasam_agents.networks.layers import Tanh

MAX_COMPILED_WIDTH = 128
"""Wider layers are left to BLAS, which can use several threads."""

_UNKNOWN = "unknown"


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


class CompiledNetwork:
    """What the kernels read of a plain network."""

    def __init__(self, layers: Sequence[nn.Linear], widths: Sequence[int]) -> None:
        parameters = [parameter for layer in layers for parameter in (layer.weight, layer.bias)]
        self.theta: NDArray[np.float32] = flattened(parameters).numpy()
        self.widths, self.num_hidden, self.num_outputs = np.array(widths), sum(widths[1:-1]), widths[-1]
        self._places = [(layer._parameters, layer.weight.data_ptr(), layer.bias.data_ptr()) for layer in layers]

    @property
    def is_current(self) -> bool:
        """Whether the weights still are where they were: a copy of a network has some of its own."""
        for held, weight, bias in self._places:
            if held["weight"].data_ptr() != weight or held["bias"].data_ptr() != bias:  # type: ignore[union-attr]
                return False
        return True

    def __reduce__(self) -> tuple[type[str], tuple[str]]:
        return str, (_UNKNOWN,)  # copies and pickles of a network look anew


def compiled(network: nn.Sequential) -> CompiledNetwork | None:
    """Of a small plain network in single precision; kept with it, since looking takes longer than a pass."""
    held: CompiledNetwork | str | None = network.__dict__.get("compiled", _UNKNOWN)
    if held is None or (isinstance(held, CompiledNetwork) and held.is_current):
        return held
    layers = [layer for layer in network if isinstance(layer, nn.Linear)]
    widths = [layers[0].in_features, *(layer.out_features for layer in layers)]
    is_plain = all(type(layer) in (nn.Linear, Tanh) for layer in network)
    is_small = max(widths[1:]) <= MAX_COMPILED_WIDTH and layers[0].weight.dtype is torch.float32
    is_possible = is_plain and is_small and not numba.config.DISABLE_JIT
    network.__dict__["compiled"] = found = CompiledNetwork(layers, widths) if is_possible else None
    return found


def columns_of(tensor: Tensor) -> NDArray[np.float32]:
    """(…, d) → (d, n), a feature after the other in memory; no copy where they are already."""
    return np.ascontiguousarray(tensor.detach().numpy().reshape(-1, tensor.shape[-1]).T)
