"""A Ray cluster: one of its tasks per run, one CPU and one thread each.

Every machine of the cluster must see the run directories under the same path, and have this package. A run whose worker
or machine is lost is taken up by another worker at its last checkpoint, a few times; a run that fails by itself is not
tried again. At most one process works on a run: each holds its lock, also while a driver that died is already replaced
and its tasks are still ending.
"""

from __future__ import annotations

import _thread
import asyncio
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from tasam_agents.distributed.ray_cluster import connected, import_ray, threads_environment
from tasam_agents.jobs.attempt import attempt
from tasam_agents.jobs.engine import Event
from tasam_agents.jobs.job import Job, Task
from tasam_agents.training.interruption import StopRequest

_STOP_AGAIN_S = 2.0


@dataclass(frozen=True)
class RayPool:
    """As many runs at a time as the cluster has CPUs.

    ``open`` raises ImportError without Ray, and UserError when there is no cluster at the address.
    """

    address: str | None = None
    """Of a running cluster, "auto" or host:port; None: one of this machine, for as long as this takes."""
    max_retries: int = 3
    """How often a run is taken up again after its worker was lost."""

    @contextmanager
    def open(self, jobs: Sequence[Job], task: Task) -> Iterator[_Crew]:
        """See ``Pool``."""
        with connected(self.address) as ray:
            crew = _Crew(ray, jobs, task, self.max_retries)
            try:
                yield crew
            finally:
                crew.end()


class _Board:
    """An actor between the driver and its tasks: who has begun, and whether all are to stop."""

    def __init__(self, num_jobs: int) -> None:
        self._attempts = [0] * num_jobs
        self._news: list[int] = []
        self._stopping = asyncio.Event()

    async def begin(self, number: int) -> tuple[int, bool]:
        """A task begins with a job: which attempt this is, from 1, and whether it is to leave it."""
        self._attempts[number] += 1
        self._news.append(number)
        return self._attempts[number], self._stopping.is_set()

    async def news(self) -> list[int]:
        """Numbers of the jobs that were begun since the last call."""
        news, self._news = self._news, []
        return news

    async def stop(self) -> None:
        """Let all tasks save and end."""
        self._stopping.set()

    async def stopped(self) -> None:
        """Returns when all tasks are to save and end."""
        await self._stopping.wait()


class _Crew:
    """The tasks of one call, and what became of them."""

    def __init__(self, ray: Any, jobs: Sequence[Job], task: Task, max_retries: int) -> None:
        self._ray, self._jobs = ray, jobs
        self._begun = [0] * len(jobs)
        board = ray.remote(num_cpus=0, max_restarts=-1, max_task_retries=-1)(_Board)
        self._board = board.remote(len(jobs))
        # A process per run: what one leaves behind does not reach the next. Ray counts lost workers by kinds, and some
        # without end: what bounds all of them together is the count of attempts in `_attempt`.
        remote = ray.remote(num_cpus=1, max_retries=max_retries, retry_exceptions=False, max_calls=1)(_attempt)
        remote = remote.options(runtime_env=threads_environment(1), scheduling_strategy="SPREAD")
        there = [replace(job, directory=job.directory.absolute()) for job in jobs]  # workers stand elsewhere
        self._pending = {
            remote.remote(job, task, number, self._board, max_retries): number for number, job in enumerate(there)
        }

    @property
    def unfinished(self) -> bool:
        return bool(self._pending)

    def events(self) -> list[Event]:
        ended, _ = self._ray.wait(list(self._pending), num_returns=1, timeout=0.2)
        return [self._began(number) for number in self._ray.get(self._board.news.remote())] + [
            self._ending(reference, self._pending.pop(reference)) for reference in ended
        ]

    def stop(self) -> None:
        self._ray.get(self._board.stop.remote())
        for reference, number in self._pending.items():
            if not self._begun[number]:
                self._ray.cancel(reference)

    def end(self) -> None:
        for reference in self._pending:
            self._ray.cancel(reference, force=True)
        self._ray.kill(self._board)

    def _began(self, number: int) -> Event:
        self._begun[number] += 1
        return Event(self._jobs[number], "begun" if self._begun[number] == 1 else "resumed")

    def _ending(self, reference: Any, number: int) -> Event:
        errors, job = self._ray.exceptions, self._jobs[number]
        try:
            event = self._ray.get(reference)
            assert isinstance(event, Event)
            return replace(event, job=job)
        except errors.TaskCancelledError:
            return Event(job, "interrupted", "cancelled")
        except errors.RayError as error:  # workers lost too often, or a task that cannot be run at all
            what = str(error).strip().splitlines() or [type(error).__name__]
            return Event(job, "failed", f"no worker finished it in {self._begun[number]} attempts: {what[0]}")


def _attempt(job: Job, task: Task, number: int, board: Any, max_retries: int) -> Event:
    """What a task of Ray does: one run."""
    # Through a future: while a task waits in `ray.get`, its CPU is given to another one, and too many would run.
    count, is_stopping = board.begin.remote(number).future().result()
    if is_stopping:
        return Event(job, "interrupted")
    if count > max_retries + 1:
        return Event(job, "failed", f"its worker was lost {count - 1} times")
    is_over = threading.Event()
    # Around the run's own: a request that comes before or after it must not end the process.
    with StopRequest(lambda _: None) as stop:
        threading.Thread(target=_heed, args=(board, is_over), daemon=True).start()
        try:
            return attempt(job, task, lambda: stop.made)
        finally:
            is_over.set()


def _heed(board: Any, is_over: threading.Event) -> None:
    """In a thread: when all are to stop, do to this run what SIGTERM does."""
    ray = import_ray()
    while not is_over.is_set():
        try:
            board.stopped.options(max_task_retries=0).remote().future().result()
            break
        except ray.exceptions.RayError:  # the board is being made anew, or the driver is gone and Ray ends this process
            is_over.wait(_STOP_AGAIN_S)
    while not is_over.is_set():  # again, since the run's own StopRequest may only just have been set up
        _thread.interrupt_main(signal.SIGTERM)
        is_over.wait(_STOP_AGAIN_S)
