"""``make newcomer``: follow the README and Getting started word by word, as somebody who has nothing but the clone.

A fresh clone of this repository in a temporary folder, a home without files, empty caches, no variable of this shell
but those that lead to a package index. Every command is looked up on its page first: one that stands nowhere is not
run, and fails. Prints the time of each step, and whether the first picture is there within a minute of the
installation. Ends with 1 as soon as a step fails, and when the picture takes more than a minute of a processor, which
does not depend on what else the machine does.
"""

from __future__ import annotations

import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
FIRST_PICTURE_S = 60.0
PASSED_ON = ("PIP_", "SSL_", "REQUESTS_", "HTTP", "http", "NO_PROXY", "no_proxy", "LANG", "LC_")
START, TRAIN, SCORE = "docs/getting_started.md", "docs/tutorials/train_and_watch.md", "docs/scoring.md"


class Step(NamedTuple):
    """Something a newcomer does; ``page``: where it is told; ``made``: a file that is there afterwards."""

    name: str
    command: str
    page: str
    made: str = ""


STEPS = (
    Step("environment", "python3.11 -m venv .venv", START, ".venv/bin/python"),
    Step("install", "pip install -c constraints.txt -e '.[agents,render]'", START),
    Step("kernels", "oran-env compile", START),
    Step("first picture", "oran-env watch --scenario tiny --policy count_rule --steps 10 --out first.png", START,
         "first.png"),
    Step("ten lines", "python", "README.md"),
    Step("train", "tasam train --config tiny --run-dir runs/first", START, "runs/first/evaluation.csv"),
    Step("plot", "tasam plot runs/first", TRAIN, "runs/first/figures/learning_curve.png"),
    Step("watch", "tasam watch runs/first --steps 10 --out first.gif", TRAIN, "first.gif"),
    Step("score", "oran-env score --policy static --suite tiny-v1 --out result.json", SCORE, "result.json"),
    Step("site: install", "pip install -c constraints.txt -e '.[docs]'", START),
    Step("site", "python -m sphinx -W -q -b html docs docs/_build", START, "docs/_build/index.html"),
    Step("notebook: install", "pip install -c constraints.txt -e '.[notebook]'", START),
    Step("notebook", "jupyter execute examples/first_steps.ipynb", START),
)  # fmt: skip


def first_code(page: str) -> str:
    """The first block of Python on a page."""
    found = re.search(r"^```python\n(.*?)^```", (ROOT / page).read_text("utf-8"), re.MULTILINE | re.DOTALL)
    return found[1] if found else ""


def not_told(step: Step) -> bool:
    """Whether the command stands nowhere on its page."""
    return step.command not in (ROOT / step.page).read_text("utf-8")


def surroundings(home: Path, clone: Path) -> dict[str, str]:
    """The variables of a shell that has just been opened in the clone, its environment activated."""
    kept = {name: value for name, value in os.environ.items() if name.startswith(PASSED_ON)}
    here = str(Path(sys.executable).parent)
    path = [part for part in os.environ["PATH"].split(os.pathsep) if part != here and ".venv" not in part]
    return kept | {
        "PATH": os.pathsep.join([str(clone / ".venv" / "bin"), *path]),
        "HOME": str(home),
        "XDG_CACHE_HOME": str(home / "cache"),
        "VIRTUAL_ENV": str(clone / ".venv"),
    }


class Took(NamedTuple):
    """How long something took [s]: on the clock, and of a processor."""

    seconds: float
    cpu_seconds: float

    @staticmethod
    def until_now() -> Took:
        """What the clock says, and what all commands have taken of a processor."""
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return Took(time.perf_counter(), used.ru_utime + used.ru_stime)

    def since(self, begin: Took) -> Took:
        """The difference."""
        return Took(self.seconds - begin.seconds, self.cpu_seconds - begin.cpu_seconds)


def run(step: Step, clone: Path, shell: dict[str, str]) -> Took:
    """Do a step and return what it took.

    Raises:
        RuntimeError: it fails, or what it should make is not there.
    """
    begin = Took.until_now()
    command = ["python", "-c", first_code(step.page)] if step.command == "python" else step.command
    done = subprocess.run(
        command, shell=isinstance(command, str), cwd=clone, env=shell, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise RuntimeError(f"{step.command}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
    if step.made and not (clone / step.made).is_file():
        raise RuntimeError(f"{step.command}\nmakes no {step.made}")
    return Took.until_now().since(begin)


def main() -> int:
    """Follow the pages; 0: all went well."""
    lost = [step for step in STEPS if not_told(step)]
    for step in lost:
        print(f"{step.page} does not tell: {step.command}", file=sys.stderr)
    if lost:
        return 1
    with tempfile.TemporaryDirectory(prefix="newcomer-") as folder:
        home, clone = Path(folder) / "home", Path(folder) / "oran-tasam"
        home.mkdir()
        subprocess.run(["git", "clone", "-q", "--no-hardlinks", str(ROOT), str(clone)], check=True)
        shell = surroundings(home, clone)
        print(f"{'step':20}{'seconds':>8}{'CPU s':>8}  command", flush=True)
        installed, late = Took(0.0, 0.0), True
        for step in STEPS:
            try:
                took = run(step, clone, shell)
            except RuntimeError as error:
                print(f"{step.name:20}  FAILED  {error}", flush=True)
                return 1
            print(f"{step.name:20}{took.seconds:8.1f}{took.cpu_seconds:8.1f}  {step.command}", flush=True)
            if step.name == "install":
                installed = Took.until_now()
            if step.name == "first picture":
                seconds, cpu_seconds = Took.until_now().since(installed)
                late = cpu_seconds > FIRST_PICTURE_S
                print(
                    f"{'':20}first picture {seconds:.0f} s after the installation, {cpu_seconds:.0f} CPU s; "
                    f"at most {FIRST_PICTURE_S:.0f} allowed: {'LATE' if late else 'in time'}",
                    flush=True,
                )
        return 1 if late else 0


if __name__ == "__main__":
    sys.exit(main())
