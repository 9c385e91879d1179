"""The mean rate over Rayleigh fading, which a step with many fades comes near, in closed form but for a sum.

With x_0, x_1, … ~ Exp(1), S the mean power of the signal, g_i that of the interferers, a_0 = σ²/S and a_i = g_i/S,

    P(SINR > θ) = e^(-θ·a_0) · Π_i 1/(1 + θ·a_i)
    E[min(log2(1 + SINR), c)] = 1/ln 2 · ∫_0^(2^c - 1) P(SINR > θ)/(1 + θ) dθ

(Hamdi's lemma, without a cap). With θ = v/(1 + v/θ_c), θ_c = 2^c - 1, the integrand over ln v falls off exponentially
on both sides and is smooth, so that the trapezoidal rule converges exponentially: with nodes v = 2^n the step ln 2
cancels the 1/ln 2, and the mean is Σ_n θ/(1 + θ)/(1 + v/θ_c)·P(SINR > θ) to better than 1e-5 of itself.
"""

from __future__ import annotations

import math

import numpy as np

from oran_env.numerics.jit import Floats, Integers, kernel

_LOWEST, _HIGHEST = -128, 128  # n of the nodes
_FIRST = 2.0**-12  # where θ·(1 + Σ a) is as small, each term is twice the one before it
_LAST = 40.0  # where θ·a_0 is as large, nothing is left
_MUCH = 1e150  # nor where one of the products is


def nodes_of(cap: float) -> Floats:
    """Nodes θ and their weights (2, n) for a cap [bit/s/Hz]."""
    inverse = 1.0 / (2.0**cap - 1.0) if cap < 1000.0 else 0.0
    v = 2.0 ** np.arange(_LOWEST, _HIGHEST)
    v = v[v * inverse < 2.0**20]
    theta = v / (1.0 + v * inverse)
    return np.stack([theta, theta / (1.0 + theta) / (1.0 + v * inverse)])


@kernel
def mean_efficiency(signal: float, interferers: Floats, noise: float, nodes: Floats) -> float:
    """E[min(log2(1 + SINR), c)] [bit/s/Hz] for mean powers [mW] of signal, interferers (n,) and noise."""
    if signal <= 0.0:
        return 0.0
    theta, weight = nodes[0], nodes[1]
    total = signal + noise
    for i in range(len(interferers)):
        total += interferers[i]
    start = max(math.floor(math.log2(_FIRST * signal / total)) - _LOWEST, 0)
    efficiency: float = theta[start]  # of the nodes before it
    for n in range(start, len(theta)):
        if theta[n] * (noise / signal) > _LAST:
            break
        rest = 1.0
        for i in range(len(interferers)):
            rest *= 1.0 + theta[n] * (interferers[i] / signal)
            if rest > _MUCH:
                break
        efficiency += weight[n] * math.exp(-theta[n] * (noise / signal)) / rest
    return efficiency


@kernel
def same_company(ue_of_rb: Integers, rb_power: Floats, k: int, other: int, physical: bool) -> bool:
    """Whether RB ``other`` has the interferers of RB k, so that what a UE gets on one it gets on the other."""
    for m in range(ue_of_rb.shape[0]):
        if rb_power.shape[1] > 0 and rb_power[m, k] != rb_power[m, other]:
            return False
        if physical and (ue_of_rb[m, k] >= 0) != (ue_of_rb[m, other] >= 0):
            return False
        if not physical and ue_of_rb[m, k] != ue_of_rb[m, other]:
            return False
    return True
