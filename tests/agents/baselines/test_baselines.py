"""stable-baselines3 on our networks: what it is shown, what is passed on to it, and what is kept of a run."""

from __future__ import annotations

import json
import math
import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gymnasium.spaces import Box
from numpy.typing import NDArray
from stable_baselines3.common.buffers import ReplayBuffer
from support import fakes
from support.fakes import ParallelToy, TargetBatch

from oran_env.adapters.sb3 import SharedPolicyVecEnv
from oran_env.envs.vector_env import OranJointVectorEnv
from tasam_agents.baselines import BASELINES, BaselineConfig
from tasam_agents.baselines.config import CrossQ, Ppo, RecurrentPpo, Sac, Td3, Tqc, environment_steps
from tasam_agents.baselines.sb3 import as_policy, make_model, updates_of
from tasam_agents.baselines.training import (
    divergence,
    is_baseline,
    is_finished,
    load_config,
    load_policy,
    train_baseline,
)
from tasam_agents.baselines.vec_env import BatchedVecEnv
from tasam_agents.cli.main import BAD_INPUT, main
from tasam_agents.config import ORAN_INPUT_SCALING
from tasam_agents.config.variants import VARIANTS
from tasam_agents.envs.centralised import Centralised, JointView
from tasam_agents.envs.interface import EnvironmentRefused
from tasam_agents.envs.make import make_batched
from tasam_agents.envs.seeding import validation_networks
from tasam_agents.envs.sequential import SequentialBatch
from tasam_agents.training import checkpoint
from tasam_agents.training.checkpoint import CheckpointError
from tasam_agents.training.evaluation import evaluate
from tasam_agents.training.run_directory import RunDirectory, RunError
from tasam_agents.training.trainer import Interrupted, TrainingDiverged

TINY_KWARGS: dict[str, bool | int | float | str] = {"scenario": "tiny"}
TINY_ENV = ("oran/ORAN-v1", TINY_KWARGS)
FAKE = BaselineConfig(
    settings=Sac(replay_capacity=300, warmup_steps=5), env_id="support.fakes:target_env", env_kwargs={}, num_envs=3,
    env_steps=120, hidden=(16,), evaluate_every=10, validation_envs=2, batch_size=15,
)  # fmt: skip
VIEWS = ("joint", "shared")


