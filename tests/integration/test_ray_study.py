"""Many runs as Ray tasks; run by `make test-ray`, skipped where Ray is not installed.

Whatever is killed on the way, the runs end bit for bit as undisturbed ones.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("ray")
import ray
from support.same_run import assert_same_run
from support.when import when

from tasam_agents.config.fields import TrainConfig
from tasam_agents.config.variants import VARIANTS
from tasam_agents.jobs.engine import run_jobs
from tasam_agents.jobs.job import Failure, Job, Status, Task
from tasam_agents.jobs.ray_pool import RayPool
from tasam_agents.jobs.training_task import TRAINING, status
from tasam_agents.training import checkpoint
from tasam_agents.training.run_directory import RunDirectory, RunError
from tasam_agents.training.run_lock import lock_file, run_lock
from tasam_agents.training.trainer import Interrupted, train

pytestmark = pytest.mark.ray

CONFIG = replace(
    VARIANTS["tiny"], iterations=24, evaluate_every=2, validation_envs=2, log_every=2, checkpoint_every_s=0.0
)
ENDLESS = replace(CONFIG, iterations=1_000_000)

DRIVER = """
import sys
from pathlib import Path
from integration.test_ray_study import jobs_in
from tasam_agents.jobs.engine import run_jobs
from tasam_agents.jobs.ray_pool import RayPool
from tasam_agents.jobs.training_task import TRAINING
print(run_jobs(jobs_in(Path(sys.argv[1]), [0, 1]), RayPool(sys.argv[2]), TRAINING))
"""


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """A cluster with two CPUs, to which this process is connected."""
    ray.init("local", num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="error")
    ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])  # its functions are known to no worker
    yield ray.get_runtime_context().gcs_address
    ray.cloudpickle.unregister_pickle_by_value(sys.modules[__name__])
    ray.shutdown()


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The runs of seeds 0 and 1, trained in this process."""
    places = [tmp_path_factory.mktemp("undisturbed") / f"seed_{seed}" for seed in range(2)]
    for seed, place in enumerate(places):
        train(replace(CONFIG, seed=seed), place, quiet=True)
    return places


def jobs_in(directory: Path, seeds: Sequence[int], config: TrainConfig = CONFIG) -> list[Job]:
    return [Job("tiny", replace(config, seed=seed), directory / f"seed_{seed}") for seed in seeds]


def saved_iteration(job: Job) -> int:
    latest = RunDirectory(job.directory).latest
    try:
        return int(checkpoint.load_state(latest)["iteration"])
    except checkpoint.CheckpointError:  # none yet, or just being replaced
        return 0


def worker_of(job: Job) -> int:
    """The process that has the run."""
    return int(lock_file(job.directory).read_text().split()[1])


def times_trained(job: Job) -> int:
    """How often the last iteration was reached, according to the log."""
    return job.log.read_text().count(f"iteration {CONFIG.iterations} of {CONFIG.iterations}")


