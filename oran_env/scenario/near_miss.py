"""Names that are almost those that were meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def did_you_mean(name: object, allowed: Iterable[str]) -> str:
    """`did you mean 'count_rule'? `, or nothing where no allowed name is near."""
    if not isinstance(name, str):
        return ""
    near = difflib.get_close_matches(name.lower(), list(allowed), n=1, cutoff=0.6)
    return f"did you mean {near[0]!r}? " if near else ""
