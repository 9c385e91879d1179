"""Whatever ends a run, at most what lies behind its last save is lost; whatever damages one is seen, and kept."""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from support import fakes
from support.same_run import assert_same_run
from support.short_runs import FAKE, stop_after

from tasam_agents.config import TrainConfig
from tasam_agents.errors import UserError
from tasam_agents.files import provenance
from tasam_agents.learner.learner import Learner
from tasam_agents.training import checkpoint
from tasam_agents.training.checkpoint import CheckpointError, CheckpointWarning
from tasam_agents.training.interruption import StopRequest
from tasam_agents.training.progress import Progress
from tasam_agents.training.run_directory import RunDamaged, RunDirectory, RunError
from tasam_agents.training.trainer import Training, TrainingDiverged, train


@pytest.fixture(autouse=True)
def _calm_fakes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fakes, "nan_at", None)
    monkeypatch.setattr(fakes, "steps_taken", 0)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train(FAKE, tmp_path_factory.mktemp("whole") / "run", quiet=True)


@pytest.fixture
def stopped(tmp_path: Path) -> RunDirectory:
    """A run that was stopped after its seventh iteration; before it, a save after the sixth."""
    stop_after(replace(FAKE, checkpoint_every_s=0.0), tmp_path / "run", 7)
    return RunDirectory(tmp_path / "run")


def resume(run: RunDirectory, accept_changes: bool = False) -> Path:
    config = run.recorded_config()
    return train(config, run.path, resume=True, quiet=True, accept_changes=accept_changes)


class NobodyReads(io.StringIO):
    """A pipe whose reader is gone, or a terminal that was closed."""

    def __init__(self, is_terminal: bool, error: Exception) -> None:
        super().__init__()
        self._is_terminal, self._error = is_terminal, error

    def isatty(self) -> bool:
        return self._is_terminal

    def write(self, text: str) -> int:
        raise self._error

    def flush(self) -> None:
        raise self._error


@pytest.mark.parametrize("is_terminal", [False, True])
@pytest.mark.parametrize("error", [BrokenPipeError(32, "Broken pipe"), OSError(5, "I/O error"), ValueError("closed")])
def test_progress_that_nobody_reads_never_raises(is_terminal: bool, error: Exception) -> None:
    with Progress(3, stream=NobodyReads(is_terminal, error), interval_s=0.0) as progress:
        for _ in range(3):
            progress.say("a sentence")
            progress.show("return 1.0")
            progress.advance()


def test_progress_goes_on_in_an_encoding_without_our_signs() -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    with Progress(1, stream=stream, interval_s=0.0) as progress:
        progress.say("σ² → λ")
        progress.advance()


