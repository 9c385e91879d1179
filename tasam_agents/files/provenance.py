"""What a run was made with, and going on with something else: refused, unless the user says that it is meant."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from importlib import metadata
from typing import Any

PACKAGES = ("oran-tasam", "torch", "numpy", "numba")
"""This program, and what computes: another version may round otherwise, and the run would not repeat bit for bit."""


def versions() -> dict[str, str]:
    """Of this program, Python and what computes; what is not installed is left out."""
    found = {"python": ".".join(platform.python_version_tuple()[:2])}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def other_versions(saved: Any) -> str:
    """What differs between the recorded versions and these, or ""."""
    if not isinstance(saved, Mapping):
        return "its versions are not recorded"
    here = versions()
    names = [name for name in sorted({*here, *map(str, saved)}) if here.get(name) != saved.get(name)]
    return "; ".join(f"{name} is {here.get(name)}, began with {saved.get(name)!r}" for name in names)
