"""``ue_grid``: every b and e there is. 3·K bits b as in ``slice_mask``, then 64·K bits e (bit 3·K + j·K + k).

Column j is the j-th UE of the DU, by slice and index. An RB claimed by two slices, by two UEs, or by a UE of another
slice goes to none. Where a slice claims an RB without naming a UE, the MAC scheduler deals it to the slice's UEs beyond
column 64, if any.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from oran_env.model.mac.codecs.codec import BITS, CONTESTED, IDLE, THRESHOLD, TO_SCHEDULE, Codec, Du
from oran_env.model.mac.codecs.slice_mask import decode_slice_mask
from oran_env.numerics.jit import Integers, Singles, kernel
from oran_env.scenario.fields import Scenario
from oran_env.scenario.slices import NUM_SLICES

MAX_COLUMNS = 64  # U, UEs of a DU that the action can name


@kernel
def decode_ue_grid(action: Singles, du: Du, slice_of_rb: Integers, ue_of_rb: Integers) -> int:
    """Write slice and UE of each RB (K,); return the number of claims."""
    first, members = du.first, du.members
    num_rbs = len(slice_of_rb)
    claimed = decode_slice_mask(action[: NUM_SLICES * num_rbs], du, slice_of_rb, ue_of_rb)
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


def encode_ue_grid(owns: NDArray[np.bool_], ues: NDArray[np.float64] | None, scenario: Scenario) -> NDArray[np.float32]:
    """The action (..., 67·K) that deals the RBs of each slice to its UEs (..., 3) in turn."""
    if ues is None:
        raise ValueError("ues is None; needed to encode for ue_grid: the number of UEs per slice (..., 3)")
    before = (np.cumsum(ues, axis=-1) - ues)[..., None]  # column of the first UE of each slice
    turn = (np.cumsum(owns, axis=-1) - 1) % np.maximum(ues, 1)[..., None]
    column = np.where(owns & (ues > 0)[..., None], before + turn, -1).max(axis=-2)  # (..., K), -1 for none
    names = column[..., None, :] == np.arange(MAX_COLUMNS)[:, None]  # (..., U, K)
    flat = [part.reshape(*part.shape[:-2], -1) for part in (owns, names)]
    return np.concatenate(flat, axis=-1).astype(np.float32)


CODEC = Codec(
    lambda num_rbs: (NUM_SLICES + MAX_COLUMNS) * num_rbs, NUM_SLICES, MAX_COLUMNS, BITS, decode_ue_grid, encode_ue_grid
)
