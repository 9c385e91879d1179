"""``slice_share``: 4 values, the shares of eMBB, mMTC, URLLC and idle RBs, scaled to a sum of 1.

They are rounded by largest remainder; the slices lie side by side from RB 0.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from oran_env.model.mac.codecs.codec import IDLE, SHARES, Codec, Du
from oran_env.numerics.jit import Integers, Singles, kernel
from oran_env.scenario.fields import Scenario
from oran_env.scenario.slices import NUM_SLICES


@kernel
def decode_slice_share(action: Singles, du: Du, slice_of_rb: Integers, ue_of_rb: Integers) -> int:
    """Write the slice of each RB (K,); return the number of RBs claimed."""
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
    for i in range(NUM_SLICES + 1):  # the remainder is exact: equal ones are equal, and the first one wins
        remainders[i] = (shares[i] * num_rbs) % total
        counts[i] = int((shares[i] * num_rbs - remainders[i]) / total + 0.5)
    for _ in range(num_rbs - counts.sum()):
        most = np.argmax(remainders)
        counts[most] += 1
        remainders[most] = -1.0
    stop = 0
    for i in range(NUM_SLICES):
        slice_of_rb[stop : stop + counts[i]] = i
        stop += counts[i]
    return stop


def encode_slice_share(
    owns: NDArray[np.bool_], ues: NDArray[np.float64] | None, scenario: Scenario
) -> NDArray[np.float32]:
    """The action (..., 4); of the RBs only their number counts."""
    num_rbs = owns.shape[-1]
    counts = owns.sum(axis=-1)
    shares = np.concatenate([counts, num_rbs - counts.sum(axis=-1, keepdims=True)], axis=-1) / num_rbs
    encoded: NDArray[np.float32] = shares.astype(np.float32)
    return encoded


CODEC = Codec(lambda num_rbs: NUM_SLICES + 1, 0, 0, SHARES, decode_slice_share, encode_slice_share)
