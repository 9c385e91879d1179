"""Shorthands for tests: actions for a batch of networks, and settings that keep them simple."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oran_env import Simulator

BITS_OF_SLICE = np.array([[0.0, 1.0], [1.0, 1.0], [1.0, 0.0]], dtype=np.float32)  # two_bit: (b, e)
STANDING: dict[str, Any] = {"min_speed_mps": 0.0, "max_speed_mps": 0.0}


def idle(simulator: Simulator) -> NDArray[np.float32]:
    """Actions (B, M, A) that grant nothing."""
    return np.zeros((simulator.num_networks, len(simulator.agents), simulator.action_size), dtype=np.float32)


def random_actions(simulator: Simulator, rng: np.random.Generator) -> NDArray[np.float32]:
    """Actions (B, M, A) uniform in [0, 1)."""
    return rng.random((simulator.num_networks, len(simulator.agents), simulator.action_size), dtype=np.float32)


def serve_all(simulator: Simulator, dus: list[int] | None = None, num_rbs: int | None = None) -> NDArray[np.float32]:
    """Actions (B, M, A) of two_bit: each DU of ``dus`` gives its first RBs to the slice of its lowest UE."""
    state, s = simulator.state, simulator.scenario
    batch, k = simulator.num_networks, s.radio.num_rbs
    actions = np.zeros((batch, s.layout.num_dus, 2, k), dtype=np.float32)
    for b in range(batch):
        for m in range(s.layout.num_dus) if dus is None else dus:
            mine = np.flatnonzero(state.serving[b] == m)
            if mine.size:
                actions[b, m, :, : num_rbs or k] = BITS_OF_SLICE[state.slice_of_ue[b, mine[0]], :, None]
    return actions.reshape(batch, s.layout.num_dus, 2 * k)


def within(values: NDArray[Any], expected: float, sigmas: float = 4.5) -> bool:
    """Whether the mean of independent values is what it should be."""
    return bool(abs(values.mean() - expected) < sigmas * values.std(ddof=1) / math.sqrt(values.size))
