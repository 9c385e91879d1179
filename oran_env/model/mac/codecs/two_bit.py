"""``two_bit``: 2·K values, all b then all e. (b_k, e_k) = 00 idle, 01 eMBB, 11 mMTC, 10 URLLC.

So constraints (7b) and (7c) hold by construction; within a slice the MAC scheduler picks the UE.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from oran_env.model.mac.codecs.codec import BITS, IDLE, THRESHOLD, Codec, Du
from oran_env.numerics.jit import Integers, Singles, kernel
from oran_env.scenario.fields import Scenario
from oran_env.scenario.slices import EMBB, MMTC, URLLC


@kernel
def decode_two_bit(action: Singles, du: Du, slice_of_rb: Integers, ue_of_rb: Integers) -> int:
    """Write the slice of each RB (K,); return the number of RBs claimed."""
    num_rbs = len(slice_of_rb)
    claimed = 0
    for k in range(num_rbs):
        b = action[k] > THRESHOLD
        e = action[num_rbs + k] > THRESHOLD
        slice_of_rb[k] = (MMTC if e else URLLC) if b else (EMBB if e else IDLE)
        claimed += b or e
    return claimed


def encode_two_bit(owns: NDArray[np.bool_], ues: NDArray[np.float64] | None, scenario: Scenario) -> NDArray[np.float32]:
    """The action (..., 2·K)."""
    b = owns[..., MMTC, :] | owns[..., URLLC, :]
    e = owns[..., EMBB, :] | owns[..., MMTC, :]
    return np.concatenate([b, e], axis=-1).astype(np.float32)


CODEC = Codec(lambda num_rbs: 2 * num_rbs, 2, 0, BITS, decode_two_bit, encode_two_bit)
