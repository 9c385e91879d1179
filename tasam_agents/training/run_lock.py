"""Who works on a run: at most one process at a time, also when two of them do not know of each other.

A lock on ``<directory>.lock`` that the operating system holds for the process. It ends with the process, however that
ends, so no lock is ever left behind by a crash. On a file system shared between machines it works across them where
that supports ``flock`` (NFS 4 does; Lustre when mounted with the option ``flock``).
"""

from __future__ import annotations

import fcntl
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

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
    deadline = time.monotonic() + patience_s
    while (descriptor := _try(directory)) is None:
        if time.monotonic() >= deadline:
            raise RunLocked(f"{directory} is in use by {_holder(directory)}; allowed: one process at a time")
        time.sleep(_POLL_S)
    try:
        yield
    finally:
        lock_file(directory).unlink(missing_ok=True)  # while it is locked, so that nobody else's is deleted
        os.close(descriptor)


def _try(directory: Path) -> int | None:
    """A descriptor that holds the lock, or None when another one does."""
    path = lock_file(directory)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise RunError(f"lock file {path} cannot be made: {error.strerror}") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    except OSError as error:
        os.close(descriptor)
        raise RunError(f"{path} cannot be locked: {error.strerror}; allowed: a file system with flock") from error
    if not _is_still(descriptor, path):  # the holder before us deleted it in between: this lock excludes nobody
        os.close(descriptor)
        return None
    os.ftruncate(descriptor, 0)
    os.write(descriptor, f"process {os.getpid()} on {socket.gethostname()}\n".encode())
    return descriptor


def _is_still(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _holder(directory: Path) -> str:
    """For messages: process and host, as the holder wrote them."""
    try:
        said = lock_file(directory).read_text("utf-8").strip()
    except OSError:
        said = ""
    return said or "another process"
