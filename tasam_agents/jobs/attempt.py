"""One process at one run: alone with it, what it prints in its log, and how it ended in place of an exception."""

from __future__ import annotations

import os
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path

from tasam_agents.errors import UserError
from tasam_agents.files.atomic_write import opened_to_append
from tasam_agents.jobs.engine import Event
from tasam_agents.jobs.job import Job, Task
from tasam_agents.training.run_lock import RunLocked, run_lock
from tasam_agents.training.trainer import Interrupted, TrainingDiverged

PATIENCE_S = 180.0
"""How long to wait for the process that has the run: longer than a file server takes to notice a lost machine."""

_REASONS = (UserError, TrainingDiverged, ImportError, OSError)
"""Errors with a message for the user; another one is a defect, whose traceback goes to the log."""


def attempt(job: Job, task: Task, is_stopping: Callable[[], bool] = lambda: False) -> Event:
    """Do a job from where it stands to its end, and say how it ended.

    Args:
        job: a process that was told to end may still have it; then this waits.
        task: what to do.
        is_stopping: whether the job is to be left, asked until the work begins.
    """
    job.log.parent.mkdir(parents=True, exist_ok=True)
    with _printed_to(job.log):
        try:
            with ExitStack() as stack:
                _take_lock(stack, job, is_stopping)
                if task.status(job) != "complete":  # another process may have finished it meanwhile
                    task.work(job)
                if task.status(job) != "complete":
                    return Event(job, "failed", "it ended before it was complete")
            return Event(job, "complete")
        except (Interrupted, KeyboardInterrupt) as stopped:
            print(stopped)
            return Event(job, "interrupted", f"stopped from outside: {stopped}")
        except Exception as error:
            reason = str(error)
            if not (isinstance(error, _REASONS) and reason):
                traceback.print_exc()
                reason = f"{type(error).__name__}: {error}"
            print(f"error: {reason}")
            return Event(job, "failed", reason)


def _take_lock(stack: ExitStack, job: Job, is_stopping: Callable[[], bool]) -> None:
    """Have the run for this process alone, once the one that has it ends."""
    deadline = time.monotonic() + PATIENCE_S
    is_told = False
    while not is_stopping():
        try:
            stack.enter_context(run_lock(job.directory, patience_s=1.0))
            return
        except RunLocked as held:
            if time.monotonic() >= deadline:
                raise
            if not is_told:
                print(f"waiting: {held}")
            is_told = True
    raise Interrupted("stopped before it began")


@contextmanager
def _printed_to(log: Path) -> Iterator[None]:
    """Within, all output of this process, that of libraries in C too, is appended to the log."""
    kept = [os.dup(number) for number in (1, 2)]
    with opened_to_append(log) as file:
        sys.stdout.flush()
        sys.stderr.flush()
        try:
            for number in (1, 2):
                os.dup2(file.fileno(), number)
            with redirect_stdout(file), redirect_stderr(file):
                yield
        finally:
            for number, descriptor in zip((1, 2), kept, strict=True):
                os.dup2(descriptor, number)
                os.close(descriptor)
