"""The spaces of the environments, from the simulator's sizes and bounds."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from gymnasium.spaces import Box, MultiBinary, Space
from numpy.typing import NDArray

from oran_env.model.mac.action_codec import CODECS, num_powers
from oran_env.model.mac.codecs.codec import BITS
from oran_env.scenario.fields import Scenario
from oran_env.scenario.slices import NUM_SLICES
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


def action_masks(space: Space[Any], scenario: Scenario, ues: NDArray[np.bool_] | None = None) -> NDArray[np.bool_]:
    """Which bits may be 0 and 1, (2·values,): bit 0 may be 0, bit 0 may be 1, bit 1 may be 0, …

    Every bit is free but with ``ue_grid`` those of a column without UE, which only can be 0.

    Args:
        space: of the action, MultiBinary.
        scenario: which codec and how many RBs.
        ues: with ``ue_grid``, which columns have a UE (64,), or (M, 64) of all DUs.

    Raises:
        ValueError: another space, whose actions have no mask.
    """
    if not isinstance(space, MultiBinary):
        raise ValueError("action_type is 'box', whose actions have no masks; allowed: multi_binary")
    masks = np.ones((int(np.prod(space.shape)), 2), dtype=np.bool_)
    if ues is not None:
        rows = np.atleast_2d(ues)
        num_rbs = scenario.radio.num_rbs
        of_slices = np.ones((len(rows), NUM_SLICES * num_rbs), dtype=np.bool_)
        masks[:, 1] = np.concatenate([of_slices, np.repeat(rows, num_rbs, axis=1)], axis=1).reshape(-1)
    return masks.reshape(-1)
