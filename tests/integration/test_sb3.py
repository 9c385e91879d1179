"""stable-baselines3: the joint environment as it is, and the VecEnv whose DUs share a policy."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest

pytest.importorskip("stable_baselines3")
import torch
from stable_baselines3 import A2C, DQN, PPO, SAC
from stable_baselines3.common.env_checker import check_env
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import VecMonitor, VecVideoRecorder

from oran_env import ScenarioError, Simulator, parallel_env
from oran_env.adapters.sb3 import SharedPolicyVecEnv
from oran_env.registration import DU_ID, JOINT_ID


def small(algorithm: Any, env: Any, seed: int = 3) -> Any:
    """A model of the least size, fresh settings in each call: stable-baselines3 writes into policy_kwargs."""
    settings: dict[Any, dict[str, Any]] = {
        SAC: {"learning_starts": 40, "batch_size": 16},
        PPO: {"n_steps": 8, "batch_size": 8, "n_epochs": 1},
        A2C: {},
    }
    return algorithm("MlpPolicy", env, seed=seed, policy_kwargs={"net_arch": [16]}, **settings[algorithm])


@pytest.fixture(autouse=True)
def one_torch_thread() -> Iterator[None]:
    """Small networks are slower on several threads, and much slower on a busy machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.filterwarnings("ignore:We recommend you to use a symmetric")  # advice; the bits' relaxation is in (0, 1)
@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("action_type", ["box", "multi_binary"])
@pytest.mark.parametrize("name", [JOINT_ID, DU_ID])
def test_their_checker(name: str, action_type: str) -> None:
    check_env(gymnasium.make(name, scenario="tiny", action_type=action_type).unwrapped)


@pytest.mark.parametrize("name", [JOINT_ID, DU_ID])
def test_plain_sac_and_ppo(name: str) -> None:
    env = gymnasium.make(name, scenario="tiny")
    model = small(SAC, env).learn(60)
    assert model._n_updates == 20
    assert env.action_space.contains(model.predict(env.reset(seed=0)[0], deterministic=True)[0])
    bits = gymnasium.make(name, scenario="tiny", action_type="multi_binary")
    model = small(PPO, bits).learn(32)
    action = model.predict(bits.reset(seed=0)[0], deterministic=True)[0]
    assert bits.action_space.contains(action.astype(np.int8))


@pytest.mark.parametrize("action_type", ["box", "multi_binary"])
def test_rollout_equals_the_parallel_environment(action_type: Any) -> None:
    """DU by DU and step by step, over the ends of two episodes."""
    vec = SharedPolicyVecEnv("tiny", num_networks=2, seed=5, action_type=action_type, num_dus=3, horizon=4)
    assert vec.num_envs == 6
    singles = [parallel_env("tiny", action_type=action_type, num_dus=3, horizon=4) for _ in range(2)]
    agents = singles[0].possible_agents
    assert vec.observation_space == singles[0].observation_space("du_0")
    assert vec.action_space == singles[0].action_space("du_0")
    expected = np.stack([env.reset(seed=(5, b))[0][agent] for b, env in enumerate(singles) for agent in agents])
    assert (vec.reset() == expected).all()
    vec.action_space.seed(0)
    for step in range(9):
        actions = np.stack([vec.action_space.sample() for _ in range(6)])
        observations, rewards, dones, infos = vec.step(actions)
        ended = step % 4 == 3
        assert (observations.dtype, rewards.dtype, dones.dtype) == (np.float32, np.float32, bool)
        assert dones.tolist() == [ended] * 6
        for b, env in enumerate(singles):
            results = env.step({agent: actions[3 * b + m] for m, agent in enumerate(agents)})
            last = results[0]
            first = env.reset()[0] if ended else last
            for m, agent in enumerate(agents):
                i, info = 3 * b + m, infos[3 * b + m]
                assert (observations[i] == first[agent]).all()
                assert rewards[i] == np.float32(results[1][agent])
                assert info["TimeLimit.truncated"] is ended
                assert ("terminal_observation" in info) is ended
                assert set(results[4][agent]) <= set(info)
                assert all((info[key] == value).all() for key, value in results[4][agent].items())
                if ended:
                    assert (info["terminal_observation"] == last[agent]).all()
                    assert (info["terminal_observation"] != observations[i]).any()


