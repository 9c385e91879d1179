"""What a user can put right."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class UserError(ValueError):
    """Bad input: a setting, a name or a file; the message names it, its value and what is allowed.

    The base of every refusal, so that a command catches this one class.
    """


class Damaged(UserError):
    """A file is not what was written. Where many runs are read, this concerns one of them and the others count."""


class Note(UserWarning):
    """What a user should know and need not act on; a command prints it as one line."""


def not_among(what: str, name: object, allowed: Iterable[str], more: str = "") -> str:
    """What is said of a name that is none of those allowed, and which of them was probably meant.

    Args:
        what: what it names, with a verb where it is an option: "command", "--config is".
        name: what was given.
        allowed: all that may be.
        more: what stands behind them.
    """
    names = list(allowed)
    near = difflib.get_close_matches(str(name).lower().replace("-", "_"), names, n=1, cutoff=0.6)
    meant = f"did you mean {near[0]!r}? " if near else ""
    return f"{what} {name!r}; {meant}allowed: {', '.join(names)}{more}"
