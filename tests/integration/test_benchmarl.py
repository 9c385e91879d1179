"""BenchMARL's tasks; run by `make test-benchmarl`, skipped where BenchMARL is not installed."""

from __future__ import annotations

import copy
import math
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("benchmarl")
import torch
from benchmarl.algorithms import IsacConfig, MappoConfig, MasacConfig, QmixConfig, VdnConfig
from benchmarl.experiment import Experiment, ExperimentConfig
from benchmarl.models.mlp import MlpConfig
from measure import masac
from torchrl.envs import ExplorationType, TransformedEnv, set_exploration_type
from torchrl.envs.utils import check_env_specs

from oran_env.adapters.benchmarl import OranClass, OranTask
from oran_env.adapters.torchrl_batch import make_batch
from oran_env.scenario.presets import PRESETS
from oran_env.simulator.simulator import Simulator
from tasam_agents.learner.input_scaling import InputScaling

pytestmark = pytest.mark.torchrl


def simulator() -> Simulator:
    """Two networks of `tiny` with zones."""
    return Simulator("tiny", 2, codec="zones")


def experiment(folder: Path, algorithm: Any, frames: int = 50, **task: Any) -> Experiment:
    """Two batches of two networks on `tiny`, whose episodes have 25 steps."""
    config = ExperimentConfig.get_from_yaml()
    config.save_folder, config.loggers, config.create_json, config.evaluation = folder, [], False, False
    config.max_n_frames, config.gamma = 2 * frames, 0.0
    config.on_policy_collected_frames_per_batch = config.off_policy_collected_frames_per_batch = frames
    config.on_policy_n_envs_per_worker = config.off_policy_n_envs_per_worker = 2
    config.on_policy_n_minibatch_iters, config.on_policy_minibatch_size = 1, frames
    config.off_policy_n_optimizer_steps, config.off_policy_train_batch_size = 2, 16
    model = MlpConfig.get_from_yaml()
    model.num_cells = [16]
    return Experiment(
        task=OranTask.TINY.get_task(task), algorithm_config=algorithm.get_from_yaml(), model_config=model,
        critic_model_config=copy.deepcopy(model), seed=0, config=config,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("algorithm", "task"),
    [
        (MasacConfig, {"codec": "zones"}),
        (MappoConfig, {"joint_state": True, "info_keys": ["qos"]}),
        (IsacConfig, {"joint_state": True}),
        (QmixConfig, {"codec": "zones"}),
        (VdnConfig, {"codec": "zones", "action_type": "discrete", "joint_state": True}),
    ],
    ids=["masac", "mappo", "isac", "qmix", "vdn"],
)
def test_their_algorithms_learn_from_it(tmp_path: Path, algorithm: Any, task: dict[str, Any]) -> None:
    run = experiment(tmp_path, algorithm, **task)
    before = copy.deepcopy(run.policy.state_dict())
    run.run()
    assert run.total_frames == 100
    assert math.isfinite(run.mean_return)
    assert any((before[name] != value).any() for name, value in run.policy.state_dict().items() if value.dim())


def test_mean_return_is_nan_where_no_episode_ends(tmp_path: Path) -> None:
    """What the page tells: 40 frames of two networks are 20 steps of 25."""
    run = experiment(tmp_path, MasacConfig, frames=40, codec="zones")
    means: list[float] = []
    run._on_batch_collected = lambda batch: means.append(run.mean_return)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        run.run()
    assert [math.isnan(mean) for mean in means] == [True, False]


def test_a_task_is_what_its_arguments_say() -> None:
    task = OranTask.TINY.get_task({"codec": "zones", "owned_rbs": 3, "horizon": 7, "num_dus": 3})
    env = task.get_env_fun(num_envs=4, continuous_actions=True, seed=5, device="cpu")()
    check_env_specs(env)
    env.set_seed(5)
    simulator = Simulator("tiny", 4, 5, codec="zones", owned_rbs=3, horizon=7, num_dus=3)
    assert (env.reset()["du", "observation"].numpy() == simulator.reset()).all(), "network b is (seed, b)"
    assert task.max_steps(env) == 7
    assert task.group_map(env) == {"du": ["du_0", "du_1", "du_2"]}
    assert task.action_spec(env)["du", "action"].shape == (3, 4)
    assert set(task.observation_spec(env).keys(True, True)) == {("du", "observation")}
    assert task.state_spec(env) is task.info_spec(env) is task.action_mask_spec(env) is None
    joint = OranTask.TINY.get_task({"joint_state": True, "info_keys": ["qos"]})
    env = joint.get_env_fun(4, True, 5, "cpu")()
    assert joint.state_spec(env)["state"].shape == (2 * 26,)
    assert set(joint.info_spec(env).keys(True, True)) == {("du", "info", "qos")}
    assert set(joint.observation_spec(env).keys(True, True)) == {("du", "observation")}


def test_discrete_actions_are_those_of_the_codec() -> None:
    for config, shape, count in (({"codec": "zones"}, (2,), 100), ({}, (2, 10), 4)):
        task = OranTask.TINY.get_task(config)
        spec = task.action_spec(task.get_env_fun(1, False, 0, "cpu")())["du", "action"]
        assert (spec.shape, spec.space.n, spec.dtype) == (shape, count, torch.int64)
        assert task.supports_discrete_actions()
    assert not OranTask.TINY.get_task({"codec": "slice_share"}).supports_discrete_actions()


def test_names_and_refusals() -> None:
    assert [task.name.lower() for task in OranTask] == list(PRESETS)
    assert OranTask.PAPER.env_name() == "oran"
    assert OranTask.TINY.get_task() == OranClass("TINY", {"scenario": "tiny"})
    with pytest.raises(TypeError, match="'weather'"):
        OranTask.TINY.get_task({"weather": "rain"})


def test_the_measurement_sees_what_default_sees() -> None:
    """The columns of `default` alone, scaled, in the environment and in what judges the policy."""
    env = TransformedEnv(make_batch("tiny", 2, seed=3, codec="zones"), masac.Scaled(masac.scaling_of(simulator())))
    check_env_specs(env)
    env.set_seed(3)
    seen = env.reset()["du", "observation"]
    counts = simulator().reset(3)[..., 3:6]
    assert seen.shape == (2, 2, 3)
    np.testing.assert_allclose(seen.numpy(), (counts - 1 / 3) * 12, rtol=1e-5)


def test_the_policy_that_is_judged_is_the_deterministic_one(tmp_path: Path) -> None:
    run = experiment(tmp_path, MasacConfig, codec="zones")
    policy = masac.policy_of(run.policy, InputScaling({"all": slice(0, 10)}, (10, 10), ()))
    observations = simulator().reset(3)
    with set_exploration_type(ExplorationType.RANDOM):  # as in a collection; the policy does not care
        actions = policy(observations)
        assert (policy(observations) == actions).all()
    assert actions.shape == (2, 2, 4)
    assert ((actions > 0) & (actions < 1)).all()


def test_every_rival_names_settings_that_there_are() -> None:
    config = ExperimentConfig.get_from_yaml()
    for make in masac.RIVALS.values():
        rival = make()
        assert all(hasattr(config, name) for name in rival.experiment)
        assert all(hasattr(rival.algorithm.get_from_yaml(), name) for name in rival.settings)
    assert masac.RIVALS["masac_like_sac"]().settings["fixed_alpha"]