@pytest.fixture(autouse=True)
def _calm_fakes(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("signal_at", "nan_at"):
        monkeypatch.setattr(fakes, name, None)
    monkeypatch.setattr(fakes, "steps_taken", 0)


def algorithm(name: Any, **settings: Any) -> BaselineConfig:
    """The small run with another algorithm."""
    on_policy = {"ppo": Ppo, "recurrent_ppo": RecurrentPpo}
    if name in on_policy:
        return replace(FAKE, settings=on_policy[name](rollout_steps=10, **settings))
    kind = {"sac": Sac, "td3": Td3, "crossq": CrossQ, "tqc": Tqc}[name]
    return replace(FAKE, settings=kind(replay_capacity=300, warmup_steps=5, **settings))


def test_shared_agents_follow_the_adapter_of_the_environment() -> None:
    config = replace(BASELINES["sac_two_bit"], env_kwargs=TINY_KWARGS, input_scaling=())
    ours = BatchedVecEnv(make_batched(*TINY_ENV, 2, 0), config)
    theirs = SharedPolicyVecEnv("tiny", num_networks=2)
    assert ours.seed(3) == theirs.seed(3) == [3] * 4
    np.testing.assert_array_equal(ours.reset(), theirs.reset())
    assert ours.action_space == Box(-1, 1, theirs.action_space.shape)
    ends = 0
    for actions in np.random.default_rng(0).random((60, 4, 20), np.float32):
        own, expected = ours.step(2 * actions - 1), theirs.step(actions)
        for one, two in zip(own[:3], expected[:3], strict=True):
            np.testing.assert_array_equal(one, two)
        for info, known in zip(own[3], expected[3], strict=True):
            assert info["TimeLimit.truncated"] == known["TimeLimit.truncated"]
            assert ("terminal_observation" in info) == ("terminal_observation" in known)
            if "terminal_observation" in info:
                ends += 1
                np.testing.assert_array_equal(info["terminal_observation"], known["terminal_observation"])
    assert ends == 8


def test_joint_agents_follow_the_vector_environment() -> None:
    config = replace(BASELINES["sac_sb3"], env_kwargs=TINY_KWARGS)
    separately = make_batched(*TINY_ENV, 2, 0)
    ours, view = BatchedVecEnv(Centralised(separately), config), JointView(separately)
    theirs = OranJointVectorEnv(2, "tiny", autoreset_mode="SAME_STEP")

    def to_ours(rows: NDArray[np.float32]) -> NDArray[np.float32]:
        return view.join(rows.reshape(2, 2, -1))[:, 0]

    ours.seed(3)
    np.testing.assert_array_equal(ours.reset(), to_ours(theirs.reset(seed=3)[0]))
    for actions in np.random.default_rng(0).random((30, 2, 40), np.float32):
        inputs, rewards, dones, infos = ours.step(2 * actions - 1)
        observations, expected, _, truncations, final = theirs.step(actions)
        np.testing.assert_array_equal(inputs, to_ours(observations))
        np.testing.assert_allclose(rewards, expected, rtol=1e-6)
        np.testing.assert_array_equal(dones, truncations)
        if dones.any():
            last = to_ours(np.stack(final["final_obs"]))
            np.testing.assert_array_equal([info["terminal_observation"] for info in infos], last)


def test_a_time_limit_is_bootstrapped_through_and_a_real_end_is_not() -> None:
    for terminates in (False, True):
        env = SequentialBatch([ParallelToy(terminates=terminates)], 0)
        model = make_model(
            replace(FAKE, num_envs=1, settings=Sac(replay_capacity=300, warmup_steps=100)),
            BatchedVecEnv(Centralised(env), FAKE),
        )
        model.learn(8)
        buffer: ReplayBuffer = model.replay_buffer
        rows = buffer._get_samples(np.arange(8))
        assert rows.dones[:, 0].tolist() == [0, 0, 0, float(terminates)] * 2
        assert buffer.next_observations[3, 0, 1] == 4.0  # the step count at the end, not that after the reset


def test_scaled_inputs_are_those_of_our_own_agents() -> None:
    env = make_batched(*TINY_ENV, 2, 5)
    vec_env = BatchedVecEnv(env, replace(BASELINES["sac_zones"], env_kwargs=TINY_KWARGS))
    assert vec_env.observation_space.shape == (3,)
    vec_env.seed(1)
    observations = make_batched(*TINY_ENV, 2, 1).reset()
    ues = observations[..., env.observation_layout["num_ues"]].reshape(4, 3)
    np.testing.assert_allclose(vec_env.reset(), (ues - 1 / 3) * 12, rtol=1e-5, atol=1e-6)


def test_what_is_left_open_is_the_library_s_own() -> None:
    from stable_baselines3 import PPO, SAC, TD3

    for kind, own in ((SAC, Sac(replay_capacity=100)), (TD3, Td3(replay_capacity=100)), (PPO, Ppo())):
        config = BaselineConfig(settings=own, hidden=(8,))
        vec_env = BatchedVecEnv(Centralised(TargetBatch(1, [0])), config)
        ours, theirs = make_model(config, vec_env), kind("MlpPolicy", vec_env, policy_kwargs={"net_arch": [8]})
        names = ["learning_rate", "gamma", "batch_size", "learning_starts", "train_freq", "gradient_steps", "tau",
                 "target_entropy", "ent_coef", "n_steps", "n_epochs", "action_noise"]  # fmt: skip
        compared = [attribute for attribute in names if hasattr(theirs, attribute)]
        assert len(compared) >= 6
        for attribute in compared:
            assert getattr(ours, attribute) == getattr(theirs, attribute), attribute


def test_settings_reach_the_library() -> None:
    sac = replace(
        algorithm("sac", initial_entropy_coefficient=0.001, target_entropy_per_dim=-1.5, train_every=2,
                  updates_per_round=3, polyak=0.1),
        learning_rate=1e-2, final_learning_rate_factor=0.5, gamma=0.3,
    )  # fmt: skip
    model = make_model(sac, BatchedVecEnv(TargetBatch(3, [0, 1, 2]), sac))
    assert model.log_ent_coef.exp().item() == pytest.approx(0.001)
    assert model.target_entropy == pytest.approx((-1.5 + math.log(2)) * 2)
    assert [model.lr_schedule(left) for left in (1.0, 0.5, 0.0)] == pytest.approx([1e-2, 7.5e-3, 5e-3])
    assert (model.gamma, model.batch_size, model.tau, model.gradient_steps) == (0.3, 15, 0.1, 3)
    assert model.train_freq.frequency == 2
    assert model.learning_starts == 5 * 6  # of 3 networks of 2 agents
    assert model.replay_buffer.buffer_size * 6 == 300 * 2
    td3 = algorithm("td3", action_noise=0.2)
    noise = make_model(td3, BatchedVecEnv(TargetBatch(3, [0, 1, 2]), td3)).action_noise
    assert noise._sigma.tolist() == [0.2, 0.2]
    fixed = algorithm("sac", initial_entropy_coefficient=0.01, is_entropy_fixed=True)
    model = make_model(fixed, BatchedVecEnv(TargetBatch(3, [0, 1, 2]), fixed))
    assert model.ent_coef_optimizer is None
    assert model.ent_coef_tensor.item() == pytest.approx(0.01)
    share = replace(FAKE, settings=Sac(replay_capacity=300, warmup_share=0.25))
    assert make_model(share, BatchedVecEnv(TargetBatch(3, [0, 1, 2]), share)).learning_starts == 10 * 6
    gaussian = algorithm("ppo", initial_log_std=-1.5)
    policy = make_model(gaussian, BatchedVecEnv(TargetBatch(3, [0, 1, 2]), gaussian)).policy
    assert policy.log_std.tolist() == [-1.5, -1.5]
    ppo = algorithm("ppo", epochs=2, entropy_bonus=0.01, action_type="multi_binary")
    model = make_model(ppo, BatchedVecEnv(TargetBatch(3, [0, 1, 2]), ppo))
    assert (model.n_steps, model.n_epochs, model.ent_coef) == (10, 2, 0.01)
    assert model.policy.action_dist.__class__.__name__ == "BernoulliDistribution"


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize(
    "config", [algorithm("sac"), algorithm("td3", action_noise=0.1), algorithm("ppo"),
               algorithm("ppo", action_type="multi_binary")], ids=["sac", "td3", "ppo", "ppo bits"],
)  # fmt: skip
def test_a_run_is_kept_without_pickle_and_its_best_policy_comes_back(
    tmp_path: Path, config: BaselineConfig, view: Any
) -> None:
    config = replace(config, view=view, seed=2)
    path = train_baseline(config, tmp_path / "run", quiet=True)
    assert load_config(path, (FAKE.env_id,)) == config
    assert json.loads((path / "config.json").read_text())["kind"] == "stable-baselines3"
    assert is_finished(path)
    run = RunDirectory.open(path)
    lines = run.metrics()
    assert [line["env_steps"] for line in lines] == [30, 60, 90, 120]
    assert lines[-1]["updates"] > 0
    assert {file.suffix for file in path.rglob("*") if file.is_file()} == {".json", ".jsonl", ".safetensors"}
    saved = checkpoint.load(run.best)
    assert saved.state["validation_return"] == max(line["validation_return"] for line in lines)
    seeds = validation_networks(2)
    found = evaluate(load_policy(path, trusted=(FAKE.env_id,)), make_batched(config.env_id, {}, 2, seeds), seeds)
    assert found.returns.mean() == saved.state["validation_return"]
    actions = load_policy(path, trusted=(FAKE.env_id,))(np.random.default_rng(0).random((5, 2, 2), np.float32))
    assert actions.shape == (5, 2, 2)
    assert (actions.min(), actions.max()) >= (0, 0)
    assert actions.max() <= 1


@pytest.mark.parametrize("name", ["crossq", "tqc", "recurrent_ppo"])
def test_algorithms_of_the_further_library(tmp_path: Path, name: str) -> None:
    pytest.importorskip("sb3_contrib")
    config = replace(algorithm(name), view="shared")
    path = train_baseline(config, tmp_path / "run", quiet=True)
    saved, seeds = checkpoint.load(RunDirectory.open(path).best), validation_networks(2)
    found = evaluate(load_policy(path, trusted=(FAKE.env_id,)), make_batched(config.env_id, {}, 2, seeds), seeds)
    assert found.returns.mean() == saved.state["validation_return"]


def test_the_further_library_is_asked_for_by_its_extra(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "sb3_contrib", None)
    with pytest.raises(
        ImportError, match=r"needs sb3-contrib: in the folder of the project: pip install -e '.\[sb3-contrib\]'"
    ):
        train_baseline(algorithm("tqc"), tmp_path / "run", quiet=True)


def test_a_recurrent_policy_remembers() -> None:
    pytest.importorskip("sb3_contrib")
    config = replace(algorithm("recurrent_ppo"), view="shared")
    env = TargetBatch(3, [0, 1, 2])
    policy = as_policy(make_model(config, BatchedVecEnv(env, config)).policy, config, env)
    observations = np.random.default_rng(0).random((3, 2, 2), np.float32)
    assert (policy(observations) != policy(observations)).any()


def test_updates_are_counted_as_they_are_made() -> None:
    for config, expected in ((algorithm("sac"), 40 - 5), (algorithm("ppo", epochs=2), 4 * 2 * 4)):
        vec_env = BatchedVecEnv(TargetBatch(3, [0, 1, 2]), replace(config, view="shared"))
        model = make_model(config, vec_env)
        steps: list[int] = []
        for optimiser in [model.actor.optimizer] if isinstance(config.settings, Sac) else [model.policy.optimizer]:
            optimiser.register_step_post_hook(lambda *_, steps=steps: steps.append(1))
        model.learn(40 * 6)
        assert updates_of(model, config) == len(steps) == expected


def test_the_same_seed_gives_the_same_run(tmp_path: Path) -> None:
    runs = [train_baseline(replace(FAKE, seed=seed), tmp_path / str(i), quiet=True) for i, seed in enumerate((3, 3, 4))]
    one, two, other = ([line["validation_return"] for line in RunDirectory(run).metrics()] for run in runs)
    assert one == two
    assert one != other


def test_a_stopped_run_says_that_it_cannot_be_resumed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fakes, "signal_number", signal.SIGTERM)
    monkeypatch.setattr(fakes, "signal_at", 15)
    with pytest.raises(Interrupted, match=r"of 120 environment steps\. A baseline cannot be resumed"):
        train_baseline(FAKE, tmp_path / "run", quiet=True)
    assert not is_finished(tmp_path / "run")