def test_all_are_trained_and_failures_stay_apart(
    tmp_path: Path, address: str, undisturbed: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    rate = 1e30
    learner = replace(CONFIG.learner, actor_learning_rate=rate, critic_learning_rate=rate)
    broken = Job("broken", replace(CONFIG, learner=learner), tmp_path / "broken" / "seed_0")
    (good,) = jobs_in(tmp_path / "tiny", [0])
    (failure,) = run_jobs([broken, good], RayPool(address), TRAINING)
    assert failure.job == broken
    assert failure.reason.startswith("stopped in iteration 1: ")
    said = capsys.readouterr().err
    assert said.count("training broken, seed 0 (log: ") == 1  # and not tried again
    assert f"failed: broken, seed 0: {failure.reason} (log: {broken.log})\n" in said
    assert f"training tiny, seed 0 (log: {good.log})" in said
    assert broken.log.read_text().splitlines()[-1] == f"error: {failure.reason}"
    assert_same_run(good.directory, undisturbed[0])
    assert not lock_file(good.directory).exists()
    assert run_jobs([good], RayPool(address), TRAINING) == []
    assert capsys.readouterr().err == ""
    assert times_trained(good) == 1


def test_a_killed_worker_is_replaced_and_the_run_is_the_same(
    tmp_path: Path, address: str, undisturbed: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    (job,) = jobs_in(tmp_path, [0])
    killed: list[int] = []

    def kill() -> None:
        killed.append(saved_iteration(job))
        os.kill(worker_of(job), signal.SIGKILL)

    killer = when(lambda: saved_iteration(job) >= 6, kill)
    assert run_jobs([job], RayPool(address), TRAINING) == []
    killer.join()
    assert 6 <= killed[0] < CONFIG.iterations
    assert capsys.readouterr().err.count("its worker was lost; going on with tiny, seed 0") == 1
    assert_same_run(job.directory, undisturbed[0])


def test_a_killed_driver_is_started_again_and_no_run_is_done_twice(
    tmp_path: Path, address: str, undisturbed: list[Path]
) -> None:
    jobs = jobs_in(tmp_path, [0, 1])

    def start() -> subprocess.Popen[str]:
        path = os.pathsep.join([str(Path(__file__).parents[1]), *sys.path])
        return subprocess.Popen(
            [sys.executable, "-c", DRIVER, str(tmp_path), address],
            env={**os.environ, "PYTHONPATH": path}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    first = start()
    when(lambda: max(map(saved_iteration, jobs)) >= 6, first.kill).join()
    at_death = [saved_iteration(job) for job in jobs]
    assert max(at_death) < CONFIG.iterations
    printed, said = start().communicate(timeout=240)
    assert printed == "[]\n", said
    for job, place in zip(jobs, undisturbed, strict=True):
        assert_same_run(job.directory, place)
        assert times_trained(job) == 1
        iterations = [line["iteration"] for line in RunDirectory(job.directory).metrics()]
        assert iterations == sorted(set(iterations))


def test_a_signal_lets_the_running_ones_save_and_the_others_never_begin(tmp_path: Path, address: str) -> None:
    """As many run as there are CPUs, although each also listens for the signal."""
    jobs = jobs_in(tmp_path, [0, 1, 2], ENDLESS)
    stopper = when(lambda: min(map(saved_iteration, jobs[:2])) >= 4, lambda: os.kill(os.getpid(), signal.SIGTERM))
    with pytest.raises(Interrupted, match="To go on: the same command again"):
        run_jobs(jobs, RayPool(address), TRAINING, quiet=True)
    stopper.join()
    assert [status(job) for job in jobs] == ["interrupted", "interrupted", "new"]
    for job in jobs[:2]:
        assert f"saved after iteration {saved_iteration(job)} of" in job.log.read_text()
        assert not lock_file(job.directory).exists()


def test_a_task_waits_for_the_process_that_still_has_the_run(
    tmp_path: Path, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And finds the run under a relative path, wherever workers stand."""
    monkeypatch.chdir(tmp_path)
    (job,) = jobs_in(Path("runs"), [0], replace(CONFIG, iterations=2))
    with run_lock(job.directory):
        failures: list[list[Failure]] = []
        driver = threading.Thread(target=lambda: failures.append(run_jobs([job], RayPool(address), TRAINING, True)))
        driver.start()
        when(lambda: job.log.is_file() and "waiting: " in job.log.read_text(), lambda: None).join()
        assert f"is in use by process {os.getpid()} on " in job.log.read_text()
        assert not job.directory.exists()
    driver.join()
    assert failures == [[]]
    assert status(job) == "complete"


def die(job: Job) -> None:
    with job.directory.with_suffix(".attempts").open("a") as file:
        file.write("x")
    os.kill(os.getpid(), signal.SIGKILL)


def fail(job: Job) -> None:
    raise KeyError("colour")


def never_complete(job: Job) -> Status:
    return "new"


def test_a_run_whose_worker_always_dies_is_given_up(tmp_path: Path, address: str) -> None:
    (job,) = jobs_in(tmp_path, [0])
    (failure,) = run_jobs([job], RayPool(address, max_retries=1), Task(die, never_complete), quiet=True)
    assert job.directory.with_suffix(".attempts").read_text() == "xx"
    assert failure.reason.startswith("no worker finished it in 2 attempts: ")


def test_a_defect_is_a_failure_with_its_traceback_in_the_log(tmp_path: Path, address: str) -> None:
    (job,) = jobs_in(tmp_path, [0])
    (failure,) = run_jobs([job], RayPool(address), Task(fail, never_complete), quiet=True)
    assert failure.reason == "KeyError: 'colour'"
    assert "Traceback" in job.log.read_text()


def test_unusable_directories_and_addresses_are_refused(tmp_path: Path, address: str) -> None:
    (job,) = jobs_in(tmp_path, [0])
    job.directory.mkdir()
    (job.directory / "something").touch()
    with pytest.raises(RunError, match="is not a run"):
        run_jobs([job], RayPool(address), TRAINING)
