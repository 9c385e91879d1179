"""Algorithm 1's bookkeeping: what is collected, logged, saved, and that a resumed run is the same run."""

from __future__ import annotations

import gc
import json
import math
import signal
import weakref
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from support import fakes
from support.same_run import assert_same_run
from support.short_runs import FAKE, ORAN, SPREAD, stop_after

from tasam_agents.config import GateConfig, RadiusConfig, RhoSchedule, TrainConfig
from tasam_agents.config.variants import VARIANTS
from tasam_agents.envs.interface import EnvironmentRefused
from tasam_agents.learner.learner import Learner, Metrics
from tasam_agents.learner.replay import Batch
from tasam_agents.training import checkpoint
from tasam_agents.training.checkpoint import CheckpointError
from tasam_agents.training.interruption import StopRequest
from tasam_agents.training.metric_window import MetricWindow
from tasam_agents.training.progress import Progress
from tasam_agents.training.run_directory import RunDirectory, RunError
from tasam_agents.training.trainer import Interrupted, Training, TrainingDiverged, begin, train

TIMINGS = {"updates_per_second", "environment_steps_per_second", "wall_time_s", "cpu_time_s"}


@pytest.fixture(autouse=True)
def _calm_fakes(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("signal_at", "nan_at"):
        monkeypatch.setattr(fakes, name, None)
    monkeypatch.setattr(fakes, "steps_taken", 0)


def without_timings(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: value for name, value in line.items() if name not in TIMINGS} for line in lines]


@pytest.mark.parametrize("config", [FAKE, SPREAD, ORAN], ids=["fake", "simple_spread", "oran"])
@pytest.mark.parametrize("interrupted_in", [1, 7])
def test_a_resumed_run_equals_one_that_was_never_interrupted(
    tmp_path: Path, config: TrainConfig, interrupted_in: int
) -> None:
    """Also when it stops between two log lines and in the middle of episodes."""
    train(config, tmp_path / "whole", quiet=True)
    stop_after(config, tmp_path / "parts", interrupted_in)
    train(config, tmp_path / "parts", resume=True, quiet=True)
    assert_same_run(tmp_path / "whole", tmp_path / "parts")


