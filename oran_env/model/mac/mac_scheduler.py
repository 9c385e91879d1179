"""The MAC scheduler inside a DU: which UE of a slice gets which of the slice's RBs.

``round_robin`` deals them in turn. The others expect of UE u on an RB, with every other RU on the air, the rate

    c_u = B · log2(1 + g_{u,m}·x / (Σ_{m' ≠ m} g_{u,m'} + σ²))        x = 1, or |h_{u,m,k}|² with csi="per_rb"

and keep the average rate A_u of each UE over the last T steps; with what it has been dealt so far in this step,
t_u = (1 - 1/T)·A_u + Σ c_u / T. RB by RB, ``max_rate`` takes the UE with the largest c_u, ``proportional_fair`` that
with the largest c_u / t_u, ``equal_rate`` that with the smallest t_u. Of merits that
equal the largest but for TIE the first wins: as long as nobody had been served before, c_u / t_u is T / (RBs dealt to
u) for everyone, and rounding must not choose.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from oran_env.model.mac.action_codec import CODECS
from oran_env.model.mac.codecs.codec import IDLE, TO_SCHEDULE
from oran_env.model.outcome import Outcome
from oran_env.model.radio.channel import Channel, spectral_efficiency
from oran_env.model.radio.fading import draw_fades, room_for
from oran_env.model.radio.impairments import limited
from oran_env.model.state import State
from oran_env.numerics.blocks import Choice
from oran_env.numerics.jit import Floats, Integers, Key, kernel, switch
from oran_env.scenario.choices import Registry
from oran_env.scenario.fields import Scenario
from oran_env.scenario.slices import NUM_SLICES

TIE = 1e-9  # relative difference below which two merits are equal: far above rounding, far below any channel's
CSI = Registry("csi", {"wideband": False, "per_rb": True})  # whether the scheduler knows the fading of each RB


class Scheduling(NamedTuple):
    """What the MAC scheduler goes by."""

    deal: Choice  # how RBs are dealt
    merit: int  # by which merit; -1 by none
    per_rb: bool
    fairness: float  # T [steps]
    named_ues: int  # of a DU, whom the action serves and not the scheduler


@kernel
def max_rate(expected: float, tracked: float) -> float:
    """What the scheduler maximises; rates in bit/s."""
    return expected


@kernel
def proportional_fair(expected: float, tracked: float) -> float:
    """The same, for as much as each UE is used to."""
    return expected / max(tracked, 1.0)


@kernel
def equal_rate(expected: float, tracked: float) -> float:
    """The same, for as much as any other UE."""
    return -tracked


MERITS = {"proportional_fair": proportional_fair, "equal_rate": equal_rate, "max_rate": max_rate}
_merit = switch("scheduler", MERITS)


@kernel
def first_of_the_best(merit: Floats) -> int:
    """Index of the first merit (n,) that equals the largest but for rounding."""
    most = merit.max()
    least = most - TIE * abs(most)
    best = 0
    while merit[best] < least:
        best += 1
    return best


@kernel
def candidates(named_ues: int, first: Integers, m: int, i: int) -> tuple[int, int]:
    """Where the UEs of slice i of DU m that the scheduler may serve stand in ``members``."""
    start, stop = first[NUM_SLICES * m + i], first[NUM_SLICES * m + i + 1]
    if named_ues > 0:
        start = min(max(start, first[NUM_SLICES * m] + named_ues), stop)
    return start, stop


@kernel
def deal_in_turn(
    key: Key, m: int, p: Scheduling, channel: Channel, slice_of_rb: Integers, first: Integers, members: Integers,
    pointer: Integers, gain: Floats, speed: Floats, average: Floats, ue_of_rb: Integers,
) -> None:  # fmt: skip
    """Deal the RBs of each slice of DU m to its UEs in turn, going on where the last step stopped.

    slice_of_rb: (K,); first, members: see ``association.group_ues``; pointer: (3,) state, next UE of each slice;
    gain: (N, M) mean gains [mW]; speed: (N,) [m/s]; average: (N,) rate of each UE over the last steps [bit/s];
    ue_of_rb: (K,) -2 where a UE is to be chosen, replaced by it, or by -1 in a slice without UE: then the RU does not
    transmit.
    """
    for i in range(NUM_SLICES):
        start, stop = candidates(p.named_ues, first, m, i)
        pointer[i] = pointer[i] % (stop - start) if stop > start else 0
    for k in range(len(slice_of_rb)):
        if ue_of_rb[k] != TO_SCHEDULE:
            continue
        i = slice_of_rb[k]
        start, stop = candidates(p.named_ues, first, m, i)
        ue_of_rb[k] = IDLE
        if stop > start:
            ue_of_rb[k] = members[start + pointer[i]]
            pointer[i] = pointer[i] + 1 if pointer[i] + 1 < stop - start else 0


@kernel
def deal_by_merit(
    key: Key, m: int, p: Scheduling, channel: Channel, slice_of_rb: Integers, first: Integers, members: Integers,
    pointer: Integers, gain: Floats, speed: Floats, average: Floats, ue_of_rb: Integers,
) -> None:  # fmt: skip
    """Deal the RBs of each slice one by one to the UE with the largest merit; arguments as in ``deal_in_turn``."""
    for i in range(NUM_SLICES):
        start, stop = candidates(p.named_ues, first, m, i)
        number = stop - start
        noise = np.empty(number)  # interference of all others, plus σ²
        expected = np.empty(number)  # rate on the RB at hand
        tracked = np.empty(number)  # average rate, were the step to end now
        merit = np.empty(number)
        power = np.empty((1, number))  # |h|² on the RB at hand, in the first fading block
        group = np.full(number, -1, dtype=np.int64)  # of RBs, of the RB at hand
        room = room_for(number)
        for j in range(number):
            u = members[start + j]
            noise[j] = channel.noise_mw
            for other in range(gain.shape[1]):
                if other != m:
                    noise[j] += gain[u, other]
            sinr = limited(gain[u, m] / noise[j], channel.evm2)
            expected[j] = channel.bandwidth * spectral_efficiency(sinr, channel.cap)
            tracked[j] = (1.0 - 1.0 / p.fairness) * average[u]
            merit[j] = _merit(p.merit, expected[j], tracked[j])
        for k in range(len(slice_of_rb)):
            if ue_of_rb[k] != TO_SCHEDULE or slice_of_rb[k] != i:
                continue
            if number == 0:
                ue_of_rb[k] = IDLE
                continue
            if p.per_rb:
                if group[0] != k // channel.fading.group:
                    group[:] = k // channel.fading.group
                    draw_fades(key, members[start:stop], group, 0, m, speed, channel.fading, room, power)
                for j in range(number):
                    sinr = limited(gain[members[start + j], m] * power[0, j] / noise[j], channel.evm2)
                    expected[j] = channel.bandwidth * spectral_efficiency(sinr, channel.cap)
                    merit[j] = _merit(p.merit, expected[j], tracked[j])
            best = first_of_the_best(merit)
            ue_of_rb[k] = members[start + best]
            tracked[best] += expected[best] / p.fairness
            merit[best] = _merit(p.merit, expected[best], tracked[best])


SCHEDULERS = Registry("scheduler", {"round_robin": deal_in_turn, **dict.fromkeys(MERITS, deal_by_merit)})
_DEALS = tuple(dict.fromkeys(SCHEDULERS.values()))  # each once
_deal = switch("scheduler", {deal.__name__: deal for deal in _DEALS})


def scheduling_of(scenario: Scenario) -> Scheduling:
    """The MAC scheduler of a scenario."""
    control = scenario.control
    return Scheduling(
        deal=_DEALS.index(SCHEDULERS[control.scheduler]),
        merit=list(MERITS).index(control.scheduler) if control.scheduler in MERITS else -1,
        per_rb=CSI[control.csi],
        fairness=float(control.fairness_window),
        named_ues=CODECS[control.codec].named_ues,
    )


@kernel
def schedule(which: Integers, p: Scheduling, channel: Channel, s: State, out: Outcome) -> None:
    """Choose the UE of each RB inside its slice."""
    for b in which:
        key, first, members, gain, speed = s.key[b], s.first[b], s.members[b], s.gain[b], s.speed[b]
        for m in range(out.ue_of_rb.shape[1]):
            slice_of_rb, ue_of_rb, pointer = out.slice_of_rb[b, m], out.ue_of_rb[b, m], s.pointer[b, m]
            average = s.average[b]
            _deal(p.deal, key, m, p, channel, slice_of_rb, first, members, pointer, gain, speed, average, ue_of_rb)


@kernel
def track_service(which: Integers, p: Scheduling, s: State, out: Outcome) -> None:
    """Note what the step served: the RBs of each slice, and the average rate of each UE that the schedulers go by."""
    for b in which:
        serving, slices, average, rate = s.serving[b], s.slice_of_ue[b], s.average[b], out.rate[b]
        for u in range(len(average)):
            if serving[u] >= 0:
                average[u] += (rate[u] - average[u]) / p.fairness
        for m in range(out.ue_of_rb.shape[1]):
            granted, ue_of_rb = out.rbs_granted[b, m], out.ue_of_rb[b, m]
            granted[:] = 0
            for k in range(len(ue_of_rb)):
                if ue_of_rb[k] >= 0:
                    granted[slices[ue_of_rb[k]]] += 1
            out.rbs_idle[b, m] = len(ue_of_rb) - granted.sum()
