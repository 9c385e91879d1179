"""The spaces of the environments, from the simulator's sizes and bounds."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from gymnasium.spaces import Box, MultiBinary, Space

from oran_env.model.mac.action_codec import CODECS, num_powers
from oran_env.model.mac.codecs.codec import BITS
from oran_env.scenario.fields import Scenario
from oran_env.simulator.simulator import Simulator

ActionType = Literal["box", "multi_binary"]
ACTION_TYPES = ("box", "multi_binary")


def observation_space(simulator: Simulator, copies: int = 1) -> Box:
    """What ``copies`` DUs see, side by side: Box (copies·D,)."""
    low, high = simulator.observation_low, simulator.observation_high
    return Box(np.tile(low, copies), np.tile(high, copies), dtype=np.float32)


def action_space(scenario: Scenario, values: int, action_type: ActionType = "box") -> Space[Any]:
    """Space of an action with this many values.

    ``box``: Box(0, 1) float32; a value above 0.5 is a set bit. ``multi_binary``: MultiBinary, the bits themselves, for
    agents with a Bernoulli policy (PPO, A2C); the simulator reads them as the numbers 0 and 1.

    Raises:
        ValueError: unknown action type, or ``multi_binary`` with a codec that has shares instead of bits.
    """
    check_action_type(action_type, scenario.control.codec)
    if action_type == "multi_binary" and num_powers(scenario):
        raise ValueError("action_type is 'multi_binary'; allowed with power_range_db, whose values are no bits: box")
    return MultiBinary(values) if action_type == "multi_binary" else Box(0.0, 1.0, (values,), np.float32)


def check_action_type(action_type: str, codec: str) -> None:
    """Raise ValueError unless the codec can be driven with this action type."""
    if action_type not in ACTION_TYPES:
        raise ValueError(f"action_type is {action_type!r}; allowed: {', '.join(ACTION_TYPES)}")
    if action_type == "multi_binary" and CODECS[codec].seen != BITS:
        raise ValueError(f"action_type is 'multi_binary'; allowed with codec {codec!r}, which has no bits: box")
