"""One agent in place of many: the same trajectory, the mean reward, and the same numbers when it is evaluated."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from support import short_runs
from support.fakes import ParallelToy, ResumableTargetBatch, TargetBatch
from support.same_run import assert_same_run

from tasam_agents.config.bases import TINY
from tasam_agents.config.fields import TrainConfig
from tasam_agents.config.variants import VARIANTS
from tasam_agents.envs.centralised import Centralised, JointView, separate
from tasam_agents.envs.interface import ObservationPolicy, Resumable
from tasam_agents.envs.make import make_batched
from tasam_agents.envs.seeding import validation_networks
from tasam_agents.envs.sequential import SequentialBatch
from tasam_agents.experiments.run_evaluation import evaluate_run
from tasam_agents.experiments.run_film import film_run
from tasam_agents.experiments.sharpness.measure import measure_run
from tasam_agents.training import checkpoint
from tasam_agents.training.evaluation import evaluate, load_actors, run_policy
from tasam_agents.training.run_directory import RunDirectory
from tasam_agents.training.trainer import train

TINY_ENV = ("oran/ORAN-v1", {"scenario": "tiny"})
SHORT = replace(VARIANTS["tiny_centralised_ta_sam"], iterations=6, evaluate_every=2, log_every=2, validation_envs=2)


def test_joint_observations_go_group_by_group_and_agent_by_agent() -> None:
    separately, together = (make_batched(*TINY_ENV, 3, 5, centralised=which) for which in (False, True))
    assert (together.agents, together.observation_sizes, together.action_sizes) == (("joint",), (52,), (40,))
    observations, joint = separately.reset(), together.reset()
    assert joint.shape == (3, 1, 52)
    for name, columns in separately.observation_layout.items():
        expected = observations[:, :, columns].reshape(3, -1)
        np.testing.assert_array_equal(joint[:, 0, together.observation_layout[name]], expected)


def test_the_same_actions_give_the_same_trajectory_and_the_mean_reward() -> None:
    separately, together = (make_batched(*TINY_ENV, 2, 5, centralised=which) for which in (False, True))
    separately.reset(), together.reset()
    view = JointView(separately)
    generator = np.random.default_rng(0)
    for _ in range(60):  # more than two episodes
        actions = generator.random((2, 2, 20), np.float32)
        own, joint = separately.step(actions), together.step(actions.reshape(2, 1, 40))
        np.testing.assert_array_equal(joint.observations, view.join(own.observations))
        np.testing.assert_allclose(joint.rewards[:, 0], own.rewards.mean(axis=1), rtol=1e-6)
        np.testing.assert_array_equal(joint.truncated, own.truncated)
        assert joint.terminated.shape == (2, 1)
        assert joint.info.keys() == own.info.keys()
        np.testing.assert_array_equal(together.reset_done(), view.join(separately.reset_done()))


def test_agents_of_different_sizes_and_an_early_end() -> None:
    """No padding is shown, none is asked for, and the agent has terminated only when all have."""
    toys = [ParallelToy(leaves_after=2, terminates=True)]
    env = Centralised(SequentialBatch(toys, 0))
    assert (env.observation_sizes, env.action_sizes) == ((4,), (5,))
    observation = env.reset(seed=[3])
    assert observation[0, 0, 1:].tolist() == [0, 0.5, 0]
    ends = [env.step(np.array([[[0.5, 0.5, 0.5, 0.75, 0.2]]], np.float32)).terminated.tolist() for _ in range(4)]
    assert ends == [[[False]], [[False]], [[False]], [[True]]]
    np.testing.assert_allclose(toys[0].actions_seen[0]["a"], [[0, 0], [0, 1]])
    np.testing.assert_allclose(toys[0].actions_seen[0]["b"], [2.0])
    with pytest.raises(ValueError, match=r"shape \(1, 2, 5\); allowed: \(B, 1, 5\)"):
        env.step(np.zeros((1, 2, 5), np.float32))


def test_it_can_be_resumed_exactly_when_the_separate_environment_can() -> None:
    assert isinstance(Centralised(ResumableTargetBatch(1, [0])), Resumable)
    assert not isinstance(Centralised(TargetBatch(1, [0])), Resumable)


@pytest.mark.parametrize(
    "config", [replace(short_runs.FAKE, centralised=True), replace(short_runs.ORAN, centralised=True)]
)
def test_a_resumed_run_equals_one_that_was_never_interrupted(tmp_path: Path, config: TrainConfig) -> None:
    config = replace(config, learner=replace(config.learner, critic="joint"))
    train(config, tmp_path / "whole", quiet=True)
    short_runs.stop_after(config, tmp_path / "parts", 7)
    train(config, tmp_path / "parts", resume=True, quiet=True)
    assert_same_run(tmp_path / "whole", tmp_path / "parts")


def test_a_constant_action_is_evaluated_alike_in_both_forms() -> None:
    action = np.random.default_rng(2).random((1, 2, 20), np.float32)
    constant: ObservationPolicy = lambda o: np.repeat(action, len(o), axis=0)  # noqa: E731
    joint: ObservationPolicy = lambda o: np.repeat(action.reshape(1, 1, 40), len(o), axis=0)  # noqa: E731
    seeds = [7, 8, 9]
    separately, together = (make_batched(*TINY_ENV, 3, seeds, centralised=which) for which in (False, True))
    expected = evaluate(constant, separately, seeds)
    for found in (evaluate(joint, together, seeds), evaluate(separate(joint, separately), separately, seeds)):
        np.testing.assert_allclose(found.returns, expected.returns, rtol=1e-6)
        assert_same_info(found.info, expected.info)


def assert_same_info(one: Mapping[str, object], two: Mapping[str, object]) -> None:
    assert one.keys() == two.keys()
    assert "satisfied" in one
    for name in one:
        np.testing.assert_array_equal(one[name], two[name], err_msg=name)


def test_a_run_trains_is_evaluated_watched_and_measured(tmp_path: Path) -> None:
    run = RunDirectory.open(train(SHORT, tmp_path / "run", quiet=True))
    lines = run.metrics()
    assert len(lines[-1]["td_variance"]) == 1
    assert len(lines[-1]["info/satisfied"]) == 3
    names = validation_networks(2)
    env = make_batched(SHORT.env_id, SHORT.env_kwargs, 2, names)
    learner = load_actors(checkpoint.load(run.best), run.best, SHORT, env)
    policy = run_policy(learner, SHORT, env, deterministic=True)
    best = max(line["validation_return"] for line in lines if "validation_return" in line)
    assert evaluate(policy, env, names).returns.mean() == pytest.approx(best, abs=1e-6)
    comparison = evaluate_run(run.path, 2)
    assert comparison.rows[0].episodes.info["satisfied"].shape == (2, 3)
    assert film_run(run.path, tmp_path / "last.png", steps=2).is_file()
    assert {loss.network for loss in measure_run(run.path, batches=1, products=2).rows} >= {"critic_1", "shared actor"}


def test_a_run_from_before_the_field_still_loads(tmp_path: Path) -> None:
    run = RunDirectory.create(tmp_path / "run", TINY)
    document = json.loads(run.config_file.read_text())
    del document["centralised"]
    run.config_file.write_text(json.dumps(document))
    assert run.config() == TINY
