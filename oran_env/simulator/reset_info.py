"""What is told of a network before its first step, and beside every later one."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from oran_env.model.mac.codecs.ue_grid import MAX_COLUMNS
from oran_env.model.parameters import Parameters
from oran_env.model.state import State
from oran_env.scenario.slices import NUM_SLICES


def told_at_reset(p: Parameters, s: State) -> dict[str, NDArray[Any]]:
    """By name, each (B, M, …).

    ue_mask: with ``ue_grid`` only: which columns of the action have a UE (B, M, 64).
    owned_rbs: with ``zones`` only: P, the RBs that the DU owns (B, M).
    """
    told: dict[str, NDArray[Any]] = {}
    num_dus = s.mix.shape[1]
    if p.scheduling.named_ues:
        first = s.first[:, ::NUM_SLICES]
        told["ue_mask"] = np.arange(MAX_COLUMNS) < (first[:, 1:] - first[:, :-1])[..., None]
    if p.decoding.owned:
        told["owned_rbs"] = np.repeat(s.owned_rbs[:, None], num_dus, axis=1)
    return told
