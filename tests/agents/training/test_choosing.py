"""An argument of the environment is chosen on validation networks, recorded, and left alone where it is given."""

import json
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest

import tasam_agents
from tasam_agents.config.bases import DEFAULT, TINY
from tasam_agents.config.variants import VARIANTS
from tasam_agents.errors import UserError
from tasam_agents.training import checkpoint, choosing
from tasam_agents.training.choosing import choose
from tasam_agents.training.run_directory import RunDirectory
from tasam_agents.training.trainer import Interrupted

SHORT = replace(
    TINY, env_kwargs={"scenario": "tiny", "codec": "zones"}, choose="owned_rbs", choices=(5, 1),
    trial_iterations=2, iterations=1, num_envs=4, warmup_steps=100, evaluate_every=1, validation_envs=8,
)  # fmt: skip


def test_the_value_that_returned_most_is_taken_and_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = RunDirectory.open(tasam_agents.train(SHORT, tmp_path / "run"))
    told = json.loads((run.path / choosing.FILE).read_text())
    returns = told["validation_returns"]
    assert set(returns) == {"5", "1"}
    assert returns["5"] != returns["1"]
    assert told["chosen"] == int(max(returns, key=returns.__getitem__))
    assert run.recorded_config() == replace(SHORT, env_kwargs={**SHORT.env_kwargs, "owned_rbs": told["chosen"]})
    assert f"owned_rbs = {told['chosen']}" in capsys.readouterr().out


def test_trials_are_short_runs_of_the_same_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    trials = []

    def recorded(config: object, run_dir: Path, quiet: bool) -> Path:
        trials.append(config)
        return run_dir

    monkeypatch.setattr(choosing, "train", recorded)
    monkeypatch.setattr(checkpoint, "load_state", lambda best: {"validation_return": 1.0})
    choice = choose(SHORT)
    assert trials == [
        replace(SHORT, env_kwargs={**SHORT.env_kwargs, "owned_rbs": p}, iterations=2, evaluate_every=2) for p in (5, 1)
    ]
    assert choice.config.env_kwargs["owned_rbs"] == 5  # ties go to the first


def test_interrupted_nothing_is_left(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither a trial, which cannot be gone on with, nor a run; the same command begins anew."""

    def interrupted(config: object, run_dir: Path, quiet: bool) -> Path:
        run_dir.mkdir()
        raise Interrupted(f"To go on: tasam train --resume {run_dir}")

    monkeypatch.setattr(choosing, "train", interrupted)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "trials"))
    (tmp_path / "trials").mkdir()
    with pytest.raises(Interrupted, match="stopped while owned_rbs was chosen; nothing was saved yet"):
        tasam_agents.train(SHORT, tmp_path / "run")
    assert not list((tmp_path / "trials").iterdir())
    assert [file.name for file in tmp_path.iterdir()] == ["trials"]  # the lock is gone, too


def test_what_is_given_is_not_chosen(tmp_path: Path) -> None:
    given = replace(DEFAULT, env_kwargs={**DEFAULT.env_kwargs, "owned_rbs": 3})
    for config in (given, TINY, VARIANTS["paper"]):
        choice = choose(config)
        assert choice.config == config
        choice.write(tmp_path)
        assert not list(tmp_path.iterdir())


def test_values_that_the_environment_refuses_are_left_out_and_told() -> None:
    """Two DUs share ten RBs: each may own five at most."""
    choice = choose(replace(SHORT, choices=(9, 5, 6)))
    assert (choice.config.env_kwargs["owned_rbs"], choice.refused, list(choice.returns)) == (5, (9, 6), [5])
    assert choice.text.endswith("9: not possible here, 6: not possible here)")
    with pytest.raises(UserError, match="owned_rbs is 9; allowed: 0 to 5"):
        choose(replace(SHORT, choices=(9, 6)))
