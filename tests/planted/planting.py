"""Plant one defect at a time into a copy of the repository and see whether the tests named for it fail.

A test counts as failed if one of its parameter sets fails by an assertion. That the defect breaks an import, a fixture
or the collection does not count: such a defect would not need the test.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
import tomllib
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from tempfile import TemporaryDirectory

TABLE = Path(__file__).with_name("defects.toml")
COPIED = ("oran_env", "tasam_agents", "tests", "pyproject.toml")
LIMIT_S = 300  # for the tests of one defect; one that hangs them is not caught

# How pytest reports a failed assertion: the bare statement, its exception, pytest.raises, and check_env.
ASSERTIONS = ("assert ", "AssertionError", "Failed: ", "oran_env.testing.check_env.CheckFailed")


class PlantingError(Exception):
    """The table does not fit the code, or the tests fail without any defect."""


@dataclass(frozen=True)
class Defect:
    """A change of one place in the code that the named tests must notice."""

    name: str
    file: str  # from the root of the repository
    old: str  # occurs exactly once in the file
    new: str
    tests: tuple[str, ...]  # node ids without parameters; each must fail

    def planted(self, source: str) -> str:
        """The text of the file with the defect.

        Raises:
            PlantingError: the old text does not occur exactly once, or the new one does not differ from it.
        """
        if source.count(self.old) != 1 or self.old == self.new:
            raise PlantingError(
                f"{self.name}: the old text occurs {source.count(self.old)} times in {self.file}; "
                "needed: once, and another new text"
            )
        return source.replace(self.old, self.new)


@dataclass(frozen=True)
class Verdict:
    """What became of one defect."""

    defect: Defect
    caught: bool
    seconds: float
    why: str  # if it was not caught


def read_table(path: Path = TABLE) -> tuple[Defect, ...]:
    """The defects of a TOML file, an array of tables ``defect`` with the fields of ``Defect``."""
    entries = tomllib.loads(path.read_text())["defect"]
    return tuple(Defect(**{**entry, "tests": tuple(entry["tests"])}) for entry in entries)


def plant_all(
    defects: Sequence[Defect], root: Path, jobs: int = 2, copied: Sequence[str] = COPIED
) -> Iterator[Verdict]:
    """Yield the verdict on each defect, in the order in which they are reached; ``root`` itself is only read.

    Args:
        defects: what to plant.
        root: of the repository.
        jobs: how many copies to work in side by side.
        copied: files and directories below ``root`` that the tests need.

    Raises:
        PlantingError: a defect does not fit its file, or a named test fails without any defect.
    """
    for defect in defects:
        defect.planted((root / defect.file).read_text())
    with TemporaryDirectory(prefix="planted-") as directory:
        copies: SimpleQueue[Path] = SimpleQueue()
        for job in range(jobs):
            copies.put(_copy(root, Path(directory) / f"copy-{job}", copied))

        def examine(part: Sequence[Defect], plant: bool) -> list[Verdict]:
            copy = copies.get()
            try:
                return [_try(defect, copy) for defect in part] if plant else [_unplanted(part, copy)]
            finally:
                copies.put(copy)

        with ThreadPoolExecutor(jobs) as pool:
            try:
                for sound in pool.map(lambda i: examine(defects[i::jobs], plant=False), range(jobs)):
                    if not sound[0].caught:
                        raise PlantingError(f"without any defect: {sound[0].why}")
                running = [pool.submit(examine, [defect], True) for defect in defects]
                for future in as_completed(running):
                    yield from future.result()
            finally:
                pool.shutdown(wait=True, cancel_futures=True)


def _copy(root: Path, copy: Path, copied: Sequence[str]) -> Path:
    copy.mkdir()
    for name in copied:
        if (root / name).is_dir():
            shutil.copytree(root / name, copy / name, ignore=shutil.ignore_patterns("__pycache__", ".*"))
        else:
            shutil.copy2(root / name, copy / name)
    return copy


def _unplanted(defects: Sequence[Defect], copy: Path) -> Verdict:
    """Run the tests of the defects as they are; not "caught" if they do not pass."""
    tests = list(dict.fromkeys(test for defect in defects for test in defect.tests))
    if not tests:
        return Verdict(Defect("none", "", "", "", ()), True, 0.0, "")
    code, failures, output, seconds = _run(tests, copy, LIMIT_S * len(tests))
    why = f"{', '.join(failures) or 'pytest'} with exit code {code}\n{output}"
    return Verdict(Defect("none", "", "", "", tuple(tests)), code == 0, seconds, why)


def _try(defect: Defect, copy: Path) -> Verdict:
    file = copy / defect.file
    source = file.read_text()
    file.write_text(defect.planted(source))
    try:
        code, failures, output, seconds = _run(defect.tests, copy, LIMIT_S)
    finally:
        file.write_text(source)
    why = ""
    if code not in (0, 1):
        why = f"pytest ended with {'a timeout' if code is None else f'exit code {code}'}: {output[-500:]}"
    for test in defect.tests if not why else ():
        messages = failures.get(test, [])
        if not messages:
            why = f"{test} passes"
        elif not any(message.startswith(ASSERTIONS) for message in messages):
            why = f"{test} fails, not by an assertion: {messages[0][:200]}"
    return Verdict(defect, not why, seconds, why)


def _run(tests: Sequence[str], copy: Path, limit_s: float) -> tuple[int | None, dict[str, list[str]], str, float]:
    """Exit code of pytest (None: out of time), messages of the failed tests by node id, its output, seconds."""
    report = copy / "report.xml"
    report.unlink(missing_ok=True)
    environment = {
        **os.environ,
        "PYTHONPATH": str(copy),
        "PYTHONDONTWRITEBYTECODE": "1",  # two edits within a second may leave stale byte code
        "XDG_CACHE_HOME": str(copy / ".cache"),
        # Every defect would have its kernels compiled anew, for half a minute: plain Python is quicker.
        "NUMBA_DISABLE_JIT": "1",
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",  # they take most of the time of a quick test
    }
    options = ["-q", "-p", "no:cacheprovider", "--tb=short", "-o", "junit_family=xunit1", f"--junit-xml={report}"]
    start = time.perf_counter()
    try:
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *options, *tests],
            cwd=copy, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=limit_s,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return None, {}, "", time.perf_counter() - start
    seconds = time.perf_counter() - start
    return done.returncode, _failures(report) if report.exists() else {}, done.stdout, seconds


def _failures(report: Path) -> dict[str, list[str]]:
    """Messages of the failed tests in a report of pytest, by node id without parameters."""
    found: dict[str, list[str]] = {}
    for case in ElementTree.parse(report).iter("testcase"):
        for failure in case.iter("failure"):
            test = f"{case.get('file')}::{case.get('name', '').partition('[')[0]}"
            found.setdefault(test, []).append(failure.get("message", ""))
    return found


def markdown(verdicts: Sequence[Verdict]) -> str:
    """The table to print."""
    lines = ["| Defect | File | Caught by | Seconds |", "|---|---|---|---|"]
    for verdict in verdicts:
        defect = verdict.defect
        tests = ", ".join(f"`{test.removeprefix('tests/')}`" for test in defect.tests)
        caught = tests if verdict.caught else "**not caught**"
        lines.append(f"| {defect.name} | `{defect.file}` | {caught} | {verdict.seconds:.1f} |")
    return "\n".join(lines)