@pytest.mark.parametrize(
    "config", [algorithm("sac"), algorithm("td3"), algorithm("ppo")], ids=lambda c: c.settings.algorithm
)
def test_numbers_that_are_not_finite_stop_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, config: BaselineConfig
) -> None:
    monkeypatch.setattr(fakes, "nan_at", 7)
    with pytest.raises(TrainingDiverged, match=r"stopped after \d+ environment steps: .* rewards that are not finite"):
        train_baseline(config, tmp_path / "reward", quiet=True)
    assert not is_finished(tmp_path / "reward")
    monkeypatch.setattr(fakes, "nan_at", None)
    with pytest.raises(TrainingDiverged, match=r"stopped after \d+ environment steps: "):
        train_baseline(replace(config, learning_rate=1e30, evaluate_every=1000), tmp_path / "weights", quiet=True)


def test_a_run_that_diverges_later_ends_with_the_best_policy_so_far(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fakes, "nan_at", 33)
    run = train_baseline(replace(algorithm("ppo"), evaluate_every=5), tmp_path / "run", quiet=True)
    assert is_finished(run)
    assert "not finite" in divergence(run)
    last = RunDirectory(run).metrics()[-1]
    assert json.loads((run / "finished.json").read_text())["env_steps"] == last["env_steps"] < FAKE.env_steps
    observations = np.zeros((1, 2, 2), np.float32)
    assert np.isfinite(load_policy(run, trusted=(FAKE.env_id,))(observations)).all()
    monkeypatch.setattr(fakes, "nan_at", None)
    assert divergence(train_baseline(algorithm("ppo"), tmp_path / "sound", quiet=True)) == ""


