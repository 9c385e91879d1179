"""Evaluation: the right networks, the same for every policy, averaged as documented."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from support import fakes
from support.fakes import ParallelToy, TargetBatch

from tasam_agents.config.fields import TrainConfig
from tasam_agents.config.variants import VARIANTS
from tasam_agents.envs.interface import BatchStep, EnvironmentRefused, ObservationPolicy
from tasam_agents.envs.seeding import held_out_networks, validation_networks
from tasam_agents.envs.sequential import SequentialBatch
from tasam_agents.errors import UserError
from tasam_agents.experiments.run_evaluation import compare, evaluate_run
from tasam_agents.learner.learner import Learner
from tasam_agents.training import checkpoint
from tasam_agents.training.checkpoint import CheckpointError
from tasam_agents.training.evaluation import (
    evaluate,
    learned_policy,
    task_of,
)
from tasam_agents.training.run_directory import RunDirectory, RunError
from tasam_agents.training.trainer import train

HALF: ObservationPolicy = lambda observations: np.full((*observations.shape[:2], 2), 0.5, np.float32)  # noqa: E731
REPEAT: ObservationPolicy = lambda observations: observations  # noqa: E731

FAKE_ENV = "support.fakes:target_env"


def fake_config(width: int = 16) -> TrainConfig:
    learner = replace(VARIANTS["tiny"].learner, input_scaling=(), hidden=(width,))
    return replace(
        VARIANTS["tiny"],
        env_id=FAKE_ENV,
        env_kwargs={},
        iterations=4,
        evaluate_every=2,
        log_every=2,
        validation_envs=3,
        warmup_steps=10,
        learner=learner,
    )


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train(fake_config(), tmp_path_factory.mktemp("runs") / "fake", quiet=True)


def test_every_policy_meets_the_same_networks() -> None:
    env = TargetBatch(3, [0, 0, 0])
    seeds = [5, 6, 9]
    rows = compare({"own": (REPEAT, env), "half": (HALF, env), "again": (REPEAT, env)}, seeds)
    assert env.seeds_seen == [seeds] * 3
    assert [row.episodes.names for row in rows] == [tuple(seeds)] * 3
    np.testing.assert_array_equal(rows[0].episodes.returns, rows[2].episodes.returns)
    np.testing.assert_allclose(rows[0].episodes.returns, 1.0)
    assert rows[0].difference is None
    assert rows[1].difference is not None
    assert rows[1].difference.mean == pytest.approx(1.0 - rows[1].episodes.returns.mean())  # own minus half
    assert rows[1].difference.low > 0
    assert rows[2].difference is not None
    assert rows[2].difference.mean == 0.0


def test_one_network_allows_no_interval() -> None:
    with pytest.raises(UserError, match="networks is 1; allowed: 2 or more"):
        compare({"own": (REPEAT, TargetBatch(1, [0]))}, [0])


def test_a_return_is_the_mean_over_agents_and_steps_of_one_episode() -> None:
    env = TargetBatch(2, [1, 2], horizon=5)
    found = evaluate(HALF, env, [1, 2])
    by_hand = TargetBatch(2, [1, 2], horizon=5)
    observations = by_hand.reset(seed=[1, 2])
    steps = []
    for _ in range(5):
        steps.append(by_hand.step(HALF(observations)))
        observations = by_hand.reset_done()
    np.testing.assert_allclose(found.returns, np.mean([step.rewards.mean(axis=1) for step in steps], axis=0))
    satisfied = np.mean([step.info["satisfied"].mean(axis=1) for step in steps], axis=0)
    np.testing.assert_allclose(found.info["satisfied"], satisfied)
    assert np.isnan(found.info["qos_normalised"][:, 2]).all()  # never defined, so not zero
    np.testing.assert_allclose(found.info["step"], 3.0)


def test_a_recorder_sees_every_step_before_and_after_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("support.fakes.steps_taken", 0)
    calls: list[tuple[str, int]] = []
    given: list[BatchStep] = []

    class Watching:
        def before_step(self) -> None:
            calls.append(("before", fakes.steps_taken))

        def after_step(self, step: BatchStep) -> None:
            calls.append(("after", fakes.steps_taken))
            given.append(step)

    found = evaluate(HALF, TargetBatch(2, [1, 2], horizon=3), [1, 2], recorder=Watching())
    assert calls == [(when, k) for step in range(3) for when, k in (("before", step), ("after", step + 1))]
    np.testing.assert_allclose(found.returns, np.mean([step.rewards.mean(axis=1) for step in given], axis=0))
    assert given[-1].truncated.all()


def test_networks_of_different_length_count_their_own_steps() -> None:
    env = SequentialBatch([ParallelToy(horizon=2), ParallelToy(horizon=5)], 0)
    policy: ObservationPolicy = lambda o: np.full((2, 2, 4), np.float32(o[0, 0, 1] / 10))  # noqa: E731
    found = evaluate(policy, env, [0, 1])
    np.testing.assert_allclose(found.info["time"], [1.5, 3.0])  # mean of 1..2 and of 1..5


def test_an_episode_without_end_is_refused() -> None:
    env = TargetBatch(1, [0], horizon=1000)
    with pytest.raises(EnvironmentRefused, match="not ended after 20 steps"):
        evaluate(HALF, env, [0], max_steps=20)


def test_sampled_evaluation_leaves_the_learner_as_it_was() -> None:
    env = TargetBatch(2, [0, 1])
    learner = Learner(task_of(env), fake_config().learner, 0, 10)
    before = learner.tensors()
    sampled = evaluate(learned_policy(learner, deterministic=False), env, [3, 4])
    for name, tensor in learner.tensors().items():
        assert torch.equal(tensor, before[name]), name
    again = evaluate(learned_policy(learner, deterministic=False), env, [3, 4])
    np.testing.assert_array_equal(sampled.returns, again.returns)
    deterministic = evaluate(learned_policy(learner, deterministic=True), env, [3, 4])
    assert (deterministic.returns != sampled.returns).all()


def test_the_comparison_of_a_run_and_its_files(trained: Path) -> None:
    result = evaluate_run(trained, 5, (FAKE_ENV,))
    names = [row.policy for row in result.rows]
    assert names == ["TA-SAM-tiny (deterministic)", "TA-SAM-tiny (sampled)", "random", "repeat", "half"]
    assert result.networks == tuple(range(5))
    assert result.rows[0].episodes.names == tuple(held_out_networks(5))
    assert result.rows[3].mean.mean == pytest.approx(1.0)

    json_file, csv_file = result.write(RunDirectory.open(trained))
    document = json.loads(json_file.read_text())
    assert (document["num_networks"], document["training_seed"]) == (5, 0)
    rows = list(csv.DictReader(csv_file.open()))
    for row, policy, line in zip(result.rows, document["policies"], rows, strict=True):
        assert policy["policy"] == line["policy"] == row.policy
        assert policy["returns"] == row.episodes.returns.tolist()
        assert float(line["return_mean"]) == policy["return"]["mean"] == row.mean.mean
        assert line["difference_low"] == ("" if row.difference is None else str(row.difference.low))
        satisfied = row.episodes.info["satisfied"].mean(axis=0)
        assert [float(line[f"satisfied_{s}"]) for s in ("eMBB", "mMTC", "URLLC")] == pytest.approx(satisfied)
        assert line["qos_normalised_URLLC"] == ""  # undefined, not zero

    text = result.text()
    for part in ("5 held-out networks", "one training seed (0)", "Training took", "TA-SAM-tiny minus it"):
        assert part in text
    table = text.splitlines()[: 2 + len(names)]
    assert len({len(line) for line in table}) == 1  # columns are aligned


def test_the_best_checkpoint_is_the_one_that_validated_best(trained: Path) -> None:
    """Its policy, loaded, does on the validation networks exactly what was logged."""
    run = RunDirectory.open(trained)
    validated = {line["iteration"]: line["validation_return"] for line in run.metrics() if "validation_return" in line}
    state = checkpoint.load_state(run.best)
    assert state["validation_return"] == max(validated.values())
    assert validated[state["iteration"]] == state["validation_return"]
    env = TargetBatch(3, [0, 0, 0])
    learner = Learner(task_of(env), run.recorded_config().learner, 99, 10)
    learner.load_policy_tensors(checkpoint.load(run.best).tensors["actors"])
    result = evaluate(learned_policy(learner, deterministic=True), env, validation_networks(3))
    assert result.returns.mean() == state["validation_return"]


def test_actors_of_another_task_are_refused(trained: Path, tmp_path: Path) -> None:
    other = RunDirectory.create(tmp_path / "other", fake_config(width=8))
    saved = checkpoint.load(RunDirectory.open(trained).best)
    state = saved.state | {"config": fake_config(width=8).to_dict()}
    checkpoint.save(other.best, saved.tensors, state)
    with pytest.raises(CheckpointError, match=r"has shape \(16, 2\), expected \(8, 2\)"):
        evaluate_run(tmp_path / "other", 3, (FAKE_ENV,))


def test_a_run_without_checkpoint_cannot_be_evaluated(tmp_path: Path) -> None:
    RunDirectory.create(tmp_path / "new", fake_config())
    with pytest.raises(RunError, match="no checkpoint to evaluate yet"):
        evaluate_run(tmp_path / "new", 3, (FAKE_ENV,))
