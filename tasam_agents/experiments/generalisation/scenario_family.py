"""A family of scenarios around the one an agent was trained on: the same spaces, another world.

A member is written as the presets' names are, as fields of the environment, or both: ``overload``, ``num_ues=30``,
``calm,load=2``. Around `paper` the names are the presets themselves. Around any other scenario a name stands for what
that preset changes in `paper`, with the number of UEs in the same proportion: `overload` has 1.6 times as many.
Fields of several values stay as they are there, and a preset that is impossible there (two sites have no wrap-around)
is left out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from oran_env.scenario.fields import FIELD_GROUPS
from oran_env.scenario.presets import make_scenario
from tasam_agents.config.fields import Scalar
from tasam_agents.config.name_value import name_and_value
from tasam_agents.envs.interface import EnvironmentRefused
from tasam_agents.envs.make import make_batched, make_env
from tasam_agents.errors import UserError, not_among

HOME = "paper"
FAMILY = ("calm", "heterogeneous", "bursty", "overload", "fast", "dense")
ORAN = "oran/ORAN-v1"  # the only environment that knows these names; any other takes FIELD=VALUE

Arguments = Mapping[str, Scalar]


@dataclass(frozen=True)
class Member:
    """One scenario of the family."""

    name: str
    arguments: Arguments  # of the environment

    @property
    def slug(self) -> str:
        """The name as part of a file name."""
        return re.sub(r"[^\w.=+-]+", "-", self.name)


def base_of(env_id: str, trained_on: Sequence[Arguments]) -> dict[str, Scalar]:
    """The arguments around which the family of these runs lies: what they share, less what the family itself varies.

    Raises:
        UserError: they were trained on presets that have no family in common.
    """
    shared = {
        name: value
        for name, value in trained_on[0].items()
        if all(name in each and each[name] == value for each in trained_on)
    }
    if env_id != ORAN:
        return shared
    presets = list(dict.fromkeys(str(each.get("scenario", HOME)) for each in trained_on))
    if set(presets) <= {HOME, *FAMILY}:
        presets = [HOME]
    if len(presets) > 1:
        raise UserError(f"the runs were trained on {', '.join(presets)}; allowed: one preset, or {HOME} and its family")
    varied = {"scenario"}.union(*(changes(name) for name in FAMILY))
    return {"scenario": presets[0]} | {name: value for name, value in shared.items() if name not in varied}


def changes(name: str) -> dict[str, Any]:
    """The fields of one value in which a preset of the family differs from `paper`."""
    home, other = make_scenario(HOME), make_scenario(name)
    return {
        field: value
        for field, group in FIELD_GROUPS.items()
        if (value := getattr(getattr(other, group), field)) != getattr(getattr(home, group), field)
        and not isinstance(value, tuple)
    }


def family_around(env_id: str, base: Arguments) -> list[Member]:
    """The members of the family that are possible around ``base``."""
    found = []
    for name in FAMILY if env_id == ORAN else ():
        with suppress(EnvironmentRefused):
            found.append(member(name, env_id, base))
    return found


def member(spec: str, env_id: str, base: Arguments) -> Member:
    """The scenario that a text names, relative to ``base``.

    Raises:
        UserError: neither a name of the family nor FIELD=VALUE.
        EnvironmentRefused: a field or value the environment does not have.
    """
    first, *rest = spec.split(",")
    arguments = dict(base)
    if "=" in first or not first:
        rest = [first, *rest]
    else:
        arguments = _named(first, env_id, base)
    for setting in rest:
        try:
            name, value = name_and_value(setting)
        except ValueError:
            raise UserError(f"scenario {spec!r}: {setting!r} is not FIELD=VALUE") from None
        arguments[name] = value
    make_env(env_id, arguments)  # refuses what does not exist
    return Member(spec, arguments)


def _named(name: str, env_id: str, base: Arguments) -> dict[str, Scalar]:
    own = str(base.get("scenario", HOME))
    allowed = (own, *(each for each in FAMILY if each != own)) if env_id == ORAN else ()
    if name not in allowed:
        raise UserError(not_among("scenario is", name, (*allowed, "FIELD=VALUE")))
    if name == own:
        return dict(base)
    others = {field: value for field, value in base.items() if field != "scenario"}
    changed = changes(name)
    if own == HOME and not set(changed) & set(others):
        return {"scenario": name} | others
    if "num_ues" in changed:
        scale = changed["num_ues"] / make_scenario(HOME).layout.num_ues
        changed["num_ues"] = round(scale * make_env(env_id, base).unwrapped.scenario.layout.num_ues)
    return dict(base) | changed


def base_member(base: Arguments) -> Member:
    """The base itself, under its preset's name."""
    return Member(str(base.get("scenario", "base")), dict(base))


def own_member(env_id: str, arguments: Arguments, base: Arguments, known: Sequence[Member]) -> Member:
    """The member a run was trained on: one of ``known``, or one named after the fields it overrides."""
    here = identity(env_id, arguments)
    for each in known:
        if identity(env_id, each.arguments) == here:
            return each
    overrides = [
        f"{name}={json.dumps(value) if not isinstance(value, str) else value}"
        for name, value in arguments.items()
        if name != "scenario" and (name not in base or base[name] != value)
    ]
    preset = [str(arguments["scenario"])] if "scenario" in arguments else []
    return Member(",".join([*preset, *overrides]) or "base", dict(arguments))


def identity(env_id: str, arguments: Arguments) -> Any:
    """What makes two scenarios the same: the environment's own description of itself, or else its arguments."""
    return getattr(make_env(env_id, arguments).unwrapped, "scenario", dict(arguments))


def check_same_spaces(env_id: str, members: Sequence[Member], home: Arguments) -> None:
    """Refuse members that actors trained on ``home`` cannot act in.

    Raises:
        UserError: other agents, observations or actions.
    """
    wanted = _spaces(env_id, home)
    for each in members:
        found = _spaces(env_id, each.arguments)
        if found != wanted:
            what = next(name for name in wanted if found[name] != wanted[name])
            raise UserError(
                f"scenario {each.name!r}: {what} are {found[what]}; allowed: those of the training scenario, "
                f"{wanted[what]}"
            )


def _spaces(env_id: str, arguments: Arguments) -> dict[str, Any]:
    env = make_batched(env_id, arguments, 1, 0)
    return {
        "agents": ", ".join(env.agents),
        "action sizes": env.action_sizes,
        "observation sizes": env.observation_sizes,
        "observations": dict(env.observation_layout),
    }