def test_a_run_that_died_goes_on_from_its_last_save(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines written after that save are not written twice, whatever a crash left at the end of the file."""
    config = replace(FAKE, checkpoint_every_s=0.0)
    train(config, tmp_path / "whole", quiet=True)
    monkeypatch.setattr(Training, "save", _saves_after((0, 8), Training.save))

    class Killed(BaseException):
        pass

    def dying(self: Training, updates: int) -> None:
        if self.iteration == 11:
            raise Killed
        update(self, updates)

    update = Training.update
    with monkeypatch.context() as patch:
        patch.setattr(Training, "update", dying)
        with pytest.raises(Killed):
            train(config, tmp_path / "parts", quiet=True)
    run = RunDirectory.open(tmp_path / "parts")
    assert checkpoint.load_state(run.latest)["iteration"] == 8
    assert run.metrics()[-1]["iteration"] == 9
    with run.metrics_file.open("a") as file:
        file.write('{"iteration": 10, "ret')
    train(config, tmp_path / "parts", resume=True, quiet=True)
    assert_same_run(tmp_path / "whole", tmp_path / "parts")


def _saves_after(iterations: tuple[int, ...], save: Callable[[Training], None]) -> Callable[[Training], None]:
    """As if the time to save had come after these iterations, and at the end."""

    def saving(self: Training) -> None:
        if self.iteration in (*iterations, self.config.iterations):
            save(self)

    return saving


def test_an_environment_without_state_goes_on_with_new_episodes_and_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = replace(FAKE, env_kwargs={"resumable": False})
    stop_after(config, tmp_path / "run", 5)
    train(config, tmp_path / "run", resume=True)
    assert "resumed with new episodes, not bit for bit" in capsys.readouterr().err
    assert RunDirectory.open(tmp_path / "run").metrics()[-1]["iteration"] == config.iterations


def test_resuming_a_finished_run_changes_nothing(tmp_path: Path) -> None:
    train(FAKE, tmp_path / "run", quiet=True)
    lines = (tmp_path / "run" / "metrics.jsonl").read_text()
    train(FAKE, tmp_path / "run", resume=True, quiet=True)
    assert (tmp_path / "run" / "metrics.jsonl").read_text() == lines


def test_same_seed_same_run_and_another_seed_another(tmp_path: Path) -> None:
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        train(replace(FAKE, seed=seed), tmp_path / name, quiet=True)
    assert_same_run(tmp_path / "a", tmp_path / "b")
    with pytest.raises(AssertionError):
        assert_same_run(tmp_path / "a", tmp_path / "c")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_during_a_step_stops_after_the_iteration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    outer = signal.signal(number, signal.default_int_handler)  # also where SIGHUP is ignored, as under nohup
    try:
        monkeypatch.setattr(fakes, "signal_number", number)
        monkeypatch.setattr(fakes, "signal_at", 20)  # 5 of the warm-up, then 4 per iteration, and validations
        with pytest.raises(Interrupted, match="saved after iteration 4 of 12"):
            train(FAKE, tmp_path / "run", quiet=True)
        assert signal.getsignal(number) is signal.default_int_handler
    finally:
        signal.signal(number, outer)
    assert checkpoint.load_state(tmp_path / "run" / "checkpoints" / "latest")["iteration"] == 4


def test_lines_of_metrics(tmp_path: Path) -> None:
    train(FAKE, tmp_path / "run", quiet=True)
    text = (tmp_path / "run" / "metrics.jsonl").read_text()
    lines = [json.loads(line, parse_constant=pytest.fail) for line in text.splitlines()]  # no NaN, no Infinity
    assert [line["iteration"] for line in lines] == [0, 3, 4, 6, 8, 9, 12]
    assert [line["iteration"] for line in lines if "validation_return" in line] == [4, 8, 12]
    assert [line["env_steps"] for line in lines] == [3 * (5 + 4 * line["iteration"]) for line in lines]
    assert [line["updates"] for line in lines] == [2 * line["iteration"] for line in lines]
    assert all(line["environment_steps_per_second"] > 0 for line in lines)
    assert all(line["updates_per_second"] > 0 for line in lines[1:])
    times = [line["wall_time_s"] for line in lines]
    assert times == sorted(times)
    last = lines[-1]
    assert len(last["info/satisfied"]) == 3
    assert last["info/qos_normalised"][2] is None  # the environment never defines it
    assert last["info/qos_normalised"][0] == pytest.approx(last["return"], rel=1e-6)
    for name in ("td_variance", "gate_open", "rho_actor", "entropy", "temperature"):
        assert len(last[name]) == 2, name
    assert len(last["actor_grad_norm"]) == 1  # one actor for both agents


def test_a_line_averages_all_steps_since_the_line_before(tmp_path: Path) -> None:
    RunDirectory.create(tmp_path / "run", FAKE)
    training = Training(FAKE, RunDirectory(tmp_path / "run"))
    rewards = []
    step = training.env.step

    def recording(actions: Any) -> Any:
        rewards.append(step(actions))
        return rewards[-1]

    training.env.step = recording  # type: ignore[method-assign]
    training.run(Progress(FAKE.iterations, quiet=True), StopRequest(lambda _: None))
    lines = RunDirectory(tmp_path / "run").metrics()
    assert len(rewards) == 5 + 12 * 4
    assert lines[0]["return"] == pytest.approx(np.mean([s.rewards for s in rewards[:5]]))
    assert lines[1]["return"] == pytest.approx(np.mean([s.rewards for s in rewards[5:17]]))
    assert lines[1]["info/satisfied"] == pytest.approx(
        np.mean([s.info["satisfied"] for s in rewards[5:17]], axis=(0, 1, 2))
    )


def test_replay_holds_the_final_observation_and_bootstraps_through_a_time_limit(tmp_path: Path) -> None:
    """The episodes of 7 steps end by truncation: s' is what followed, not the first observation after the reset."""
    config = replace(FAKE, num_envs=1, warmup_steps=8, replay_capacity=100)
    training = Training(config, RunDirectory(tmp_path))
    observed = [training.observations.copy()]
    finals = []
    step = training.env.step

    def recording(actions: Any) -> Any:
        result = step(actions)
        finals.append(result.observations)
        return result

    training.env.step = recording  # type: ignore[method-assign]
    training.collect(8, training.random_policy())
    observed.append(training.observations)
    stored = training.replay.tensors()
    assert not stored["terminated"].any()
    np.testing.assert_array_equal(stored["next_inputs"].numpy(), np.concatenate(finals))
    np.testing.assert_array_equal(stored["inputs"][0].numpy(), observed[0][0])
    np.testing.assert_array_equal(stored["inputs"][1:7].numpy(), stored["next_inputs"][:6].numpy())
    assert not torch.equal(stored["inputs"][7], stored["next_inputs"][6])  # a new episode began


def test_warm_up_actions_are_uniform(tmp_path: Path) -> None:
    config = replace(FAKE, warmup_steps=300, replay_capacity=1000)
    training = Training(config, RunDirectory(tmp_path))
    training.collect(300, training.random_policy())
    actions = training.replay.tensors()["actions"].numpy().ravel()
    assert abs(actions.mean() - 0.5) < 0.02
    assert abs(actions.std() - math.sqrt(1 / 12)) < 0.01
    assert training.learner.updates == 0


def test_nan_stops_the_run_and_names_the_last_good_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = replace(FAKE, checkpoint_every_s=0.0)
    monkeypatch.setattr(fakes, "nan_at", 5 + 4 * 4 + 7 + 2)  # in iteration 5, after the validation of 7 steps
    with pytest.raises(TrainingDiverged, match=r"in iteration 5: .*rewards .*latest \(iteration 4\)"):
        train(config, tmp_path / "run", quiet=True)
    monkeypatch.setattr(fakes, "nan_at", None)
    train(config, tmp_path / "run", resume=True, quiet=True)  # and that checkpoint is good


def test_a_loss_that_is_nan_stops_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def poisoned(self: Training, updates: int) -> None:
        with torch.no_grad():
            next(self.learner.critics[0].parameters()).fill_(float("nan"))
        update(self, updates)

    update = Training.update
    monkeypatch.setattr(Training, "update", poisoned)
    with pytest.raises(TrainingDiverged, match=r"iteration 1: .*critic loss.*latest \(iteration 0\); what was not"):
        train(FAKE, tmp_path / "run", quiet=True)


def test_convergence_stops_the_run_and_keeps_a_policy(tmp_path: Path) -> None:
    config = replace(FAKE, converged_gradient_norm=1e9)
    train(config, tmp_path / "run", quiet=True)
    run = RunDirectory.open(tmp_path / "run")
    assert [line["iteration"] for line in run.metrics()] == [0, 3]
    assert checkpoint.exists(run.best)
    train(config, tmp_path / "run", resume=True, quiet=True)
    assert len(run.metrics()) == 2


def test_it_learns(tmp_path: Path) -> None:
    """To repeat what it sees: a reward of 1 − |a − o|, 0.67 by chance, 0.75 by a constant."""
    radius = RhoSchedule(0.05, 0.01)
    learner = replace(
        FAKE.learner, hidden=(32, 32), gamma=0.0, critic_learning_rate=1e-2, actor_learning_rate=3e-3, batch_size=64,
        polyak=0.05, reward_scale=5.0, radius=RadiusConfig(radius, radius),
    )  # fmt: skip
    config = replace(
        FAKE, iterations=50, steps_per_iteration=10, updates_per_iteration=10, replay_capacity=5000,
        evaluate_every=10, validation_envs=20, learner=learner,
    )  # fmt: skip
    train(config, tmp_path / "run", quiet=True)
    assert checkpoint.load_state(tmp_path / "run" / "checkpoints" / "best")["validation_return"] > 0.85


@pytest.mark.parametrize(
    ("prepare", "message"),
    [
        (lambda path: (path.mkdir(), (path / "x").touch()), "not empty; allowed: a new or an empty directory"),
        (lambda path: path.touch(), "is a file"),
    ],
)
def test_a_used_place_is_refused_before_work_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, prepare: Any, message: str
) -> None:
    prepare(tmp_path / "run")
    monkeypatch.setattr("tasam_agents.training.trainer.make_batched", pytest.fail)
    with pytest.raises(RunError, match=message):
        train(FAKE, tmp_path / "run", quiet=True)


