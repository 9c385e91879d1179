"""Configurations from JSON types, and the choice among the classes of a union from the command line."""

from __future__ import annotations

import copy
import dataclasses
import typing
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from tasam_agents.config.checks import field_types, members, tag

Config = TypeVar("Config")


def from_plain(kind: type[Config], data: Mapping[str, Any]) -> Config:
    """A dataclass made of JSON types; fields left out take their defaults.

    Raises:
        ValueError: an unknown field, or a value that the field does not allow.
    """
    known = field_types(kind)
    unknown = sorted(set(data) - set(known))
    if unknown:
        raise ValueError(f"{kind.__name__} has no field {unknown}, allowed: {sorted(known)}")
    return kind(**{name: _value(f"{kind.__name__}.{name}", known[name], item) for name, item in data.items()})


def _value(name: str, annotation: Any, item: Any) -> Any:
    """`item` as the dataclass, tuple or plain value that the annotation asks for."""
    kinds = members(annotation)
    if kinds:
        label = item.get(tag(annotation))
        if label not in kinds:
            allowed = ", ".join(map(repr, kinds))
            raise ValueError(f"{name}.{tag(annotation)} = {label!r}, allowed: one of {allowed}")
        annotation = kinds[label]
    if dataclasses.is_dataclass(annotation) and isinstance(annotation, type):
        return from_plain(annotation, item)
    if typing.get_origin(annotation) is tuple:
        parts = typing.get_args(annotation)
        if parts[-1] is Ellipsis:
            parts = (parts[0],) * len(item)
        return tuple(_value(name, part, own) for part, own in zip(parts, item, strict=True))
    return item


def with_members(config: Config, arguments: Sequence[str], path: str = "") -> Config:
    """With the class that an option names where a field is a union, as `--settings.algorithm ppo` does.

    The rest of the command line then has the fields of that class. Nothing is checked here: only with the other options
    is the configuration complete.

    Args:
        config: the configuration whose fields are the options' defaults.
        arguments: of the command line.
        path: of the configuration within a greater one, with a dot behind it. The option may leave out what stands
            before its last dot where the command line does so.

    Raises:
        ValueError: no class has that name.
    """
    changed = copy.copy(config)
    for name, annotation in field_types(type(config)).items():
        own = getattr(config, name)
        kinds = members(annotation)
        if kinds:
            option = f"--{path}{name}.{tag(annotation)}"
            given = _given(arguments, option, f"--{tag(annotation)}")
            if given is not None and given not in kinds:
                raise ValueError(f"{option} is {given!r}, allowed: one of {', '.join(map(repr, kinds))}")
            if given is not None and kinds[given] is not type(own):
                own = kinds[given]()
        elif dataclasses.is_dataclass(own):
            own = with_members(own, arguments, f"{path}{name}.")
        object.__setattr__(changed, name, own)
    return changed


def _given(arguments: Sequence[str], *options: str) -> str | None:
    """The value of an option; None: not given, or given without a value. Options take `_` for `-`."""
    spelt = [option.replace("_", "-") for option in options]
    for argument, behind in zip(arguments, [*arguments[1:], None], strict=False):
        option, equals, value = argument.partition("=")
        if option.replace("_", "-") in spelt:
            return value if equals else behind
    return None
