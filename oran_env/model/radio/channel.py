"""Eq. (1): Rayleigh fading, interference, and the rate that a UE gets from its RBs.

    c_u = Σ_k B · log2(1 + p·d_{u,m}^-η·|h_{u,m,k}|² / (I_{u,k} + σ²))        over the RBs k granted to u by its RU m

Interference on RB k at UE u, served by RU m:

* ``physical``:    I = Σ_{m' ≠ m transmits on k}  p·d_{u,m'}^-η·|h_{u,m',k}|²   (what reaches u itself);
* ``as_printed``:  I = Σ_{m' ≠ m transmits on k}  p·d_{u',m'}^-η·|h_{u',m',k}|²  (the paper's letter: what reaches
  the UE u' that m' serves on that RB).

p·d^-η is the mean gain of ``path_loss.py``. With several fading blocks in a step, the logarithm is averaged over them.
"""

from __future__ import annotations

import math

import numpy as np

from oran_env.model.parameters import Parameters
from oran_env.numerics.jit import Floats, Integers, Key, kernel
from oran_env.numerics.random_draws import FADING, draw, exponential


@kernel
def draw_fading(key: Key, u: int, k: int, block: int, rayleigh: bool, power: Floats) -> None:
    """Write |h_{u,m,k}|² of the links from every RU m to UE u on RB k into ``power`` (M,). Four RUs share a draw.

    block: fading block within the step.
    """
    num_dus = len(power)
    if not rayleigh:
        power[:] = 1.0
        return
    for quad in range((num_dus + 3) // 4):
        m = 4 * quad
        w0, w1, w2, w3 = draw(key, FADING, u, (k << 16) | (block << 8) | quad)
        power[m] = exponential(w0)
        if m + 1 < num_dus:
            power[m + 1] = exponential(w1)
        if m + 2 < num_dus:
            power[m + 2] = exponential(w2)
        if m + 3 < num_dus:
            power[m + 3] = exponential(w3)


@kernel
def serving_fading(key: Key, u: int, m: int, k: int, rayleigh: bool) -> float:
    """|h_{u,m,k}|² of one link, in the first fading block: what a channel report tells the scheduler."""
    if not rayleigh:
        return 1.0
    words = draw(key, FADING, u, (k << 16) | (m // 4))
    return exponential(words[m % 4])


@kernel
def rates(key: Key, ue_of_rb: Integers, gain: Floats, p: Parameters, rate: Floats) -> None:
    """Add up eq. (1) for one network.

    ue_of_rb: (M, K) the UE that each DU serves on each RB, -1 none; gain: (N, M) [mW]; rate: (N,) output [bit/s].
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
        for block in range(p.fading_blocks):
            for i in range(number):
                draw_fading(key, serves[i], k, block, p.rayleigh, fading[transmits[i]])
            for i in range(number):
                m, u = transmits[i], serves[i]
                interference = 0.0
                for j in range(number):
                    if j != i:
                        other = transmits[j]
                        if p.physical:
                            interference += gain[u, other] * fading[m, other]
                        else:
                            interference += gain[serves[j], other] * fading[other, other]
                sinr = gain[u, m] * fading[m, m] / (interference + p.noise_mw)
                rate[u] += p.bandwidth * min(math.log2(1.0 + sinr), p.cap) / p.fading_blocks
