"""Codecs: a vector in (0, 1) → who gets which RB. A value above 0.5 is a set bit.

``two_bit``: 2·K values, all b then all e. (b_k, e_k) = 00 idle, 01 eMBB, 11 mMTC, 10 URLLC, so that constraints (7b)
and (7c) hold by construction; within a slice the MAC scheduler picks the UE.

``slice_mask``: 3·K values, one bit per slice and RB (bit l·K + k). An RB claimed by two slices goes to none; the
claims may exceed the K RBs there are, which P_res of eq. (8) punishes.
"""

from __future__ import annotations

from oran_env.kernels import Integers, Singles, kernel
from oran_env.scenario import EMBB, MMTC, NUM_SLICES, URLLC, Scenario

THRESHOLD = 0.5
IDLE = -1
CODECS = ("two_bit", "slice_mask")


def action_size(scenario: Scenario) -> int:
    """Number of values in the action of one DU."""
    per_rb = {"two_bit": 2, "slice_mask": NUM_SLICES}
    return per_rb[scenario.control.codec] * scenario.radio.num_rbs


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
    """Write the slice of each RB (K,), -1 idle or contested; return the number of claims, Σ_l Σ_k b_{l,k}."""
    num_rbs = len(slice_of_rb)
    claimed = 0
    for k in range(num_rbs):
        claims = 0
        owner = IDLE
        for i in range(NUM_SLICES):
            if action[i * num_rbs + k] > THRESHOLD:
                claims += 1
                owner = i
        slice_of_rb[k] = owner if claims == 1 else IDLE
        claimed += claims
    return claimed


@kernel
def count_clipped(action: Singles) -> int:
    """Number of values outside [0, 1]; they decode as if clipped."""
    clipped = 0
    for i in range(len(action)):
        clipped += (action[i] < 0.0) or (action[i] > 1.0)
    return clipped
