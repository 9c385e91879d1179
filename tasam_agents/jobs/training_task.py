"""The task that most jobs have: to train a run of our own or of a baseline, from where it stands to its end."""

from __future__ import annotations

from tasam_agents.baselines.config import BaselineConfig
from tasam_agents.baselines.training import is_finished, train_baseline
from tasam_agents.files.atomic_write import set_aside
from tasam_agents.jobs.job import Job, Status, Task
from tasam_agents.training import checkpoint
from tasam_agents.training.run_directory import RunDirectory, RunError, changes
from tasam_agents.training.saved_state import entry
from tasam_agents.training.trainer import train


def status(job: Job) -> Status:
    """How far a run has come; an empty or missing directory is a new one.

    Raises:
        RunError: the directory is no run, or one with another configuration.
        CheckpointError: its checkpoint is damaged.
    """
    directory = job.directory
    if not directory.exists() or (directory.is_dir() and not any(directory.iterdir())):
        RunDirectory.check_new(directory)
        return "new"
    run = RunDirectory.open(directory)
    _check_same(job, run)
    if isinstance(job.config, BaselineConfig):
        return "complete" if is_finished(directory) else "interrupted"
    if not checkpoint.exists(run.latest):
        return "interrupted"
    state = checkpoint.load_state(run.latest)
    is_over = entry(state, "converged", False) or entry(state, "iteration", 0) >= job.config.iterations
    return "complete" if is_over else "interrupted"


def _check_same(job: Job, run: RunDirectory) -> None:
    saved = run.recorded_document()
    if "kind" not in saved:  # fields that are younger than the run take their defaults
        saved = run.recorded_config().to_dict()
    different = changes(job.config.to_dict(), saved)
    if different:
        raise RunError(f"{run.path} is a run with another configuration: {different}; allowed: another --runs")


def train_job(job: Job) -> None:
    """Train one run to its end. Our own go on where they were saved, baselines begin again.

    What cannot be gone on from is renamed, not deleted.

    Errors are those of ``status``, ``train`` and ``train_baseline``.
    """
    stands = status(job)
    if stands == "complete":
        return
    resume = stands == "interrupted" and _can_go_on(job)
    if stands == "interrupted" and not resume:
        print(f"begun again; what was there stands in {set_aside(job.directory, 'interrupted')}")
    if isinstance(job.config, BaselineConfig):
        train_baseline(job.config, job.directory)
    else:
        train(job.config, job.directory, resume)


def _can_go_on(job: Job) -> bool:
    """Whether a run of our own has saved, or was killed before it could have."""
    if isinstance(job.config, BaselineConfig):
        return False
    run = RunDirectory(job.directory)
    return checkpoint.exists(run.latest) or not any(line["iteration"] > 0 for line in run.metrics())


TRAINING = Task(train_job, status)
"""To train."""
