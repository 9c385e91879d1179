"""Two writers, full file systems, start methods, and long runs: in processes of their own."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

from support.same_run import assert_same_run
from support.short_runs import FAKE

import tasam_agents
from tasam_agents.training.run_directory import RunDirectory, RunError
from tasam_agents.training.trainer import train
from trust.killing import LONG, start, tasam
from trust.part import NotRun, Part

_together: Any = None


def _begin_together(barrier: Any) -> None:
    global _together
    _together = barrier


def _race(path: Path) -> str:
    """Train there as soon as the others do; what came of it."""
    _together.wait()
    try:
        tasam_agents.train(replace(FAKE, iterations=3), path, quiet=True)
    except RunError as error:
        return type(error).__name__
    return "trained"


def two_writers(place: Path, is_quick: bool) -> str:
    """Processes that are given the same directory at the same moment: one trains, the others are told who does."""
    rounds, context = 10 if is_quick else 100, multiprocessing.get_context("spawn")
    told: Counter[str] = Counter()
    with context.Pool(3, _begin_together, [context.Barrier(3)]) as pool:
        for number in range(rounds):
            found = pool.map(_race, [place / f"run{number}"] * 3, chunksize=1)
            assert found.count("trained") == 1, found
            told.update(found)
            iterations = [line["iteration"] for line in RunDirectory(place / f"run{number}").metrics()]
            assert iterations == sorted(set(iterations)), iterations
            assert iterations[-1] == 3
    return f"{rounds} races of three processes, one owner and one log each ({told['RunLocked']} told who has the lock)"


def small_disk(place: Path, is_quick: bool) -> str:
    """A file system of 300 KiB: the run ends with a message, its checkpoint whole."""
    mount = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", str(place)], capture_output=True)
    if mount.returncode:
        raise NotRun(f"no tmpfs can be mounted here: {mount.stderr.decode().strip()}")
    try:
        process = start(replace(LONG, replay_capacity=3000, iterations=2000), place / "run")
        _, errors = process.communicate()
        assert process.returncode == 1, errors.decode()
        assert b"No space left on device" in errors, errors.decode()
    finally:
        subprocess.run(["umount", str(place)], check=True)
    return "OSError, as documented"


def file_limit(place: Path, is_quick: bool) -> str:
    """A limit on the length of a file, which the replay outgrows."""
    try:
        import resource
    except ImportError:
        raise NotRun("no limits on this system") from None

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))

    process = start(replace(LONG, replay_capacity=30_000, iterations=2000), place / "run", preexec_fn=limited)
    _, errors = process.communicate()
    assert process.returncode == 1, errors.decode()
    assert b"File too large" in errors, errors.decode()
    return "OSError that names the last good checkpoint"


READ_ONLY = (
    ("evaluate", "RUN", "--networks", "2"),
    ("train", "--resume", "RUN"),
    ("train", "--config", "tiny", "--run-dir", "RUN-2"),
    ("study", "run", "--budget", "smoke", "--out", "RUN-3", "--jobs", "1"),
)


def read_only(place: Path, is_quick: bool) -> str:
    """A file system that has become read-only: every command says so, and ends."""
    if subprocess.run(["mount", "-t", "tmpfs", "tmpfs", str(place)], capture_output=True).returncode:
        raise NotRun("no tmpfs can be mounted here, and permissions do not bind root")
    try:
        run = train(replace(LONG, iterations=3), place / "run", quiet=True)
        subprocess.run(["mount", "-o", "remount,ro", str(place)], check=True)
        for words in READ_ONLY:
            command = [word.replace("RUN", str(run)) for word in words]
            more = () if "study" in words or "--config" in words else ("--trust-env", LONG.env_id)
            done = tasam(*command, *more)
            assert done.returncode in (1, 2), (words, done.stderr)
            assert "Traceback" not in done.stderr, done.stderr
            assert "ead-only" in done.stderr or "not writable" in done.stderr, done.stderr
    finally:
        subprocess.run(["umount", str(place)], check=True)
    return f"{len(READ_ONLY)} commands ended with a message"


TRAIN_AS_CLOCKS_JUMP = """
import itertools, time
for name, unit in (("time", 1), ("time_ns", 10**9)):
    jumps = itertools.count()
    setattr(time, name, lambda now=getattr(time, name), unit=unit, jumps=jumps: now() - 3600 * unit * next(jumps))
"""


def clock(place: Path, is_quick: bool) -> str:
    """The time of day falls back by an hour whenever somebody asks for it: the same run, no time below zero."""
    whole = train(replace(LONG, iterations=20), place / "whole", quiet=True)
    process = start(replace(LONG, iterations=20), place / "run", before=TRAIN_AS_CLOCKS_JUMP)
    _, errors = process.communicate()
    assert process.returncode == 0, errors.decode()
    assert_same_run(whole, place / "run")
    assert all(line["wall_time_s"] >= 0.0 for line in RunDirectory(place / "run").metrics())
    return "the same run"


def _step(threads: int) -> float:
    from oran_env import Simulator

    simulator = Simulator("tiny", 4, seed=0, num_threads=threads)
    simulator.reset()
    import numpy as np

    actions = np.full((4, len(simulator.agents), simulator.action_size), 0.7, np.float32)
    return float(simulator.step(actions).rewards.sum())


def start_methods(place: Path, is_quick: bool) -> str:
    """A simulator with threads has stepped here; children by every start method step their own."""
    expected = _step(2)
    tried = []
    for method in multiprocessing.get_all_start_methods():
        context = multiprocessing.get_context(method)
        with context.Pool(2) as pool:
            found = pool.map_async(_step, [2, 2]).get(timeout=300)
        assert found == [expected] * 2, (method, found)
        tried.append(method)
    return ", ".join(tried)


def empty_cache(place: Path, is_quick: bool) -> str:
    """Four processes that compile at once into an empty cache."""
    environment = {**os.environ, "XDG_CACHE_HOME": str(place), "PYTHONPATH": os.pathsep.join(sys.path)}
    program = "from trust.processes import _step; print(_step(1))"
    command = [sys.executable, "-c", program]
    processes = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) for _ in range(4)]
    printed = {process.communicate()[0] for process in processes}
    assert [process.returncode for process in processes] == [0] * 4
    assert len(printed) == 1, printed
    return "the same numbers in all four"


def elsewhere(place: Path, is_quick: bool) -> str:
    """Windows and macOS."""
    if sys.platform in ("win32", "darwin"):
        train(FAKE, place / "run", quiet=True)
        return f"trained on {sys.platform}"
    raise NotRun(f"this machine has {sys.platform}; tests/agents/test_portable.py trains without what only POSIX has")


PROCESSES = {
    "two-writers": Part("three processes for one run directory", two_writers),
    "read-only": Part("a file system that has become read-only", read_only),
    "clock": Part("a time of day that jumps back again and again", clock),
    "small-disk": Part("a file system that is full", small_disk),
    "file-limit": Part("a limit on the length of files", file_limit),
    "start-methods": Part("spawn, fork and forkserver after threads have worked", start_methods),
    "empty-cache": Part("four processes that compile at once", empty_cache),
    "elsewhere": Part("another operating system", elsewhere),
}
