"""Eq. (1): the rate that a UE gets from its RBs under fading and interference.

    c_u = Σ_k B · log2(1 + p·d_{u,m}^-η·|h_{u,m,k}|² / (I_{u,k} + σ²))        over the RBs k granted to u by its RU m

Interference on RB k at UE u, served by RU m:

* ``physical``:    I = Σ_{m' ≠ m transmits on k}  p·d_{u,m'}^-η·|h_{u,m',k}|²   (what reaches u itself);
* ``as_printed``:  I = Σ_{m' ≠ m transmits on k}  p·d_{u',m'}^-η·|h_{u',m',k}|²  (the paper's letter: what reaches
  the UE u' that m' serves on that RB).

p·d^-η is the mean gain of ``path_loss.py``, times what an action sets the power of the RB to. With several fading
blocks in a step, the logarithm is averaged over them. A sum of logarithms is the logarithm of a product, which costs
one per UE; a cap c of log2(1 + SINR) is one of the factors, 2^c. With ``ergodic`` fading the mean over the fading takes
the place of the logarithm, see ``ergodic.py``.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from oran_env.model.outcome import Outcome
from oran_env.model.radio.ergodic import mean_efficiency, nodes_of, same_company
from oran_env.model.radio.fading import MEAN, Fading, Room, draw_fades, fading_of, room_for, rows
from oran_env.model.radio.impairments import limited
from oran_env.model.state import State
from oran_env.numerics.jit import Floats, Integers, Key, kernel
from oran_env.scenario.choices import Registry
from oran_env.scenario.fields import Scenario

INTERFERENCE = Registry("interference", {"physical": True, "as_printed": False})  # whether it is what reaches u itself
_MANY = 256  # links whose fading is drawn at a time, so that they stay in the cache
_LARGE = 1e150  # no SINR makes a product of two such numbers overflow


class Channel(NamedTuple):
    """What eq. (1) needs beside the mean gains."""

    fading: Fading
    physical: bool  # interference
    noise_mw: float  # σ² in one RB
    bandwidth: float  # B [Hz]
    cap: float  # [bit/s/Hz]
    evm2: float  # EVM², see impairments.py
    nodes: Floats  # (2, n) of the mean over the fading; (2, 0) without it


def channel_of(scenario: Scenario) -> Channel:
    """The channel of a scenario."""
    radio, cap = scenario.radio, scenario.radio.max_spectral_efficiency
    noise_dbm = radio.noise_dbm_per_hz + 10 * math.log10(radio.rb_bandwidth_hz)
    fading = fading_of(scenario)
    most = math.inf if cap is None else float(cap)
    return Channel(
        fading=fading,
        physical=INTERFERENCE[radio.interference],
        noise_mw=10 ** (noise_dbm / 10),
        bandwidth=float(radio.rb_bandwidth_hz),
        cap=most,
        evm2=float(radio.tx_evm) ** 2,
        nodes=nodes_of(most, float(radio.tx_evm) ** 2) if fading.kind == MEAN else np.empty((2, 0)),
    )


class Links(NamedTuple):
    """The serving links of some RBs, RB after RB, and room for what is worked out of them."""

    first: Integers  # (RBs + 1,) the links of the i-th RB begin here
    du: Integers  # (links,)
    ue: Integers  # (links,)
    group: Integers  # (links,) the group of RBs that shares their fade
    own: Floats  # (links,) mean gain from the serving RU [mW]
    gain: Floats  # (M·links,) mean gain from each RU that interferes with them, 0 from the others [mW]
    fading: Floats  # (M·links,) |h|² from every RU
    signal: Floats  # (links,) [mW]
    growth: Floats  # (links,) the interference [mW], then 1 + SINR


@kernel
def compute_rates(which: Integers, p: Channel, s: State, out: Outcome) -> None:
    """The rate of every UE on the RBs that it has been dealt, under the fades that are drawn."""
    num_dus, num_ues = out.ue_of_rb.shape[1], out.rate.shape[1]
    rbs = max(1, _MANY // num_dus)  # at a time
    n = rbs * num_dus
    first, du, ue = np.empty(rbs + 1, dtype=np.int64), np.empty(n, dtype=np.int64), np.empty(n, dtype=np.int64)
    group, own, gain, fading = np.empty(n, dtype=np.int64), np.empty(n), np.empty(num_dus * n), np.empty(num_dus * n)
    links, room, product = (
        Links(first, du, ue, group, own, gain, fading, np.empty(n), np.empty(n)), room_for(n), np.empty(num_ues),
    )  # fmt: skip
    for b in which:
        rates(s.key[b], out.ue_of_rb[b], out.rb_power[b], s.gain[b], s.speed[b], p, links, room, product, out.rate[b])


@kernel
def compute_mean_rates(which: Integers, p: Channel, s: State, out: Outcome) -> None:
    """The same, its mean over the fading."""
    num_dus, num_ues = out.ue_of_rb.shape[1], out.rate.shape[1]
    last, efficiency, interferers = np.empty(num_ues, dtype=np.int64), np.empty(num_ues), np.empty(num_dus)
    for b in which:
        mean_rates(out.ue_of_rb[b], out.rb_power[b], s.gain[b], p, last, efficiency, interferers, out.rate[b])


@kernel
def rates(
    key: Key, ue_of_rb: Integers, rb_power: Floats, gain: Floats, speed: Floats, p: Channel, links: Links, room: Room,
    product: Floats, rate: Floats,
) -> None:  # fmt: skip
    """Add up eq. (1) for one network.

    ue_of_rb: (M, K) the UE that each DU serves on each RB, -1 none; rb_power: (M, K) over the even share, or (M, 0);
    gain: (N, M) [mW]; speed: (N,) [m/s]; rate: (N,) output [bit/s]; links, room, product (N,): room for what is worked
    out on the way.
    """
    num_dus, num_rbs = ue_of_rb.shape
    rbs = len(links.first) - 1
    rate[:] = 0.0
    product[:] = 1.0
    for start in range(0, num_rbs, rbs):
        stop = min(start + rbs, num_rbs)
        number = list_links(ue_of_rb, start, stop, p.fading.group, links)
        mean, fading = rows(links.gain, num_dus, number), rows(links.fading, num_dus, number)
        list_gains(ue_of_rb[:, start:stop], rb_power[:, start:stop], gain, links, mean)
        for block in range(p.fading.blocks):
            draw_fades(key, links.ue[:number], links.group[:number], block, 0, speed, p.fading, room, fading)
            grow(links, mean, fading, p)
            for i in range(number):
                u = links.ue[i]
                product[u] *= links.growth[i]
                if product[u] > _LARGE:
                    rate[u] += math.log2(product[u])
                    product[u] = 1.0
    scale = p.bandwidth / p.fading.blocks
    for u in range(len(rate)):
        if product[u] > 1.0:
            rate[u] += math.log2(product[u])
        rate[u] *= scale


@kernel
def list_links(ue_of_rb: Integers, start: int, stop: int, group: int, links: Links) -> int:
    """Write down the serving links of RBs start … stop - 1; return their number."""
    number = 0
    for k in range(start, stop):
        links.first[k - start] = number
        for m in range(ue_of_rb.shape[0]):
            if ue_of_rb[m, k] >= 0:
                links.du[number], links.ue[number], links.group[number] = m, ue_of_rb[m, k], k // group
                number += 1
    links.first[stop - start :] = number
    return number


@kernel
def list_gains(ue_of_rb: Integers, rb_power: Floats, gain: Floats, links: Links, mean: Floats) -> None:
    """Write the mean gains [mW] of each link, here of ue_of_rb (M, RBs): from its interferers into mean (M, links)."""
    for k in range(ue_of_rb.shape[1]):
        for m in range(ue_of_rb.shape[0]):
            power = 0.0
            if ue_of_rb[m, k] >= 0:
                power = rb_power[m, k] if rb_power.shape[1] > 0 else 1.0
            for i in range(links.first[k], links.first[k + 1]):
                received = gain[links.ue[i], m] * power
                if m == links.du[i]:
                    links.own[i] = received
                mean[m, i] = received if m != links.du[i] else 0.0


@kernel
def grow(links: Links, mean: Floats, fading: Floats, p: Channel) -> None:
    """Write 1 + SINR of each link under the fading (M, links) of a block, at most 2^c, into ``links.growth``."""
    num_dus, number = fading.shape
    signal, growth = links.signal[:number], links.growth[:number]
    for i in range(number):
        signal[i] = links.own[i] * fading[links.du[i], i]
    growth[:] = 0.0
    if p.physical:
        for m in range(num_dus):
            for i in range(number):
                growth[i] += mean[m, i] * fading[m, i]
    else:
        for k in range(len(links.first) - 1):
            for i in range(links.first[k], links.first[k + 1]):
                for j in range(links.first[k], links.first[k + 1]):
                    growth[i] += signal[j] if j != i else 0.0
    most = 2.0**p.cap if p.cap < 1000.0 else math.inf
    for i in range(number):
        growth[i] = min(1.0 + limited(signal[i] / (growth[i] + p.noise_mw), p.evm2), most)


@kernel
def mean_rates(
    ue_of_rb: Integers, rb_power: Floats, gain: Floats, p: Channel, last: Integers, efficiency: Floats,
    interferers: Floats, rate: Floats,
) -> None:  # fmt: skip
    """Add up the mean of eq. (1) over the fading for one network; a UE's RBs in the same company carry the same.

    last, efficiency: (N,) the RB that a UE was last worked out on, and what it carries; interferers: (M,) room.
    """
    rate[:] = 0.0
    last[:] = -1
    for k in range(ue_of_rb.shape[1]):
        for m in range(ue_of_rb.shape[0]):
            u = ue_of_rb[m, k]
            if u < 0:
                continue
            if last[u] < 0 or not same_company(ue_of_rb, rb_power, k, last[u], p.physical):
                number = 0
                for other in range(ue_of_rb.shape[0]):
                    if other != m and ue_of_rb[other, k] >= 0:
                        interferers[number] = gain[u if p.physical else ue_of_rb[other, k], other]
                        interferers[number] *= rb_power[other, k] if rb_power.shape[1] > 0 else 1.0
                        number += 1
                signal = gain[u, m] * (rb_power[m, k] if rb_power.shape[1] > 0 else 1.0)
                efficiency[u] = mean_efficiency(signal, interferers[:number], p.noise_mw, p.nodes)
                last[u] = k
            rate[u] += p.bandwidth * efficiency[u]


@kernel
def on_air(ue_of_rb: Integers, rb_power: Floats) -> float:
    """Share of its power that an RU transmits with: of the RBs (K,), where rb_power (K,) does not set it, else (0,)."""
    total = 0.0
    for k in range(len(ue_of_rb)):
        if ue_of_rb[k] >= 0:
            total += rb_power[k] if len(rb_power) > 0 else 1.0
    return total / len(ue_of_rb)


@kernel
def spectral_efficiency(sinr: float, cap: float) -> float:
    """What an RB carries at a SINR [bit/s/Hz]."""
    return min(math.log2(1.0 + sinr), cap)
