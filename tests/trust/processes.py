"""Kills, two writers, full file systems, start methods, and long runs: in processes of their own."""

from __future__ import annotations

import multiprocessing
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from support.same_run import assert_same_run
from support.short_runs import FAKE

from tasam_agents.training.run_directory import RunDirectory
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


def start(config: Any, path: Path, **more: Any) -> subprocess.Popen[bytes]:
    """A process that trains, or goes on with, a run."""
    import json

    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", TRAIN, json.dumps(config.to_dict()), str(path)]
    return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, **more)


def kills(place: Path, is_quick: bool) -> str:
    """SIGKILL at random moments, again and again; the run ends as one that was never killed."""
    if not hasattr(signal, "SIGKILL"):
        raise NotRun("no SIGKILL on this system")
    whole = train(LONG, place / "whole", quiet=True)
    chance, killed, rounds = random.Random(3), 0, 0
    while killed < (6 if is_quick else 50):
        rounds += 1
        path = place / f"parts{rounds}"
        for attempt in range(9):
            process = start(LONG, path)
            deadline = None  # a while after it has begun to work; in the last attempt, never
            while process.poll() is None and (deadline is None or time.monotonic() < deadline):
                if deadline is None and attempt < 8 and path.with_name(f"{path.name}.lock.holder").exists():
                    deadline = time.monotonic() + 1.5 * chance.random()
                # Also within a save: as soon as a partial checkpoint stands there.
                if attempt % 2 and (path / "checkpoints" / "latest.partial").exists() and chance.random() < 0.1:
                    break
                time.sleep(0.002)
            if process.poll() is None:
                process.kill()
                killed += 1
            _, errors = process.communicate()
            assert process.returncode in (0, -signal.SIGKILL), errors.decode()
            if process.returncode == 0:
                break
        assert_same_run(whole, path)
        shutil.rmtree(path)
    return f"{killed} kills over {rounds} runs, every one with the end of a run that was not killed"


def two_writers(place: Path, is_quick: bool) -> str:
    """Processes that are given the same directory: one trains, the others are told who does."""
    rounds = 2 if is_quick else 20
    for number in range(rounds):
        processes = [start(replace(LONG, iterations=20), place / f"run{number}") for _ in range(3)]
        codes = []
        for process in processes:
            _, errors = process.communicate()
            codes.append(process.returncode)
            if process.returncode:
                assert b"RunLocked" in errors or b"not empty" in errors or b"RunError" in errors, errors.decode()
        iterations = [line["iteration"] for line in RunDirectory(place / f"run{number}").metrics()]
        assert 0 in codes
        assert iterations == sorted(set(iterations)), iterations
        assert iterations[-1] == 20
    return f"{rounds} rounds of three processes, one log each"


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


def soak(place: Path, is_quick: bool) -> str:
    """Memory over many steps and iterations."""
    if is_quick:
        raise NotRun("only at length")
    if not Path("/proc/self/statm").is_file():
        raise NotRun("this system does not tell the memory of a process in /proc")
    import numpy as np

    from oran_env import Simulator

    def resident() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") >> 20

    simulator = Simulator("tiny", 1, seed=0)
    simulator.reset()
    actions = np.full((1, len(simulator.agents), simulator.action_size), 0.7, np.float32)
    sizes = []
    for step in range(200_000):
        simulator.step(actions)
        simulator.reset_done()
        if step % 20_000 == 0:
            sizes.append(resident())
    assert sizes[-1] - sizes[1] < 20, sizes
    before = resident()
    train(replace(FAKE, iterations=1500, checkpoint_every_s=1.0), place / "run", quiet=True)
    assert resident() - before < 100, (before, resident())
    return f"{sizes[1]} → {sizes[-1]} MiB over 200,000 steps, {before} → {resident()} MiB over 1,500 iterations"


def elsewhere(place: Path, is_quick: bool) -> str:
    """Windows and macOS."""
    if sys.platform in ("win32", "darwin"):
        train(FAKE, place / "run", quiet=True)
        return f"trained on {sys.platform}"
    raise NotRun(f"this machine has {sys.platform}; tests/agents/test_portable.py trains without what only POSIX has")


PROCESSES = {
    "kills": Part("SIGKILL at random moments of a training, also within saves", kills),
    "two-writers": Part("three processes for one run directory", two_writers),
    "small-disk": Part("a file system that is full", small_disk),
    "file-limit": Part("a limit on the length of files", file_limit),
    "start-methods": Part("spawn, fork and forkserver after threads have worked", start_methods),
    "empty-cache": Part("four processes that compile at once", empty_cache),
    "soak": Part("memory over 200,000 steps and 1,500 iterations", soak),
    "elsewhere": Part("another operating system", elsewhere),
}
