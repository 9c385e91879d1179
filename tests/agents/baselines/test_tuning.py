"""The search of a rival's settings: what is tried, what is logged, and that an interruption changes nothing."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from measure.tuning_log import flat

from tasam_agents.baselines import tuning, variants
from tasam_agents.baselines.config import BaselineConfig, Sac, Tqc, environment_steps
from tasam_agents.baselines.search_space import SPACES, TAKES_FROM, Choice, space_of, with_settings
from tasam_agents.baselines.sweep import space_from
from tasam_agents.baselines.tuning import FIRST_SEED, read_log, tune
from tasam_agents.baselines.variants import PLAIN_RIVALS
from tasam_agents.cli.main import BAD_INPUT, main
from tasam_agents.config import TrainConfig
from tasam_agents.config.toml_file import read_toml
from tasam_agents.config.variants import VARIANTS
from tasam_agents.errors import UserError
from tasam_agents.training.trainer import Interrupted, TrainingDiverged

RIVAL = replace(PLAIN_RIVALS["sac_zones"], num_envs=64, env_steps=6400)


def goodness(config: BaselineConfig) -> float:
    """What the pretended training reaches: there is one best learning rate, and the budget must be the trial's."""
    assert config.learning_rate is not None
    assert (config.env_steps, config.evaluate_every) == (3200, 13)
    return 2.0 - abs(config.learning_rate - 0.005) * 100


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[BaselineConfig]:
    """The configurations that were trained, in order, by a training that is not one."""
    pytest.importorskip("optuna")
    seen: list[BaselineConfig] = []

    def train(config: BaselineConfig, run_dir: Path, quiet: bool, watch: Any) -> Path:
        seen.append(config)
        for part in range(4):
            watch(goodness(config) * (part + 1) / 4)
        return run_dir

    monkeypatch.setattr(tuning, "train_baseline", train)
    return seen


def test_every_setting_is_one_of_the_plain_rival_s() -> None:
    """Each path is a field, and its default makes the plain rival, but for what the library calls by other names."""
    for name, rival in PLAIN_RIVALS.items():
        if type(rival.settings) in TAKES_FROM:
            continue
        space = space_of(rival)
        plain = with_settings(rival, {path: own.default for path, own in space.items()})
        assert plain.activation == rival.activation, name
        for path, own in space.items():
            inside = own.default in own.values if isinstance(own, Choice) else own.low <= own.default <= own.high
            assert inside, path
            owner: Any = rival.settings if path.startswith("settings.") else rival
            assert getattr(owner, path.rpartition(".")[2]) in (None, own.default), path
            ends = own.values if isinstance(own, Choice) else (own.low, own.high)
            for value in ends:
                found = {"settings.initial_entropy_coefficient": 1.0} if "entropy_fixed" in path else {}
                with_settings(rival, {"learning_rate": 1e-3, **found, path: value})
    assert "settings.action_type" in space_of(PLAIN_RIVALS["ppo_two_bit"])
    assert "settings.action_type" not in space_of(PLAIN_RIVALS["ppo_zones"])
    assert {kind for kind in SPACES} | set(TAKES_FROM) == {type(rival.settings) for rival in PLAIN_RIVALS.values()}
    with pytest.raises(ValueError, match="algorithm is 'tqc'; allowed: those that are tuned, sac, td3, ppo"):
        space_of(replace(RIVAL, settings=Tqc()))


def test_a_search_begins_with_the_defaults_and_finds_what_is_better(
    tmp_path: Path, trained: list[BaselineConfig]
) -> None:
    best = tune(RIVAL, tmp_path / "log.csv", 12, 0.5)
    first, *others = trained
    assert first.learning_rate == 3e-4
    assert first.settings == Sac(
        VARIANTS["default"].replay_capacity, updates_per_round=1, warmup_share=0.0,
        initial_entropy_coefficient=1.0, target_entropy_per_dim=-1.69,
    )  # fmt: skip
    assert [config.seed for config in trained] == [FIRST_SEED + number for number in range(12)]
    assert {(config.gamma, config.hidden, config.input_scaling) for config in others} == {
        (RIVAL.gamma, RIVAL.hidden, RIVAL.input_scaling)
    }
    assert best.validation_return == max(round(goodness(config), 4) for config in trained) > goodness(first)
    trials = read_log(tmp_path / "log.csv", space_of(RIVAL))
    assert best in trials
    assert {trial.state for trial in trials} == {"complete", "pruned"}
    assert all(len(trial.curve) == 4 for trial in trials if trial.state == "complete")
    for trial, config in zip(trials, trained, strict=True):
        assert with_settings(config, trial.settings) == config


