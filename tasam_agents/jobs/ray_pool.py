"""Many runs on a Ray cluster: one task per run, one CPU and one thread each.

The contract is that of ``runs.run_jobs``. Every machine of the cluster must see the run directories under the same
path, and have this package. A run whose worker or machine is lost is taken up by another worker at its last
checkpoint, a few times; a run that fails by itself is not tried again. At most one process works on a run: each holds
its lock, also while a driver that died is already replaced and its tasks are still ending.
"""

from __future__ import annotations

import _thread
import asyncio
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from tasam_agents.distributed.ray_cluster import connected, import_ray, threads_environment
from tasam_agents.errors import UserError
from tasam_agents.jobs.jobs import Duty, Failure, Job
from tasam_agents.training.interruption import StopRequest
from tasam_agents.training.progress import Progress
from tasam_agents.training.run_lock import RunLocked, run_lock
from tasam_agents.training.trainer import Interrupted, TrainingDiverged

LOCK_PATIENCE_S = 180.0
"""How long a task waits for the process that has the run: longer than a file server takes to notice a lost machine."""

_STOP_AGAIN_S = 2.0


@dataclass(frozen=True)
class Ending:
    """How a task ended."""

    kind: Literal["complete", "interrupted", "failed"]
    reason: str = ""


def run_jobs_on_ray(
    jobs: Sequence[Job], address: str | None, duty: Duty, quiet: bool = False, max_retries: int = 3
) -> list[Failure]:
    """Do all that is not complete, as many runs at a time as the cluster has CPUs; return those that failed.

    Args:
        jobs: their directories are seen by every machine of the cluster.
        address: of a running cluster, "auto" or host:port; None: one of this machine, for as long as this takes.
        duty: what to do with each.
        quiet: show no progress.
        max_retries: how often a run is taken up again after its worker was lost.

    Raises:
        ImportError: Ray is not installed.
        UserError: no cluster, or a directory that cannot be used, before anything is trained.
        Interrupted: on SIGINT or SIGTERM, after the running ones have saved.
    """
    import_ray()
    waiting = [job for job in jobs if duty.standing(job) != "complete"]
    done = len(jobs) - len(waiting)
    with connected(address) as ray, Progress(len(jobs), done, quiet=quiet, unit="run") as progress:
        with StopRequest(progress.say) as stop:  # inside: connecting to a cluster takes SIGTERM over
            driver = _Driver(ray, waiting, duty, progress, max_retries)
            try:
                driver.run(stop)
            finally:
                driver.end()
        if stop.made:
            raise Interrupted("stopped; what was trained is kept. To go on: the same command again")
    return driver.failures


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


