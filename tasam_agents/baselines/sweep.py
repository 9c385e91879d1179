"""A search over any fields of a configuration, as `tasam tune --search FIELD=…` asks for it.

    learner.gamma=0:0.9               a number between two
    learner.actor_learning_rate=1e-4:1e-2:log     the same on a logarithmic scale
    updates_per_iteration=10:80       an integer between two, where the field is one
    learner.critic=mean_field,pooled  one of several values

A field is named by its path in ``config.json``; an argument of the environment is ``env_kwargs.NAME``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tasam_agents.baselines.search_space import Choice, Config, Range, Space, with_settings
from tasam_agents.config.fields import Scalar
from tasam_agents.errors import UserError, not_among
from tasam_agents.files.atomic_write import write_json_atomically
from tasam_agents.files.bounded_read import read_json
from tasam_agents.files.tracking import flat
from tasam_agents.training.run_directory import changes

_FORMS = "FIELD=LOW:HIGH, FIELD=LOW:HIGH:log or FIELD=VALUE,VALUE,…"
_NOT_SEARCHED = ("seed", "name", "env_id", "evaluate_every")  # a trial has its own, or it is no setting


def space_from(config: Config, searches: Sequence[str]) -> Space:
    """What is searched, with what the configuration itself has as the first trial.

    Raises:
        UserError: not of that form, no such field, or an end or value that the field does not allow.
    """
    own = flat(config.to_dict())
    space: dict[str, Choice | Range] = {}
    for search in searches:
        path, _, text = search.partition("=")
        if not (path and text) or path in space:
            raise UserError(f"--search is {search!r}; allowed: {_FORMS}, each field once")
        is_argument = path.startswith("env_kwargs.")  # whose names are the environment's to refuse
        if (path not in own and not is_argument) or path in _NOT_SEARCHED:
            fields = [name for name in own if name not in _NOT_SEARCHED]
            raise UserError(not_among("--search names", path, fields, ", or env_kwargs.NAME"))
        try:
            space[path] = _read(text, own.get(path))
            for end in _ends(space[path]):
                with_settings(config, {path: end})
        except (ValueError, TypeError) as error:
            raise UserError(f"--search is {search!r}: {error}; allowed: {_FORMS}") from error
    return space


def _ends(own: Choice | Range) -> Sequence[Scalar]:
    return own.values if isinstance(own, Choice) else (own.low, own.high)


def _read(text: str, now: Any) -> Choice | Range:
    if ":" not in text:
        values = tuple(map(_scalar, text.split(",")))
        if len(values) < 2:
            raise ValueError("one value is no search")
        return Choice(values, now if now in values else values[0])
    low, high, *scale = text.split(":")
    if scale not in ([], ["log"]):
        raise ValueError(f"{':'.join(scale)!r} is no scale")
    first, last = _number(low), _number(high)
    is_integer = isinstance(first, int) and isinstance(last, int) and not isinstance(now, float)
    if not (first < last and (first > 0 or not scale)):
        raise ValueError("LOW is not below HIGH" if first >= last else "a logarithmic scale begins above 0")
    has_one = isinstance(now, (int, float)) and not isinstance(now, bool)
    default = min(max(now if has_one else first, first), last)
    return Range(first, last, default, bool(scale), is_integer)


def _number(text: str) -> int | float:
    value = _scalar(text)
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        raise ValueError("the ends are no numbers")
    return value


def _scalar(text: str) -> Scalar:
    """JSON if it can be, else text, as with ``--env``."""
    try:
        value = json.loads(text)
    except ValueError:
        return text
    if not isinstance(value, (bool, int, float, str)):
        raise ValueError(f"{text!r} is no value of a field")
    return value


def check_same_search(file: Path, config: Config, space: Space, share: float) -> None:
    """Write down what a search is of, or compare with what was written when it began.

    Raises:
        UserError: it began as another one.
    """
    searched = {path: list(own) for path, own in space.items()}
    now: dict[str, Any] = {"config": config.to_dict(), "share": share, "search": searched}
    if not file.is_file():
        write_json_atomically(file, now, indent=1)
        return
    began = read_json(file)
    if not isinstance(began, Mapping):
        raise UserError(f"{file} is not what a search began with; allowed: another --out")
    different = changes(flat(now), flat(began))
    if different:
        raise UserError(f"{file.parent} has another search of that name: {different}; allowed: another --out")