def test_a_process_without_a_console_trains(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    with Progress(1, interval_s=0.0) as progress:
        progress.advance()


def test_a_hangup_that_is_ignored_stays_ignored() -> None:
    """As nohup starts a program."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with StopRequest(lambda _: None) as stop:
            signal.raise_signal(signal.SIGHUP)
            assert not stop.made
    finally:
        signal.signal(signal.SIGHUP, before)


@contextmanager
def failing_once(name: str, iteration: int, error: BaseException, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    original = getattr(Training, name)
    left = [error]

    def failing(self: Training, *values: Any) -> Any:
        if left and self.iteration == iteration:
            raise left.pop()
        return original(self, *values)

    with monkeypatch.context() as patch:
        patch.setattr(Training, name, failing)
        yield


@pytest.mark.parametrize("name", ["validate", "_log", "_report"])
@pytest.mark.parametrize("error", [RuntimeError("a defect"), MemoryError(), OSError(28, "No space left on device")])
def test_what_fails_between_two_iterations_costs_none(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, error: Exception
) -> None:
    """The report that failed is made up for, once."""
    with failing_once(name, 8, error, monkeypatch), pytest.raises(type(error)):
        train(FAKE, tmp_path / "run", quiet=True)
    run = RunDirectory(tmp_path / "run")
    assert checkpoint.load_state(run.latest)["iteration"] == 8
    resume(run)
    assert_same_run(whole, run.path)


def test_what_fails_within_an_iteration_costs_no_more_than_the_time_between_two_saves(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = replace(FAKE, checkpoint_every_s=0.0)
    with failing_once("update", 6, KeyError("a defect"), monkeypatch), pytest.raises(KeyError):
        train(config, tmp_path / "run", quiet=True)
    run = RunDirectory(tmp_path / "run")
    assert checkpoint.load_state(run.latest)["iteration"] == 5  # saved after every iteration, validated after the 4th
    resume(run)
    assert run.metrics()[-1]["iteration"] == config.iterations


class Killed(BaseException):
    """Nothing catches it."""


@pytest.mark.parametrize("moment", ["collect", "_log", "save"])
def test_a_run_that_was_killed_before_its_first_save_is_resumed(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    with failing_once(moment, 0, Killed(), monkeypatch), pytest.raises(Killed):
        train(FAKE, tmp_path / "run", quiet=True)
    run = RunDirectory(tmp_path / "run")
    assert not checkpoint.exists(run.latest)
    resume(run)
    assert_same_run(whole, run.path)


def test_there_is_a_checkpoint_before_the_first_iteration(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with failing_once("collect", 1, Killed(), monkeypatch), pytest.raises(Killed):
        train(FAKE, tmp_path / "run", quiet=True)
    run = RunDirectory(tmp_path / "run")
    assert checkpoint.load_state(run.latest)["iteration"] == 0
    resume(run)
    assert_same_run(whole, run.path)


def test_a_directory_in_which_a_process_was_killed_at_once_is_still_free(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / ".config.json.4711.partial").write_text("{")
    RunDirectory.check_new(tmp_path / "run")


def test_names_are_claimed_one_by_one(tmp_path: Path) -> None:
    paths = [RunDirectory.claim(tmp_path / "runs", "TA-SAM-seed0") for _ in range(3)]
    assert [path.name for path in paths] == ["TA-SAM-seed0", "TA-SAM-seed0-2", "TA-SAM-seed0-3"]


def poisoned_gradient(training: Training) -> None:
    adam = training.learner.actor_update.adams[0]
    step = adam.step
    adam.step = lambda gradient, factor: step(torch.full_like(gradient, torch.nan), factor)  # type: ignore


def poisoned_actions(training: Training) -> None:
    act = training.learner.act

    def acting(*values: Any, **named: Any) -> Any:
        actions = act(*values, **named).copy()
        if training.iteration == 5 and not named.get("deterministic"):
            actions[0, 0, 0] = float("nan")
        return actions

    training.learner.act = acting  # type: ignore[method-assign]


def poisoned_observations(training: Training) -> None:
    step = training.env.step

    def stepping(actions: Any) -> Any:
        result = step(actions)
        if training.iteration == 5:
            result.observations[0, 0, 0] = float("inf")
        return result

    training.env.step = stepping  # type: ignore[method-assign]


@pytest.mark.parametrize(
    ("poison", "message", "iteration"),
    [
        (poisoned_gradient, r"the gradient of .*weight.* is not finite", 0),
        (poisoned_actions, "the policy gave actions that are not finite", 4),
        (poisoned_observations, "gave observations that are not finite", 4),
    ],
)
def test_what_is_not_finite_stops_the_run_with_the_last_good_checkpoint_and_a_small_dump(
    tmp_path: Path, poison: Callable[[Training], None], message: str, iteration: int
) -> None:
    config = replace(FAKE, checkpoint_every_s=0.0)
    run = RunDirectory.create(tmp_path / "run", config)
    training = Training(config, run)
    poison(training)
    with pytest.raises(TrainingDiverged, match=rf"{message}.*latest \(iteration {iteration}\).*diverged.json"):
        training.complete(Progress(12, quiet=True), StopRequest(lambda _: None))
    dump = json.loads((run.path / "diverged.json").read_text(), parse_constant=pytest.fail)
    assert dump["iteration"] == iteration + 1
    assert (run.path / "diverged.json").stat().st_size < 1 << 16
    assert all(tensor.isfinite().all() for tensor in training.learner.policy_tensors().values())
    resume(run)


def test_a_validation_that_is_not_finite_is_a_divergence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fakes, "nan_at", 5 + 4 * 4 + 3)  # in the validation after iteration 4
    with pytest.raises(TrainingDiverged, match=r"iteration 4: the return on the validation networks is not finite"):
        train(FAKE, tmp_path / "run", quiet=True)


def halve(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def fill_with_nul(path: Path) -> None:
    path.write_bytes(bytes(path.stat().st_size))


def dangle(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.with_name("nowhere"))


def change_a_digit(path: Path) -> None:
    path.write_text(path.read_text().replace('"iteration": 3', '"iteration": 2', 1))


def replace_by_a_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def make_it_huge(path: Path) -> None:
    os.truncate(path, 3 << 30)


LOG_DAMAGES = [Path.unlink, halve, fill_with_nul, dangle, change_a_digit, replace_by_a_pipe, make_it_huge]


@pytest.mark.parametrize("damage", LOG_DAMAGES, ids=lambda damage: damage.__name__)
def test_a_damaged_log_is_seen_and_kept(whole: Path, stopped: RunDirectory, damage: Callable[[Path], None]) -> None:
    damage(stopped.metrics_file)
    was = stopped.metrics_file.lstat() if os.path.lexists(stopped.metrics_file) else None
    with pytest.raises(RunDamaged, match=r"metrics.jsonl .*--accept-changes"):
        resume(stopped)
    assert os.path.lexists(stopped.metrics_file) == (was is not None)
    resume(stopped, accept_changes=True)
    if was is not None:
        assert stopped.path.joinpath("metrics.jsonl.damaged-1").lstat().st_ino == was.st_ino
    assert stopped.metrics()[-1]["iteration"] == FAKE.iterations


def test_the_older_checkpoint_is_gone_on_from_and_the_damaged_one_is_kept(whole: Path, stopped: RunDirectory) -> None:
    assert checkpoint.load_state(stopped.latest)["iteration"] == 7
    (stopped.latest / "replay.safetensors").write_bytes(b"")
    with pytest.warns(CheckpointWarning, match=r"replay.safetensors is damaged.*the one before it is used"):
        resume(stopped)
    assert (stopped.latest.parent / "latest.damaged-1" / "replay.safetensors").read_bytes() == b""
    again = train(replace(FAKE, checkpoint_every_s=0.0), stopped.path.with_name("again"), quiet=True)
    assert_same_run(again, stopped.path)


def edit_config(run: RunDirectory, **changes: Any) -> None:
    run.config_file.write_text(json.dumps(json.loads(run.config_file.read_text()) | changes))


def test_a_configuration_that_was_changed_by_hand_is_refused_or_accepted(stopped: RunDirectory) -> None:
    edit_config(stopped, learner=json.loads(stopped.config_file.read_text())["learner"] | {"gamma": 0.5})
    refused = "was changed: learner is .*--accept-changes"
    with pytest.raises(RunError, match=refused):
        resume(stopped)
    with pytest.raises(RunError, match=refused):
        stopped.config(trusted=(FAKE.env_id,))
    resume(stopped, accept_changes=True)
    assert stopped.config(trusted=(FAKE.env_id,)).learner.gamma == 0.5


def test_no_bit_of_a_configuration_can_flip_unseen(whole: Path) -> None:
    """Refused, or the same configuration after all, as with a flip in a blank."""
    run = RunDirectory(whole)
    own, written = run.recorded_config(), run.config_file.read_bytes()
    try:
        for bit in range(0, 8 * len(written), 31):  # every one of them: make trust
            content = bytearray(written)
            content[bit // 8] ^= 1 << bit % 8
            run.config_file.write_bytes(content)
            try:
                assert run.config(trusted=(FAKE.env_id,)) == own
            except UserError:
                continue
    finally:
        run.config_file.write_bytes(written)


def test_other_versions_are_refused_or_accepted(stopped: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    found = provenance.versions() | {"torch": "1.0"}
    monkeypatch.setattr(provenance, "versions", lambda: found)
    with pytest.raises(RunError, match=r"other versions: torch is 1\.0, began with .*--accept-changes"):
        resume(stopped)
    resume(stopped, accept_changes=True)


def test_other_sources_are_refused_or_accepted(stopped: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    """As after an edit of the learner, whose version stays what it was."""
    with monkeypatch.context() as patch:
        patch.setattr(provenance, "sources", lambda: "0123456789ab")
        with pytest.raises(RunError, match=r"this program's sources differ: .*0123456789ab, began with .*--accept-cha"):
            resume(stopped)
        resume(stopped, accept_changes=True)


def test_a_checkpoint_from_before_sources_were_recorded_is_resumed(whole: Path, stopped: RunDirectory) -> None:
    saved = checkpoint.load(stopped.latest)
    del saved.state["versions"]["sources"]
    checkpoint.save(stopped.latest, saved.tensors, saved.state)
    resume(stopped)
    assert checkpoint.load_state(stopped.latest)["versions"] == provenance.versions()
    again = train(replace(FAKE, checkpoint_every_s=0.0), stopped.path.with_name("again"), quiet=True)
    assert (
        checkpoint.load_state(RunDirectory(again).latest)["learner"] == checkpoint.load_state(stopped.latest)["learner"]
    )


def edited(path: tuple[str, ...], value: Any) -> Callable[[dict[str, Any], dict[str, Any]], None]:
    def edit(state: dict[str, Any], tensors: dict[str, Any]) -> None:
        inner = state
        for name in path[:-1]:
            inner = inner[name]
        inner[path[-1]] = value

    return edit


def replaced(group: str, name: str, change: Callable[[Any], Any]) -> Callable[[dict[str, Any], dict[str, Any]], None]:
    def edit(state: dict[str, Any], tensors: dict[str, Any]) -> None:
        tensors[group][name] = change(tensors[group][name])

    return edit


def poisoned(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.clone().fill_(float("nan"))


STRANGERS = [
    (edited(("iteration",), -5), "iteration is -5; allowed: an integer >= 0"),
    (edited(("iteration",), 10**9), "iteration is 1000000000; allowed: 0 to 12"),
    (edited(("iteration",), 7.0), r"iteration is 7\.0; allowed: an integer"),
    (edited(("iteration",), True), "iteration is True; allowed: an integer"),
    (edited(("env_steps",), 10**9), "env_steps is 1000000000; allowed: 99"),
    (edited(("converged",), 1), "converged is 1; allowed: true or false"),
    (edited(("wall_time_s",), -1.0), "wall_time_s is -1"),
    (edited(("best_validation_return",), "1"), "best_validation_return is '1'; allowed: a finite number"),
    (edited(("wall_time_s",), 10**400), "wall_time_s is 1000.*; allowed: a finite number"),
    (edited(("window", "return"), [10**400, 1]), "window.return is .*; allowed: finite numbers"),
    (edited(("window",), []), r"window is \[\]"),
    (edited(("window",), {}), "window has no 'return'"),
    (edited(("window", "return"), [[1.0, 2.0], [3, 4]]), "window.return is"),
    (edited(("window", "return"), [1.0]), "window.return is"),
    (edited(("learner", "updates"), 3), "learner.updates is 3; allowed: 14"),
    (edited(("learner", "gate"), {}), "learner.gate has {}; allowed: "),
    (edited(("learner", "gate", "average"), [0.0] * 7), r"learner.gate.average is .*; allowed: 2 values"),
    (edited(("log",), {}), "log is {}; allowed: bytes and sha256"),
    (edited(("log", "bytes"), -1), "log.bytes is -1"),
    (lambda state, tensors: state.pop("window"), "the state lacks window"),
    (replaced("replay", "ring", lambda ring: torch.tensor([60, -7])), "ring position is -7, expected"),
    (replaced("replay", "ring", lambda ring: torch.tensor([60, 60])), "ring position is 60, expected"),
    (replaced("replay", "ring", lambda ring: torch.tensor([60.0, 0.0])), "ring is torch.float32"),
    (replaced("replay", "rewards", poisoned), "rewards holds NaN or infinity"),
    (replaced("replay", "inputs", lambda inputs: inputs[:, :1]), "inputs is torch.float32 of shape"),
    (replaced("replay", "actions", lambda actions: actions.double()), "actions is torch.float64 of shape"),
    (replaced("learner", "log_temperature", lambda log: log.double()), "log_temperature has type torch.float64"),
    (replaced("learner", "log_temperature", lambda log: log.long()), "log_temperature has type torch.int64"),
    (replaced("learner", "log_temperature", poisoned), "log_temperature holds NaN or infinity"),
    (replaced("learner", "generator.act", lambda state: state[:7]), r"generator.act has shape \(7,\)"),
    (replaced("trainer", "observations", poisoned), "observations holds NaN or infinity"),
]


@pytest.mark.parametrize(("edit", "message"), STRANGERS)
def test_a_checkpoint_that_no_run_can_have_is_refused(
    stopped: RunDirectory, edit: Callable[[dict[str, Any], dict[str, Any]], None], message: str
) -> None:
    """Whole and sealed, as a stranger would make it."""
    saved = checkpoint.load(stopped.latest)
    edit(saved.state, saved.tensors)
    checkpoint.save(stopped.latest, saved.tensors, saved.state)
    with pytest.raises(CheckpointError, match=message):
        resume(stopped)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("name", "../../x"), ("name", "\x1b[31mred"), ("name", "a/b"), ("name", ".."), ("name", "x" * 1000),
        ("num_envs", 10**9), ("validation_envs", 10**9), ("replay_capacity", 10**18), ("threads", 10**9),
        ("iterations", 10**30), ("steps_per_iteration", 10**30), ("seed", -1),
    ],
)  # fmt: skip
def test_a_configuration_beyond_all_bounds_is_refused_before_any_work(
    whole: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: Any
) -> None:
    with pytest.raises(ValueError, match=f"TrainConfig.{name} = .*allowed: "):
        TrainConfig.from_dict(FAKE.to_dict() | {name: value})


def test_networks_and_a_replay_beyond_the_memory_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasam_agents.training.memory.physical_memory", lambda: 1 << 30)
    for config in (
        replace(FAKE, replay_capacity=100_000_000),
        replace(FAKE, learner=replace(FAKE.learner, hidden=(65_536, 65_536, 65_536))),
    ):
        with pytest.raises(UserError, match="of memory; allowed: at most"):
            train(config, tmp_path / "run", quiet=True)
    assert not (tmp_path / "run").exists()


def test_train_leaves_the_threads_of_torch_as_it_found_them(tmp_path: Path) -> None:
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        train(FAKE, tmp_path / "run", quiet=True)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_a_run_that_is_deleted_while_it_trains_ends_with_a_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    update = Learner.update

    def deleting(self: Learner, *values: Any, **named: Any) -> Any:
        shutil.rmtree(tmp_path / "run", ignore_errors=True)
        return update(self, *values, **named)

    monkeypatch.setattr(Learner, "update", deleting)
    with pytest.raises(OSError, match="No such file or directory"):
        train(FAKE, tmp_path / "run", quiet=True)
    assert not (tmp_path / "run").exists()