def test_an_unwritable_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match="is a file"):
        train(FAKE, tmp_path / "file" / "run", quiet=True)
    if Path("/proc/self").exists():
        with pytest.raises(RunError, match="cannot be"):
            train(FAKE, Path("/proc/self/run"), quiet=True)


def test_an_unfit_environment_leaves_no_directory(tmp_path: Path) -> None:
    for change in ({"env_kwargs": {"colour": 1}}, {"learner": replace(FAKE.learner, input_scaling=(("qos", 0, 1),))}):
        with pytest.raises(EnvironmentRefused):
            train(replace(FAKE, **change), tmp_path / "run", quiet=True)
    assert not (tmp_path / "run").exists()


def test_what_cannot_be_resumed_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"is not a run: there is no .*config.json"):
        train(FAKE, tmp_path, resume=True, quiet=True)
    RunDirectory.create(tmp_path / "new", FAKE)
    RunDirectory(tmp_path / "new").append_metrics({"iteration": 3})
    with pytest.raises(RunError, match=r"cannot be resumed: .* ends with iteration 3 and there is no .*latest"):
        train(FAKE, tmp_path / "new", resume=True, quiet=True)
    train(FAKE, tmp_path / "run", quiet=True)
    with pytest.raises(RunError, match="another configuration: seed is 1, began with 0"):
        train(replace(FAKE, seed=1), tmp_path / "run", resume=True, quiet=True)
    latest = RunDirectory(tmp_path / "run").latest
    saved = checkpoint.load(latest)
    del saved.tensors["learner"]["log_temperature"]
    checkpoint.save(latest, saved.tensors, saved.state)
    with pytest.raises(CheckpointError, match="log_temperature is missing"):
        train(FAKE, tmp_path / "run", resume=True, quiet=True)
    checkpoint.save(latest, {"learner": {}}, saved.state)
    with pytest.raises(CheckpointError, match="lacks replay, trainer"):
        train(FAKE, tmp_path / "run", resume=True, quiet=True)


