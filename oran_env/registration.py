"""Ids in the registries of PettingZoo and Gymnasium. Importing ``oran_env`` registers them, once.

| id | registry | agent |
|---|---|---|
| ``oran/ORAN-v1`` | PettingZoo, parallel and AEC | one per DU |
| ``oran/ORAN-joint-v1`` | Gymnasium | one for all DUs, team reward |
| ``oran/ORAN-du-v1`` | Gymnasium | one DU; the others follow a policy |

Each preset has ids of its own, too: ``oran/ORAN-PRESET-v1``, ``oran/ORAN-joint-PRESET-v1``, ``oran/ORAN-du-PRESET-v1``,
the same as the above with ``scenario="PRESET"``.

Versions: the number at the end of an id goes up when, for the same arguments, seed and actions, the dynamics, the
observation or the reward change; results of different versions are not comparable. New arguments, presets, info keys
and speed do not change it. All three ids share one simulator and so one version. While the package itself is at 0.x,
v1 may still change; every change stands in the version history of the documentation.

## Version History

* v1 (package 0.2.0): one seed rule for every entry, network b of a batch is (seed, b); validation and test networks
  have names that no seed leads to. Added beside it, off by default: averaged and correlated fading, exact queue,
  cells, link adaptation, zones codec.
* v0 (package 0.1.0): first version; asking for it raises an error that says where it is. Vector environments gave
  network b the seed s + b, so that neighbouring seeds shared networks.
"""

from __future__ import annotations

from typing import Any

import gymnasium
import pettingzoo
from gymnasium.error import DeprecatedEnv

from oran_env.envs.parallel_env import parallel_env
from oran_env.scenario.near_miss import did_you_mean
from oran_env.scenario.presets import PRESETS

PARALLEL_ID = "oran/ORAN-v1"
JOINT_ID = "oran/ORAN-joint-v1"
DU_ID = "oran/ORAN-du-v1"
LAST_WITH_V0 = "package version 0.1.0 (git revision e18373c)"


def register() -> None:
    """Add the environments to both registries; a second call changes nothing."""
    if hasattr(pettingzoo, "register"):  # from 1.27 on; before that there is `oran_env.parallel_env`
        for kind, function in (("parallel", "parallel_env"), ("aec", "env")):
            _add_pettingzoo(kind, PARALLEL_ID, f"oran_env.envs.parallel_env:{function}")
    _add_gymnasium(JOINT_ID, "oran_env.envs.joint_env:OranJointEnv", "oran_env.envs.vector_env:OranJointVectorEnv")
    _add_gymnasium(DU_ID, "oran_env.envs.single_du_env:OranDuEnv", "oran_env.envs.vector_env:OranDuVectorEnv")


def make_parallel(name: str, **arguments: Any) -> Any:
    """What ``pettingzoo.make("parallel", name)`` makes, for PettingZoo before 1.27, which has no registry.

    Raises:
        ValueError: no id of a parallel environment of ours.
    """
    ids = {PARALLEL_ID: "paper"} | {preset_id(PARALLEL_ID, preset): preset for preset in PRESETS}
    if name not in ids:
        raise ValueError(f"no environment {name!r}; {did_you_mean(name, ids)}allowed: {', '.join(ids)}")
    return parallel_env(**{"scenario": ids[name], **arguments})


def preset_id(name: str, preset: str) -> str:
    """The id of a preset: ``oran/ORAN-bursty-v1`` of ``oran/ORAN-v1``."""
    return f"{name.removesuffix('-v1')}-{preset}-v1"


def _add_pettingzoo(kind: str, name: str, entry_point: str) -> None:
    if name not in (pettingzoo.aec_registry if kind == "aec" else pettingzoo.parallel_registry):
        pettingzoo.register(kind, name, entry_point=entry_point)
        pettingzoo.register(kind, _before(name), entry_point=f"{__name__}:retired", kwargs={"asked_for": name})
        for preset in PRESETS:
            own: dict[str, Any] = {"scenario": preset}
            pettingzoo.register(kind, preset_id(name, preset), entry_point=entry_point, kwargs=own)


def _add_gymnasium(name: str, entry_point: str, vector_entry_point: str) -> None:
    if name not in gymnasium.registry:
        gymnasium.register(name, entry_point=entry_point, vector_entry_point=vector_entry_point)
        old = f"{__name__}:retired"
        gymnasium.register(_before(name), entry_point=old, vector_entry_point=old, kwargs={"asked_for": name})
        for preset in PRESETS:
            gymnasium.register(
                preset_id(name, preset),
                entry_point=entry_point,
                vector_entry_point=vector_entry_point,
                kwargs={"scenario": preset},
            )


def _before(name: str) -> str:
    return f"{name.removesuffix('v1')}v0"


def retired(asked_for: str, **_: Any) -> None:
    """What the ids of v0 make: an error that says where to go. ``asked_for``: the id that takes its place.

    Raises:
        DeprecatedEnv: always.
    """
    raise DeprecatedEnv(
        f"{_before(asked_for)} is no longer here. Use {asked_for!r}, whose results are not comparable with it, "
        f"or {LAST_WITH_V0}, the last with v0"
    )
