"""`import tasam_agents`: every name is there, none of them costs anything before it is used, the page shows how."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from support.short_runs import FAKE, stop_after

import tasam_agents
from oran_env import Simulator, reference_policies
from tasam_agents.baselines.training import load_policy as load_baseline
from tasam_agents.config.fields import TrainConfig
from tasam_agents.config.variants import VARIANTS
from tasam_agents.envs.make import make_batched
from tasam_agents.envs.seeding import held_out_networks
from tasam_agents.errors import UserError
from tasam_agents.experiments.run_evaluation import evaluate_run
from tasam_agents.training.evaluation import evaluate
from tasam_agents.training.run_directory import RunDirectory

PAGE = (Path(__file__).parents[2] / "docs/python.md").read_text("utf-8")
TINY = VARIANTS["tiny"]
SHORT = replace(TINY, iterations=4, evaluate_every=2, learner=replace(TINY.learner, hidden=(8,)))
HEAVY = ("torch", "oran_env", "numba", "numpy", "scipy", "gymnasium", "tyro")


def test_the_import_loads_nothing_heavy() -> None:
    program = f"import sys, tasam_agents; dir(tasam_agents); print(*set({HEAVY!r}) & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


@pytest.mark.parametrize("name", tasam_agents.__all__)
def test_every_name_is_there_and_on_the_page(name: str) -> None:
    assert getattr(tasam_agents, name) is not None
    assert name in dir(tasam_agents)
    assert name == "__version__" or re.search(rf"`{name}[`(]", PAGE)


def test_no_other_name_is_there() -> None:
    assert tasam_agents.TrainConfig is TrainConfig
    with pytest.raises(AttributeError, match="no attribute 'tran'; allowed: VARIANTS, TrainConfig"):
        tasam_agents.tran  # noqa: B018


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tasam_agents.train(SHORT, str(tmp_path_factory.mktemp("public") / "run"), quiet=True)


def test_the_policy_of_a_run_is_the_one_that_is_evaluated(run: Path) -> None:
    seeds = held_out_networks(3)
    env = make_batched(SHORT.env_id, SHORT.env_kwargs, 3, seeds)
    rows = {row.policy: row.episodes.returns for row in evaluate_run(run, 3).rows}
    for deterministic, name in ((True, "TA-SAM-tiny (deterministic)"), (False, "TA-SAM-tiny (sampled)")):
        policy = tasam_agents.load_policy(str(run), deterministic)
        np.testing.assert_array_equal(evaluate(policy, env, seeds).returns, rows[name])
    actions = policy(env.reset(seed=seeds))
    assert actions.shape == (3, len(env.agents), max(env.action_sizes))
    assert ((actions >= 0) & (actions <= 1)).all()


def test_a_run_and_its_policy_are_evaluated_alike(run: Path) -> None:
    of_run = {row.policy: row for row in tasam_agents.evaluate(run, networks=3)}
    kwargs: dict[str, Any] = TINY.env_kwargs
    of_policy = {row.policy: row for row in tasam_agents.evaluate(tasam_agents.load_policy(run), 3, **kwargs)}
    assert of_policy.pop("policy").mean == of_run.pop("TA-SAM-tiny (deterministic)").mean
    del of_run["TA-SAM-tiny (sampled)"]
    assert {name: row.mean for name, row in of_policy.items()} == {name: row.mean for name, row in of_run.items()}


def test_any_function_is_a_policy() -> None:
    rule = reference_policies(Simulator("tiny", 1).scenario)["count_rule"]
    rows = {row.policy: row for row in tasam_agents.evaluate(rule, 3, scenario="tiny")}
    np.testing.assert_array_equal(rows["policy"].episodes.returns, rows["count_rule"].episodes.returns)
    assert rows["count_rule"].difference is not None


def test_a_baseline_is_trained_and_loaded_the_same_way(tmp_path: Path) -> None:
    pytest.importorskip("stable_baselines3")
    from tasam_agents.baselines import BASELINES

    config = replace(BASELINES["sac_sb3"].like(SHORT), env_steps=200, num_envs=4, hidden=(8,))
    path = tasam_agents.train(config, tmp_path / "sac", quiet=True)
    observations = make_batched(SHORT.env_id, SHORT.env_kwargs, 2, [5, 6]).reset(seed=[5, 6])
    np.testing.assert_array_equal(tasam_agents.load_policy(path)(observations), load_baseline(path)(observations))
    with pytest.raises(UserError, match="resume is True and SAC-SB3 a baseline"):
        tasam_agents.train(config, path, resume=True)


def test_a_run_goes_on_with_other_threads_and_keeps_its_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop_after(FAKE, tmp_path / "run", 5)
    given: list[int] = []
    monkeypatch.setattr(torch, "set_num_threads", given.append)
    tasam_agents.train(FAKE, tmp_path / "run", resume=True, quiet=True, threads=3)
    assert given[0] == 3
    assert RunDirectory.open(tmp_path / "run").config(("support.fakes:target_env",)).threads == 1
    with pytest.raises(UserError, match="threads is 3; allowed: 1 to 1024, to resume"):
        tasam_agents.train(FAKE, tmp_path / "new", threads=3)


def test_agents_are_compared(tmp_path: Path) -> None:
    report = tasam_agents.compare(["count_rule", "random"], seeds=2, networks=3, runs=str(tmp_path))
    assert report.verdict(report.lines[1]) == "better"
    with pytest.raises(UserError, match="training seeds are"):
        tasam_agents.compare(["random"], seeds=0)


def test_refusals(tmp_path: Path, run: Path) -> None:
    RunDirectory.create(tmp_path / "new", SHORT)
    with pytest.raises(UserError, match="has no policy yet"):
        tasam_agents.load_policy(tmp_path / "new")
    with pytest.raises(UserError, match="a run brings its environment; not allowed with it: scenario"):
        tasam_agents.evaluate(run, scenario="tiny")
    with pytest.raises(UserError, match="networks is 1; allowed: 2 or more"):
        tasam_agents.evaluate(run, networks=1)


def test_the_page_prints_what_stands_there(capsys: pytest.CaptureFixture[str]) -> None:
    """To 0.2: on another processor a training may go another way."""
    code, printed = re.findall(r"^```python\n(.*?)^```\n\n```text\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)[0]
    exec(compile(code, "docs/python.md", "exec"), {"__name__": "snippet"})
    shown, told = (
        [line.rsplit(maxsplit=1) for line in text.splitlines()] for text in (capsys.readouterr().out, printed)
    )
    assert [name for name, _ in shown] == [name for name, _ in told]
    assert [float(value) for _, value in shown] == pytest.approx([float(value) for _, value in told], abs=0.2)
