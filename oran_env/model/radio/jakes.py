"""Fading that is correlated in time: waves from all around, each with the Doppler shift of its direction (Jakes).

    h(t) = 1/√S · Σ_s exp(j·2π·(f_D·t·cos α_s + φ_s))        f_D = v·f_c/c

with S = 8 directions α_s and phases φ_s, uniform and drawn once per link, group of RBs and episode. So |h(t)|² is a
pure function of a counter and of t, the time since the episode began: any gain can be asked for, and none is state.
Over the draws E|h|² = 1, E[h(t)·h*(t + τ)] = J0(2πf_D·τ), var |h|² = 1 - 1/S, where Exp(1) has 1, and the covariance of
|h|² is (1 - 1/S)·J0²(2πf_D·τ). A UE that turns keeps its f_D, and the scatterers around it.
"""

from __future__ import annotations

import numpy as np

from oran_env.numerics.jit import Floats, Integers, Key, kernel
from oran_env.numerics.many_draws import Counters, cos_turn, draw_many
from oran_env.numerics.random_draws import PATHS

WAVES = 8  # S; four of them share a counter, and two halves of a word are direction and phase of one
_HALF = np.uint64(16)
_LOW = np.uint64(0xFFFF)


@kernel
def draw_jakes(
    key: Key, ues: Integers, groups: Integers, m: int, ue: Counters, link: Counters, words: Counters, wave: Floats,
    power: Floats,
) -> None:  # fmt: skip
    """Write |h|² of the links from RUs m, m + 1, … to n UEs, each on one group of RBs, into ``power`` (RUs, n).

    ues, groups: (n,); ue, link: (≥ n,) and words: (4, n) are room; wave: (3, n), its first row f_D·t, the rest room.
    """
    n = len(ues)
    counter, link, turns, real, imaginary = ue[:n], link[:n], wave[0], wave[1], wave[2]
    for i in range(n):
        counter[i] = np.uint64((PATHS << 24) | ues[i])
    for row in range(power.shape[0]):
        real[:] = 0.0
        imaginary[:] = 0.0
        for part in range(WAVES // 4):
            for i in range(n):
                link[i] = np.uint64((groups[i] << 16) | ((m + row) << 1) | part)
            draw_many(key, np.uint64(0), counter, link, words)
            for s in range(4):
                word = words[s]
                for i in range(n):
                    direction = float(np.int64(word[i] >> _HALF)) * 2.0**-16
                    phase = turns[i] * cos_turn(direction) + float(np.int64(word[i] & _LOW)) * 2.0**-16
                    real[i] += cos_turn(phase)
                    imaginary[i] += cos_turn(phase - 0.25)
        for i in range(n):
            power[row, i] = (real[i] * real[i] + imaginary[i] * imaginary[i]) / WAVES
