"""The layers of actors and critics, plain or regularised, and which of them are the encoder.

A hidden layer is: linear (spectrally normalised or not) → layer normalisation → activation → dropout, each part left
out where its switch is off, so that a plain network is made of exactly the linear and tanh layers of section VI-A.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from tasam_agents.config import NetworkRegularisation

ENCODER_DEPTH = 2
"""Hidden layers of the encoder, the part that PLASTIC perturbs; what follows is what it resets."""


class SpectralLinear(nn.Linear):
    """W x / σ(W) + b, with σ(W) = uᵀ W v (Miyato et al. 2018); u and v follow the largest singular value.

    `forward` never moves u and v, so both passes of SAM, evaluation and exports see the same function of W. `advance`
    does, by one power iteration; the learner calls it once per update, after the weights have moved.
    """

    u: Tensor
    v: Tensor

    def __init__(self, num_inputs: int, num_outputs: int) -> None:
        super().__init__(num_inputs, num_outputs)
        self.register_buffer("u", torch.empty(num_outputs))
        self.register_buffer("v", torch.empty(num_inputs))
        self._settle()

    def reset_parameters(self) -> None:
        """Draw new weights; u and v settle on them."""
        super().reset_parameters()
        if hasattr(self, "u"):  # nn.Linear draws its weights before there are buffers
            self._settle()

    @torch.no_grad()
    def _settle(self) -> None:
        # Exactly, since a random matrix has singular values too close together for power iteration to be quick, and
        # drawing nothing: the weights are those that a plain network would have from the same seed.
        left, _, right = torch.linalg.svd(self.weight, full_matrices=False)
        self.u.copy_(left[:, 0])
        self.v.copy_(right[0])

    @torch.no_grad()
    def advance(self) -> None:
        """One power iteration: v = Wᵀu/‖Wᵀu‖, u = Wv/‖Wv‖."""
        self.v.copy_(nn.functional.normalize(self.weight.T @ self.u, dim=0))
        self.u.copy_(nn.functional.normalize(self.weight @ self.v, dim=0))

    @property
    def normalised_weight(self) -> Tensor:
        """W/σ(W), whose spectral norm is 1."""
        return self.weight / torch.dot(self.u, self.weight @ self.v)

    def forward(self, rows: Tensor) -> Tensor:
        """(…, num_inputs) → (…, num_outputs)."""
        return nn.functional.linear(rows, self.normalised_weight, self.bias)


class CReLU(nn.Module):
    """(max(x, 0), max(−x, 0)), (…, w) → (…, 2w): no unit is ever dead in both halves (Shang et al. 2016)."""

    def forward(self, rows: Tensor) -> Tensor:
        """(…, w) → (…, 2w)."""
        return torch.relu(torch.cat([rows, -rows], dim=-1))


class Tanh(nn.Module):
    """tanh; under `no_grad` by NumPy, whose vector loop takes a fraction of the time of torch's."""

    def forward(self, rows: Tensor) -> Tensor:
        """Same shape."""
        is_exported = torch.compiler.is_compiling() or torch.jit.is_tracing()  # type: ignore[attr-defined, no-untyped-call]
        return torch.tanh(rows) if torch.is_grad_enabled() or is_exported else self.in_place(rows.clone())

    @staticmethod
    def in_place(rows: Tensor) -> Tensor:
        """The rows, without a graph, overwritten."""
        np.tanh(rows.numpy(), out=rows.numpy())
        return rows


class HeldDropout(nn.Module):
    """Dropout whose mask is drawn at the first pass inside `held_masks` and kept for the others; else the identity."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate
        self.generator: torch.Generator | None = None
        self.mask: Tensor | None = None

    def forward(self, rows: Tensor) -> Tensor:
        """The rows times the mask, whose entries are 0 or 1/(1 − rate); same shape."""
        if self.generator is None:
            return rows
        if self.mask is None:
            kept = torch.rand(rows.shape, generator=self.generator, dtype=rows.dtype) >= self.rate
            self.mask = kept.to(rows.dtype) / (1.0 - self.rate)
        if self.mask.shape != rows.shape:
            raise ValueError(f"rows have shape {tuple(rows.shape)}, allowed: that of the mask {tuple(self.mask.shape)}")
        return rows * self.mask


def dropout_layers(networks: Iterable[nn.Module]) -> list[HeldDropout]:
    """Those of all networks."""
    return [module for network in networks for module in network.modules() if isinstance(module, HeldDropout)]


@contextmanager
def held_masks(layers: Sequence[HeldDropout], generator: torch.Generator) -> Iterator[None]:
    """Inside, these dropout layers are at work, each with one mask for all passes; outside they are not."""
    for layer in layers:
        layer.generator = generator
    try:
        yield
    finally:
        for layer in layers:
            layer.generator = layer.mask = None


def spectral_layers(network: nn.Module) -> list[SpectralLinear]:
    """The spectrally normalised layers of a network."""
    return [module for module in network.modules() if isinstance(module, SpectralLinear)]


ACTIVATIONS: dict[str, tuple[type[nn.Module], int]] = {"tanh": (Tanh, 1), "crelu": (CReLU, 2)}
"""The module of `NetworkRegularisation.activation`, and how many values it makes of one."""

PLAIN = NetworkRegularisation()
"""Linear and tanh layers, nothing else."""


@dataclass(frozen=True)
class HiddenLayers:
    """What lies between the inputs and the outputs of a network."""

    widths: Sequence[int]
    regularisation: NetworkRegularisation = PLAIN

    def make(self, num_inputs: int, num_outputs: int) -> nn.Sequential:
        """Fully connected hidden layers with fresh weights, and a plain linear layer to the outputs."""
        kind = self.regularisation
        activation, growth = ACTIVATIONS[kind.activation]
        layers: list[nn.Module] = []
        fan_in = num_inputs
        for width in self.widths:
            layers.append(SpectralLinear(fan_in, width) if kind.spectral_norm else nn.Linear(fan_in, width))
            if kind.layer_norm:
                layers.append(nn.LayerNorm(width))
            layers.append(activation())
            if kind.dropout > 0.0:
                layers.append(HeldDropout(kind.dropout))
            fan_in = growth * width
        return nn.Sequential(*layers, nn.Linear(fan_in, num_outputs))


def encoder_and_head(network: nn.Sequential) -> tuple[nn.Sequential, nn.Sequential]:
    """The first `ENCODER_DEPTH` hidden layers (all, where there are fewer) and the rest, sharing their weights."""
    layers = list(network)
    linear = [index for index, layer in enumerate(layers) if isinstance(layer, nn.Linear)]
    border = linear[min(ENCODER_DEPTH, len(linear) - 1)]
    return nn.Sequential(*layers[:border]), nn.Sequential(*layers[border:])


def num_encoder_weights(network: nn.Sequential) -> int:
    """How many of the network's weights, from the first on, are those of the encoder."""
    return sum(parameter.numel() for parameter in encoder_and_head(network)[0].parameters())
