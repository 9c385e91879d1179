"""The space of what is observed, from the simulator's sizes and bounds; actions have ``action_face.py``."""

from __future__ import annotations

import numpy as np
from gymnasium.spaces import Box

from oran_env.simulator.simulator import Simulator


def observation_space(simulator: Simulator, copies: int = 1) -> Box:
    """What ``copies`` DUs see, side by side: Box (copies·D,)."""
    low, high = simulator.observation_low, simulator.observation_high
    return Box(np.tile(low, copies), np.tile(high, copies), dtype=np.float32)
