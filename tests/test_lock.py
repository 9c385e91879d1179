"""The lock of the CI: every package that the CI needs, in the version of constraints.txt, each file by its hash."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
OWN_INDEX = {"torch"}  # CPU builds: PyTorch's own index


def normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def pins(path: str) -> dict[str, str]:
    """Versions by normalised name."""
    found = re.findall(r"^([\w.-]+)==([^\s;\\]+)", (ROOT / path).read_text(), re.MULTILINE)
    return {normalised(name): version for name, version in found}


def test_every_file_has_a_hash() -> None:
    text = (ROOT / ".ci" / "requirements.txt").read_text()
    for entry in re.split(r"\n(?=[a-z])", text)[1:]:
        assert "--hash=sha256:" in entry, entry


def test_the_versions_are_those_of_the_constraints() -> None:
    """After a change of constraints.txt: `.ci/lock`."""
    locked, known = pins(".ci/requirements.txt"), pins("constraints.txt")
    different = {
        name: (version, known[name]) for name, version in locked.items() if known.get(name, version) != version
    }
    assert different == {}


def test_nothing_that_the_ci_installs_is_missing() -> None:
    """After a new dependency: `.ci/lock`."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras, wanted, todo = project["optional-dependencies"], set(), [*project["dependencies"], "oran-tasam[dev]"]
    while todo:
        name, more = re.match(r"([\w.-]+)(?:\[([\w,-]+)\])?", todo.pop()).groups()  # type: ignore[union-attr]
        if name == "oran-tasam":
            todo += [each for extra in more.split(",") for each in extras[extra]]
        else:
            wanted.add(normalised(name))
    assert wanted - OWN_INDEX - pins(".ci/requirements.txt").keys() == set()
