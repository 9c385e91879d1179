"""The processes of a study on one machine: each does run after run, so that none pays for starting Python anew.

The contract is that of ``runs.run_jobs``: a run that fails, or a process that is killed, does not take others with it.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

from tasam_agents.errors import UserError
from tasam_agents.jobs.jobs import REASONS, Duty, Failure, Job, end_with_parent
from tasam_agents.training.interruption import StopRequest
from tasam_agents.training.progress import Progress
from tasam_agents.training.run_lock import run_lock
from tasam_agents.training.threads import one_thread
from tasam_agents.training.trainer import Interrupted

LOCK_PATIENCE_S = 60.0
"""How long a run waits for a process of a study that was killed to save and end."""


@dataclass
class _Worker:
    process: BaseProcess
    line: Connection
    job: Job | None = None

    @staticmethod
    def start(duty: Duty) -> _Worker:
        ours, theirs = multiprocessing.Pipe()
        process = multiprocessing.get_context("spawn").Process(target=_serve, args=(theirs, duty), daemon=True)
        with one_thread():
            process.start()
        theirs.close()
        return _Worker(process, ours)

    def give(self, job: Job) -> None:
        self.job = job
        self.line.send(job)

    def failure(self) -> Failure | None:
        """What became of the job it had; it has none afterwards."""
        job, self.job = self.job, None
        assert job is not None
        try:
            reason = self.line.recv()
        except (EOFError, OSError):
            self.process.join()
            code = self.process.exitcode or 0
            reason = f"killed by {signal.Signals(-code).name}" if code < 0 else f"its process ended with code {code}"
        return Failure(job, reason) if reason else None


def run_in_workers(
    jobs: Sequence[Job], processes: int, duty: Duty, quiet: bool = False, minutes: float | None = None
) -> list[Failure]:
    """Do all that is not complete, ``processes`` runs at a time; return those that failed.

    Args:
        minutes: stop, as with Ctrl-C, after this time; None: at the end.

    Raises:
        UserError, CheckpointError: a directory that cannot be used, before anything is trained.
        Interrupted: on SIGINT or SIGTERM, or after ``minutes``, once the running ones have saved.
    """
    if processes < 1:
        raise UserError(f"jobs is {processes}; allowed: 1 or more")
    if minutes is not None and not minutes > 0:
        raise UserError(f"minutes is {minutes}; allowed: a number > 0")
    deadline = None if minutes is None else time.monotonic() + 60.0 * minutes
    waiting = [job for job in jobs if duty.standing(job) != "complete"]
    done = len(jobs) - len(waiting)
    failures: list[Failure] = []
    workers: list[_Worker] = []
    with Progress(len(jobs), done, quiet=quiet, unit="run") as progress, StopRequest(progress.say) as stop:
        try:
            while waiting or any(worker.job for worker in workers):
                if deadline is not None and time.monotonic() >= deadline and not stop.made:
                    progress.say(f"{minutes:g} minutes are over, stopping")
                    stop.made = True
                if stop.made:
                    break
                _hand_out(waiting, workers, processes, duty)
                busy = {worker.line: worker for worker in workers if worker.job is not None}
                for line in wait(list(busy), timeout=0.2):
                    worker = busy[line]  # type: ignore[index]
                    failure = worker.failure()
                    if failure is not None:
                        failures.append(failure)
                        progress.say(f"failed: {failure}")
                    progress.advance()
        finally:
            for worker in workers:
                worker.process.terminate()  # SIGTERM: save and end
            for worker in workers:
                worker.process.join()
    if stop.made:
        raise Interrupted("stopped; what was trained is kept. To go on: the same command again")
    return failures


def _hand_out(waiting: list[Job], workers: list[_Worker], processes: int, duty: Duty) -> None:
    """A job for every process that has none, in place of dead processes new ones."""
    workers[:] = [worker for worker in workers if worker.job is not None or worker.process.is_alive()]
    while waiting and len(workers) < processes:
        workers.append(_Worker.start(duty))
    for worker in workers:
        if waiting and worker.job is None:
            worker.give(waiting.pop(0))


def _serve(line: Connection, duty: Duty) -> None:
    """What a process does: job after job, what each prints into its log; answers why it failed, "" when it did not."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches us, too, and the driver tells us by SIGTERM
    threading.Thread(target=end_with_parent, daemon=True).start()
    while True:
        try:
            job: Job = line.recv()
        except EOFError:
            return
        job.log.parent.mkdir(parents=True, exist_ok=True)
        with job.log.open("ab", buffering=0) as log:
            os.dup2(log.fileno(), 1)
            os.dup2(log.fileno(), 2)
        try:
            with run_lock(job.directory, LOCK_PATIENCE_S):
                duty.work(job)
        except Interrupted as stopped:
            print(stopped, flush=True)
            return
        except REASONS as error:
            print(f"error: {error}", flush=True)
            line.send(str(error) or type(error).__name__)
        else:
            line.send("")
