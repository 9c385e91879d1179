"""SIGKILL at random moments of a training, a comparison and a study, also within saves: the end is the same."""

from __future__ import annotations

import fnmatch
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from support.same_run import assert_same_run
from support.short_runs import FAKE

from tasam_agents.study.measurement import FILE
from tasam_agents.training.trainer import train
from trust.part import NotRun, Part

LONG = replace(FAKE, iterations=120, checkpoint_every_s=0.05)
TRAIN = """
import json, sys
from pathlib import Path
import tasam_agents
from tasam_agents.config.fields import TrainConfig
config = TrainConfig.from_dict(json.loads(sys.argv[1]))
path = Path(sys.argv[2])
tasam_agents.train(config, path, resume=(path / "config.json").is_file(), quiet=True)
"""
COMPARED = ("tiny", "tiny_no_sam")
Process = subprocess.Popen[bytes]


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}


def start(config: Any, path: Path, before: str = "", **more: Any) -> Process:
    """A process that trains, or goes on with, a run; before: what its program begins with."""
    command = [sys.executable, "-c", before + TRAIN, json.dumps(config.to_dict()), str(path)]
    return subprocess.Popen(command, env=environment(), stderr=subprocess.PIPE, start_new_session=True, **more)


def tasam(*words: str) -> subprocess.CompletedProcess[str]:
    """A command, to its end."""
    command = [sys.executable, "-m", "tasam_agents.cli", *words]
    return subprocess.run(command, env=environment(), capture_output=True, text=True, check=False)


def begun(*words: str) -> Process:
    """A command, in a process group of its own, so that a kill reaches its workers, too, or the driver alone."""
    command = [sys.executable, "-m", "tasam_agents.cli", *words]
    streams: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, env=environment(), start_new_session=True, **streams)


def marks(place: Path, pattern: str) -> set[tuple[Path, int]]:
    """Files by name and time: what a killed process has left is told from what is new."""
    found = set()
    for directory, folders, files in os.walk(place):  # which goes on where one is gone meanwhile; rglob raises
        for name in fnmatch.filter([*folders, *files], pattern):
            with suppress(FileNotFoundError):
                found.add((Path(directory, name), Path(directory, name).stat().st_mtime_ns))
    return found


def kill(process: Process, place: Path, chance: random.Random, within_a_save: bool, longest_s: float) -> bool:
    """Let it work for a while after it has begun with a run, then kill it; False: it was done before."""
    before, partial = marks(place, "*.lock.holder"), marks(place, "*.partial")
    deadline = None
    while process.poll() is None and (deadline is None or time.monotonic() < deadline):
        if deadline is None and marks(place, "*.lock.holder") - before:
            deadline = time.monotonic() + longest_s * chance.random()
        if within_a_save and marks(place, "*.partial") - partial:
            break
        time.sleep(0.002)
    if process.poll() is not None:
        return False
    if chance.random() < 0.5:
        os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()  # workers have to notice by themselves
    process.wait()
    return True


def killed_to_its_end(begin: Callable[[], Process], place: Path, kills: int, chance: random.Random) -> int:
    """Kill it up to so many times, every second time within a save, then let it end; how often it was killed."""
    killed = 0
    while killed < kills and kill(process := begin(), place, chance, killed % 2 == 1, 1.5):
        killed += 1
    process = begin() if killed == kills else process
    _, errors = process.communicate()
    assert process.returncode == 0, errors.decode()
    return killed


def killed_again_and_again(
    place: Path, wanted: int, seed: int, begin: Callable[[Path], Process], check: Callable[[Path], None]
) -> tuple[int, int]:
    """Round after round in a new directory, each to its end and checked, until it was killed as often as wanted.

    Returns:
        How often it was, and the rounds.
    """
    chance, killed, rounds = random.Random(seed), 0, 0
    while killed < wanted:
        rounds += 1
        assert rounds <= 2 * wanted, "it is done before it can be killed"
        parts = place / f"parts{rounds}"
        parts.mkdir()
        killed += killed_to_its_end(lambda: begin(parts), parts, min(8, wanted - killed), chance)  # noqa: B023
        check(parts)
        shutil.rmtree(parts)
    return killed, rounds


def posix_only() -> None:
    if not hasattr(signal, "SIGKILL"):
        raise NotRun("no SIGKILL on this system")


def of_train(place: Path, is_quick: bool) -> str:
    """Run after run; each ends as one that was never killed."""
    posix_only()
    whole = train(LONG, place / "whole", quiet=True)
    killed, rounds = killed_again_and_again(
        place,
        4 if is_quick else 32,
        3,
        lambda parts: start(LONG, parts / "run"),
        lambda parts: assert_same_run(whole, parts / "run"),
    )
    return f"{killed} kills over {rounds} runs, every one with the end of a run that was not killed"


def of_compare(place: Path, is_quick: bool) -> str:
    """Two agents, two seeds, two workers; every run ends as one that was trained alone."""
    posix_only()
    words = ("compare", "--agents", *COMPARED, "--seeds", "2", "--networks", "2", "--jobs", "2", "--iterations", "30")
    whole = place / "whole"
    assert tasam(*words, "--runs", str(whole)).returncode == 0

    def check(parts: Path) -> None:
        for name in COMPARED:
            for seed in range(2):
                assert_same_run(whole / name / f"seed_{seed}", parts / name / f"seed_{seed}")

    killed, rounds = killed_again_and_again(
        place, 2 if is_quick else 10, 4, lambda parts: begun(*words, "--runs", str(parts)), check
    )
    return f"{killed} kills over {rounds} comparisons, all {2 * len(COMPARED)} runs of each as without"


def hashes(study: Path) -> dict[str, str]:
    """Of what was measured of every run."""
    files = study.glob(f"runs/*/*/{FILE}")
    return {str(path.relative_to(study)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def of_study(place: Path, is_quick: bool) -> str:
    """The runs of one figure of the smallest study; every measurement is the same to the last byte."""
    posix_only()
    words = ("study", "run", "--budget", "smoke", "--only", "fig7", "--jobs", "2", "--out")
    assert tasam(*words, str(place / "whole")).returncode == 0
    expected = hashes(place / "whole")

    def check(parts: Path) -> None:
        assert hashes(parts) == expected

    killed, rounds = killed_again_and_again(
        place, 2 if is_quick else 10, 5, lambda parts: begun(*words, str(parts)), check
    )
    return (
        f"{killed} kills over {rounds} studies, {len(expected)} measurements of each with the same SHA-256 as without"
    )


KILLING = {
    "kills-train": Part("SIGKILL at random moments of `tasam train`, every second within a save", of_train),
    "kills-compare": Part("the same of `tasam compare`, its workers too or the driver alone", of_compare),
    "kills-study": Part("the same of `tasam study run`", of_study),
}
