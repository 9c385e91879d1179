"""The joint Gymnasium environment: official checks, stable-baselines3, and that it is a thin shell."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from oran_env import OranJointEnv, ScenarioError, Simulator, parallel_env
from oran_env.registration import JOINT_ID, register
from oran_env.state import INFO


@pytest.mark.filterwarnings("ignore:.*maximum value is infinity")  # a backlog has no upper bound
@pytest.mark.parametrize("overrides", [{}, {"codec": "slice_mask", "latency": "queue", "observation": "extended"}])
def test_official_check(overrides: dict[str, Any]) -> None:
    check_env(gymnasium.make(JOINT_ID, scenario="tiny", **overrides).unwrapped, skip_render_check=True)


@pytest.fixture
def one_torch_thread() -> Iterator[None]:
    """Small networks are slower on several threads, and much slower on a busy machine."""
    torch = pytest.importorskip("torch")
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.filterwarnings("ignore:We recommend you to use a symmetric")
def test_stable_baselines3_trains_on_it_as_it_is(one_torch_thread: None) -> None:
    checker = pytest.importorskip("stable_baselines3.common.env_checker")
    from stable_baselines3 import SAC

    env = gymnasium.make(JOINT_ID, scenario="tiny")
    checker.check_env(env.unwrapped)
    model = SAC("MlpPolicy", env, learning_starts=50, batch_size=32, seed=0, policy_kwargs={"net_arch": [32]})
    model.learn(200)
    observation, _ = env.reset(seed=0)
    action, _ = model.predict(observation, deterministic=True)
    assert env.action_space.contains(action)


def test_default_is_the_paper() -> None:
    env = gymnasium.make(JOINT_ID)
    assert env.observation_space.shape == (6 * 206,)
    assert env.action_space.shape == (1200,)
    assert env.reset(seed=0)[0].shape == (6 * 206,)


@pytest.mark.parametrize("scenario", ["tiny", "paper"])
def test_the_same_trajectory_as_the_other_environments(scenario: str) -> None:
    joint, parallel = gymnasium.make(JOINT_ID, scenario=scenario), parallel_env(scenario)
    simulator = Simulator(scenario, 2, seed=8)
    observation, _ = joint.reset(seed=8)
    rows, first = simulator.reset(), parallel.reset(seed=8)[0]
    agents = parallel.possible_agents
    assert (observation == rows[0].reshape(-1)).all()
    assert (observation == np.concatenate([first[agent] for agent in agents])).all()
    rng = np.random.default_rng(9)
    for _ in range(5):
        actions = rng.random((2, len(agents), simulator.action_size), dtype=np.float32)
        observation, reward, terminated, truncated, info = joint.step(actions[0].reshape(-1))
        result = simulator.step(actions)
        theirs = parallel.step(dict(zip(agents, actions[0], strict=True)))
        assert (observation == result.observations[0].reshape(-1)).all()
        assert (observation == parallel.state()).all()
        assert reward == float(result.rewards[0].mean())
        assert reward == pytest.approx(sum(theirs[1].values()) / len(agents), rel=1e-6)
        assert (terminated, truncated) == (False, False)
        assert set(info) == set(INFO)
        assert all((info[name] == result.info[name][0]).all() for name in INFO)


def test_truncation_and_episodes() -> None:
    env = gymnasium.make(JOINT_ID, scenario="tiny", horizon=3)
    action = np.full(env.action_space.shape or (), 0.6, dtype=np.float32)
    first, _ = env.reset(seed=1)
    ends = [env.step(action)[2:4] for _ in range(3)]
    assert ends == [(False, False), (False, False), (False, True)]
    with pytest.raises(RuntimeError, match="reset"):
        env.step(action)
    second, _ = env.reset()
    assert (second != first).any()
    assert (env.reset(seed=1)[0] == first).all()


def test_registration_is_idempotent() -> None:
    spec = gymnasium.spec(JOINT_ID)
    register()
    register()
    assert gymnasium.spec(JOINT_ID) is spec
    assert list(gymnasium.registry).count(JOINT_ID) == 1


def test_registration_in_a_fresh_process() -> None:
    """An import alone registers both ids; so does the module:id form without any import; a reload is no error."""
    program = """
import warnings; warnings.simplefilter("error", UserWarning)
import gymnasium
gymnasium.make("oran_env:oran/ORAN-joint-v0", scenario="tiny").reset(seed=0)
import importlib, oran_env, oran_env.registration, pettingzoo
importlib.reload(oran_env.registration).register()
importlib.reload(oran_env)
gymnasium.make("oran/ORAN-joint-v0", scenario="tiny")
assert pettingzoo.make("parallel", "oran/ORAN-v0", scenario="tiny").possible_agents == ["du_0", "du_1"]
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_refusals() -> None:
    with pytest.raises(ValueError, match=r"render_mode.*'tv'.*allowed.*None"):
        OranJointEnv("tiny", render_mode="tv")
    with pytest.raises(ScenarioError, match="num_dus is 0"):
        OranJointEnv("tiny", num_dus=0)
    for name in ("num_networks", "num_threads", "seed", "unheard_of"):
        with pytest.raises(ScenarioError, match=rf"'{name}'; allowed"):
            OranJointEnv("tiny", None, **{name: 2})
    env = OranJointEnv("tiny")
    with pytest.raises(RuntimeError, match="reset"):
        env.step(np.zeros(40, dtype=np.float32))
    env.reset(seed=0)
    wrong: Any
    for wrong in (np.zeros(39), np.zeros((2, 20)), np.array(["a"] * 40), np.full(40, 1j)):
        with pytest.raises(ValueError, match=r"action.*allowed.*\(40,\)"):
            env.step(wrong)
    with pytest.raises(ValueError, match=r"action.*NaN"):
        env.step(np.full(40, np.nan, dtype=np.float32))
    for seed in (-1, 1.5, "1"):
        with pytest.raises((ValueError, gymnasium.error.Error), match=r"(?i)seed"):
            env.reset(seed=seed)  # type: ignore[arg-type]


def test_actions_and_results_are_not_shared() -> None:
    touched, untouched = OranJointEnv("tiny"), OranJointEnv("tiny")
    touched.reset(seed=3)
    untouched.reset(seed=3)
    rng = np.random.default_rng(4)
    for _ in range(4):
        action = rng.random(40, dtype=np.float32)
        copy = action.copy()
        ours, theirs = touched.step(action), untouched.step(copy)
        assert (action == copy).all()
        assert (ours[0] == theirs[0]).all()
        assert ours[1] == theirs[1]
        ours[0][...] = 9
        for array in ours[4].values():
            array[...] = 9
        action[...] = 9