class _Driver:
    """The tasks of one call, and what became of them."""

    def __init__(self, ray: Any, jobs: Sequence[Job], duty: Duty, progress: Progress, max_retries: int) -> None:
        self.failures: list[Failure] = []
        self._ray, self._progress, self._jobs = ray, progress, jobs
        self._begun = [0] * len(jobs)
        board = ray.remote(num_cpus=0, max_restarts=-1, max_task_retries=-1)(_Board)
        self._board = board.remote(len(jobs))
        # A process per run: what one leaves behind does not reach the next. Ray counts lost workers by kinds, and some
        # without end: what bounds all of them together is the count of attempts in `_attempt`.
        task = ray.remote(num_cpus=1, max_retries=max_retries, retry_exceptions=False, max_calls=1)(_attempt)
        task = task.options(runtime_env=threads_environment(1), scheduling_strategy="SPREAD")
        there = [replace(job, directory=job.directory.absolute()) for job in jobs]  # workers stand elsewhere
        self._tasks = {
            task.remote(job, duty, number, self._board, max_retries): number for number, job in enumerate(there)
        }

    def run(self, stop: StopRequest) -> None:
        """Wait for all of them; once a stop is requested, for those that had begun to save."""
        is_told = False
        while self._tasks:
            ended, _ = self._ray.wait(list(self._tasks), num_returns=1, timeout=0.2)
            self._tell_news(stop)
            for task in ended:
                self._take(task, stop)
            if stop.made and not is_told:
                is_told = True
                self._ray.get(self._board.stop.remote())
                for task, number in self._tasks.items():
                    if not self._begun[number]:
                        self._ray.cancel(task)

    def end(self) -> None:
        """End what still runs, without saving, and tidy up."""
        for task in self._tasks:
            self._ray.cancel(task, force=True)
        self._ray.kill(self._board)

    def _tell_news(self, stop: StopRequest) -> None:
        for number in self._ray.get(self._board.news.remote()):
            job = self._jobs[number]
            self._begun[number] += 1
            if self._begun[number] == 1 and not stop.made:
                self._progress.say(f"training {job.label} (log: {job.log})")
            elif self._begun[number] > 1:
                self._progress.say(f"its worker was lost; going on with {job.label} (log: {job.log})")

    def _take(self, task: Any, stop: StopRequest) -> None:
        number = self._tasks.pop(task)
        ending = self._ending(task, self._begun[number])
        if ending.kind == "failed" and not stop.made:
            failure = Failure(self._jobs[number], ending.reason)
            self.failures.append(failure)
            self._progress.say(f"failed: {failure}")
        if ending.kind == "complete" or not stop.made:
            self._progress.advance()

    def _ending(self, task: Any, attempts: int) -> Ending:
        errors = self._ray.exceptions
        try:
            ending = self._ray.get(task)
            assert isinstance(ending, Ending)
            return ending
        except errors.TaskCancelledError:
            return Ending("interrupted")
        except errors.RayError as error:  # workers lost too often, or a task that cannot be run at all
            what = str(error).strip().splitlines() or [type(error).__name__]
            return Ending("failed", f"no worker finished it in {attempts} attempts: {what[0]}")


def _attempt(job: Job, duty: Duty, number: int, board: Any, max_retries: int) -> Ending:
    """What a task does: one run from where it stands, everything printed to the log."""
    # Through a future: while a task waits in `ray.get`, its CPU is given to another one, and too many would run.
    attempt, is_stopping = board.begin.remote(number).future().result()
    if is_stopping:
        return Ending("interrupted")
    if attempt > max_retries + 1:
        return Ending("failed", f"its worker was lost {attempt - 1} times")
    job.log.parent.mkdir(parents=True, exist_ok=True)
    is_over = threading.Event()
    # Around the run's own: a request that comes before or after it must not end the process.
    with _printed_to(job.log), StopRequest(lambda _: None) as stop:
        threading.Thread(target=_heed, args=(board, is_over), daemon=True).start()
        try:
            return _work(job, duty, stop)
        finally:
            is_over.set()


def _work(job: Job, duty: Duty, stop: StopRequest) -> Ending:
    try:
        with ExitStack() as stack:
            _take_lock(stack, job, stop)
            if stop.made:
                return Ending("interrupted")
            if duty.standing(job) != "complete":  # another driver's task may have finished it meanwhile
                duty.work(job)
            if duty.standing(job) != "complete":
                return Ending("failed", "it ended before it was complete")
            return Ending("complete")
    except Interrupted as stopped:
        print(stopped, flush=True)
        return Ending("interrupted")
    except (UserError, TrainingDiverged, ImportError, OSError) as error:
        print(f"error: {error}", flush=True)
        return Ending("failed", str(error))
    except Exception as error:
        # A defect: another attempt would meet it again.
        traceback.print_exc()
        return Ending("failed", f"{type(error).__name__}: {error}")


def _take_lock(stack: ExitStack, job: Job, stop: StopRequest) -> None:
    deadline = time.monotonic() + LOCK_PATIENCE_S
    is_told = False
    while not stop.made:
        try:
            stack.enter_context(run_lock(job.directory, patience_s=1.0))
            return
        except RunLocked as held:
            if time.monotonic() >= deadline:
                raise
            if not is_told:
                print(f"waiting: {held}", flush=True)
            is_told = True


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


@contextmanager
def _printed_to(log: Path) -> Iterator[None]:
    """Within, all output of this process, that of libraries in C too, is appended to the log."""
    kept = [os.dup(number) for number in (1, 2)]
    with log.open("a", encoding="utf-8", buffering=1) as file:
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
