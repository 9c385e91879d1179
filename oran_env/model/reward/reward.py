"""Eq. (8): r = Σ_l σ(α_l·Q̄_l) + P_res + P_minQ, its three parts separate.

α_l = 3·w_l·Q̄_l / max(Σ_j w_j·Q̄_j, floor). ``literal`` has no floor, ``fixed`` takes α from the scenario.
P_minQ = -ζ·Σ_l max(0, 0.5 - Q̄_l);  P_res = -ζ·max(0, claimed - K)/K.
"""

from __future__ import annotations

import math

from oran_env.numerics.jit import Floats, kernel
from oran_env.scenario.slices import NUM_SLICES

ALPHAS = ("adaptive", "literal", "fixed")
_ADAPTIVE, _LITERAL, _FIXED = range(3)


@kernel
def qos_reward(normalised: Floats, priority: Floats, alpha_kind: int, alpha_floor: float, fixed_alpha: Floats) -> float:
    """Sum of the sigmoids of eq. (8) for the normalised QoS (3,) of one DU."""
    weighted = 0.0
    for i in range(NUM_SLICES):
        weighted += priority[i] * normalised[i]
    divisor = max(weighted, alpha_floor) if alpha_kind == _ADAPTIVE else weighted
    total = 0.0
    for i in range(NUM_SLICES):
        if alpha_kind == _FIXED:
            alpha = fixed_alpha[i]
        else:
            alpha = NUM_SLICES * priority[i] * normalised[i] / divisor if divisor > 0.0 else 0.0
        total += 1.0 / (1.0 + math.exp(-alpha * normalised[i]))
    return total


@kernel
def min_qos_penalty(normalised: Floats, least: float, zeta: float) -> float:
    """P_minQ of eq. (8), with Q̄_min = ``least``."""
    shortfall = 0.0
    for i in range(NUM_SLICES):
        shortfall += max(0.0, least - normalised[i])
    return -zeta * shortfall


@kernel
def resource_penalty(claimed: int, num_rbs: int, zeta: float) -> float:
    """P_res of eq. (8): the share of RBs claimed beyond the K there are."""
    return -zeta * max(0.0, (claimed - num_rbs) / num_rbs)
