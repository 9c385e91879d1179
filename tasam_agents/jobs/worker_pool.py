"""Processes of this machine: each does run after run, so that none pays for starting Python anew."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

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

    Raises:
        UserError: fewer than one.
    """

    def __init__(self, processes: int | None = None, threads: int = 1) -> None:
        self.processes = max(1, (os.cpu_count() or 1) // threads) if processes is None else processes
        if self.processes < 1:
            raise UserError(f"jobs is {processes}; allowed: 1 or more")

    @contextmanager
    def open(self, jobs: Sequence[Job], task: Task) -> Iterator[_Crew]:
        """See ``Pool``."""
        crew = _Crew(list(jobs), task, self.processes)
        try:
            yield crew
        finally:
            crew.end()


class _Crew:
    """The processes of one call. One that dies takes its run with it, and another takes its place."""

    def __init__(self, waiting: list[Job], task: Task, processes: int) -> None:
        self._waiting, self._task, self._processes = waiting, task, processes
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
        return begun + [worker.ending() for worker in self._busy if worker.line in ready]

    def stop(self) -> None:
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
        return [worker.give(self._waiting.pop(0)) for worker in idle[: len(self._waiting)]]


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

    def give(self, job: Job) -> Event:
        self.job = job
        self.line.send(job)
        return Event(job, "begun")

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
            return Event(job, "failed", reason)
        assert isinstance(event, Event)
        return event


def _serve(line: Connection, task: Task) -> None:
    """What a process does: job after job, until the other end of the line is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches us, too, and the driver tells us by SIGTERM
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with suppress(EOFError, OSError):
        while True:
            line.send(attempt(line.recv(), task))


def _end_with_parent() -> None:
    """A run must not go on unseen when the program that started it was killed."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)