def test_the_environment_and_budget_of_our_own_agents() -> None:
    tiny = VARIANTS["tiny"]
    rival = BASELINES["sac_zones"]
    config = rival.like(replace(tiny, env_kwargs={"scenario": "tiny", "codec": "two_bit"}))
    assert environment_steps(tiny) == config.env_steps == 16 * (100 + 50 * 5)
    assert (config.env_kwargs, config.num_envs, config.hidden) == ({"scenario": "tiny", "codec": "zones"}, 16, (32, 32))
    assert (config.gamma, BASELINES["sac_sb3"].like(tiny).gamma) == (tiny.learner.gamma, None)
    assert config.input_scaling == ORAN_INPUT_SCALING
    assert config.settings == Sac(5000)
    plain = BASELINES["sac_sb3"].like(tiny)
    assert plain.input_scaling == ()  # the plain ones see all, as the library would
    assert plain.settings == Sac(replay_capacity=5000)
    assert BASELINES["ppo_sb3"].like(tiny).settings == BASELINES["ppo_sb3"].settings
    assert BaselineConfig.env_steps == environment_steps(VARIANTS["default"])


def test_named_baselines() -> None:
    assert len({config.name for config in BASELINES.values()}) == len(BASELINES) >= 3 + 6 * 4
    ours = VARIANTS["default"]
    for name, config in BASELINES.items():
        assert name.startswith(config.settings.algorithm)
        if name.endswith("_sb3"):
            assert (config.view, config.gamma, config.input_scaling) == ("joint", None, ())
        else:
            assert name.removesuffix("_tuned").removesuffix("_large").endswith(str(config.env_kwargs["codec"]))
            assert (config.view, config.gamma, config.hidden) == ("shared", ours.learner.gamma, ours.learner.hidden)
            assert config.input_scaling == ours.learner.input_scaling
        assert config.env_steps == environment_steps(ours)
        assert BaselineConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config


