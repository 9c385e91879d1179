"""One run of the study: train it, then judge it. What both backends do with a job."""

from __future__ import annotations

from functools import partial

from tasam_agents.config.fields import TrainConfig
from tasam_agents.jobs.jobs import Duty, Job, Standing, train_job
from tasam_agents.jobs.jobs import standing as training_standing
from tasam_agents.study.measurement import Judging, is_measured, measure
from tasam_agents.training.run_directory import RunDirectory


def study_duty(judging: Judging) -> Duty:
    """To train and judge."""
    return Duty(partial(work, judging=judging), partial(standing, judging=judging))


def standing(job: Job, judging: Judging) -> Standing:
    """A run is complete once it has been judged; errors are those of ``runs.standing``."""
    trained = training_standing(job)
    return "interrupted" if trained == "complete" and not is_measured(job.directory, judging) else trained


def work(job: Job, judging: Judging) -> None:
    """Train and judge one run, from where it stands; errors are those of ``train_job`` and ``measure``."""
    train_job(job)
    if is_measured(job.directory, judging):
        return
    assert isinstance(job.config, TrainConfig)  # a study has runs of our own only
    measure(RunDirectory.open(job.directory), job.config, judging, job.agent).write(job.directory)
