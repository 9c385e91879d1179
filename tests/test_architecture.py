"""What holds the house together: each equation heads one module, each name of a choice stands in one registry."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
from pathlib import Path
from types import ModuleType

import pytest

import oran_env.model
from oran_env.scenario.choices import Registry
from oran_env.scenario.fields import CHOICES

ROOT = Path(oran_env.__file__).parents[1]
PACKAGES = ("oran_env", "tasam_agents")
MODULES = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
# The modules that an equation of the paper heads, by number.
HOME = {
    "1": "oran_env/model/radio/channel.py",
    **dict.fromkeys("2345", "oran_env/model/reward/kpi.py"),
    "6": "oran_env/model/reward/qos.py",
    **dict.fromkeys(("7a", "7b", "7c"), "oran_env/model/mac/action_codec.py"),
    "7d": "oran_env/model/reward/qos.py",
    "8": "oran_env/model/reward/reward.py",
}


def headed_equations(path: Path) -> set[str]:
    """Numbers of the equations that the first line of a module's docstring names: "Eqs. (2)-(5)" are four."""
    head = (ast.get_docstring(ast.parse(path.read_text())) or "").split("\n")[0]
    found: set[str] = set(re.findall(r"\((\d+[a-d]?)\)", head))
    for first, last in re.findall(r"\((\d+[a-d]?)\)[-–]\((\d+[a-d]?)\)", head):
        if first[-1].isalpha():
            found |= {first[:-1] + letter for letter in "abcd" if first[-1] <= letter <= last[-1]}
        else:
            found |= {str(number) for number in range(int(first), int(last) + 1)}
    return found


def test_each_equation_heads_one_module() -> None:
    heads = {path.relative_to(ROOT).as_posix(): headed_equations(path) for path in MODULES}
    for number, home in HOME.items():
        assert [name for name, found in heads.items() if number in found] == [home], f"eq. ({number})"
    for number in ("9", "10", "11", "12"):
        (home,) = [name for name, found in heads.items() if number in found]
        assert home.startswith("tasam_agents/learner/"), f"eq. ({number})"


@pytest.mark.parametrize("package", PACKAGES)
def test_modules_and_folders_are_small(package: str) -> None:
    for folder in sorted({path.parent for path in (ROOT / package).rglob("*.py")}):
        modules = [path for path in folder.glob("*.py") if path.name != "__init__.py"]
        assert len(modules) <= 15, folder
        for path in modules:
            assert len(path.read_text().splitlines()) <= 350, path


def model_modules() -> list[ModuleType]:
    found = pkgutil.walk_packages(oran_env.model.__path__, "oran_env.model.")
    return [importlib.import_module(each.name) for each in found]


def test_each_choice_has_one_registry_with_its_names() -> None:
    assert len(CHOICES) == 18
    registries = {id(value): value for module in model_modules() for value in vars(module).values()
                  if isinstance(value, Registry)}  # fmt: skip
    assert sorted(each.field for each in registries.values()) == sorted(CHOICES)
    for each in registries.values():
        assert tuple(each) == CHOICES[each.field]