def test_the_rival_with_a_larger_batch_has_as_many_rows_and_the_rate_of_our_own() -> None:
    ours, tuned, large = VARIANTS["default"].learner, BASELINES["sac_zones_tuned"], BASELINES["sac_zones_large"]
    batch, rate = 6 * ours.batch_size, ours.critic_learning_rate
    assert large == replace(tuned, name=large.name, batch_size=batch, learning_rate=rate)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"settings": "a2c"}, "settings = 'a2c', allowed: Sac or Td3 or Ppo or"),
        ({"view": "both"}, "view = 'both', allowed: one of 'joint', 'shared'"),
        ({"env_steps": 0}, "env_steps = 0, allowed: an integer >= 1"),
        ({"gamma": 1.5}, "gamma = 1.5"),
        ({"learning_rate": math.nan}, "learning_rate = nan"),
        ({"final_learning_rate_factor": 0.5}, "1 unless learning_rate is given"),
        ({"seed": 1_000_000}, "seed = 1000000"),
    ],
)
def test_settings_that_are_not_allowed(settings: Any, message: str) -> None:
    with pytest.raises(ValueError, match="BaselineConfig") as refusal:
        BaselineConfig(**settings)
    assert message in str(refusal.value)


@pytest.mark.parametrize(
    ("kind", "settings", "message"),
    [
        (Sac, {"target_entropy_per_dim": 1.0}, "Sac.target_entropy_per_dim = 1.0"),
        (Td3, {"polyak": 0.0}, "Td3.polyak = 0.0, allowed: a finite number > 0 or None"),
        (Sac, {"warmup_share": 0.5, "warmup_steps": 3}, "Sac.warmup_share = 0.5, allowed: None with warmup_steps"),
        (Sac, {"is_entropy_fixed": True}, "allowed: False without initial_entropy_coefficient"),
        (CrossQ, {"polyak": 0.1}, "CrossQ.polyak = 0.1, allowed: None: there are no target networks"),
        (Ppo, {"rollout_steps": 2.5}, "Ppo.rollout_steps = 2.5, allowed: an integer >= 1 or None"),
        (Ppo, {"action_type": "bits"}, "action_type = 'bits', allowed: one of 'box', 'multi_binary'"),
    ],
)
def test_settings_of_an_algorithm(kind: type, settings: Any, message: str) -> None:
    with pytest.raises(ValueError, match="allowed") as refusal:
        kind(**settings)
    assert message in str(refusal.value)


def test_an_algorithm_has_its_own_settings_alone() -> None:
    plain = BASELINES["ppo_sb3"].to_dict()
    assert set(plain["settings"]) == {
        "algorithm", "action_type", "rollout_steps", "epochs", "entropy_bonus", "initial_log_std",
    }  # fmt: skip
    plain["settings"]["polyak"] = 0.1
    with pytest.raises(ValueError, match=r"Ppo has no field \['polyak'\]"):
        BaselineConfig.from_dict(plain)
    with pytest.raises(ValueError, match=r"settings\.algorithm = 'a2c', allowed: one of 'sac', 'td3', 'ppo', "):
        BaselineConfig.from_dict(plain | {"settings": {"algorithm": "a2c"}})
    with pytest.raises(ValueError, match="replay_capacity = 10, allowed: an integer >= 64"):
        BaselineConfig(settings=Sac(replay_capacity=10))


