"""What a field of a configuration may hold: its annotation says so, once, and `check_fields` holds every value to it.

A choice is a `Literal`, a bounded number an `Annotated` one. Errors, the command line and the tests of the registries
(a name → what it stands for) all read the annotation.
"""

from __future__ import annotations

import dataclasses
import sys
import types
import typing
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Literal


@dataclass(frozen=True)
class Bounds:
    """Which numbers are allowed, in words and as a test."""

    text: str
    hold: Callable[[Any], bool]


def at_least(minimum: int) -> Bounds:
    """Integers from `minimum` on."""
    return Bounds(f"an integer >= {minimum}", lambda value: value >= minimum)


def within(interval: str) -> Bounds:
    """Numbers of an interval, written as in mathematics: "[0, 1)" holds 0 and not 1."""
    low, high = (float(end) for end in interval[1:-1].split(","))

    def hold(value: float) -> bool:
        above = value > low or (interval[0] == "[" and value == low)
        return above and (value < high or (interval[-1] == "]" and value == high))

    return Bounds(f"a number in {interval}", hold)


MAX_SEED = 1_000_000
"""Training seeds stay below: so no environment that takes integers meets those of a test, see `envs/seeding.py`."""

Count = Annotated[int, at_least(1)]
CountOrZero = Annotated[int, at_least(0)]
Positive = Annotated[float, Bounds("a finite number > 0", lambda value: value > 0)]
TrainingSeed = Annotated[int, Bounds("an integer in [0, 1_000_000)", lambda seed: 0 <= seed < MAX_SEED)]
PositiveOrZero = Annotated[float, Bounds("a finite number >= 0", lambda value: value >= 0)]

_WORDS = {bool: "True or False", int: "an integer", float: "a finite number", str: "a text", type(None): "None"}


def field_types(kind: Any) -> dict[str, Any]:
    """The annotation of every field of a dataclass, bounds included."""
    return _field_types(kind)


@cache
def _field_types(kind: Any) -> dict[str, Any]:
    hints = typing.get_type_hints(kind, include_extras=True)
    return {field.name: hints[field.name] for field in dataclasses.fields(kind)}


def choices(kind: type) -> dict[str, tuple[str, ...]]:
    """The names that may be chosen, by field; fields without a choice are left out."""
    found = {name: tuple(_names(annotation)) for name, annotation in field_types(kind).items()}
    return {name: names for name, names in found.items() if names}


def members(annotation: Any) -> dict[str, type]:
    """The classes of a union of dataclasses by name: each has the same field, a choice of its own name alone."""
    classes = typing.get_args(annotation) if is_union(annotation) else ()
    if not classes or not all(dataclasses.is_dataclass(kind) for kind in classes):
        return {}
    return {choices(kind)[tag(annotation)][0]: kind for kind in classes}


def tag(annotation: Any) -> str:
    """The field by which the members of a union of dataclasses are told apart: the choice of one name."""
    own = choices(typing.get_args(annotation)[0])
    return next(name for name, names in own.items() if len(names) == 1)


def is_union(annotation: Any) -> bool:
    """Whether an annotation is `A | B`."""
    return typing.get_origin(annotation) in (typing.Union, types.UnionType)


def check(owner: object, name: str, allowed: str, is_allowed: bool) -> None:
    """Raise `ValueError` that names the field, its value and what is allowed, unless `is_allowed`."""
    if not is_allowed:
        raise ValueError(f"{type(owner).__name__}.{name} = {getattr(owner, name)!r}, allowed: {allowed}")


def check_fields(owner: object) -> None:
    """Hold every field of a dataclass to its annotation: type, choice and bounds.

    Numbers of NumPy and torch become those of Python first, here and nowhere else.

    Raises:
        ValueError: naming the field, its value and what is allowed.
    """
    for name, annotation in field_types(type(owner)).items():
        object.__setattr__(owner, name, plain(getattr(owner, name)))
        check(owner, name, _describe(annotation), _fits(annotation, getattr(owner, name)))


def plain(value: Any) -> Any:
    """A value with the numbers of Python in place of scalars and arrays without axes, in tuples and mappings, too."""
    if getattr(value, "shape", None) == () and hasattr(value, "item"):
        return value.item()
    if type(value) is tuple:
        return tuple(map(plain, value))
    if type(value) is dict:
        return {plain(name): plain(own) for name, own in value.items()}
    return value


def _names(annotation: Any) -> list[str]:
    if typing.get_origin(annotation) is Literal:
        return [str(name) for name in typing.get_args(annotation)]
    return [name for part in typing.get_args(annotation) for name in _names(part)] if is_union(annotation) else []


def _fits(annotation: Any, value: Any) -> bool:
    origin, parts = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is Annotated:
        return _fits(parts[0], value) and all(part.hold(value) for part in parts[1:] if isinstance(part, Bounds))
    if origin is Literal:
        return value in parts
    if is_union(annotation):
        return any(_fits(part, value) for part in parts)
    if origin is tuple:
        if not isinstance(value, tuple):
            return False
        kinds = (parts[0],) * len(value) if parts[-1] is Ellipsis else parts
        return len(kinds) == len(value) and all(map(_fits, kinds, value))
    if origin is dict:
        return isinstance(value, dict) and all(_fits(parts[0], k) and _fits(parts[1], v) for k, v in value.items())
    if annotation is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) <= sys.float_info.max
    if annotation is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, origin or annotation)


def _describe(annotation: Any) -> str:
    origin, parts = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is Annotated:
        return next((part.text for part in parts if isinstance(part, Bounds)), _describe(parts[0]))
    if origin is Literal:
        return "one of " + ", ".join(map(repr, parts))
    if is_union(annotation):
        return " or ".join(map(_describe, parts))
    if origin is tuple:
        return "a tuple of " + " and ".join(_describe(part) for part in parts if part is not Ellipsis)
    if origin is dict:
        return f"{_describe(parts[1])}, by name"
    kind = origin or annotation
    return _WORDS.get(kind) or str(kind.__name__)
