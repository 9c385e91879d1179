"""Sharpness-aware minimisation, eqs. (11) and (12): the gradient that Adam gets is the one at θ + ρ g/‖g‖.

One norm per network: each critic twin and each actor has a perturbation of length ρ of its own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

TINY_NORM = 1e-12
"""Below this gradient norm the direction g/‖g‖ is rounding noise, which ρ would blow up: no perturbation then."""

STABILISER = 0.01
"""η of adaptive SAM, T = |θ| + η: weights at zero can move too."""

SAM_ACTORS: dict[str, Callable[[NDArray[np.bool_]], NDArray[np.bool_]]] = {
    "gated": lambda is_open: is_open,
    "all": np.ones_like,
    "none": np.zeros_like,
}
"""Which actors take the second pass, of those whose gates are open, by `SamConfig.actors`."""

SAM_IS_WHOLE = {"network": True, "encoder": False}
"""Whether all weights of a network are perturbed, by `SamConfig.part`."""


def global_norm(tensors: Sequence[Tensor]) -> float:
    """Euclidean norm of all entries of all tensors."""
    flat = (tensor.flatten() for tensor in tensors)
    return math.sqrt(sum(float(torch.dot(each, each)) for each in flat))


@contextmanager
def perturbed(
    weights: Tensor,
    gradient: Tensor,
    rho: float,
    scale_invariant: bool = False,
    stabiliser: float = STABILISER,
    relative: bool = False,
) -> Iterator[float]:
    """Inside: weights = θ + ρ g/‖g‖, eq. (12). Afterwards, also after an error: exactly θ.

    With `scale_invariant`, adaptive SAM (Kwon et al. 2021, elementwise): ε = ρ T² g/‖T g‖ with T = |θ| + η, the step
    that raises the loss most among those with ‖T⁻¹ ε‖ = ρ. Networks that compute the same with rescaled weights are
    perturbed alike (up to η).

    The weights are copied back rather than the perturbation subtracted, since (θ + ε) − ε is not θ in floating point.

    Args:
        weights: θ of one network, or of a part of it, as one vector, changed in place.
        gradient: g, likewise.
        rho: ρ >= 0.
        scale_invariant: adaptive SAM.
        stabiliser: η, of adaptive SAM alone.
        relative: ρ is in units of ‖θ‖ of these weights.

    Yields:
        ‖ε‖/‖θ‖, the length of the perturbation against that of the weights; 0 where the norm that ε is divided by is
        below `TINY_NORM`.

    A gradient that is not finite makes weights, and so a second loss, that are not; the caller checks that loss.
    """
    theta, g = weights.detach(), gradient.detach()
    scales = theta.abs() + stabiliser if scale_invariant else None
    norm, length = global_norm([g if scales is None else scales * g]), global_norm([theta])
    if norm < TINY_NORM:
        yield 0.0
        return
    rho = rho * length if relative else rho
    direction = g if scales is None else scales * (scales * g)
    moved = rho if scales is None else rho * global_norm([direction]) / norm
    saved = theta.clone()
    theta.add_(direction, alpha=rho / norm)
    try:
        yield moved / max(length, TINY_NORM)
    finally:
        theta.copy_(saved)
