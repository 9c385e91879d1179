"""Configurations as TOML: what differs from a named one, read and written.

    base = "default"
    iterations = 400
    [learner]
    gamma = 0.5

A file is data: its names are fields and choices of the configuration, with the bounds of these.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tasam_agents.config.fields import TrainConfig
from tasam_agents.config.variants import VARIANTS
from tasam_agents.errors import UserError, not_among
from tasam_agents.files.bounded_read import MIB, read_text


def read_toml(path: Path) -> TrainConfig:
    """The configuration that a file asks for: that of its ``base`` ("default" if it names none) with its own fields.

    Raises:
        UserError: no such file, no TOML, an unknown base or field, or a value that is not allowed.
    """
    try:
        data = tomllib.loads(read_text(path, MIB))
        json.dumps(data, default=str)  # an integer of more digits than Python writes cannot be told of either
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"--config is {str(path)!r}, which cannot be read: {error}") from error
    base = data.pop("base", "default")
    if not isinstance(base, str) or base not in VARIANTS:
        raise UserError(f"{path}: {not_among('base is', base, VARIANTS)}")
    try:
        return TrainConfig.from_dict(_merged(VARIANTS[base].to_dict(), data))
    except (ValueError, TypeError, AttributeError) as error:
        raise UserError(f"{path}: {error}") from error


def _merged(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Nested tables are merged, but for the arguments of the environment, which are one value."""
    merged = dict(base)
    for name, value in changes.items():
        table = isinstance(value, Mapping) and isinstance(base.get(name), Mapping) and name != "env_kwargs"
        merged[name] = _merged(base[name], value) if table else value
    return merged


def as_toml(name: str) -> str:
    """A named configuration, all its fields; one that is None is left out, as TOML has no word for it: the base has it.

    Raises:
        UserError: an unknown name.
    """
    if name not in VARIANTS:
        raise UserError(not_among("--config is", name, VARIANTS))
    return written(VARIANTS[name], name)


def written(config: TrainConfig, base: str) -> str:
    """A configuration, all its fields but those that are None, which the base has."""
    plain = json.loads(json.dumps(config.to_dict()))
    return "\n".join([f"base = {json.dumps(base)}", *_lines(plain, ())]) + "\n"


def _lines(table: Mapping[str, Any], path: tuple[str, ...]) -> list[str]:
    own = [f"{_key(name)} = {json.dumps(value, ensure_ascii=False)}" for name, value in table.items()
           if value is not None and not isinstance(value, Mapping)]  # fmt: skip
    head = ["", f"[{'.'.join(map(_key, path))}]"] if path and own else []
    inner = [
        line for name, value in table.items() if isinstance(value, Mapping) for line in _lines(value, (*path, name))
    ]
    return [*head, *own, *inner]


def _key(name: str) -> str:
    return name if name.replace("_", "").isalnum() and name.isascii() else json.dumps(name)
