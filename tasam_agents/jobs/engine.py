"""The one loop over many runs: start what is not complete, watch, report, and stop when the user asks for it.

A run that fails, or a process that is killed, does not take the others with it. Where runs happen is a pool's concern.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Literal, Protocol

from tasam_agents.errors import Damaged, UserError
from tasam_agents.jobs.job import Failure, Job, Task
from tasam_agents.training.interruption import StopRequest
from tasam_agents.training.progress import Progress
from tasam_agents.training.trainer import Interrupted


@dataclass(frozen=True)
class Event:
    """What became of a job: begun, taken up again by another process, or ended: complete, interrupted, failed, or lost
    with its process."""

    job: Job
    what: Literal["begun", "resumed", "complete", "interrupted", "failed", "lost"]
    reason: str = ""


class Crew(Protocol):
    """Processes that work on the jobs of one call."""

    @property
    def unfinished(self) -> bool:
        """Whether a job has not ended yet."""

    def events(self) -> Sequence[Event]:
        """Those since the last call; waits a moment for one."""

    def stop(self) -> None:
        """Called once: let those that have begun save and end, and begin no other."""


class Pool(Protocol):
    """Where runs happen."""

    def open(self, jobs: Sequence[Job], task: Task) -> AbstractContextManager[Crew]:
        """A crew for these jobs; what still works at the end of the block is killed."""


def run_jobs(
    jobs: Sequence[Job], pool: Pool, task: Task, quiet: bool = False, minutes: float | None = None
) -> list[Failure]:
    """Do all that is not complete; return those that failed, which the next call tries again.

    Args:
        jobs: each with a directory of its own.
        pool: where.
        task: what to do with each.
        quiet: show no progress.
        minutes: stop, as with Ctrl-C, after this time; None: at the end.

    Raises:
        UserError: a directory that cannot be used, before anything is begun; a damaged run is a failure of that run.
        Interrupted: on SIGINT or SIGTERM, or after ``minutes``, once the running ones have saved.
    """
    if minutes is not None and not minutes > 0:
        raise UserError(f"minutes is {minutes}; allowed: a number > 0")
    deadline = None if minutes is None else time.monotonic() + 60.0 * minutes
    waiting, failures = standing(jobs, task)
    if not waiting:
        return failures
    is_told = False
    # The request stands inside: connecting to a cluster takes SIGTERM over.
    with (
        Progress(len(jobs), len(jobs) - len(waiting), quiet=quiet, unit="run") as progress,
        pool.open(waiting, task) as crew,
        StopRequest(progress.say) as stop,
    ):
        for failure in failures:
            progress.say(f"failed: {failure}")
        while crew.unfinished:
            for event in crew.events():
                failures += _report(event, progress, stop.made)
            if deadline is not None and time.monotonic() >= deadline and not stop.made:
                progress.say(f"{minutes:g} minutes are over, stopping")
                stop.made = True
            if stop.made and not is_told:
                is_told = True
                crew.stop()
    if stop.made:
        raise Interrupted("stopped; what was trained is kept. To go on: the same command again")
    return failures


def standing(jobs: Sequence[Job], task: Task) -> tuple[list[Job], list[Failure]]:
    """What is to be done, and the runs that are damaged: these alone are left out."""
    waiting, failures = [], []
    for job in jobs:
        try:
            if task.status(job) != "complete":
                waiting.append(job)
        except Damaged as error:
            failures.append(Failure(job, str(error)))
    return waiting, failures


def _report(event: Event, progress: Progress, is_stopping: bool) -> list[Failure]:
    """Tell the user; a run that ended before its end has failed, unless all are to stop."""
    where = f"{event.job.label} (log: {event.job.log})"
    if event.what == "resumed":
        progress.say(f"its worker was lost; going on with {where}")
    elif event.what == "complete":
        progress.advance()
    elif is_stopping:
        pass
    elif event.what == "begun":
        progress.say(f"training {where}")
    else:
        failure = Failure(event.job, event.reason)
        progress.say(f"failed: {failure}")
        progress.advance()
        return [failure]
    return []
