"""Ids in the registries of PettingZoo and Gymnasium. Importing ``oran_env`` registers them, once."""

from __future__ import annotations

import gymnasium
import pettingzoo

PARALLEL_ID = "oran/ORAN-v0"
JOINT_ID = "oran/ORAN-joint-v0"


def register() -> None:
    """Add the environments to both registries; a second call changes nothing."""
    if PARALLEL_ID not in pettingzoo.parallel_registry:
        pettingzoo.register("parallel", PARALLEL_ID, entry_point="oran_env.pettingzoo_env:parallel_env")
    if JOINT_ID not in gymnasium.registry:
        gymnasium.register(JOINT_ID, entry_point="oran_env.gymnasium_env:OranJointEnv")