def test_replay_buffer_knows_timeouts_from_ends() -> None:
    """The end of an episode is stored with its own last observation, and never as a terminal state."""
    vec = SharedPolicyVecEnv("tiny", num_networks=1, horizon=5)
    model = small(SAC, vec)
    model.learn(24)  # 12 steps of 2 DUs, episodes end in steps 5 and 10
    buffer = model.replay_buffer
    assert buffer.pos == 12
    assert np.flatnonzero(buffer.timeouts[:12, 0]).tolist() == [4, 9]
    assert (buffer.dones[:12] == buffer.timeouts[:12]).all()
    rows = np.arange(12)
    sample = buffer._get_samples(rows)
    assert not sample.dones.any()
    within = buffer.observations[1:12] == buffer.next_observations[:11]
    assert within.all(axis=(1, 2)).tolist() == [i not in (4, 9) for i in range(11)]
    bits = (buffer.actions[4] + 1) / 2 > 0.5  # the last observation holds the bits executed in the last step
    assert (buffer.next_observations[4][:, -20:] == bits).all()


@pytest.mark.parametrize(
    ("algorithm", "action_type"), [(SAC, "box"), (PPO, "box"), (PPO, "multi_binary"), (A2C, "multi_binary")]
)
def test_a_seed_gives_the_same_training_twice(algorithm: Any, action_type: Any) -> None:
    def train(seed: int) -> tuple[np.ndarray[Any, Any], list[Any]]:
        vec = VecMonitor(SharedPolicyVecEnv("tiny", num_networks=2, action_type=action_type, horizon=6))
        model = small(algorithm, vec, seed).learn(96)
        weights = np.concatenate([p.detach().numpy().ravel() for p in model.policy.parameters()])
        return weights, [episode["r"] for episode in model.ep_info_buffer]

    (first, returns), (second, again), (other, _) = train(3), train(3), train(4)
    assert np.isfinite(first).all()
    assert (first == second).all()
    assert returns == again
    assert len(returns) == 16  # 24 steps of 4 DUs, episodes of 6
    assert (first != other).any()


def test_seeds() -> None:
    vec = SharedPolicyVecEnv("tiny", num_networks=2)
    assert vec.seed(8) == [8] * 4
    first = vec.reset()
    following = vec.reset()  # seeds count once
    assert (following != first).any()
    assert vec.seed(8) == [8] * 4
    assert (vec.reset() == first).all()
    assert (SharedPolicyVecEnv("tiny", num_networks=2, seed=8).reset() == first).all()
    assert (first == Simulator("tiny", 2, seed=8).reset().reshape(4, -1)).all()
    vec.seed(9)
    assert (vec.reset()[:2] != first[2:]).any()
    drawn = [vec.seed()[0] for _ in range(2)]
    assert drawn[0] != drawn[1]
    with pytest.raises(ValueError, match=r"seed is -1; allowed: integers >= 0"):
        vec.seed(-1)


def test_attributes_of_the_dus() -> None:
    vec = SharedPolicyVecEnv({"scenario": "tiny", "num_dus": 3, "action_type": "multi_binary"}, num_networks=2)
    assert vec.get_attr("agent", [0, 4]) == ["du_0", "du_1"]
    assert vec.get_attr("network") == [0, 0, 0, 1, 1, 1]
    assert vec.get_attr("scenario", 0)[0].layout.num_dus == 3
    assert vec.has_attr("du")
    assert not vec.has_attr("weather")
    vec.set_attr("weather", "rain", [1, 2])
    assert vec.get_attr("weather", 2) == ["rain"]
    with pytest.raises(AttributeError, match="weather"):
        vec.get_attr("weather", 0)
    policies = vec.env_method("reference_policies", indices=[0, 1])
    assert len(policies) == 2
    assert "static" in policies[0]
    assert vec.env_is_wrapped(Monitor) == [False] * 6
    assert vec.env_is_wrapped(Monitor, 0) == [False]
    assert vec.get_images() == [None] * 6
    vec.close()


def test_a_film_shows_network_0() -> None:
    """The picture that the environment of that one network gives, also after the next episode has begun."""
    vec = VecMonitor(SharedPolicyVecEnv("tiny", num_networks=2, horizon=2, render_mode="rgb_array"))
    env = parallel_env("tiny", horizon=2, render_mode="rgb_array")
    vec.seed(4)
    vec.reset()
    env.reset(seed=4)
    for t in range(4):
        actions = np.full((4, 20), 0.2 * t, np.float32)
        vec.step(actions)
        env.step(dict(zip(env.agents, actions, strict=False)))
        if not env.agents:
            env.reset()
        assert (vec.render() == env.render()).all(), t
    assert vec.render_mode == "rgb_array"
    vec.close()


