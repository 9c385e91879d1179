"""Shorthands for tests of the picture."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from oran_env import Simulator
from oran_env.rendering.rb_panel import cell_centre
from support.networks import random_actions

Frame = NDArray[np.uint8]


def started(scenario: str = "tiny", seed: int = 3, batch: int = 1, **overrides: Any) -> Simulator:
    simulator = Simulator(scenario, batch, seed, **overrides)
    simulator.reset()
    return simulator


def stepped(steps: int = 1, **overrides: Any) -> Simulator:
    simulator = started(**overrides)
    rng = np.random.default_rng(0)
    for _ in range(steps):
        simulator.step(random_actions(simulator, rng))
    return simulator


def cell(frame: Frame, simulator: Simulator, m: int, k: int) -> tuple[int, ...]:
    return tuple(frame[cell_centre(simulator.scenario, m, k)].tolist())


def holds(frame: Frame, colour: tuple[int, int, int]) -> int:
    """Number of pixels of a colour."""
    return int((frame == np.array(colour)).all(axis=2).sum())
