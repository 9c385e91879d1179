"""The loop over many runs: what counts as done, failed or stopped, whatever does the work."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from support.here_pool import HerePool
from support.short_runs import FAKE

from tasam_agents.errors import UserError
from tasam_agents.jobs.attempt import attempt
from tasam_agents.jobs.engine import Event, run_jobs
from tasam_agents.jobs.job import Job, RunsFailed, Status, Task
from tasam_agents.training.run_directory import RunDamaged
from tasam_agents.training.run_lock import lock_file, run_lock
from tasam_agents.training.trainer import Interrupted


def touch(job: Job) -> None:
    job.directory.touch()


def task(work: Callable[[Job], None] = touch) -> Task:
    """A job is complete when there is something in the place of its directory."""
    return Task(work, lambda job: "complete" if job.directory.exists() else "new")


def jobs_in(directory: Path, *agents: str) -> list[Job]:
    return [Job(agent, FAKE, directory / agent) for agent in agents]


def test_what_is_complete_is_not_begun_and_what_failed_is_tried_by_the_next_call(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, two, three = jobs_in(tmp_path, "one", "two", "three")
    touch(one)

    def work(job: Job) -> None:
        print("at work")
        if job == two:
            raise UserError("the disk is full")
        touch(job)

    pool = HerePool()
    failures = run_jobs([one, two, three], pool, task(work))
    assert pool.begun == [two.label, three.label]
    assert [str(failure) for failure in failures] == [f"two, seed 0: the disk is full (log: {two.log})"]
    assert two.log.read_text() == "at work\nerror: the disk is full\n"
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines()[:3] == [
        f"training two, seed 0 (log: {two.log})", f"failed: {failures[0]}", f"training three, seed 0 (log: {three.log})"
    ]  # fmt: skip
    assert err.splitlines()[3].startswith("run 3 of 3, ")
    assert run_jobs([one, two, three], pool, task()) == []
    assert pool.begun[2:] == [two.label]


def test_nothing_to_do_needs_no_pool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (job,) = jobs_in(tmp_path, "one")
    touch(job)
    monkeypatch.delattr(HerePool, "open")
    assert run_jobs([job], HerePool(), task()) == []


@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_running_one_and_begins_no_other(tmp_path: Path, signal_number: signal.Signals) -> None:
    def stopped(job: Job, task: Task) -> Event:
        signal.raise_signal(signal_number)
        return Event(job, "interrupted", "stopped from outside")

    pool = HerePool(stopped)
    with pytest.raises(Interrupted, match="To go on: the same command again"):
        run_jobs(jobs_in(tmp_path, "one", "two"), pool, task(), quiet=True)
    assert pool.begun == ["one, seed 0"]


def test_the_end_of_the_time_is_a_signal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pool = HerePool()
    with pytest.raises(Interrupted):
        run_jobs(jobs_in(tmp_path, "one", "two"), pool, task(), minutes=1e-9)
    assert "1e-09 minutes are over, stopping" in capsys.readouterr().err
    assert pool.begun == ["one, seed 0"]


def test_a_run_that_was_stopped_by_nobody_here_has_failed(tmp_path: Path) -> None:
    def stopped(job: Job) -> None:
        raise Interrupted("saved after iteration 3")

    (failure,) = run_jobs(jobs_in(tmp_path, "one"), HerePool(), task(stopped), quiet=True)
    assert failure.reason == "stopped from outside: saved after iteration 3"


def test_a_run_that_says_it_is_done_and_is_not_has_failed(tmp_path: Path) -> None:
    (failure,) = run_jobs(jobs_in(tmp_path, "one"), HerePool(), task(lambda job: None), quiet=True)
    assert failure.reason == "it ended before it was complete"
    assert str(RunsFailed([failure], 3, " and are left out")) == (
        f"1 of 3 runs failed and are left out; the same command tries them again:\n  {failure}"
    )


@pytest.mark.parametrize(
    ("error", "reason", "traced"),
    [
        (KeyError("colour"), "KeyError: 'colour'", True),
        (OSError(), "OSError: ", True),
        (ImportError("no such extra"), "no such extra", False),
    ],
)
def test_a_defect_is_a_failure_with_its_traceback_in_the_log(
    tmp_path: Path, error: Exception, reason: str, traced: bool
) -> None:
    def fail(job: Job) -> None:
        raise error

    (job,) = jobs_in(tmp_path, "one")
    event = attempt(job, task(fail))
    assert (event.what, event.reason) == ("failed", reason)
    log = job.log.read_text()
    assert ("Traceback" in log) == traced
    assert log.endswith(f"error: {reason}\n")


def test_a_run_that_another_process_has_is_waited_for_and_perhaps_done_by_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(job: Job) -> None:
        raise AssertionError

    (job,) = jobs_in(tmp_path, "one")
    holder = run_lock(job.directory)
    holder.__enter__()

    def asked() -> bool:
        """Whether to leave the job, asked before every look at the lock: the other process is done by the second."""
        if job.log.read_text():
            touch(job)
            holder.__exit__(None, None, None)
        return False

    assert attempt(job, task(never), asked).what == "complete"
    assert job.log.read_text().count("waiting: ") == 1
    assert not lock_file(job.directory).exists()
    with run_lock(job.directory):
        assert attempt(job, task(never), lambda: True).what == "interrupted"
        monkeypatch.setattr("tasam_agents.jobs.attempt.PATIENCE_S", 0.0)
        event = attempt(job, task(never))
        assert event.what == "failed"
        assert "is in use by process" in event.reason


@pytest.mark.parametrize("minutes", [0.0, -1.0, float("nan")])
def test_bad_times_are_refused_before_any_work(tmp_path: Path, minutes: float) -> None:
    pool = HerePool()
    with pytest.raises(UserError, match=r"minutes is .*; allowed: a number > 0"):
        run_jobs(jobs_in(tmp_path, "one"), pool, task(), minutes=minutes)
    assert pool.begun == []


def test_a_damaged_run_is_a_failure_of_its_own(tmp_path: Path) -> None:
    jobs = jobs_in(tmp_path, "one", "two", "three")

    def status(job: Job) -> Status:
        if job.agent == "two":
            raise RunDamaged("config.json is damaged")
        return "complete" if job.directory.exists() else "new"

    (failure,) = run_jobs(jobs, HerePool(), Task(touch, status), quiet=True)
    assert str(failure) == f"two, seed 0: config.json is damaged (log: {jobs[1].log})"
    assert [job.directory.exists() for job in jobs] == [True, False, True]
