"""One run with its envs on a Ray cluster; run by `make test-ray`, skipped where Ray is not installed."""

from __future__ import annotations

import os
import re
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("ray")
import ray
from support.same_run import assert_same_run

from tasam_agents.config.variants import VARIANTS
from tasam_agents.distributed.config import DistributedConfig
from tasam_agents.distributed.remote_envs import RemoteEnvs
from tasam_agents.distributed.training import train_distributed
from tasam_agents.envs.interface import EnvironmentRefused
from tasam_agents.errors import UserError
from tasam_agents.training.run_directory import RunDirectory, RunError
from tasam_agents.training.run_lock import RunLocked, run_lock
from tasam_agents.training.trainer import Interrupted, train

pytestmark = pytest.mark.ray

OWN_KEYS = ("weight_staleness", "collector_steps_per_second", "learner_waited_s")
TINY = replace(VARIANTS["tiny"], iterations=10, evaluate_every=4, log_every=1, validation_envs=2, num_envs=5)
FAKE = replace(
    TINY, env_id="support.fakes:target_env", env_kwargs={"resumable": False},
    learner=replace(VARIANTS["tiny"].learner, input_scaling=()),
)  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def cluster() -> Iterator[None]:
    """Two CPUs; its processes know the environments of tests/support/fakes.py."""
    with pytest.MonkeyPatch.context() as patch:
        fakes = str(Path(__file__).parents[1])
        patch.syspath_prepend(fakes)
        patch.setenv("PYTHONPATH", os.pathsep.join([fakes, *sys.path]))
        ray.init("local", num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="error")
        yield
        ray.shutdown()


def at_iteration(monkeypatch: pytest.MonkeyPatch, iteration: int, do: Callable[[RemoteEnvs], None]) -> None:
    """Do something once, just before the learner waits for the experience of an iteration."""
    receive = RemoteEnvs.receive
    done: list[bool] = []

    def watched(self: RemoteEnvs) -> Any:
        if self.iterations_in_flight[0] == iteration and not done:
            done.append(True)
            do(self)
        return receive(self)

    monkeypatch.setattr(RemoteEnvs, "receive", watched)


def kill_second(envs: RemoteEnvs) -> None:
    pid = ray.get(envs._collectors[1].__ray_call__.remote(lambda self: os.getpid()))
    os.kill(pid, signal.SIGKILL)


def stop(envs: RemoteEnvs) -> None:
    signal.raise_signal(signal.SIGTERM)


def metrics(run_dir: Path, name: str) -> list[Any]:
    return [line.get(name) for line in RunDirectory(run_dir).metrics()]


def test_one_collector_without_staleness_is_the_local_run(tmp_path: Path) -> None:
    train(TINY, tmp_path / "local", quiet=True)
    train_distributed(TINY, tmp_path / "distributed", DistributedConfig(), quiet=True)
    assert_same_run(tmp_path / "local", tmp_path / "distributed", but=OWN_KEYS)
    assert set(metrics(tmp_path / "distributed", "weight_staleness")) == {0.0}
    assert min(metrics(tmp_path / "distributed", "collector_steps_per_second")) > 0
    assert min(metrics(tmp_path / "distributed", "learner_waited_s")) > 0


