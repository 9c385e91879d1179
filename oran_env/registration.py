"""Ids in the registries of PettingZoo and Gymnasium. Importing ``oran_env`` registers them, once.

| id | registry | agent |
|---|---|---|
| ``oran/ORAN-v0`` | PettingZoo, parallel and AEC | one per DU |
| ``oran/ORAN-joint-v0`` | Gymnasium | one for all DUs, team reward |
| ``oran/ORAN-du-v0`` | Gymnasium | one DU; the others follow a policy |

Versions: the number at the end of an id goes up when, for the same arguments, seed and actions, the dynamics, the
observation or the reward change; results of different versions are not comparable. New arguments, presets, info keys
and speed do not change it. All three ids share one simulator and so one version. While the package itself is at 0.x,
v0 may still change; every change stands in the version history of the documentation.

## Version History

* v0 (package 0.1.0): first version. The codecs ``ue_grid`` and ``slice_share``, schedulers, UMa path loss, shadowing,
  fading blocks, traffic profiles, varying demand, sessions, ``weighted_kpi`` and ``reward_sharing`` were added to it;
  with their default values trajectories are, bit for bit, what they were before.
"""

from __future__ import annotations

import gymnasium
import pettingzoo

PARALLEL_ID = "oran/ORAN-v0"
JOINT_ID = "oran/ORAN-joint-v0"
DU_ID = "oran/ORAN-du-v0"


def register() -> None:
    """Add the environments to both registries; a second call changes nothing."""
    if PARALLEL_ID not in pettingzoo.parallel_registry:
        pettingzoo.register("parallel", PARALLEL_ID, entry_point="oran_env.envs.parallel_env:parallel_env")
    if PARALLEL_ID not in pettingzoo.aec_registry:
        pettingzoo.register("aec", PARALLEL_ID, entry_point="oran_env.envs.parallel_env:env")
    if JOINT_ID not in gymnasium.registry:
        gymnasium.register(
            JOINT_ID,
            entry_point="oran_env.envs.joint_env:OranJointEnv",
            vector_entry_point="oran_env.envs.vector_env:OranJointVectorEnv",
        )
    if DU_ID not in gymnasium.registry:
        gymnasium.register(
            DU_ID,
            entry_point="oran_env.envs.single_du_env:OranDuEnv",
            vector_entry_point="oran_env.envs.vector_env:OranDuVectorEnv",
        )
