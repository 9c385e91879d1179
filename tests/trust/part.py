"""A part of `make trust`, and how it says that this machine cannot do it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

KEPT = Path(__file__).parents[2] / "runs" / "trust"
"""Where results stay, and pictures until `--docs` takes them into the docs."""


class NotRun(Exception):
    """This machine cannot do it; the message says why."""


@dataclass(frozen=True)
class Part:
    """What is tried, and how."""

    what: str
    run: Callable[[Path, bool], str]
    """In an empty directory, quickly or at length: what was found, for the table; raises where something is wrong."""
