"""``zones``: 4 values. Of its own RBs a DU gives the share a_0 to eMBB, a_1 of what is left to mMTC, the rest to URLLC.

Of the shared RBs it gives a_2 to URLLC, a_3 of what is left to eMBB, the rest to mMTC, in this order from the low end
at every DU, so that URLLC meets URLLC. RBs of others it leaves idle. Each DU owns ``owned_rbs`` RBs, k mod M = i, which
a reset may change. A share a of N RBs is min(⌊a·(N + 1)⌋, N) of them: every number has an interval of the same width.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from oran_env.model.mac.codecs.codec import AS_GIVEN, IDLE, Codec, Du
from oran_env.model.mac.ownership import SHARED, owner
from oran_env.numerics.jit import Integers, Singles, kernel
from oran_env.scenario.fields import Scenario
from oran_env.scenario.slices import EMBB, MMTC, URLLC

SIZE = 4


@kernel
def share_of(value: float, total: int) -> int:
    """Number of RBs that a share in [0, 1] is of ``total``."""
    return min(int(min(max(float(value), 0.0), 1.0) * (total + 1)), total)


@kernel
def lay_zones(own: Integers, shared: Integers, m: int, num_dus: int, owned_rbs: int, slice_of_rb: Integers) -> int:
    """Write the slice of each RB (K,) of DU m from numbers of RBs per slice; return the number of RBs claimed.

    own: (3,) of the RBs of its own, in the order eMBB, mMTC, URLLC; shared: (3,) of those of nobody, in the order
    URLLC, eMBB, mMTC. Where they leave some over, these are idle.
    """
    claimed, mine, ours = 0, 0, 0  # RBs so far: claimed, of its own, shared
    for k in range(len(slice_of_rb)):
        whose = owner(k, num_dus, owned_rbs)
        i = IDLE
        if whose == m:
            if mine < own[EMBB]:
                i = EMBB
            elif mine < own[EMBB] + own[MMTC]:
                i = MMTC
            elif mine < own[EMBB] + own[MMTC] + own[URLLC]:
                i = URLLC
            mine += 1
        elif whose == SHARED:
            if ours < shared[URLLC]:
                i = URLLC
            elif ours < shared[URLLC] + shared[EMBB]:
                i = EMBB
            elif ours < shared[URLLC] + shared[EMBB] + shared[MMTC]:
                i = MMTC
            ours += 1
        slice_of_rb[k] = i
        claimed += i != IDLE
    return claimed


@kernel
def decode_zones(action: Singles, du: Du, slice_of_rb: Integers, ue_of_rb: Integers) -> int:
    """Write the slice of each RB (K,); return the number of RBs claimed."""
    own, shared = np.empty(3, dtype=np.int64), np.empty(3, dtype=np.int64)
    total = len(slice_of_rb) - du.num_dus * du.owned_rbs
    own[EMBB] = share_of(action[0], du.owned_rbs)
    own[MMTC] = share_of(action[1], du.owned_rbs - own[EMBB])
    own[URLLC] = du.owned_rbs - own[EMBB] - own[MMTC]
    shared[URLLC] = share_of(action[2], total)
    shared[EMBB] = share_of(action[3], total - shared[URLLC])
    shared[MMTC] = total - shared[URLLC] - shared[EMBB]
    return lay_zones(own, shared, du.m, du.num_dus, du.owned_rbs, slice_of_rb)


def encode_counts(own: NDArray[np.int64], shared: NDArray[np.int64]) -> NDArray[np.float32]:
    """The action (..., 4) for numbers of own and shared RBs per slice, each (..., 3): the middle of each interval."""
    own_rest, shared_rest = own.sum(axis=-1), shared.sum(axis=-1)
    pairs = (
        (own[..., EMBB], own_rest),
        (own[..., MMTC], own_rest - own[..., EMBB]),
        (shared[..., URLLC], shared_rest),
        (shared[..., EMBB], shared_rest - shared[..., URLLC]),
    )
    return np.stack([(number + 0.5) / (total + 1) for number, total in pairs], axis=-1).astype(np.float32)


def encode_zones(owns: NDArray[np.bool_], ues: NDArray[np.float64] | None, scenario: Scenario) -> NDArray[np.float32]:
    """The action (..., 4) that splits own and shared RBs in the same proportion, that of the numbers of RBs.

    Where the RBs lie is not read, and idle ones there are none: ``encode_counts`` is exact.
    """
    counts = owns.sum(axis=-1)
    total = np.maximum(counts.sum(axis=-1, keepdims=True), 1)
    parts = []
    for room in (scenario.owned_rbs, scenario.radio.num_rbs - scenario.layout.num_dus * scenario.owned_rbs):
        stops = np.rint(np.cumsum(counts, axis=-1) * room / total).astype(np.int64)
        parts.append(np.diff(stops, axis=-1, prepend=0))
        parts[-1][..., MMTC] += room - stops[..., -1]  # all of it where nothing is given out
    return encode_counts(parts[0], parts[1])


CODEC = Codec(lambda num_rbs: SIZE, 0, 0, AS_GIVEN, decode_zones, encode_zones)
