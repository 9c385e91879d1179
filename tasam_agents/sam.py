"""Sharpness-aware minimisation, eqs. (11) and (12): the gradient that Adam gets is the one at θ + ρ g/‖g‖.

One norm per network: each critic twin and each actor has a perturbation of length ρ of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor

TINY_NORM = 1e-12
"""Below this gradient norm the direction g/‖g‖ is rounding noise, which ρ would blow up: no perturbation then."""


def global_norm(tensors: Sequence[Tensor]) -> float:
    """Euclidean norm of all entries of all tensors."""
    norms: tuple[Tensor, ...] = torch._foreach_norm(list(tensors))
    return float(torch.linalg.vector_norm(torch.stack(norms)))


@contextmanager
def perturbed(parameters: Sequence[Tensor], gradient: Sequence[Tensor], rho: float) -> Iterator[float]:
    """Inside: parameters = θ + ρ g/‖g‖, eq. (12). Afterwards, also after an error: exactly θ.

    The weights are copied back rather than the perturbation subtracted, since (θ + ε) − ε is not θ in floating point.

    Args:
        parameters: θ of one network, changed in place.
        gradient: g, same order and shapes.
        rho: ρ >= 0.

    Yields:
        ‖ε‖/‖θ‖, the length of the perturbation against that of the weights; 0 where ‖g‖ < `TINY_NORM`.

    A gradient that is not finite makes weights, and so a second loss, that are not; the caller checks that loss.
    """
    norm = global_norm(gradient)
    if norm < TINY_NORM:
        yield 0.0
        return
    weights = list(parameters)
    with torch.no_grad():
        saved = [weight.clone() for weight in weights]
        relative_length = rho / max(global_norm(weights), TINY_NORM)
        torch._foreach_add_(weights, list(gradient), alpha=rho / norm)
    try:
        yield relative_length
    finally:
        with torch.no_grad():
            torch._foreach_copy_(weights, saved)
