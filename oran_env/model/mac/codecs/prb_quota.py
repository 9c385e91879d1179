"""``prb_quota``: 9 values, the minimum, then the maximum, then the dedicated ratio of the RBs for eMBB, mMTC and URLLC.

They are the RRM policy ratios of E2SM-RC, control style 2, and TS 28.541 (rRMPolicyMinRatio, MaxRatio, DedicatedRatio).
A DU divides its K RBs by them and by d_l, the number of UEs of slice l that have something to send: all of its UEs,
with a queue those with a backlog or arrivals in the step.

1. A ratio a is min(⌊a·(K + 1)⌋, K) RBs. A minimum above the maximum is lowered to it, a dedicated one above the minimum
   to that. Minima that add up to more than K are lowered in proportion, and the dedicated ones to them.
2. Dedicated RBs are the slice's alone; they stay idle when d_l = 0.
3. Prioritised RBs, minimum less dedicated, go to the slice when d_l > 0, else to whoever can use them.
4. What is left goes RB by RB to the slice below its maximum with the least (given + 1/2) / d_l (Sainte-Laguë: in
   proportion to d); of equal ones to the first. Beyond all maxima RBs stay idle.

The slices lie side by side from RB 0, dedicated RBs that stay idle in their places.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from oran_env.model.mac.codecs.codec import AS_GIVEN, IDLE, Codec, Du
from oran_env.model.mac.codecs.zones import share_of
from oran_env.numerics.jit import Integers, Singles, kernel
from oran_env.scenario.fields import Scenario
from oran_env.scenario.slices import NUM_SLICES

MINIMUM, MAXIMUM, DEDICATED = range(3)


@kernel
def read_quotas(action: Singles, num_rbs: int, quotas: Integers) -> None:
    """Step 1: write the quotas (3, 3) in RBs, by MINIMUM, MAXIMUM, DEDICATED and slice."""
    total = 0
    for i in range(NUM_SLICES):
        for kind in range(3):
            quotas[kind, i] = share_of(action[kind * NUM_SLICES + i], num_rbs)
        quotas[MINIMUM, i] = min(quotas[MINIMUM, i], quotas[MAXIMUM, i])
        total += quotas[MINIMUM, i]
    for i in range(NUM_SLICES):
        if total > num_rbs:
            quotas[MINIMUM, i] = quotas[MINIMUM, i] * num_rbs // total
        quotas[DEDICATED, i] = min(quotas[DEDICATED, i], quotas[MINIMUM, i])


@kernel
def share_out(quotas: Integers, sending: Integers, num_rbs: int, granted: Integers) -> None:
    """Steps 2 to 4: write the RBs (3,) that carry data, from quotas (3, 3) and d (3,)."""
    left = num_rbs
    for i in range(NUM_SLICES):
        granted[i] = quotas[MINIMUM, i] if sending[i] > 0 else 0
        left -= granted[i] if sending[i] > 0 else quotas[DEDICATED, i]
    given = np.zeros(NUM_SLICES, dtype=np.int64)
    while left > 0:
        least = -1
        for i in range(NUM_SLICES):
            if sending[i] == 0 or granted[i] >= quotas[MAXIMUM, i]:
                continue
            if least < 0 or (2 * given[i] + 1) * sending[least] < (2 * given[least] + 1) * sending[i]:
                least = i
        if least < 0:
            break
        given[least] += 1
        granted[least] += 1
        left -= 1


@kernel
def decode_prb_quota(action: Singles, du: Du, slice_of_rb: Integers, ue_of_rb: Integers) -> int:
    """Write the slice of each RB (K,); return the number of RBs claimed."""
    num_rbs = len(slice_of_rb)
    quotas, granted = np.empty((3, NUM_SLICES), dtype=np.int64), np.empty(NUM_SLICES, dtype=np.int64)
    read_quotas(action, num_rbs, quotas)
    share_out(quotas, du.sending, num_rbs, granted)
    slice_of_rb[:] = IDLE
    stop = 0
    for i in range(NUM_SLICES):
        slice_of_rb[stop : stop + granted[i]] = i
        stop += granted[i] if du.sending[i] > 0 else quotas[DEDICATED, i]
    return int(granted.sum())


def encode_prb_quota(
    owns: NDArray[np.bool_], ues: NDArray[np.float64] | None, scenario: Scenario
) -> NDArray[np.float32]:
    """The action (..., 9) with all three quotas at the number of RBs; of the RBs only their number counts."""
    ratios = (owns.sum(axis=-1) + 0.5) / (owns.shape[-1] + 1)  # the middle of the interval of that number
    return np.concatenate([ratios] * 3, axis=-1).astype(np.float32)


CODEC = Codec(lambda num_rbs: 3 * NUM_SLICES, 0, 0, AS_GIVEN, decode_prb_quota, encode_prb_quota)
