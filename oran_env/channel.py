"""Eq. (1): mean gains, Rayleigh fading, interference, and the rate that a UE gets from its RBs.

    c_u = Σ_k B · log2(1 + p·d_{u,m}^-η·|h_{u,m,k}|² / (I_{u,k} + σ²))        over the RBs k granted to u by its RU m

Interference on RB k at UE u, served by RU m:

* ``physical``:    I = Σ_{m' ≠ m transmits on k}  p·d_{u,m'}^-η·|h_{u,m',k}|²   (what reaches u itself);
* ``as_printed``:  I = Σ_{m' ≠ m transmits on k}  p·d_{u',m'}^-η·|h_{u',m',k}|²  (the paper's letter: what reaches
  the UE u' that m' serves on that RB).
"""

from __future__ import annotations

import math

import numpy as np

from oran_env.kernels import Floats, Integers, Key, kernel
from oran_env.random_draws import FADING, draw, exponential


@kernel
def mean_gains(
    position: Floats, sites: Floats, power_mw: float, exponent: float, min_distance: float, gain: Floats
) -> None:
    """Mean received power per RB [mW], gain[u, m] = p·max(d, d_min)^-η, from UE positions (N, 2) and RUs (M, 2)."""
    for u in range(position.shape[0]):
        for m in range(sites.shape[0]):
            dx = position[u, 0] - sites[m, 0]
            dy = position[u, 1] - sites[m, 1]
            squared = max(dx * dx + dy * dy, min_distance * min_distance)
            gain[u, m] = power_mw * math.exp(-0.5 * exponent * math.log(squared))


@kernel
def draw_fading(key: Key, u: int, k: int, rayleigh: bool, power: Floats) -> None:
    """Write |h_{u,m,k}|² of the links from every RU m to UE u on RB k into ``power`` (M,). Four RUs share a draw."""
    num_dus = len(power)
    if not rayleigh:
        power[:] = 1.0
        return
    for block in range((num_dus + 3) // 4):
        m = 4 * block
        w0, w1, w2, w3 = draw(key, FADING, u, (k << 16) | block)
        power[m] = exponential(w0)
        if m + 1 < num_dus:
            power[m + 1] = exponential(w1)
        if m + 2 < num_dus:
            power[m + 2] = exponential(w2)
        if m + 3 < num_dus:
            power[m + 3] = exponential(w3)


@kernel
def rates(
    key: Key,
    ue_of_rb: Integers,
    gain: Floats,
    rayleigh: bool,
    physical: bool,
    noise_mw: float,
    bandwidth: float,
    cap: float,
    rate: Floats,
) -> None:
    """Add up eq. (1) for one network.

    ue_of_rb: (M, K) the UE that each DU serves on each RB, -1 none; gain: (N, M) [mW];
    rate: (N,) output [bit/s].
    """
    num_dus, num_rbs = ue_of_rb.shape
    rate[:] = 0.0
    fading = np.empty((num_dus, num_dus))  # of RU m' at the UE of DU m
    transmits = np.empty(num_dus, dtype=np.int64)  # the RUs on this RB
    serves = np.empty(num_dus, dtype=np.int64)  # and their UEs
    for k in range(num_rbs):
        number = 0
        for m in range(num_dus):
            if ue_of_rb[m, k] >= 0:
                transmits[number] = m
                serves[number] = ue_of_rb[m, k]
                number += 1
                draw_fading(key, ue_of_rb[m, k], k, rayleigh, fading[m])
        for i in range(number):
            m, u = transmits[i], serves[i]
            interference = 0.0
            for j in range(number):
                if j != i:
                    other = transmits[j]
                    if physical:
                        interference += gain[u, other] * fading[m, other]
                    else:
                        interference += gain[serves[j], other] * fading[other, other]
            sinr = gain[u, m] * fading[m, m] / (interference + noise_mw)
            rate[u] += bandwidth * min(math.log2(1.0 + sinr), cap)
