"""Codecs: a vector in (0, 1) → who gets which RB. A value above 0.5 is a set bit.

``two_bit``: 2·K values, all b then all e. (b_k, e_k) = 00 idle, 01 eMBB, 11 mMTC, 10 URLLC, so that constraints (7b)
and (7c) hold by construction; within a slice the MAC scheduler picks the UE.

``slice_mask``: 3·K values, one bit per slice and RB (bit l·K + k). An RB claimed by two slices goes to none; the
claims may exceed the K RBs there are, which P_res of eq. (8) punishes.

``ue_grid``: the whole (b, e) of (7a). 3·K bits b as above, then 64·K bits e (bit 3·K + j·K + k): column j is the j-th
UE of the DU, by slice and index. An RB claimed by two slices, by two UEs, or by a UE of another slice goes to none.
Where a slice claims an RB without naming a UE, the MAC scheduler deals it to the slice's UEs beyond column 64, if any.

``slice_share``: 4 values, the shares of eMBB, mMTC, URLLC and idle RBs, scaled to a sum of 1 and rounded by largest
remainder; the slices lie side by side from RB 0.
"""

from __future__ import annotations

import numpy as np

from oran_env.numerics.jit import Integers, Singles, kernel
from oran_env.scenario.fields import Scenario
from oran_env.scenario.slices import EMBB, MMTC, NUM_SLICES, URLLC

THRESHOLD = 0.5
IDLE = -1  # slice of an RB that nobody claims; UE of an RB that serves nobody
CONTESTED = -2  # slice of an RB whose claims contradict each other
TO_SCHEDULE = -2  # UE of an RB that the MAC scheduler has still to deal
MAX_COLUMNS = 64  # U, UEs of a DU that ue_grid can name
CODECS = ("two_bit", "slice_mask", "ue_grid", "slice_share")
TWO_BIT, SLICE_MASK, UE_GRID, SLICE_SHARE, CUSTOM = range(5)  # CUSTOM: a component of the user's


def action_size(scenario: Scenario) -> int:
    """Number of values in the action of one DU."""
    if scenario.control.codec == "slice_share":
        return NUM_SLICES + 1
    per_rb = {"two_bit": 2, "slice_mask": NUM_SLICES, "ue_grid": NUM_SLICES + MAX_COLUMNS}
    return per_rb[scenario.control.codec] * scenario.radio.num_rbs


def resource_columns(scenario: Scenario) -> tuple[tuple[int, ...], ...]:
    """Per RB, the columns of the action that claim it for slices; empty for ``slice_share``, which names no RB.

    RBs differ in nothing but in who uses them, so an agent may treat these groups of columns alike.
    """
    claims = {"two_bit": 2, "slice_mask": NUM_SLICES, "ue_grid": NUM_SLICES, "slice_share": 0}[scenario.control.codec]
    num_rbs = scenario.radio.num_rbs if claims else 0
    return tuple(tuple(i * num_rbs + k for i in range(claims)) for k in range(num_rbs))


@kernel
def decode_two_bit(action: Singles, slice_of_rb: Integers) -> int:
    """Write the slice of each RB (K,), -1 idle; return the number of RBs claimed."""
    num_rbs = len(slice_of_rb)
    claimed = 0
    for k in range(num_rbs):
        b = action[k] > THRESHOLD
        e = action[num_rbs + k] > THRESHOLD
        slice_of_rb[k] = (MMTC if e else URLLC) if b else (EMBB if e else IDLE)
        claimed += b or e
    return claimed


@kernel
def decode_slice_mask(action: Singles, slice_of_rb: Integers) -> int:
    """Write the slice of each RB (K,), -1 idle, -2 contested; return the number of claims, Σ_l Σ_k b_{l,k}."""
    num_rbs = len(slice_of_rb)
    claimed = 0
    for k in range(num_rbs):
        claims = 0
        owner = IDLE
        for i in range(NUM_SLICES):
            if action[i * num_rbs + k] > THRESHOLD:
                claims += 1
                owner = i
        slice_of_rb[k] = owner if claims <= 1 else CONTESTED
        claimed += claims
    return claimed


@kernel
def decode_ue_grid(
    action: Singles, first: Integers, members: Integers, slice_of_rb: Integers, ue_of_rb: Integers
) -> int:
    """Write slice and UE of each RB (K,); return the number of claims, Σ_l Σ_k b_{l,k}.

    first: (4,) the groups of this DU in ``members`` (see ``scheduling.group_ues``).
    """
    num_rbs = len(slice_of_rb)
    claimed = decode_slice_mask(action[: NUM_SLICES * num_rbs], slice_of_rb)
    claims = np.zeros(num_rbs, dtype=np.int64)  # by UEs
    for j in range(min(first[NUM_SLICES] - first[0], MAX_COLUMNS)):
        for k in range(num_rbs):
            if action[(NUM_SLICES + j) * num_rbs + k] > THRESHOLD:
                claims[k] += 1
                ue_of_rb[k] = first[0] + j  # for now, its place in members
    for k in range(num_rbs):
        i = slice_of_rb[k]
        if i < 0:
            ue_of_rb[k] = IDLE
        elif claims[k] == 0:
            surplus = first[i + 1] - max(first[i], first[0] + MAX_COLUMNS)
            ue_of_rb[k] = TO_SCHEDULE if surplus > 0 else IDLE
        elif claims[k] == 1 and first[i] <= ue_of_rb[k] < first[i + 1]:
            ue_of_rb[k] = members[ue_of_rb[k]]
        else:
            slice_of_rb[k] = CONTESTED
            ue_of_rb[k] = IDLE
    return claimed


@kernel
def decode_slice_share(action: Singles, slice_of_rb: Integers) -> int:
    """Write the slice of each RB (K,), -1 idle; return the number of RBs claimed."""
    num_rbs = len(slice_of_rb)
    slice_of_rb[:] = IDLE
    shares = np.empty(NUM_SLICES + 1)
    for i in range(NUM_SLICES + 1):
        shares[i] = min(max(action[i], 0.0), 1.0)
    total = shares.sum()
    if total <= 0.0:
        return 0
    counts = np.empty(NUM_SLICES + 1, dtype=np.int64)
    remainders = np.empty(NUM_SLICES + 1)
    for i in range(
        NUM_SLICES + 1
    ):  # the remainder is exact, so that equal remainders are equal, and the first one wins
        remainders[i] = (shares[i] * num_rbs) % total
        counts[i] = int((shares[i] * num_rbs - remainders[i]) / total + 0.5)
    for _ in range(num_rbs - counts.sum()):
        first = np.argmax(remainders)
        counts[first] += 1
        remainders[first] = -1.0
    stop = 0
    for i in range(NUM_SLICES):
        slice_of_rb[stop : stop + counts[i]] = i
        stop += counts[i]
    return stop


@kernel
def count_clipped(action: Singles) -> int:
    """Number of values outside [0, 1]; they decode as if clipped."""
    clipped = 0
    for i in range(len(action)):
        clipped += (action[i] < 0.0) or (action[i] > 1.0)
    return clipped
