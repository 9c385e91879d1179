"""What a run was made with, and going on with something else: refused, unless the user says that it is meant."""

from __future__ import annotations

import ast
import hashlib
import platform
from collections.abc import Mapping
from functools import cache
from importlib import metadata, util
from pathlib import Path
from typing import Any

PACKAGES = ("oran-tasam", "torch", "numpy", "numba")
"""This program, and what computes: another version may round otherwise, and the run would not repeat bit for bit."""
SOURCES = "sources"
COMPUTES = {
    "tasam_agents": ("envs", "learner", "networks", "training/rollout.py", "training/trainer.py"),
    "oran_env": ("model", "numerics", "scenario", "simulator"),
}
"""Where the code stands that decides the numbers of a run. A version is raised with a release, these change with every
commit: between two releases the gradients were worked out by hand, and rounded otherwise."""


def versions() -> dict[str, str]:
    """Of this program, its sources, Python and what computes; what is not installed is left out."""
    found = {"python": ".".join(platform.python_version_tuple()[:2]), SOURCES: sources()}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def other_versions(saved: Any) -> str:
    """What differs between the recorded versions and these, or ""; sources count where they are recorded."""
    if not isinstance(saved, Mapping):
        return "its versions are not recorded"
    here = versions() if SOURCES in saved else {name: own for name, own in versions().items() if name != SOURCES}
    names = [name for name in sorted({*here, *map(str, saved)}) if here.get(name) != saved.get(name)]
    told = {name: "this program's sources differ: their hash" if name == SOURCES else name for name in names}
    return "; ".join(f"{told[name]} is {here.get(name)}, began with {saved.get(name)!r}" for name in names)


@cache
def sources() -> str:
    """A short hash of the code that decides the numbers; comments, docstrings and layout do not count."""
    digest = hashlib.sha256()
    for path, name in source_files():
        digest.update(name.encode() + b"\0" + code(path.read_bytes()).encode() + b"\0")
    return digest.hexdigest()[:12]


def source_files() -> list[tuple[Path, str]]:
    """The files, each with its name below the packages; none of a package that is not installed as files."""
    found = []
    for package, parts in COMPUTES.items():
        spec = util.find_spec(package)  # which imports nothing
        for root in map(Path, (spec and spec.submodule_search_locations) or ()):
            for part in parts:
                files = [root / part] if part.endswith(".py") else sorted((root / part).rglob("*.py"))
                found += [(file, f"{package}/{file.relative_to(root).as_posix()}") for file in files if file.is_file()]
    return found


def code(source: bytes) -> str:
    """What a module does, whatever is said of it."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)):
            node.body = [line for line in node.body if not _is_text(line)]
    return ast.dump(tree)


def _is_text(line: ast.stmt) -> bool:
    return isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant) and isinstance(line.value.value, str)