def test_a_lost_collector_is_replaced_and_two_collectors_are_deterministic(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    two = DistributedConfig(collectors=2)
    train(replace(TINY, iterations=1), tmp_path / "local", quiet=True)
    train_distributed(TINY, tmp_path / "whole", two, quiet=True)
    # The same envs and the same noise; the matrix products of fewer rows may round otherwise.
    assert metrics(tmp_path / "whole", "return")[:2] == pytest.approx(metrics(tmp_path / "local", "return"), rel=1e-4)
    at_iteration(monkeypatch, 5, kill_second)
    train_distributed(TINY, tmp_path / "disturbed", two)
    said = capsys.readouterr().err
    losses = re.findall(r"collector 2 of 2 was lost and is replaced in iteration (\d+); its envs go on where", said)
    assert losses in (["5"], ["6"])  # before or after it had answered
    assert_same_run(tmp_path / "whole", tmp_path / "disturbed", but=OWN_KEYS[1:])


def test_stale_weights_are_bounded_logged_and_the_same_after_an_interruption(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stale = DistributedConfig(collectors=2, staleness=2)
    train_distributed(TINY, tmp_path / "whole", stale, quiet=True)
    assert metrics(tmp_path / "whole", "weight_staleness") == [0, 0, 1, *[2] * 8]
    with monkeypatch.context() as patch:
        at_iteration(patch, 6, stop)
        with pytest.raises(Interrupted, match="saved after iteration 6 of 10"):
            train_distributed(TINY, tmp_path / "parts", stale, quiet=True)
    assert DistributedConfig.recorded(tmp_path / "parts") == stale
    for other, field in ((DistributedConfig(2, 1), "staleness"), (DistributedConfig(1, 2), "collectors")):
        with pytest.raises(RunError, match=rf"DistributedConfig.{field} = 1, allowed: 2, with which .*parts began"):
            train_distributed(TINY, tmp_path / "parts", other, resume=True, quiet=True)
    train_distributed(TINY, tmp_path / "parts", stale, resume=True, quiet=True)
    assert_same_run(tmp_path / "whole", tmp_path / "parts", but=OWN_KEYS[1:])


def test_networks_that_cannot_be_put_back_begin_new_episodes_and_the_log_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    at_iteration(monkeypatch, 3, kill_second)
    train_distributed(FAKE, tmp_path / "run", DistributedConfig(collectors=2, staleness=1))
    said = capsys.readouterr().err
    assert re.search(r"replaced in iteration [345]; its envs begin new episodes: the environment offers no", said)
    assert metrics(tmp_path / "run", "iteration") == list(range(11))


def test_a_collector_that_is_lost_again_and_again_ends_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def curse(envs: RemoteEnvs) -> None:
        start = envs._start

        def dying(share: slice) -> Any:
            actor = start(share)
            ray.kill(actor)
            return actor

        envs._start = dying  # type: ignore[method-assign]
        kill_second(envs)

    at_iteration(monkeypatch, 3, curse)
    with pytest.raises(UserError, match="collector 2 of 2 was lost 4 times in a row: "):
        train_distributed(FAKE, tmp_path / "run", DistributedConfig(collectors=2), quiet=True)


def test_what_does_not_fit_is_refused_and_leaves_no_directory(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"DistributedConfig.collectors = 0, allowed: an integer >= 1"):
        DistributedConfig(collectors=0)
    with pytest.raises(ValueError, match=r"DistributedConfig.staleness = -1, allowed: an integer >= 0"):
        DistributedConfig(staleness=-1)
    with pytest.raises(ValueError, match=r"DistributedConfig.address = '', allowed: 'auto', host:port or None"):
        DistributedConfig(address="")
    run = tmp_path / "run"
    with pytest.raises(UserError, match=r"collectors = 6, allowed: at most num_envs = 5"):
        train_distributed(TINY, run, DistributedConfig(collectors=6), quiet=True)
    with pytest.raises(UserError, match=r"collectors = 3, allowed: at most 2; each takes 1 CPU and the cluster has 2"):
        train_distributed(TINY, run, DistributedConfig(collectors=3), quiet=True)
    for config in (
        replace(TINY, env_kwargs={"colour": 1}),
        replace(TINY, learner=replace(TINY.learner, input_scaling=(("colour", 0.0, 1.0),))),
    ):
        with pytest.raises(EnvironmentRefused, match="colour"):
            train_distributed(config, run, DistributedConfig(), quiet=True)
    with run_lock(run), pytest.raises(RunLocked):
        train_distributed(TINY, run, DistributedConfig(), quiet=True)
    assert list(tmp_path.iterdir()) == []
    run.touch()
    with pytest.raises(RunError, match="is a file"):
        train_distributed(TINY, run, DistributedConfig(), quiet=True)
