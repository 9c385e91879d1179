"""The task of a study: train a run, then judge it."""

from __future__ import annotations

from functools import partial

from tasam_agents.config.fields import TrainConfig
from tasam_agents.jobs.job import Job, Status, Task
from tasam_agents.jobs.training_task import TRAINING
from tasam_agents.study.measurement import Judging, is_measured, measure
from tasam_agents.training.run_directory import RunDirectory


def study_task(judging: Judging) -> Task:
    """To train and judge."""
    return Task(partial(_train_and_judge, judging=judging), partial(_status, judging=judging))


def _status(job: Job, judging: Judging) -> Status:
    """A run is complete once it has been judged."""
    trained = TRAINING.status(job)
    return "interrupted" if trained == "complete" and not is_measured(job.directory, judging) else trained


def _train_and_judge(job: Job, judging: Judging) -> None:
    TRAINING.work(job)
    assert isinstance(job.config, TrainConfig)  # a study has runs of our own only
    measure(RunDirectory.open(job.directory), job.config, judging, job.agent).write(job.directory)
