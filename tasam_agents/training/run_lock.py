"""Who works on a run: at most one process at a time, also when two of them do not know of each other.

A lock on ``<directory>.lock`` that the operating system holds for the process, on every one of them (the library
filelock). It ends with the process, however that ends, so no lock is ever left behind by a crash. On a file system
shared between machines it works across them where that supports ``flock`` (NFS 4 does; Lustre when mounted with the
option ``flock``).
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import BaseFileLock, FileLock, Timeout

from tasam_agents.errors import Damaged
from tasam_agents.files.atomic_write import write_text_atomically
from tasam_agents.files.bounded_read import KIB, read_text
from tasam_agents.training.run_directory import RunError

_POLL_S = 0.1


class RunLocked(RunError):
    """Another process works on the run; the message says which."""


def lock_file(directory: Path) -> Path:
    """Where the lock of a run stands: beside its directory, which has to be new or empty when the run begins."""
    return directory.with_name(f"{directory.name}.lock")


@contextmanager
def run_lock(directory: Path, patience_s: float = 0.0) -> Iterator[None]:
    """Within, no other process has the lock of this run directory; the directory itself need not exist.

    Args:
        directory: of the run.
        patience_s: how long to wait for the one that has it [s].

    Raises:
        RunLocked: another process (or another lock of this one) still has it.
        RunError: there is no place for the lock file, or the file system knows no locks.
    """
    lock = _taken(directory, time.monotonic() + patience_s)
    write_text_atomically(_holder_file(directory), f"process {os.getpid()} on {socket.gethostname()}\n")
    try:
        yield
    finally:
        _holder_file(directory).unlink(missing_ok=True)
        # While it is locked, so that nobody else's is deleted; whoever waits for a deleted file takes a new one.
        with suppress(PermissionError):  # Windows deletes no open file
            lock_file(directory).unlink(missing_ok=True)
        lock.release()


def _taken(directory: Path, deadline: float) -> BaseFileLock:
    path = lock_file(directory)
    while True:
        lock = FileLock(path, thread_local=False)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            lock.acquire(blocking=False)
            return lock
        except Timeout:
            pass
        except OSError as error:
            raise RunError(
                f"lock file {path} cannot be made: {error.strerror or error}; allowed: a file system with locks"
            ) from error
        if time.monotonic() >= deadline:
            raise RunLocked(f"{directory} is in use by {_holder(directory)}; allowed: one process at a time")
        time.sleep(_POLL_S)


def _holder_file(directory: Path) -> Path:
    """Who has the lock; a file of its own, since Windows lets nobody read a locked one."""
    return directory.with_name(f"{directory.name}.lock.holder")


def _holder(directory: Path) -> str:
    """For messages: process and host, as the holder wrote them."""
    try:
        said = read_text(_holder_file(directory), KIB).strip()
    except (OSError, Damaged):
        said = ""
    return said or "another process"
