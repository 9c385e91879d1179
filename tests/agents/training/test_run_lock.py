"""One process at a time works on a run, and a process that dies leaves nothing behind."""

from __future__ import annotations

import fcntl
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tasam_agents.training.run_directory import RunDirectory, RunError
from tasam_agents.training.run_lock import RunLocked, lock_file, run_lock

HOLD = """
import sys, time
from pathlib import Path
from tasam_agents.training.run_lock import run_lock
with run_lock(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def hold(directory: Path) -> subprocess.Popen[str]:
    """Another process that has the lock."""
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(directory)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_it_excludes_another_process_and_names_it_and_ends_with_it(tmp_path: Path) -> None:
    run = tmp_path / "agent" / "seed_0"
    other = hold(run)
    with pytest.raises(RunLocked, match=rf"seed_0 is in use by process {other.pid} on .+; allowed: one process"):
        run_lock(run).__enter__()
    other.send_signal(signal.SIGKILL)
    other.wait()
    assert lock_file(run).is_file()  # a crash leaves the file, but not the lock
    with run_lock(run), pytest.raises(RunLocked, match=rf"in use by process {os.getpid()} on "):
        run_lock(run).__enter__()


def test_it_waits_for_the_holder_to_end(tmp_path: Path) -> None:
    other = hold(tmp_path / "run")
    threading.Timer(0.5, other.kill).start()
    began = time.monotonic()
    with run_lock(tmp_path / "run", patience_s=30.0):
        assert 0.4 < time.monotonic() - began < 10.0
    other.wait()


def test_a_lock_that_ends_leaves_the_place_as_it_was(tmp_path: Path) -> None:
    """So a new run can begin there; also when what was done with it failed."""
    run = tmp_path / "run"

    def failing() -> None:
        with run_lock(run):
            RunDirectory.check_new(run)
            with pytest.raises(RunLocked):  # the same process does not get it twice either
                run_lock(run).__enter__()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        failing()
    assert list(tmp_path.iterdir()) == []
    with run_lock(run), run_lock(tmp_path / "other"):
        pass


def test_a_place_without_locks_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match=r"lock file .*file/run\.lock cannot be made: "):
        run_lock(tmp_path / "file" / "run").__enter__()


def count_up(directory: Path, counter: Path, times: int) -> None:
    for _ in range(times):
        with run_lock(directory, patience_s=60.0):
            value = int(counter.read_text())
            time.sleep(0.001)  # long enough for another one to read the same number
            counter.write_text(str(value + 1))


def test_it_is_taken_and_left_many_times_without_two_holders(tmp_path: Path) -> None:
    """Every holder deletes the file that the next ones are waiting for: none of them may lock a deleted one."""
    counter = tmp_path / "counter"
    counter.write_text("0")
    spawn = multiprocessing.get_context("spawn")
    others = [spawn.Process(target=count_up, args=(tmp_path / "run", counter, 20)) for _ in range(3)]
    for process in others:
        process.start()
    for process in others:
        process.join()
    assert counter.read_text() == "60"


def test_a_lock_on_a_file_that_was_deleted_meanwhile_does_not_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The holder ends after we have opened its file, and a third process makes a new one and locks that."""
    flock = fcntl.flock
    third: list[int] = []

    def late(descriptor: int, operation: int) -> None:
        if not third:
            lock_file(tmp_path / "run").unlink()
            third.append(os.open(lock_file(tmp_path / "run"), os.O_RDWR | os.O_CREAT))
            flock(third[0], fcntl.LOCK_EX)
        flock(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", late)
    with pytest.raises(RunLocked):
        run_lock(tmp_path / "run", patience_s=0.3).__enter__()
    os.close(third[0])


def test_a_lock_that_ends_does_not_delete_the_file_of_the_next_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    close, next_one = os.close, run_lock(tmp_path / "run")
    entered: list[bool] = []

    def close_and_be_overtaken(descriptor: int) -> None:
        close(descriptor)
        if not entered:
            entered.append(True)
            next_one.__enter__()

    with monkeypatch.context() as patch, run_lock(tmp_path / "run"):
        patch.setattr(os, "close", close_and_be_overtaken)
    assert entered
    with pytest.raises(RunLocked):
        run_lock(tmp_path / "run").__enter__()
    next_one.__exit__(None, None, None)
