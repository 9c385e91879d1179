"""A plan: who uses which RBs, in a few numbers per network and two corrections per DU, for the search of lookahead.py.

URLLC and eMBB have reuse 1 (all DUs use the same RBs and interfere), 3 (neighbouring DUs use different RBs) or M (each
DU has RBs of its own, where nobody interferes). mMTC gets some RBs of a DU's own, and everything that is left.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from oran_env.model.mac.action_codec import CODECS, encode_owned
from oran_env.model.mac.codecs.codec import IDLE
from oran_env.scenario.fields import Scenario
from oran_env.scenario.slices import EMBB, MMTC, NUM_SLICES, URLLC

ALL, THREE, ONE = range(3)  # how many share an RB: all DUs, every third one, one


@dataclass(frozen=True)
class Plan:
    """Reuse and size of each zone; the sizes are per DU, before its corrections."""

    reuse: tuple[int, int]  # of URLLC and eMBB: ALL, THREE or ONE
    rbs_per_urllc_ue: float
    embb_rbs: int
    own_mmtc_rbs: int  # for each DU
    corrections: tuple[tuple[int, int], ...]  # (M, 2) RBs more or fewer of URLLC and of eMBB

    def corrected(self, m: int, which: int, change: int) -> Plan:
        """The plan in which DU m has ``change`` RBs more for URLLC (which = 0) or eMBB (1)."""
        rows = [list(row) for row in self.corrections]
        rows[m][which] += change
        return dataclasses.replace(self, corrections=tuple((urllc, embb) for urllc, embb in rows))


def colours(sites: NDArray[np.float64]) -> NDArray[np.int64]:
    """One of three colours for each RU (M,) of a hexagonal lattice, so that nearest neighbours differ."""
    if len(sites) == 1:
        return np.zeros(1, dtype=np.int64)
    apart = np.linalg.norm(sites[:, None] - sites[None], axis=-1)
    x, y = (sites - sites[0]).T / apart[apart > 0].min()
    row = np.rint(y / math.sqrt(0.75))
    along = np.rint(x - row / 2)  # steps along the row, in the slanted axes of the lattice
    chosen: NDArray[np.int64] = ((along - row) % 3).astype(np.int64)
    return chosen


def lay_out(
    plan: Plan, ues: NDArray[np.float64], groups: Mapping[int, NDArray[np.int64]], num_rbs: int
) -> NDArray[np.int64]:
    """Slice of each RB (M, K), -1 idle, from a plan, the UEs per DU and slice (M, 3), and a colour (M,) per reuse."""
    corrections = np.array(plan.corrections, dtype=np.int64)
    counts = np.zeros(ues.shape, dtype=np.int64)
    counts[:, URLLC] = np.ceil(plan.rbs_per_urllc_ue * ues[:, URLLC]).astype(np.int64) + corrections[:, 0]
    counts[:, EMBB] = plan.embb_rbs + corrections[:, 1]
    counts[:, MMTC] = plan.own_mmtc_rbs
    counts = np.where(ues > 0, np.clip(counts, 0, num_rbs), 0)
    rest = np.full(len(ues), IDLE)  # the slice that gets what is in no zone
    for i in (URLLC, EMBB, MMTC):
        rest[ues[:, i] > 0] = i
    grid = np.repeat(rest[:, None], num_rbs, axis=1)
    zones = ((URLLC, plan.reuse[0]), (EMBB, plan.reuse[1]), (MMTC, ONE))
    start = 0
    for i, reuse in zones:
        if reuse == ALL:
            continue
        colour = groups[reuse]
        for c in np.unique(colour):
            members = np.flatnonzero(colour == c)
            stop = min(start + int(counts[members, i].max()), num_rbs)
            grid[colour != c, start:stop] = IDLE
            for m in members.tolist():
                grid[m, start : min(start + int(counts[m, i]), stop)] = i
            start = stop
    for m in range(len(ues)):  # what all share comes last, so that its sizes at one DU move nothing at another
        begin = start
        for i, reuse in zones:
            if reuse == ALL:
                grid[m, begin : begin + int(counts[m, i])] = i
                begin += int(counts[m, i])
    return grid


def encode_slices(grid: NDArray[np.int64], scenario: Scenario) -> NDArray[np.float32]:
    """Action (..., A) from the slice of each RB (..., K), -1 idle.

    Raises:
        ValueError: the codec has no bits for single RBs.
    """
    codec = CODECS[scenario.control.codec]
    if codec.claims == 0 or codec.named_ues > 0:
        raise ValueError(f"codec is {scenario.control.codec!r}; allowed for a plan: 'two_bit', 'slice_mask'")
    return encode_owned(np.stack([grid == i for i in range(NUM_SLICES)], axis=-2), scenario)
