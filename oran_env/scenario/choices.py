"""What the names of a choice stand for: one registry per field, in the file of its concept.

The names are declared once, by the Literal of the field. A registry that lacks one, or has another, cannot be made, so
that a name without meaning stops the import and not a training.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from oran_env.scenario.fields import CHOICES

T = TypeVar("T")


class Registry(dict[str, T]):
    """What each name of a field stands for, in the order of its Literal.

    Args:
        field: of the scenario.
        entries: a function or constant by name.

    Raises:
        TypeError: the names are not those that the field declares.
    """

    def __init__(self, field: str, entries: Mapping[str, T]) -> None:
        if set(entries) != set(CHOICES[field]):
            raise TypeError(f"{field} knows {', '.join(entries)}; declared are {', '.join(CHOICES[field])}")
        self.field = field
        super().__init__((name, entries[name]) for name in CHOICES[field])

    def __missing__(self, name: str) -> T:
        raise KeyError(f"{self.field} {name!r} has no entry in its registry; allowed: {', '.join(self)}")

    def number(self, name: str) -> int:
        """The place of a name, by which a ``switch`` knows it."""
        self[name]
        return list(self).index(name)
