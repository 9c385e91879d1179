"""The MAC scheduler inside a DU: which UE of a slice gets which of the slice's RBs.

``round_robin`` deals them in turn. The others expect of UE u on an RB, with every other RU on the air, the rate

    c_u = B · log2(1 + g_{u,m}·x / (Σ_{m' ≠ m} g_{u,m'} + σ²))        x = 1, or |h_{u,m,k}|² with csi="per_rb"

and keep the average rate A_u of each UE over the last T steps; with what it has been dealt so far in this step,
t_u = (1 - 1/T)·A_u + Σ c_u / T. RB by RB, ``max_rate`` takes the UE with the largest c_u, ``proportional_fair`` that
with the largest c_u / t_u, ``equal_rate`` that with the smallest t_u.
"""

from __future__ import annotations

import math

import numpy as np

from oran_env.model.mac.action_codec import IDLE, MAX_COLUMNS, TO_SCHEDULE, UE_GRID
from oran_env.model.parameters import EQUAL_RATE, MAX_RATE, Parameters
from oran_env.model.radio.channel import serving_fading
from oran_env.numerics.jit import Floats, Integers, Key, kernel
from oran_env.scenario.slices import NUM_SLICES


@kernel
def group_ues(serving: Integers, slice_of_ue: Integers, first: Integers, members: Integers) -> None:
    """List the UEs of each (DU, slice) in ascending order.

    Group g = 3·m + l holds members[first[g] : first[g + 1]]; first: (3·M + 1,), members: (N,), which ends with -1 for
    UEs that are away.
    """
    first[:] = 0
    members[:] = -1
    for u in range(len(serving)):
        if serving[u] < 0:
            continue
        first[NUM_SLICES * serving[u] + slice_of_ue[u] + 1] += 1
    for g in range(1, len(first)):
        first[g] += first[g - 1]
    present = first[len(first) - 1]
    for u in range(len(serving) - 1, -1, -1):  # backwards: first[g + 1] counts down to the start of group g
        if serving[u] < 0:
            continue
        g = NUM_SLICES * serving[u] + slice_of_ue[u]
        first[g + 1] -= 1
        members[first[g + 1]] = u
    for g in range(len(first) - 1):
        first[g] = first[g + 1]
    first[len(first) - 1] = present


@kernel
def candidates(codec: int, first: Integers, m: int, i: int) -> tuple[int, int]:
    """Where the UEs that the scheduler may serve stand in ``members``: with ue_grid only those beyond its columns."""
    start, stop = first[NUM_SLICES * m + i], first[NUM_SLICES * m + i + 1]
    if codec == UE_GRID:
        start = min(max(start, first[NUM_SLICES * m] + MAX_COLUMNS), stop)
    return start, stop


@kernel
def round_robin(
    slice_of_rb: Integers, codec: int, m: int, first: Integers, members: Integers, pointer: Integers, ue_of_rb: Integers
) -> None:
    """Deal the RBs of each slice to its UEs in turn, going on where the last step stopped.

    slice_of_rb: (K,) of DU m; pointer: (3,) state, next UE of each slice; ue_of_rb: (K,) -2 where a UE is to be chosen,
    replaced by it, or by -1 in a slice without UE: then the RU does not transmit.
    """
    for i in range(NUM_SLICES):
        start, stop = candidates(codec, first, m, i)
        pointer[i] = pointer[i] % (stop - start) if stop > start else 0
    for k in range(len(slice_of_rb)):
        if ue_of_rb[k] != TO_SCHEDULE:
            continue
        i = slice_of_rb[k]
        start, stop = candidates(codec, first, m, i)
        ue_of_rb[k] = IDLE
        if stop > start:
            ue_of_rb[k] = members[start + pointer[i]]
            pointer[i] = pointer[i] + 1 if pointer[i] + 1 < stop - start else 0


@kernel
def channel_aware(
    key: Key,
    slice_of_rb: Integers,
    m: int,
    first: Integers,
    members: Integers,
    gain: Floats,
    average: Floats,
    p: Parameters,
    ue_of_rb: Integers,
) -> None:
    """Deal the RBs of each slice one by one to the UE with the largest metric; arguments as in ``round_robin``.

    gain: (N, M) mean gains [mW]; average: (N,) rate of each UE over the last steps [bit/s].
    """
    for i in range(NUM_SLICES):
        start, stop = candidates(p.codec, first, m, i)
        number = stop - start
        noise = np.empty(number)  # interference of all others, plus σ²
        expected = np.empty(number)  # rate on the RB at hand
        tracked = np.empty(number)  # average rate, were the step to end now
        metric = np.empty(number)
        for j in range(number):
            u = members[start + j]
            noise[j] = p.noise_mw
            for other in range(gain.shape[1]):
                if other != m:
                    noise[j] += gain[u, other]
            expected[j] = p.bandwidth * min(math.log2(1.0 + gain[u, m] / noise[j]), p.cap)
            tracked[j] = (1.0 - 1.0 / p.fairness) * average[u]
            metric[j] = merit(p.scheduler, expected[j], tracked[j])
        for k in range(len(slice_of_rb)):
            if ue_of_rb[k] != TO_SCHEDULE or slice_of_rb[k] != i:
                continue
            if number == 0:
                ue_of_rb[k] = IDLE
                continue
            if p.per_rb:
                for j in range(number):
                    u = members[start + j]
                    power = serving_fading(key, u, m, k, p.rayleigh)
                    expected[j] = p.bandwidth * min(math.log2(1.0 + gain[u, m] * power / noise[j]), p.cap)
                    metric[j] = merit(p.scheduler, expected[j], tracked[j])
            best = np.argmax(metric)
            ue_of_rb[k] = members[start + best]
            tracked[best] += expected[best] / p.fairness
            metric[best] = merit(p.scheduler, expected[best], tracked[best])


@kernel
def merit(scheduler: int, expected: float, tracked: float) -> float:
    """What the scheduler maximises; rates in bit/s."""
    if scheduler == MAX_RATE:
        return expected
    if scheduler == EQUAL_RATE:
        return -tracked
    return expected / max(tracked, 1.0)  # proportional fair