def test_our_own_agent_is_searched_by_as_many_settings_and_keeps_its_budget(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("optuna")
    seen: list[TrainConfig] = []

    def train(config: TrainConfig, run_dir: Path, quiet: bool, watch: Any) -> Path:
        seen.append(config)
        for part in range(4):
            watch(part / 4 - config.learner.shared_actor)
        return run_dir

    monkeypatch.setattr(tuning, "train", train)
    ours = VARIANTS["default"]
    best = tune(ours, tmp_path / "log.csv", 12, 1 / 3)
    space = space_of(ours)
    assert len(space) == len(space_of(RIVAL))
    assert best.settings["learner.shared_actor"] is False
    assert [config.seed for config in seen] == [FIRST_SEED + number for number in range(12)]
    third = environment_steps(ours) / 3
    assert all(abs(environment_steps(config) - third) <= 10 * config.num_envs for config in seen)
    assert all(-(-config.iterations // config.evaluate_every) <= tuning.VALIDATIONS for config in seen)
    assert {path: own.default for path, own in space.items()} == {path: flat(ours.to_dict())[path] for path in space}
    assert flat(seen[0].to_dict()["learner"]) == flat(ours.to_dict()["learner"])
    assert environment_steps(with_settings(ours, {"warmup_steps": 200})) == environment_steps(ours)


def test_an_interrupted_search_finds_what_it_would_have_found(
    tmp_path: Path, trained: list[BaselineConfig], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, parts = tmp_path / "whole.csv", tmp_path / "parts.csv"
    tune(RIVAL, whole, 10, 0.5)
    going_on: Callable[..., Path] = vars(tuning)["train_baseline"]

    def stopped(config: BaselineConfig, run_dir: Path, quiet: bool, watch: Any) -> Path:
        if config.seed == FIRST_SEED + 5:
            raise Interrupted("stopped")
        in_the_end = config.seed == FIRST_SEED + 7  # the last validation is not told
        return going_on(config, run_dir, quiet, (lambda _: None) if in_the_end else watch)

    monkeypatch.setattr(tuning, "train_baseline", stopped)
    tune(RIVAL, parts, 3, 0.5)
    with pytest.raises(Interrupted):
        tune(RIVAL, parts, 6, 0.5)
    monkeypatch.setattr(tuning, "train_baseline", going_on)
    tune(RIVAL, parts, 7, 0.5)
    monkeypatch.setattr(tuning, "train_baseline", stopped)
    with pytest.raises(Interrupted, match="last validation"):
        tune(RIVAL, parts, 10, 0.5)
    monkeypatch.setattr(tuning, "train_baseline", going_on)
    tune(RIVAL, parts, 10, 0.5)
    space = space_of(RIVAL)
    assert [(replace(trial, cpu_time_s=0.0)) for trial in read_log(parts, space)] == [
        replace(trial, cpu_time_s=0.0) for trial in read_log(whole, space)
    ]
    trained.clear()
    tune(RIVAL, parts, 10, 0.5)
    assert trained == []


def test_a_trial_that_diverges_is_logged_and_never_the_best(
    tmp_path: Path, trained: list[BaselineConfig], monkeypatch: pytest.MonkeyPatch
) -> None:
    pretended: Callable[..., Path] = vars(tuning)["train_baseline"]

    def diverging(config: BaselineConfig, run_dir: Path, quiet: bool, watch: Any) -> Path:
        if config.seed == FIRST_SEED:
            watch(9.0)
            raise TrainingDiverged("not finite")
        return pretended(config, run_dir, quiet, watch)

    monkeypatch.setattr(tuning, "train_baseline", diverging)
    with pytest.raises(UserError, match="none of the 1 trials"):
        tune(RIVAL, tmp_path / "log.csv", 1, 0.5)
    best = tune(RIVAL, tmp_path / "log.csv", 4, 0.5)
    assert best.number > 0
    assert read_log(tmp_path / "log.csv", space_of(RIVAL))[0].state == "diverged"


def test_what_was_found_is_read_by_the_tuned_rivals(
    tmp_path: Path, trained: list[BaselineConfig], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(variants, "TUNED", tmp_path)
    assert variants._tuned("sac", "zones") is None
    best = tune(RIVAL, tmp_path / "log.csv", 5, 0.5)
    tuning.write_settings(best, 5, 3200, tmp_path / "sac_zones.json")
    own = variants._tuned("sac", "zones")
    assert own == replace(with_settings(PLAIN_RIVALS["sac_zones"], best.settings), name="SAC-zones-tuned")
    other = variants._tuned("tqc", "zones")
    assert other is not None
    assert (other.name, other.learning_rate) == ("TQC-zones-tuned", own.learning_rate)
    assert dataclasses.astuple(other.settings) == (*dataclasses.astuple(own.settings)[:-1], "tqc")
    assert variants._tuned("ppo", "zones") is None
    document = json.loads((tmp_path / "sac_zones.json").read_text())
    (tmp_path / "sac_zones.json").write_text(json.dumps(document | {"settings": {"settings.colour": 3}}))
    with pytest.raises(ValueError, match=r"Sac has no field \['colour'\]"):
        variants._tuned("sac", "zones")


def test_all_that_is_found_in_the_package_makes_a_rival() -> None:
    for file in variants.TUNED.glob("*.json"):
        assert set(json.loads(file.read_text())["settings"]) == set(space_of(PLAIN_RIVALS[file.stem]))
        assert f"{file.stem}_tuned" in variants.TUNED_RIVALS


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("complete", "finished"), "state is 'finished'"),
        (("learning_rate", "rate"), "KeyError"),
        (("\n0,", "\n1,"), "does not number its trials from 0"),
        ((",relu,", ",elu,"), "KeyError"),
    ],
)
def test_a_log_of_something_else_is_refused(
    tmp_path: Path, trained: list[BaselineConfig], change: tuple[str, str], message: str
) -> None:
    log = tmp_path / "log.csv"
    tune(RIVAL, log, 1, 0.5)
    log.write_text(log.read_text().replace(*change))
    with pytest.raises(UserError, match=message):
        tune(RIVAL, log, 2, 0.5)
    assert len(trained) == 1


def test_any_field_is_searched_and_an_interruption_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("optuna")
    seen: list[TrainConfig] = []

    def train(config: TrainConfig, run_dir: Path, quiet: bool, watch: Any) -> Path:
        seen.append(config)
        for _ in range(4):
            watch(config.learner.gamma)
        return run_dir

    monkeypatch.setattr(tuning, "train", train)
    searches = [
        "--search=learner.gamma=0:0.5", "--search", "learner.actor_learning_rate=1e-4:1e-2:log",
        "--search=updates_per_iteration=5:9", "--search=learner.critic=mean_field,pooled",
        "--search=env_kwargs.num_ues=20,30",
    ]  # fmt: skip
    command = ["tune", "tiny", *searches, "--share", "1", "--out"]
    main([*command, str(tmp_path / "whole"), "--trials", "8"])
    assert "tiny.toml" in capsys.readouterr().out
    assert len(seen) == 8
    own = VARIANTS["tiny"]
    assert seen[0].learner.actor_learning_rate == min(own.learner.actor_learning_rate, 1e-2)
    assert {config.env_kwargs["num_ues"] for config in seen} == {20, 30}
    assert all(type(config.updates_per_iteration) is int for config in seen)
    assert {environment_steps(config) for config in seen} == {environment_steps(own)}
    for trials in ("3", "8"):
        main([*command, str(tmp_path / "parts"), "--trials", trials])
    assert seen[8:] == seen[:8]
    best = max(seen[:8], key=lambda config: config.learner.gamma)
    read = read_toml(tmp_path / "whole" / "tiny.toml")
    assert replace(read, seed=0) == replace(
        best, seed=0, evaluate_every=own.evaluate_every, iterations=read.iterations, warmup_steps=own.warmup_steps
    )
    with pytest.raises(SystemExit) as leaving:
        main([*command[:-1], "--out", str(tmp_path / "parts"), "--trials", "9", "--search", "learner.polyak=0.1,0.2"])
    assert leaving.value.code == BAD_INPUT
    assert "has another search of that name: search.learner.polyak" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("search", "message"),
    [
        ("learner.gama=0:1", "--search names 'learner.gama'; did you mean 'learner.gamma'?"),
        ("seed=0:9", "--search names 'seed'"),
        ("learner.gamma", "allowed: FIELD=LOW:HIGH"),
        ("learner.gamma=0:1.5", "gamma = 1.5, allowed: a number in [0, 1)"),
        ("learner.gamma=0:0.5:log", "a logarithmic scale begins above 0"),
        ("learner.gamma=0.5:0.1", "LOW is not below HIGH"),
        ("learner.gamma=a:b", "the ends are no numbers"),
        ("learner.critic=pooled", "one value is no search"),
        ("learner.critic=pooled,none", "'mean_field', 'joint', 'pooled'"),
        ("iterations=2.5:9", "iterations = 2.5"),
    ],
)
def test_what_cannot_be_searched_is_named(search: str, message: str) -> None:
    with pytest.raises(UserError) as refused:
        space_from(VARIANTS["tiny"], [search])
    assert message in str(refused.value)


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("optuna")
    small = replace(
        PLAIN_RIVALS["sac_zones"], env_kwargs={"scenario": "tiny", "codec": "zones"}, num_envs=2, env_steps=60,
        hidden=(8,), validation_envs=2, settings=Sac(replay_capacity=50),
    )  # fmt: skip
    monkeypatch.setitem(PLAIN_RIVALS, "sac_zones", small)
    command = ["tune", "sac-zones", "--out", str(tmp_path), "--settings", str(tmp_path), "--share", "0.5", "--trials"]
    main([*command, "2"])
    assert len(capsys.readouterr().out.splitlines()) == 2 + 1 + 2
    main([*command, "2"])
    assert len(capsys.readouterr().out.splitlines()) == 1 + 2
    found = json.loads((tmp_path / "sac_zones.json").read_text())
    assert (found["trials"], found["env_steps_per_trial"]) == (2, 30)
    for bad in (["sac_sb3"], ["sac_zones", "--trials", "0"], ["sac_zones", "--share", "2"]):
        with pytest.raises(SystemExit) as leaving:
            main(["tune", *bad, "--out", str(tmp_path)])
        assert leaving.value.code == BAD_INPUT
