"""A pool without processes, so that a test of many runs is quick and can look inside."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from tasam_agents.jobs.attempt import attempt
from tasam_agents.jobs.engine import Event
from tasam_agents.jobs.job import Job, Task


class HerePool:
    """One run after the other, in this process.

    Args:
        ending: how a job ends, in place of doing it.
    """

    def __init__(self, ending: Callable[[Job, Task], Event] = attempt) -> None:
        self.begun: list[str] = []
        """Labels of the jobs, in the order in which they were begun."""
        self._ending = ending
        self._waiting: list[Job] = []
        self._task: Task

    @contextmanager
    def open(self, jobs: Sequence[Job], task: Task) -> Iterator[HerePool]:
        self._waiting, self._task = list(jobs), task
        yield self

    @property
    def unfinished(self) -> bool:
        return bool(self._waiting)

    def events(self) -> list[Event]:
        job = self._waiting.pop(0)
        self.begun.append(job.label)
        return [Event(job, "begun"), self._ending(job, self._task)]

    def stop(self) -> None:
        self._waiting.clear()
