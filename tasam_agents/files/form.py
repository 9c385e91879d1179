"""What a document of JSON must hold: its form, written as a value is, and held against it before anything is used.

A checksum finds accidents; whoever changes a document on purpose seals it anew.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tasam_agents.errors import Damaged

Form = Any
"""``float``: a finite number; ``int``: one that counts, from 0 on; ``str``: a text that can be printed;
``[form]``: any number of such; ``(form, form)``: exactly these; ``{name: form}``: an object with these and maybe more;
``OrNone(form)``."""

_MOST = 1 << 62
_LONGEST = 10_000
"""Signs of a text."""


@dataclass(frozen=True)
class OrNone:
    """A form, or null."""

    form: Form


def check_form(value: Any, form: Form, where: str) -> None:
    """Hold a value out of a file to a form.

    Raises:
        Damaged: naming the first place that does not fit.
    """
    if isinstance(form, OrNone):
        if value is not None:
            check_form(value, form.form, where)
    elif isinstance(form, Mapping):
        _require(isinstance(value, dict), where, "an object")
        for name, inner in form.items():
            _require(name in value, where, f"with {name}")
            check_form(value[name], inner, f"{where}, {name}")
    elif isinstance(form, (list, tuple)):
        inner = list(form) if isinstance(form, tuple) else form * (len(value) if isinstance(value, list) else 0)
        _require(isinstance(value, list) and len(value) == len(inner), where,
                 f"a row of {len(inner)}" if isinstance(form, tuple) else "a row")  # fmt: skip
        for number, (own, each) in enumerate(zip(value, inner, strict=True)):
            check_form(own, each, f"{where}[{number}]")
    elif form is float:
        _require(is_finite(value), where, "a finite number")
    elif form is int:
        _require(type(value) is int and 0 <= value < _MOST, where, "an integer >= 0")
    else:
        _require(isinstance(value, str) and value.isprintable() and len(value) <= _LONGEST, where, "a text")


def is_finite(value: Any) -> bool:
    """Whether it is a finite number; an integer may be too large to be one."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) <= sys.float_info.max


def _require(holds: bool, where: str, allowed: str) -> None:
    if not holds:
        raise Damaged(f"{where} is not what was written; allowed: {allowed}")