def test_refusals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    toy = SequentialBatch([ParallelToy()], 0)
    with pytest.raises(EnvironmentRefused, match="agents that are alike, or view = 'joint'"):
        BatchedVecEnv(toy, FAKE)
    with pytest.raises(EnvironmentRefused, match="'qos'"):
        train_baseline(replace(FAKE, input_scaling=ORAN_INPUT_SCALING), tmp_path / "run", quiet=True)
    assert not (tmp_path / "run").exists()
    with pytest.raises(ValueError, match="kind = None, allowed: 'stable-baselines3'"):
        BaselineConfig.from_dict({})
    RunDirectory.create(tmp_path / "ours", VARIANTS["tiny"])
    with pytest.raises(RunError, match="is not the configuration of a baseline"):
        load_policy(tmp_path / "ours")
    RunDirectory.create(tmp_path / "new", FAKE)
    with pytest.raises(RunError, match="no checkpoint to evaluate yet"):
        load_policy(tmp_path / "new", trusted=(FAKE.env_id,))
    checkpoint.save(RunDirectory(tmp_path / "new").best, {"policy": {}}, {})
    with pytest.raises(CheckpointError, match=r"mu.weight is missing"):
        load_policy(tmp_path / "new", trusted=(FAKE.env_id,))
    monkeypatch.setitem(sys.modules, "stable_baselines3", None)
    with pytest.raises(ImportError, match=r"pip install -e '.\[sb3\]'"):
        train_baseline(FAKE, tmp_path / "other", quiet=True)
    assert not (tmp_path / "other").exists()


def test_deterministic_and_sampled_actions() -> None:
    env = TargetBatch(3, [0, 1, 2])
    model = make_model(FAKE, BatchedVecEnv(Centralised(env), FAKE))
    observations = np.random.default_rng(0).random((4, 2, 2), np.float32)
    fixed, sampled = (as_policy(model.policy, FAKE, env, deterministic=which) for which in (True, False))
    np.testing.assert_array_equal(fixed(observations), fixed(observations))
    assert (sampled(observations) != sampled(observations)).any()


SMALL = ["--train-every", "1", "--updates-per-round", "1"]
SMALL += [
    "--env",
    "scenario=tiny",
    "--num-envs",
    "3",
    "--env-steps",
    "90",
    "--hidden",
    "8",
    "--evaluate-every",
    "15",
]


def test_another_algorithm_by_an_option(tmp_path: Path) -> None:
    run = tmp_path / "run"
    main(
        [
            "train",
            "--config",
            "sac_sb3",
            *SMALL[4:],
            "--algorithm",
            "ppo",
            "--rollout-steps",
            "5",
            "--run-dir",
            str(run),
        ]
    )
    assert load_config(run).settings == Ppo(rollout_steps=5)


def test_train_and_evaluate_take_baselines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = RunDirectory(tmp_path / "run")
    main(["train", "--config", "sac_zones", *SMALL, "--warmup-steps", "5", "--run-dir", str(run.path)])
    first = capsys.readouterr().out
    config = load_config(run.path)
    assert config == replace(
        BASELINES["sac_zones"], env_kwargs={"scenario": "tiny", "codec": "zones"}, num_envs=3, env_steps=90,
        hidden=(8,), evaluate_every=15,
        settings=Sac(VARIANTS["default"].replay_capacity, warmup_steps=5, train_every=1, updates_per_round=1),
    )  # fmt: skip
    assert "SAC-zones (deterministic)" in first
    assert " of 30. Training took" in first
    document = json.loads(run.evaluation_file.read_text())
    main(["evaluate", str(run.path)])
    again = json.loads(run.evaluation_file.read_text())
    assert again["policies"] == document["policies"]  # the sampled ones too
    deterministic, sampled, *references = document["policies"]
    assert deterministic["returns"] != sampled["returns"]
    assert "count_rule" in [row["policy"] for row in references]
    assert is_baseline(run.path)
    assert f"written: {run.figures / 'learning_curve.png'}" in first
    main(["watch", str(run.path), "--steps", "1", "--out", str(tmp_path / "last.png")])
    assert (tmp_path / "last.png").stat().st_size > 10_000
    with pytest.raises(SystemExit) as leaving:
        main(["sharpness", str(run.path)])
    assert leaving.value.code == BAD_INPUT
    assert "is a run of 'stable-baselines3'; allowed: runs of our own agents" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--rollout-steps", "3"], "--rollout-steps"),
        (["--algorithm", "a2c"], "--settings.algorithm is 'a2c', allowed: one of 'sac', 'td3', 'ppo', "),
        (["--env", "colour=3"], "unknown scenario field 'colour'"),
        (["--centralised", "True"], "--centralised"),
    ],
)
def test_bad_settings_on_the_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    with pytest.raises(SystemExit) as leaving:
        main(["train", "--config", "sac_sb3", "--run-dir", str(tmp_path / "run"), *arguments])
    assert leaving.value.code == BAD_INPUT
    assert message in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