def test_their_recorder(tmp_path: Path) -> None:
    pytest.importorskip("moviepy")
    env = SharedPolicyVecEnv("tiny", num_networks=2, render_mode="rgb_array")
    vec = VecVideoRecorder(env, str(tmp_path), lambda step: step == 0, video_length=3)
    vec.reset()
    for _ in range(4):
        vec.step(np.full((4, 20), 0.6, np.float32))
    vec.close()
    assert [file.suffix for file in tmp_path.iterdir() if file.stat().st_size > 1000] == [".mp4"]
    assert vec.frames_per_sec == 10


def test_evaluation_of_a_shared_policy() -> None:
    vec = VecMonitor(SharedPolicyVecEnv("tiny", num_networks=1, horizon=5))
    model = small(PPO, vec)
    returns, lengths = evaluate_policy(model, vec, n_eval_episodes=4, return_episode_rewards=True)
    assert lengths == [5] * 4
    assert np.isfinite(returns).all()


def test_results_are_not_shared() -> None:
    touched, untouched = (SharedPolicyVecEnv("tiny", num_networks=2, seed=1, horizon=3) for _ in range(2))
    touched.reset()[...] = 9
    untouched.reset()
    rng = np.random.default_rng(2)
    for _ in range(7):
        actions = rng.random((4, 20), dtype=np.float32)
        ours, theirs = touched.step(actions), untouched.step(actions.copy())
        assert (ours[0] == theirs[0]).all()
        assert (ours[1] == theirs[1]).all()
        for array in (*ours[:3], *(v for info in ours[3] for v in info.values() if isinstance(v, np.ndarray))):
            array[...] = 1


def test_refusals() -> None:
    with pytest.raises(ScenarioError, match="'weather'; allowed"):
        SharedPolicyVecEnv("tiny", weather="rain")
    with pytest.raises(ScenarioError, match="'weather'; allowed"):
        SharedPolicyVecEnv({"scenario": "tiny", "weather": "rain"})
    with pytest.raises(ValueError, match=r"num_networks is 0; allowed"):
        SharedPolicyVecEnv("tiny", num_networks=0)
    with pytest.raises(ValueError, match=r"action_type is 'bits'; allowed: box, multi_binary"):
        SharedPolicyVecEnv("tiny", action_type="bits")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"render_mode is 'human'; allowed: None, 'rgb_array'"):
        SharedPolicyVecEnv({"scenario": "tiny", "render_mode": "human"})
    vec = SharedPolicyVecEnv("tiny")
    with pytest.raises(RuntimeError, match="before reset"):
        vec.step(np.zeros((2, 20)))
    vec.reset()
    wrong: Any
    for wrong in (np.zeros((1, 20)), np.zeros(40), np.zeros((2, 19))):
        with pytest.raises(ValueError, match=r"actions .* of shape .*allowed: .* of shape \(2, 20\)"):
            vec.step(wrong)
    with pytest.raises(ValueError, match="NaN"):
        vec.step(np.full((2, 20), np.nan))
    with pytest.raises(RuntimeError, match=r"step_wait\(\) before step_async\(\)"):
        vec.step_wait()


def test_a_masked_ppo_never_chooses_a_slice_without_ue_and_dqn_takes_settings() -> None:
    contrib = pytest.importorskip("sb3_contrib")
    seen: list[Any] = []

    class Watched(SharedPolicyVecEnv):
        def step_async(self, actions: Any) -> None:
            masks = np.stack(self.env_method("action_masks")).reshape(self.num_envs, -1, 4)
            seen.append(np.take_along_axis(masks, np.asarray(actions)[..., None], axis=2))
            super().step_async(actions)

    vec = Watched("tiny", num_networks=2, num_ues=3, action_type="multi_discrete", horizon=4)
    settings: dict[str, Any] = {"n_steps": 4, "batch_size": 8, "n_epochs": 1, "policy_kwargs": {"net_arch": [8]}}
    contrib.MaskablePPO("MlpPolicy", vec, seed=0, **settings).learn(32)
    assert len(seen) == 8
    assert np.concatenate(seen).all()
    env = gymnasium.make(DU_ID, scenario="tiny", action_type="discrete", codec="zones")
    model = DQN("MlpPolicy", env, learning_starts=8, policy_kwargs={"net_arch": [8]}, seed=0).learn(20)
    assert env.action_space.contains(int(model.predict(env.reset(seed=0)[0])[0]))
