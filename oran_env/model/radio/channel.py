"""Eq. (1): the rate that a UE gets from its RBs under fading and interference.

    c_u = Σ_k B · log2(1 + p·d_{u,m}^-η·|h_{u,m,k}|² / (I_{u,k} + σ²))        over the RBs k granted to u by its RU m

Interference on RB k at UE u, served by RU m:

* ``physical``:    I = Σ_{m' ≠ m transmits on k}  p·d_{u,m'}^-η·|h_{u,m',k}|²   (what reaches u itself);
* ``as_printed``:  I = Σ_{m' ≠ m transmits on k}  p·d_{u',m'}^-η·|h_{u',m',k}|²  (the paper's letter: what reaches
  the UE u' that m' serves on that RB).

p·d^-η is the mean gain of ``path_loss.py``. With several fading blocks in a step, the logarithm is averaged over them.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from oran_env.model.outcome import Outcome
from oran_env.model.radio.fading import Fading, draw_fading, fading_of
from oran_env.model.radio.impairments import limited
from oran_env.model.state import State
from oran_env.numerics.jit import Floats, Integers, Key, kernel
from oran_env.scenario.choices import Registry
from oran_env.scenario.fields import Scenario

INTERFERENCE = Registry("interference", {"physical": True, "as_printed": False})  # whether it is what reaches u itself


class Channel(NamedTuple):
    """What eq. (1) needs beside the mean gains."""

    fading: Fading
    physical: bool  # interference
    noise_mw: float  # σ² in one RB
    bandwidth: float  # B [Hz]
    cap: float  # [bit/s/Hz]
    evm2: float  # EVM², see impairments.py


def channel_of(scenario: Scenario) -> Channel:
    """The channel of a scenario."""
    radio, cap = scenario.radio, scenario.radio.max_spectral_efficiency
    noise_dbm = radio.noise_dbm_per_hz + 10 * math.log10(radio.rb_bandwidth_hz)
    return Channel(
        fading=fading_of(scenario),
        physical=INTERFERENCE[radio.interference],
        noise_mw=10 ** (noise_dbm / 10),
        bandwidth=float(radio.rb_bandwidth_hz),
        cap=math.inf if cap is None else float(cap),
        evm2=float(radio.tx_evm) ** 2,
    )


@kernel
def compute_rates(which: Integers, p: Channel, s: State, out: Outcome) -> None:
    """The rate of every UE on the RBs that it has been dealt."""
    for b in which:
        rates(s.key[b], out.ue_of_rb[b], s.gain[b], p, out.rate[b])


@kernel
def rates(key: Key, ue_of_rb: Integers, gain: Floats, p: Channel, rate: Floats) -> None:
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
        for block in range(p.fading.blocks):
            for i in range(number):
                draw_fading(key, serves[i], k, block, p.fading, fading[transmits[i]])
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
                sinr = limited(gain[u, m] * fading[m, m] / (interference + p.noise_mw), p.evm2)
                rate[u] += p.bandwidth * spectral_efficiency(sinr, p.cap) / p.fading.blocks


@kernel
def spectral_efficiency(sinr: float, cap: float) -> float:
    """What an RB carries at a SINR [bit/s/Hz]."""
    return min(math.log2(1.0 + sinr), cap)
