"""The table of planted defects still fits the code, and the command tells caught from not caught (on a toy)."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest
from planting import Defect, PlantingError, plant_all, read_table

ROOT = Path(__file__).parents[2]
DEFECTS = read_table()

TOY = "def double(x):\n    return 2 * x\n"
TESTS = """
import pytest
from toy import double

@pytest.mark.parametrize("x", [0, 3])
def test_double(x):
    assert double(x) == 2 * x

def test_zero():
    assert double(0) == 0

def test_crash():
    double(1).bit_length()
"""


def toy_defect(new: str, *tests: str, old: str = "2 * x") -> Defect:
    return Defect("toy", "toy.py", old, new, tuple(f"test_toy.py::{test}" for test in tests))


@pytest.fixture
def toy(tmp_path: Path) -> Path:
    (tmp_path / "toy.py").write_text(TOY)
    (tmp_path / "test_toy.py").write_text(TESTS)
    return tmp_path


def verdicts(toy: Path, *defects: Defect) -> list[tuple[bool, str]]:
    found = {v.defect: (v.caught, v.why) for v in plant_all(defects, toy, 1, ("toy.py", "test_toy.py"))}
    return [found[defect] for defect in defects]


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.name)
def test_every_defect_can_be_planted(defect: Defect) -> None:
    """Its old text stands in its file once, what comes out is Python, and its tests exist."""
    planted = defect.planted((ROOT / defect.file).read_text())
    ast.parse(planted)
    assert defect.tests
    for test in defect.tests:
        file, name = test.split("::")
        assert re.search(rf"^def {name}\(", (ROOT / file).read_text(), re.MULTILINE), test


def test_the_table_is_what_it_promises() -> None:
    assert len({defect.name for defect in DEFECTS}) == len(DEFECTS) >= 60
    page = (ROOT / "docs/planted.md").read_text()
    assert [
        line.split(" | ")[0] for line in page.splitlines() if re.match(r"\| .*`(oran_env|tasam_agents)/", line)
    ] == [f"| {defect.name}" for defect in DEFECTS]


def test_caught_and_not_caught(toy: Path) -> None:
    """One parameter set is enough; a test that passes, and one that fails without an assertion, do not count.

    Each is planted alone: under the first two defects together `test_zero` would fail.
    """
    found = verdicts(
        toy,
        toy_defect("2 * x + 1", "test_zero"),
        toy_defect("y):", "test_zero", old="x):"),
        toy_defect("x * x", "test_double", "test_zero"),
        toy_defect("float(2 * x)", "test_crash"),
    )
    assert [caught for caught, _ in found] == [True, False, False, False]
    assert "not by an assertion: NameError" in found[1][1]
    assert found[2][1] == "test_toy.py::test_zero passes"
    assert "not by an assertion: AttributeError" in found[3][1]
    assert (toy / "toy.py").read_text() == TOY


def test_code_that_cannot_be_imported_is_no_defect(toy: Path) -> None:
    caught, why = verdicts(toy, toy_defect("2 *", "test_double"))[0]
    assert not caught
    assert "exit code" in why


def test_what_cannot_be_planted(toy: Path) -> None:
    for defect in (
        toy_defect("x", "test_zero", old="3 * x"),
        toy_defect("z", "test_zero", old="x"),
        toy_defect("2 * x"),
    ):
        with pytest.raises(PlantingError, match="toy: the old text occurs"):
            verdicts(toy, defect)
    (toy / "test_toy.py").write_text(TESTS + "\ndef test_wrong():\n    assert double(1) == 3\n")
    with pytest.raises(PlantingError, match=r"without any defect: test_toy.py::test_wrong"):
        verdicts(toy, toy_defect("3 * x", "test_wrong"))


def test_the_command(toy: Path) -> None:
    """Exit code 1 and a marked line where a defect is not caught; 0 where the rest is."""
    entry = '[[defect]]\nname = "{}"\nfile = "toy.py"\nold = "2 * x"\nnew = "x * x"\ntests = ["test_toy.py::{}"]\n'
    (toy / "table.toml").write_text(entry.format("square", "test_double") + entry.format("missed", "test_zero"))
    command = [sys.executable, str(ROOT / "tests/planted"), "--jobs", "1", "--root", str(toy)]
    command += ["--table", str(toy / "table.toml"), "--copied", "toy.py", "test_toy.py"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1, done.stderr
    assert "missed: NOT CAUGHT (test_toy.py::test_zero passes)" in done.stdout
    assert "| square | `toy.py` | `test_toy.py::test_double` |" in done.stdout
    assert "| missed | `toy.py` | **not caught** |" in done.stdout
    assert "1 of 2 caught" in done.stdout
    done = subprocess.run([*command, "--only", "SQUARE"], capture_output=True, text=True)
    assert (done.returncode, "1 of 1 caught" in done.stdout) == (0, True)
    done = subprocess.run([*command, "--only", "nothing"], capture_output=True, text=True)
    assert done.returncode == 2
    assert "--only is 'nothing'; allowed" in done.stderr