def test_config_json_says_what_was_run(tmp_path: Path) -> None:
    train(FAKE, tmp_path / "run", quiet=True)
    assert RunDirectory.open(tmp_path / "run").recorded_config() == FAKE
    (tmp_path / "run" / "config.json").write_text('{"colour": 1}')
    with pytest.raises(RunError, match=r"config.json is not the configuration of a run: .*colour"):
        RunDirectory.open(tmp_path / "run").recorded_config()


def test_window_means_skip_what_is_undefined_and_survive_a_save() -> None:
    window = MetricWindow()
    window.add("x", [[1.0, np.nan], [3.0, np.nan]], axes=1)
    window.add("x", [[5.0, np.nan]], axes=1)
    window.add("y", None)
    window.add("y", 2.0)
    window.add("z", np.inf)
    state = json.loads(json.dumps(window.state(), allow_nan=False))
    other = MetricWindow()
    other.load_state(state)
    for one in (window, other):
        assert one.means() == {"x": [3.0, None], "y": 2.0, "z": None}


def test_progress_in_a_log_is_lines_with_the_time_left(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress(4, interval_s=0.0) as progress:
        for iteration in range(4):
            progress.show(f"return {iteration}.5")
            progress.advance()
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("iteration 1 of 4, return 0.5, ")
    assert lines[-1] == "iteration 4 of 4, return 3.5, 0 s left"


def test_variants_are_valid_and_differ_by_configuration_alone() -> None:
    for name, config in VARIANTS.items():
        assert isinstance(config, TrainConfig), name
    paper = VARIANTS["paper"]
    learner = paper.learner
    assert (paper.iterations, paper.steps_per_iteration, paper.updates_per_iteration) == (1000, 10, 1)
    assert (paper.num_envs, learner.batch_size, learner.hidden) == (1, 128, (300, 400, 400))
    assert (learner.actor_learning_rate, learner.critic_learning_rate, learner.input_scaling) == (1e-4, 1e-4, ())
    assert (learner.radius.actor.start, learner.radius.actor.end) == (0.5, 0.01)
    plain, default = VARIANTS["no_sam"], VARIANTS["default"]
    with_sam = replace(plain.learner, sam=default.learner.sam)
    assert replace(plain, name=default.name, learner=with_sam) == default
    assert (plain.learner.sam.critic, plain.learner.sam.actors) == (False, "none")


def test_weights_that_are_not_finite_stop_the_run_before_they_are_saved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A finite loss can have a step that is not: the loss of the next update would come too late."""

    def poisoned(self: Learner, batch: Batch, log: bool = True) -> Metrics:
        metrics = update(self, batch, log)
        if self.updates == 10:
            with torch.no_grad():
                next(self.policy.parameters()).fill_(float("inf"))
        return metrics

    update = Learner.update
    monkeypatch.setattr(Learner, "update", poisoned)
    config = replace(FAKE, checkpoint_every_s=0.0)
    with pytest.raises(TrainingDiverged, match=r"iteration 5: update 10: policy.*finite; .*latest \(iteration 4\)"):
        train(config, tmp_path / "run", quiet=True)
    assert checkpoint.load_state(tmp_path / "run" / "checkpoints" / "latest")["iteration"] == 4


def test_gates_that_cannot_open_are_announced(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    gate = GateConfig(calibration=(5, 24))  # the run has 24 updates
    train(replace(FAKE, learner=replace(FAKE.learner, gate=gate)), tmp_path / "run")
    assert "note: the gates stay closed" in "".join(capsys.readouterr())
    train(FAKE, tmp_path / "other")
    assert "note: the gates stay closed" not in "".join(capsys.readouterr())


@pytest.mark.parametrize("config", [FAKE, ORAN], ids=lambda config: str(config.name))
def test_a_run_leaves_no_memory_behind(config: TrainConfig, tmp_path: Path) -> None:
    """Without waiting for Python to look for circles, which it seldom does: a replay of each run would pile up."""
    gc.collect()
    gc.disable()
    try:
        training = begin(config, tmp_path / "run", resume=False)
        training.collect(2, training.random_policy())
        left = [weakref.ref(each) for each in (training, training.learner, training.replay)]
        del training
        assert [each() for each in left] == [None, None, None]
    finally:
        gc.enable()
