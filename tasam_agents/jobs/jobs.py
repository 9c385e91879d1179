"""Many training runs: which are done, which go on, and the rest in processes of their own, one thread each.

A run that fails does not take the others with it. Each writes what it has to say to a log beside its directory.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Literal

from tasam_agents.baselines.config import BaselineConfig
from tasam_agents.baselines.training import is_finished, train_baseline
from tasam_agents.config.fields import TrainConfig
from tasam_agents.errors import UserError
from tasam_agents.training import checkpoint
from tasam_agents.training.interruption import StopRequest
from tasam_agents.training.progress import Progress
from tasam_agents.training.run_directory import RunDirectory, RunError
from tasam_agents.training.threads import one_thread
from tasam_agents.training.trainer import Interrupted, TrainingDiverged, train

_INTERRUPTED = 130

REASONS = (UserError, TrainingDiverged, ImportError, OSError)
"""Errors with a message for the user that end one run and not the others."""

Standing = Literal["new", "interrupted", "complete"]


@dataclass(frozen=True)
class Job:
    """One training run: who, how, and where its directory is or will be."""

    agent: str
    config: TrainConfig | BaselineConfig
    directory: Path

    @property
    def label(self) -> str:
        """For messages: agent and seed."""
        return f"{self.agent}, seed {self.config.seed}"

    @property
    def log(self) -> Path:
        """What the run printed, beside its directory."""
        return self.directory.with_name(f"{self.directory.name}.log")


@dataclass(frozen=True)
class Failure:
    """A run that did not reach its end, and why."""

    job: Job
    reason: str

    def __str__(self) -> str:
        return f"{self.job.label}: {self.reason} (log: {self.job.log})"


def standing(job: Job) -> Standing:
    """How far a run has come; an empty or missing directory is a new one.

    Raises:
        RunError: the directory is no run, or one with another configuration.
        CheckpointError: its checkpoint is damaged.
    """
    directory = job.directory
    if directory.is_dir() and not any(directory.iterdir()):
        return "new"
    if not directory.exists():
        RunDirectory.check_new(directory)
        return "new"
    run = RunDirectory.open(directory)
    _check_same(job, run)
    if isinstance(job.config, BaselineConfig):
        return "complete" if is_finished(directory) else "interrupted"
    if not checkpoint.exists(run.latest):
        return "interrupted"
    state = checkpoint.load_state(run.latest)
    return "complete" if state["converged"] or state["iteration"] >= job.config.iterations else "interrupted"


def _check_same(job: Job, run: RunDirectory) -> None:
    try:
        saved = json.loads(run.config_file.read_text("utf-8"))
        if "kind" not in saved:  # fields that are younger than the run take their defaults
            saved = json.loads(json.dumps(TrainConfig.from_dict(saved).to_dict()))
    except (ValueError, TypeError) as error:
        raise RunError(f"{run.config_file} is not the configuration of a run: {error}") from error
    wanted = json.loads(json.dumps(job.config.to_dict()))
    different = [name for name in sorted(wanted | saved) if wanted.get(name) != saved.get(name)]
    if different:
        changes = "; ".join(f"{name} is {wanted.get(name)!r}, began with {saved.get(name)!r}" for name in different)
        raise RunError(f"{run.path} holds a run with another configuration: {changes}; allowed: another --runs")


@dataclass(frozen=True)
class Duty:
    """What is to be done with every job. Both functions are those of a module, so that another process finds them."""

    work: Callable[[Job], None]  # do one job from where it stands to its end
    standing: Callable[[Job], Standing]  # how far it has come; read from the disk


def run_jobs(jobs: Sequence[Job], processes: int, quiet: bool = False, duty: Duty | None = None) -> list[Failure]:
    """Do all that is not complete, at most ``processes`` runs at a time; return those that failed.

    Our own runs that were interrupted go on where they were saved, baselines begin again.

    Args:
        duty: by default, to train.

    Raises:
        UserError: a directory that cannot be used, before anything is trained.
        Interrupted: on SIGINT or SIGTERM, after the running ones have saved.
    """
    if processes < 1:
        raise UserError(f"jobs is {processes}; allowed: 1 or more")
    duty = duty or TRAINING
    waiting = [job for job in jobs if duty.standing(job) != "complete"]
    running: dict[int, tuple[BaseProcess, Job]] = {}
    failures: list[Failure] = []
    done = len(jobs) - len(waiting)
    with Progress(len(jobs), done, quiet=quiet, unit="run") as progress, StopRequest(progress.say) as stop:
        try:
            while running or (waiting and not stop.made):
                while waiting and len(running) < processes and not stop.made:
                    job = waiting.pop(0)
                    progress.say(f"training {job.label} (log: {job.log})")
                    process = _start(job, duty)
                    running[process.sentinel] = (process, job)
                wait(list(running), timeout=0.2)
                for sentinel in [key for key, (process, _) in running.items() if not process.is_alive()]:
                    process, job = running.pop(sentinel)
                    failure = _outcome(process, job, duty)
                    if failure is not None and not stop.made:
                        failures.append(failure)
                        progress.say(f"failed: {failure}")
                    if failure is None or not stop.made:
                        progress.advance()
                if stop.made:
                    for process, _ in running.values():
                        process.terminate()  # SIGTERM: save and end
                    for process, _ in running.values():
                        process.join()
        finally:
            for process, _ in running.values():
                process.kill()
    if stop.made:
        raise Interrupted("stopped; what was trained is kept. To go on: the same command again")
    return failures


def _start(job: Job, duty: Duty) -> BaseProcess:
    job.log.parent.mkdir(parents=True, exist_ok=True)
    # spawn: forking a process whose libraries run threads can hang. Killed with us, if we are killed: see `_work`.
    process = multiprocessing.get_context("spawn").Process(target=_work, args=(job, duty), daemon=True)
    with one_thread():
        process.start()
    return process


def _outcome(process: BaseProcess, job: Job, duty: Duty) -> Failure | None:
    process.join()
    code = process.exitcode or 0
    if code == 0 and duty.standing(job) == "complete":
        return None
    if code < 0:
        return Failure(job, f"killed by {signal.Signals(-code).name}")
    lines = job.log.read_text("utf-8", "replace").split("\n") if job.log.is_file() else []
    said = [line.strip() for line in lines if line.strip()]
    return Failure(job, said[-1].removeprefix("error: ") if said else f"exit code {code}")


def _work(job: Job, duty: Duty) -> None:
    """What a process does: one run, everything printed to the log."""
    with job.log.open("ab", buffering=0) as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    threading.Thread(target=end_with_parent, daemon=True).start()
    try:
        duty.work(job)
    except Interrupted as stopped:
        print(stopped, flush=True)
        sys.exit(_INTERRUPTED)
    except REASONS as error:
        print(f"error: {error}", flush=True)
        sys.exit(1)


def train_job(job: Job) -> None:
    """Train one run to its end, from where it stands; errors are those of ``train`` and ``train_baseline``."""
    where = standing(job)
    if where == "complete":
        return
    if isinstance(job.config, TrainConfig) and where == "interrupted":
        run = RunDirectory(job.directory)
        if checkpoint.exists(run.latest):
            train(job.config, job.directory, resume=True)
            return
    if where == "interrupted":  # nothing that one could go on from
        shutil.rmtree(job.directory)
    if isinstance(job.config, TrainConfig):
        train(job.config, job.directory)
    else:
        train_baseline(job.config, job.directory)


TRAINING = Duty(train_job, standing)
"""To train."""


def end_with_parent() -> None:
    """A run must not go on unseen when the program that started it was killed."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)
