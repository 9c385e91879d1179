"""Processes of this machine: each does run after run, so that none pays for starting Python anew."""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path

from tasam_agents.errors import UserError
from tasam_agents.jobs.attempt import attempt
from tasam_agents.jobs.engine import Event
from tasam_agents.jobs.job import Job, Task
from tasam_agents.training.threads import one_thread


class WorkerPool:
    """So many runs at a time.

    Args:
        processes: None: one per CPU core.
        threads: of each run; with several, fewer runs at a time are the default.
        max_retries: how often a run is taken up again after its process was killed.

    Raises:
        UserError: fewer than one.
    """

    def __init__(self, processes: int | None = None, threads: int = 1, max_retries: int = 2) -> None:
        self._max_retries = max_retries
        self.processes = max(1, (os.cpu_count() or 1) // threads) if processes is None else processes
        if self.processes < 1:
            raise UserError(f"jobs is {processes}; allowed: 1 or more")

    @contextmanager
    def open(self, jobs: Sequence[Job], task: Task) -> Iterator[_Crew]:
        """See ``Pool``."""
        crew = _Crew(list(jobs), task, self.processes, self._max_retries)
        try:
            yield crew
        finally:
            crew.end()


class _Crew:
    """The processes of one call. Another takes the place of one that dies, and takes up its run where it was saved."""

    def __init__(self, waiting: list[Job], task: Task, processes: int, max_retries: int) -> None:
        self._waiting, self._task, self._processes = waiting, task, processes
        self._max_retries = max_retries
        self._losses: Counter[Path] = Counter()  # by run: how many processes have died with it
        self._is_stopping = False
        self._workers: list[_Worker] = []

    @property
    def _busy(self) -> list[_Worker]:
        return [worker for worker in self._workers if worker.job is not None]

    @property
    def unfinished(self) -> bool:
        return bool(self._waiting or self._busy)

    def events(self) -> list[Event]:
        begun = self._hand_out()
        ready = wait([worker.line for worker in self._busy], timeout=0.0 if begun else 0.2)
        ended = [worker.ending() for worker in self._busy if worker.line in ready]
        return begun + [event for event in ended if not self._is_taken_up(event)]

    def _is_taken_up(self, event: Event) -> bool:
        """Whether the run of a process that died waits for another one."""
        if event.what != "lost":
            return False
        self._losses[event.job.directory] += 1
        if self._is_stopping or self._losses[event.job.directory] > self._max_retries:
            return False
        self._waiting.insert(0, event.job)
        return True

    def stop(self) -> None:
        self._is_stopping = True
        self._waiting.clear()
        for worker in self._busy:
            worker.process.terminate()  # SIGTERM: save and end

    def end(self) -> None:
        for worker in self._workers:
            worker.process.kill()
        for worker in self._workers:
            worker.process.join()

    def _hand_out(self) -> list[Event]:
        """A job for every process that has none."""
        self._workers = [worker for worker in self._workers if worker.job is not None or worker.process.is_alive()]
        while len(self._workers) < min(self._processes, len(self._busy) + len(self._waiting)):
            self._workers.append(_Worker.start(self._task))
        idle = [worker for worker in self._workers if worker.job is None]
        given = [(worker, self._waiting.pop(0)) for worker in idle[: len(self._waiting)]]
        return [worker.give(job, is_again=job.directory in self._losses) for worker, job in given]


@dataclass
class _Worker:
    process: BaseProcess
    line: Connection
    job: Job | None = None

    @staticmethod
    def start(task: Task) -> _Worker:
        ours, theirs = multiprocessing.Pipe()
        # spawn: forking a process whose libraries run threads can hang. Killed with us, if we are killed: see `_serve`.
        process = multiprocessing.get_context("spawn").Process(target=_serve, args=(theirs, task), daemon=True)
        with one_thread():
            process.start()
        theirs.close()
        return _Worker(process, ours)

    def give(self, job: Job, is_again: bool) -> Event:
        self.job = job
        with suppress(OSError):  # it has died: `ending` will say so
            self.line.send(job)
        return Event(job, "resumed" if is_again else "begun")

    def ending(self) -> Event:
        """How the job ended; the worker has none afterwards."""
        job, self.job = self.job, None
        assert job is not None
        try:
            event = self.line.recv()
        except (EOFError, OSError):
            self.process.join()
            code = self.process.exitcode or 0
            reason = f"killed by {signal.Signals(-code).name}" if code < 0 else f"its process ended with code {code}"
            return Event(job, "lost", reason)
        assert isinstance(event, Event)
        return event


def _serve(line: Connection, task: Task) -> None:
    """What a process does: job after job, until the other end of the line is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches us, too, and the driver tells us by SIGTERM
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with suppress(EOFError, OSError):
        while True:
            line.send(attempt(line.recv(), task))
            gc.collect()  # a rival's library leaves circles that hold its replay


def _end_with_parent() -> None:
    """A run must not go on unseen when the program that started it was killed."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)
