"""Real processes: they fail apart, save when they are stopped, do run after run, and none outlives the call."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from support.short_runs import FAKE
from support.when import when

from tasam_agents.errors import UserError
from tasam_agents.jobs.engine import run_jobs
from tasam_agents.jobs.job import Job, Status, Task
from tasam_agents.jobs.training_task import TRAINING, status
from tasam_agents.jobs.worker_pool import WorkerPool
from tasam_agents.training import checkpoint
from tasam_agents.training.run_directory import RunDirectory
from tasam_agents.training.run_lock import run_lock
from tasam_agents.training.trainer import Interrupted

ENDLESS = replace(FAKE, iterations=1_000_000, checkpoint_every_s=0.0)
BROKEN = replace(FAKE, learner=replace(FAKE.learner, actor_learning_rate=1e30, critic_learning_rate=1e30))


def text(path: Path) -> str:
    return path.read_text() if path.is_file() else ""


def test_they_fail_apart_and_save_when_stopped(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Two at a time: one diverges, the others go on until the user stops; the last never begins."""
    configs = {"own": ENDLESS, "broken": BROKEN, "third": ENDLESS, "fourth": ENDLESS}
    jobs = [Job(name, config, tmp_path / name / "seed_0") for name, config in configs.items()]
    both_run = when(
        lambda: all(len(RunDirectory(jobs[i].directory).metrics()) > 2 for i in (0, 2)),
        partial(os.kill, os.getpid(), signal.SIGINT),
    )
    with pytest.raises(Interrupted, match="To go on: the same command again"):
        run_jobs(jobs, WorkerPool(2), TRAINING)
    both_run.join()
    assert [status(job) for job in jobs] == ["interrupted", "interrupted", "interrupted", "new"]
    for job in (jobs[0], jobs[2]):
        assert checkpoint.load_state(RunDirectory(job.directory).latest)["iteration"] >= 3
        assert "saved after iteration" in text(job.log)
    assert text(jobs[1].log).splitlines()[-1].startswith("error: stopped in iteration")
    printed = capsys.readouterr().err
    assert "failed: broken, seed 0: stopped in iteration 1: " in printed
    assert "saved after" not in printed  # what runs print goes to their logs
    assert multiprocessing.active_children() == []


DRIVER = """
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any
from support.short_runs import FAKE
from tasam_agents.jobs.engine import run_jobs
from tasam_agents.jobs.job import Job
from tasam_agents.jobs.training_task import TRAINING
from tasam_agents.jobs.worker_pool import WorkerPool
endless = replace(FAKE, iterations=1_000_000, checkpoint_every_s=0.0)
run_jobs([Job("own", endless, Path(sys.argv[1]))], WorkerPool(1), TRAINING)
"""


def test_a_run_ends_when_the_program_that_started_it_was_killed(tmp_path: Path) -> None:
    job = Job("own", ENDLESS, tmp_path / "seed_0")
    path = os.pathsep.join(sys.path)
    driver = subprocess.Popen(
        [sys.executable, "-c", DRIVER, str(job.directory)],
        env={**os.environ, "PYTHONPATH": path}, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    when(lambda: checkpoint.exists(RunDirectory(job.directory).latest), driver.kill).join()
    driver.wait()
    with run_lock(job.directory, patience_s=60.0):
        assert text(job.log).splitlines()[-1].startswith("saved after iteration")


def sign(job: Job, dies: str) -> None:
    """Write down who did the job, and with how many threads its libraries begin."""
    if job.agent == dies:
        print("dying", flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
    job.directory.write_text(f"{os.getpid()} {os.environ['OMP_NUM_THREADS']}")


def is_signed(job: Job) -> Status:
    return "complete" if job.directory.is_file() else "new"


def test_one_process_does_run_after_run_and_another_takes_the_place_of_one_that_was_killed(tmp_path: Path) -> None:
    jobs = [Job(name, FAKE, tmp_path / name) for name in ("a", "b", "c", "d")]
    (failure,) = run_jobs(jobs, WorkerPool(1), Task(partial(sign, dies="c"), is_signed), quiet=True)
    assert str(failure) == f"c, seed 0: killed by SIGKILL (log: {jobs[2].log})"
    signatures = [text(job.directory) for job in jobs]
    assert signatures[0] == signatures[1] != signatures[3]
    assert signatures[0].endswith(" 1")
    assert signatures[2] == ""
    assert text(jobs[2].log).count("dying") == 3  # the first attempt and two more
    assert multiprocessing.active_children() == []


def test_a_killed_run_goes_on_where_it_was_saved(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    job = Job("own", replace(FAKE, iterations=200, checkpoint_every_s=0.1), tmp_path / "seed_0")
    run = RunDirectory(job.directory)

    def is_saved() -> bool:
        return checkpoint.exists(run.latest) and checkpoint.load_state(run.latest)["iteration"] > 0

    first: list[dict[str, Any]] = []

    def kill() -> None:
        multiprocessing.active_children()[0].kill()
        assert 0 < checkpoint.load_state(run.latest)["iteration"] < 200
        first.append(run.metrics()[0])

    killer = when(is_saved, kill)
    assert run_jobs([job], WorkerPool(1), TRAINING) == []  # by the same call: another process takes it up
    killer.join()
    assert "its worker was lost; going on with own, seed 0" in capsys.readouterr().err
    assert run.metrics()[0] == first[0]  # with the times of the first attempt
    iterations = [line["iteration"] for line in run.metrics()]
    assert iterations == sorted(set(iterations))
    assert iterations[-1] == 200


def test_how_many_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    assert [WorkerPool(None, threads).processes for threads in (1, 2, 9)] == [8, 4, 1]
    assert WorkerPool(3, 2).processes == 3
    with pytest.raises(UserError, match="jobs is 0; allowed: 1 or more"):
        WorkerPool(0)
