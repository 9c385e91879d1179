"""Runs of every kind are scored on the suites, by the run that was trained there where there is one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from oran_env import Simulator
from oran_env.scoring.playable import returns_of
from oran_env.scoring.suites import find_suite
from tasam_agents import load_policy, score, train
from tasam_agents.baselines import BASELINES
from tasam_agents.cli.main import main
from tasam_agents.config.variants import VARIANTS
from tasam_agents.errors import UserError

SHORT = replace(VARIANTS["tiny"], iterations=4, evaluate_every=2, log_every=2, warmup_steps=10)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train(SHORT, tmp_path_factory.mktemp("score") / "run", quiet=True)


def test_the_score_is_that_of_the_policy_on_the_networks_of_the_suite(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["score", str(run), "--suite", "tiny-v1", "--out", str(tmp_path / "score.json")])
    printed = capsys.readouterr().out
    assert "tiny-v1: TA-SAM-tiny scores" in printed
    assert f"{run} played: tiny" in printed
    assert "not to be compared" not in printed
    found, players = score(run, "tiny-v1")
    assert players == {"tiny": run}
    assert found.complete
    seeds = find_suite("tiny-v1").seeds
    expected = returns_of(load_policy(run), Simulator("tiny", len(seeds), codec="zones", owned_rbs=3), seeds)
    assert [row["return"] for row in found.rows] == pytest.approx(expected.tolist())


@pytest.mark.parametrize("kind", ["tiny_centralised", "sac_sb3"])
def test_every_kind_of_run_is_scored_and_loaded(kind: str, tmp_path: Path) -> None:
    if kind == "sac_sb3":
        pytest.importorskip("stable_baselines3")
        config = replace(BASELINES[kind].like(SHORT), env_steps=200, num_envs=4, hidden=(8,))
        path = train(config, tmp_path / "run", quiet=True)
    else:
        own = replace(VARIANTS[kind], iterations=2, evaluate_every=2, log_every=2, warmup_steps=10)
        path = train(own, tmp_path / "run", quiet=True)
    found, _ = score(path, "tiny-v1", networks=2)
    assert np.isfinite(found.number)
    assert not found.complete


def test_what_does_not_fit_is_refused(run: Path) -> None:
    with pytest.raises(UserError, match="no scenario of suite oran-v1 has the agents and spaces of"):
        score(run, "oran-v1")
    with pytest.raises(UserError, match="unknown suite 'tiny-v3'; did you mean 'tiny-v2'"):
        score(run, "tiny-v3")
    with pytest.raises(UserError, match="scenario of suite oran-v2 is 'papr'; did you mean 'paper'"):
        score(run, "oran-v2", scenarios=["papr"])
    with pytest.raises(UserError, match=r"no scenario of suite oran-v2 \(paper, calm\) has the agents"):
        score(run, "oran-v2", scenarios=["paper", "calm"])


def test_scenarios_may_be_picked(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["score", str(run), "--suite", "tiny-v1", "--networks", "2", "--scenarios", "tiny"])
    assert f"{run} played: tiny" in capsys.readouterr().out
    assert score(run, "tiny-v1", 2, scenarios=["tiny"])[0].rows == score(run, "tiny-v1", 2)[0].rows


def test_each_run_acts_in_its_own_way(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Two runs with different reuse plans: the first is played, with its own, as alone."""
    other = train(replace(SHORT, env_kwargs={**SHORT.env_kwargs, "owned_rbs": 1}), tmp_path / "other", quiet=True)
    alone, both, swapped = (score(runs, "tiny-v1", networks=2)[0] for runs in ([run], [run, other], [other, run]))
    assert both.rows == alone.rows
    assert swapped.rows == score(other, "tiny-v1", networks=2)[0].rows != alone.rows
    main(["score", str(run), str(other), "--suite", "tiny-v1", "--networks", "2"])
    assert f"{other} played nothing: no scenario that fits it was left" in capsys.readouterr().out
