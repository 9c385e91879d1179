"""What is told of a network before its first step, and beside every later one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oran_env.model.mac.codecs.ue_grid import MAX_COLUMNS
from oran_env.model.outcome import INFO, TOLD, empty_outcome
from oran_env.model.parameters import Parameters
from oran_env.model.state import State
from oran_env.scenario.fields import Scenario
from oran_env.scenario.slices import NUM_SLICES


def before_first_step(scenario: Scenario, batch: int, told: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """The infos of a reset with the keys of a step: what a step will tell is 0, as nothing has happened yet.

    Tools that record infos want the same keys in both.
    """
    blank = empty_outcome(scenario, batch)[TOLD]
    return {**{name: np.zeros_like(array) for name, array in zip(INFO, blank, strict=True)}, **told}


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
