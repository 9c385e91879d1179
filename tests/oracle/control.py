"""Who gets an RB, for ONE network: codecs `ue_grid` and `slice_share`, and the MAC schedulers; see `equations.py`."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from oracle.equations import IDLE, NOBODY, NUM_SLICES, Floats, Ints, executed_bits, members

GRID_COLUMNS = 64  # U, UEs of a DU that have bits of their own

ExpectedRate = Callable[[int, int], float]
"""What UE u is expected to get from RB k in bit/s, called as expected(u, k)."""


# --- codecs -------------------------------------------------------------------------------------------------


def contested_by_slices(action: Floats, num_rbs: int) -> list[bool]:
    """Which RBs (K,) two or more slices claim, from the 3K bits b_{l,k} at l*K + k."""
    bits = executed_bits(action[: NUM_SLICES * num_rbs])
    return [sum(int(bits[sl * num_rbs + k]) for sl in range(NUM_SLICES)) > 1 for k in range(num_rbs)]


def columns(*, ue_slice: Ints, serving: Ints, du: int) -> list[int]:
    """All UEs of a DU: eMBB, then mMTC, then URLLC, ascending inside a slice; the first 64 have a column."""
    ordered: list[int] = []
    for sl in range(NUM_SLICES):
        ordered.extend(members(ue_slice=ue_slice, serving=serving, du=du, slice_=sl))
    return ordered


class Grid(NamedTuple):
    """What `ue_grid` decides on its own, and what it leaves to the scheduler."""

    ue_of_rb: NDArray[np.int64]  # (K,) UEs that the action names
    slice_of_rb: NDArray[np.int64]  # (K,) the slice whose surplus UEs the scheduler serves, else -1
    surplus: list[list[int]]  # of each slice, the UEs without a column
    claimed: int
    contested: int


def decode_ue_grid(action: Floats, num_rbs: int, *, ue_slice: Ints, serving: Ints, du: int) -> Grid:
    """b_{l,k} and e_{j,k} of (7a): 3K bits b at l*K + k, then 64K bits e at 3K + j*K + k.

    Two slices, two UEs, or a UE of another slice than the one that claims the RB: it goes to none. Who is named for
    an RB that no slice claims does not matter: it is idle.
    """
    bits = executed_bits(action)
    ordered = columns(ue_slice=ue_slice, serving=serving, du=du)
    named, surplus_ues = ordered[:GRID_COLUMNS], ordered[GRID_COLUMNS:]
    surplus = [[u for u in surplus_ues if int(ue_slice[u]) == sl] for sl in range(NUM_SLICES)]
    ue_of_rb = np.full(num_rbs, NOBODY, dtype=np.int64)
    slice_of_rb = np.full(num_rbs, IDLE, dtype=np.int64)
    contested = 0
    for k in range(num_rbs):
        slices = [sl for sl in range(NUM_SLICES) if bits[sl * num_rbs + k]]
        ues = [u for j, u in enumerate(named) if bits[(NUM_SLICES + j) * num_rbs + k]]
        if not slices:
            continue
        if len(slices) > 1 or len(ues) > 1:
            contested += 1
        elif len(ues) == 1:
            if int(ue_slice[ues[0]]) == slices[0]:
                ue_of_rb[k] = ues[0]
            else:
                contested += 1
        else:
            slice_of_rb[k] = slices[0]
    claimed = sum(int(bit) for bit in bits[: NUM_SLICES * num_rbs])
    return Grid(ue_of_rb, slice_of_rb, surplus, claimed, contested)


def shares_of_rbs(action: Floats, num_rbs: int) -> list[int]:
    """RBs of eMBB, mMTC, URLLC and idle from four values, by largest remainder; exact arithmetic."""
    values = [min(Fraction(1), max(Fraction(0), Fraction(float(value)))) for value in action]
    total = sum(values)
    if total == 0:
        return [0, 0, 0, num_rbs]
    quotas = [value * num_rbs / total for value in values]
    rbs = [math.floor(quota) for quota in quotas]
    for _ in range(num_rbs - sum(rbs)):
        behind = max(range(4), key=lambda i: (quotas[i] - rbs[i], -i))
        rbs[behind] += 1
    return rbs


def decode_slice_share(action: Floats, num_rbs: int) -> NDArray[np.int64]:
    """Slice of each RB (K,), -1 idle: the shares side by side from RB 0."""
    embb, mmtc, urllc, idle = shares_of_rbs(action, num_rbs)
    return np.array([0] * embb + [1] * mmtc + [2] * urllc + [IDLE] * idle, dtype=np.int64)


def decode_zones(action: Floats, m: int, num_dus: int, num_rbs: int, owned: int) -> NDArray[np.int64]:
    """Slice of each RB (K,) of DU m, -1 idle: own RBs m, m + M, …, then those of nobody, in the order of each."""
    mine = [m + num_dus * j for j in range(owned)]
    ours = list(range(num_dus * owned, num_rbs))
    slice_of_rb = np.full(num_rbs, IDLE, dtype=np.int64)
    for left, order, values in ((mine, (0, 1, 2), action[:2]), (ours, (2, 0, 1), action[2:])):
        for i, value in zip(order, [*values, 1.0], strict=True):
            share = min(1.0, max(0.0, float(value)))
            number = min(math.floor(share * (len(left) + 1)), len(left))
            slice_of_rb[left[:number]] = i
            left = left[number:]
    return slice_of_rb


class Quota(NamedTuple):
    """RRM policy of one slice, in RBs."""

    minimum: int
    maximum: int
    dedicated: int


def quotas_of(action: Floats, num_rbs: int) -> list[Quota]:
    """Minimum, maximum and dedicated RBs of each slice, from three ratios of each kind."""
    rbs = [min(math.floor(min(1.0, max(0.0, float(a))) * (num_rbs + 1)), num_rbs) for a in action]
    minima = [min(rbs[sl], rbs[3 + sl]) for sl in range(NUM_SLICES)]
    if sum(minima) > num_rbs:
        minima = [math.floor(Fraction(m * num_rbs, sum(minima))) for m in minima]
    return [Quota(minima[sl], rbs[3 + sl], min(rbs[6 + sl], minima[sl])) for sl in range(NUM_SLICES)]


def decode_prb_quota(action: Floats, num_rbs: int, sending: list[int]) -> NDArray[np.int64]:
    """Slice of each RB (K,), -1 idle, when so many UEs of each slice have something to send."""
    quotas = quotas_of(action, num_rbs)
    held = [q.minimum if n else q.dedicated for q, n in zip(quotas, sending, strict=True)]
    bids = sorted(  # every RB that a slice could still take, by what it bids: all at once, not one by one
        (Fraction(2 * j + 1, 2 * sending[sl]), sl)
        for sl in range(NUM_SLICES)
        if sending[sl]
        for j in range(quotas[sl].maximum - quotas[sl].minimum)
    )
    for _, sl in bids[: num_rbs - sum(held)]:
        held[sl] += 1
    slice_of_rb = [sl if sending[sl] else IDLE for sl in range(NUM_SLICES) for _ in range(held[sl])]
    return np.array(slice_of_rb + [IDLE] * (num_rbs - len(slice_of_rb)), dtype=np.int64)


# --- MAC schedulers: slice_of_rb is (K,), `ues` the UEs of each slice in the order they are listed ----------


def round_robin(slice_of_rb: Ints, ues: list[list[int]], pointer: Ints) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """e_{u,k} of eq. (1) for one DU: the UE of each RB (K,), -1 nobody, and the next pointer (3,).

    The j-th granted RB (k ascending) of a slice goes to UE number (pointer + j) mod n of the DU's n UEs of
    the slice; then pointer <- (pointer + granted) mod n. n = 0: the RBs serve nobody, the pointer becomes 0.
    """
    ue_of_rb = np.full(len(slice_of_rb), NOBODY, dtype=np.int64)
    next_pointer = np.zeros(NUM_SLICES, dtype=np.int64)
    for sl in range(NUM_SLICES):
        if not ues[sl]:
            continue
        turn = int(pointer[sl]) % len(ues[sl])
        for k in range(len(slice_of_rb)):
            if int(slice_of_rb[k]) == sl:
                ue_of_rb[k] = ues[sl][turn]
                turn = (turn + 1) % len(ues[sl])
        next_pointer[sl] = turn
    return ue_of_rb, next_pointer


def tracked_rate(average_bps: float, dealt_bps: float, window: float) -> float:
    """t_u: the average rate, moved by what is dealt to the UE in this step."""
    return (1.0 - 1.0 / window) * average_bps + dealt_bps / window


def preference(scheduler: str, expected_bps: float, tracked_bps: float) -> float:
    """How much a scheduler wants to serve a UE on an RB: it takes the largest value."""
    if scheduler == "max_rate":
        return expected_bps
    if scheduler == "proportional_fair":
        return expected_bps / max(tracked_bps, 1.0)
    if scheduler == "equal_rate":
        return -tracked_bps
    raise ValueError(f"scheduler {scheduler!r}, allowed: max_rate, proportional_fair, equal_rate")


def deal(
    scheduler: str,
    slice_of_rb: Ints,
    ues: list[list[int]],
    *,
    expected: ExpectedRate,
    average_bps: Floats,
    window: float,
) -> NDArray[np.int64]:
    """The UE of each RB (K,), -1 nobody: RBs in ascending order; of UEs equal but for rounding, the first."""
    ue_of_rb = np.full(len(slice_of_rb), NOBODY, dtype=np.int64)
    dealt = {u: 0.0 for in_slice in ues for u in in_slice}
    for k in range(len(slice_of_rb)):
        if int(slice_of_rb[k]) == IDLE:
            continue
        mine = ues[int(slice_of_rb[k])]
        wishes = [
            preference(scheduler, expected(u, k), tracked_rate(float(average_bps[u]), dealt[u], window)) for u in mine
        ]
        if wishes:
            ue_of_rb[k] = next(
                u for u, w in zip(mine, wishes, strict=True) if math.isclose(w, max(wishes), rel_tol=1e-9)
            )
        if ue_of_rb[k] != NOBODY:
            dealt[int(ue_of_rb[k])] += expected(int(ue_of_rb[k]), k)
    return ue_of_rb
