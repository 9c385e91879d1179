"""The actors' distribution without autograd: a = sigmoid(z), z = μ + σ·u, u standard normal, and its way back.

In NumPy, whose loops over exp, log and tanh take a fraction of the time of torch's. Shapes: a network's outputs
(…, 2A) are μ and what log σ is made of, noise u (…, A).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]

# Range of log σ, the usual one of soft actor-critic. Its centre, −1.5, gives sigmoid actions of about −1.5 nats per
# dimension, so that a fresh policy starts near its target entropy.
LOG_STD_MIN, LOG_STD_MAX = -5.0, 2.0
HALF_RANGE = 0.5 * (LOG_STD_MAX - LOG_STD_MIN)


def sample(outputs: Floats, noise: Floats) -> tuple[Floats, Floats]:
    """Actions (…, A) and log π(a|s) (…)."""
    size = noise.shape[-1]
    log_std = HALF_RANGE * np.tanh(outputs[..., size:]) + (LOG_STD_MIN + HALF_RANGE)
    z = outputs[..., :size] + np.exp(log_std) * noise
    distance = np.abs(z)
    small = np.exp(-distance)
    actions = np.where(z >= 0.0, 1.0, small) / (1.0 + small)
    # log π(a) = log N(z) − log da/dz, and −log da/dz = −log(a(1 − a)) = |z| + 2·log(1 + e^−|z|) holds without overflow.
    terms = distance + 2.0 * np.log(1.0 + small) - log_std - 0.5 * noise * noise
    return actions, terms.sum(axis=-1) - 0.5 * math.log(2.0 * math.pi) * size


def sample_slopes(outputs: Floats, noise: Floats, actions: Floats, by_actions: Floats, by_log_probs: Floats) -> Floats:
    """∂L/∂outputs (…, 2A) at a sample from ∂L/∂a (…, A) and ∂L/∂log π (…).

    ∂a/∂z = a(1 − a), ∂log π/∂z = 2a − 1, ∂log π/∂log σ = −1 at a given z; ∂z/∂μ = 1, ∂z/∂log σ = σ·u.
    """
    size = noise.shape[-1]
    bounded, by_log_prob = np.tanh(outputs[..., size:]), by_log_probs[..., None]
    log_std = HALF_RANGE * bounded + (LOG_STD_MIN + HALF_RANGE)
    slopes = np.empty_like(outputs)
    by_z = np.add(by_actions * actions * (1.0 - actions), by_log_prob * (2.0 * actions - 1.0), out=slopes[..., :size])
    by_log_std = by_z * np.exp(log_std) * noise - by_log_prob
    np.multiply(by_log_std, HALF_RANGE * (1.0 - bounded * bounded), out=slopes[..., size:])
    return slopes
