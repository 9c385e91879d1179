"""``slice_mask``: 3·K values, one bit per slice and RB (bit l·K + k). An RB claimed by two slices goes to none.

The claims may exceed the K RBs there are, which P_res of eq. (8) punishes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from oran_env.model.mac.codecs.codec import BITS, CONTESTED, IDLE, THRESHOLD, Codec, Du
from oran_env.numerics.jit import Integers, Singles, kernel
from oran_env.scenario.fields import Scenario
from oran_env.scenario.slices import NUM_SLICES


@kernel
def decode_slice_mask(action: Singles, du: Du, slice_of_rb: Integers, ue_of_rb: Integers) -> int:
    """Write the slice of each RB (K,); return the number of claims."""
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


def encode_slice_mask(
    owns: NDArray[np.bool_], ues: NDArray[np.float64] | None, scenario: Scenario
) -> NDArray[np.float32]:
    """The action (..., 3·K)."""
    return owns.reshape(*owns.shape[:-2], -1).astype(np.float32)


CODEC = Codec(lambda num_rbs: NUM_SLICES * num_rbs, NUM_SLICES, 0, BITS, decode_slice_mask, encode_slice_mask)
