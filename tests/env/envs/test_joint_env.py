"""The joint Gymnasium environment: official checks, stable-baselines3, and that it is a thin shell."""

from __future__ import annotations

import subprocess
import sys
import warnings
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.error import ClosedEnvironmentError
from gymnasium.spaces import Box, MultiBinary
from gymnasium.utils.env_checker import check_env

from oran_env import OranDuEnv, OranJointEnv, ScenarioError, Simulator, parallel_env
from oran_env.envs.action_face import ActionType, check_action_type
from oran_env.model.outcome import INFO
from oran_env.registration import DU_ID, JOINT_ID, register
from oran_env.simulator.view import without_nan

IDS = (JOINT_ID, DU_ID)
ACTION_TYPES: tuple[ActionType, ...] = ("box", "multi_binary")


@pytest.mark.parametrize("action_type", ACTION_TYPES)
@pytest.mark.parametrize("name", IDS)
def test_official_check_says_nothing(name: str, action_type: str) -> None:
    """No error and no warning, with the wrappers that gymnasium.make adds and without them."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        env = gymnasium.make(name, scenario="tiny", action_type=action_type)
        check_env(env.unwrapped, skip_render_check=True)
        env.action_space.seed(0)
        for seed in (0, None):
            env.reset(seed=seed)
            for _ in range(25):
                truncated = env.step(env.action_space.sample())[3]
            assert truncated
        env.close()


@pytest.mark.filterwarnings("ignore:.*maximum value is infinity")  # a backlog has no upper bound
@pytest.mark.parametrize("name", IDS)
def test_official_check_of_other_fields(name: str) -> None:
    check_env(
        gymnasium.make(name, scenario="tiny", codec="slice_mask", latency="queue", observation="extended").unwrapped,
        skip_render_check=True,
    )


@pytest.mark.parametrize("name", IDS)
def test_bits_are_the_numbers_zero_and_one(name: str) -> None:
    box, bits = (gymnasium.make(name, scenario="tiny", action_type=kind) for kind in ACTION_TYPES)
    assert isinstance(box.action_space, Box)
    assert isinstance(bits.action_space, MultiBinary)
    assert bits.action_space.shape == box.action_space.shape
    assert (box.reset(seed=4)[0] == bits.reset(seed=4)[0]).all()
    bits.action_space.seed(4)
    rng, claimed = np.random.default_rng(4), 0
    for _ in range(5):
        action = bits.action_space.sample()
        assert action.dtype == np.int8
        soft = np.where(action == 1, 0.5 + rng.random(action.shape) / 2.001, rng.random(action.shape) / 2)
        soft[(soft == 0.5) & (action == 1)] = 0.6
        ours, theirs = bits.step(action), box.step(soft.astype(np.float32))
        assert (ours[0] == theirs[0]).all()
        assert ours[1:4] == theirs[1:4]
        assert all((ours[4][key] == theirs[4][key]).all() for key in ours[4])
        assert np.sum(ours[4]["clipped_actions"]) == 0
        claimed += int(np.sum(ours[4]["rbs_claimed"]))
    assert claimed > 20  # of 10 RBs in each of 5 steps


def test_shares_have_no_bits() -> None:
    check_action_type("box", "slice_share")
    check_action_type("multi_binary", "slice_mask")
    with pytest.raises(ValueError, match=r"action_type is 'multi_binary'; allowed with codec 'slice_share'.*: box"):
        check_action_type("multi_binary", "slice_share")
    with pytest.raises(ValueError, match=r"action_type is 'bits'; allowed: box, multi_binary"):
        OranJointEnv("tiny", action_type="bits")  # type: ignore[arg-type]


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
        assert all((info[name] == told[0]).all() for name, told in without_nan(result.info).items())


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


@pytest.mark.parametrize("name", IDS)
def test_registration_is_idempotent(name: str) -> None:
    spec = gymnasium.spec(name)
    register()
    register()
    assert gymnasium.spec(name) is spec
    assert list(gymnasium.registry).count(name) == 1


FRESH = """
import warnings; warnings.simplefilter("error")
import gymnasium
for name in ("ORAN-joint-v1", "ORAN-du-v1"):
    {first}
import importlib, oran_env, oran_env.registration, pettingzoo
importlib.reload(oran_env.registration).register()
importlib.reload(oran_env)
for name in ("ORAN-joint-v1", "ORAN-du-v1"):
    gymnasium.make("oran/" + name, scenario="tiny").reset(seed=0)
assert pettingzoo.make("parallel", "oran/ORAN-v1", scenario="tiny").possible_agents == ["du_0", "du_1"]
"""


@pytest.mark.parametrize(
    "first",
    [
        'gymnasium.make("oran_env:oran/" + name, scenario="tiny").reset(seed=0)',
        'gymnasium.make_vec("oran_env:oran/" + name, num_envs=2, scenario="tiny").reset(seed=0)',
    ],
)
def test_registration_in_a_fresh_process(first: str) -> None:
    """The module:id form needs no import before it, an import registers every id, and a reload is no error."""
    program = FRESH.format(first=first)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_refusals() -> None:
    with pytest.raises(ValueError, match=r"render_mode.*'tv'.*allowed.*None"):
        OranJointEnv("tiny", render_mode="tv")
    with pytest.raises(ScenarioError, match="num_dus is 0"):
        OranJointEnv("tiny", num_dus=0)
    unknown: dict[str, Any]
    for name in ("num_networks", "num_threads", "seed", "unheard_of"):
        unknown = {name: 2}
        with pytest.raises(ScenarioError, match=rf"'{name}'; allowed"):
            OranJointEnv("tiny", None, **unknown)
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
    env.close()
    with pytest.raises(ClosedEnvironmentError, match=r"step\(\) after close"):
        env.step(np.zeros(40, dtype=np.float32))
    with pytest.raises(ClosedEnvironmentError, match=r"reset\(\) after close"):
        env.reset()


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


def test_a_made_environment_says_how_long_its_episodes_are() -> None:
    """One limit for the id would cut this one at 100."""
    env = gymnasium.make(JOINT_ID, scenario="tiny", horizon=200)
    assert env.spec is not None
    assert env.spec.max_episode_steps == 200
    env.reset(seed=0)
    action = np.full(env.action_space.shape or (), 0.6, dtype=np.float32)
    ends = [env.step(action)[3] for _ in range(200)]
    assert ends == [False] * 199 + [True]
    short = gymnasium.make(JOINT_ID, scenario="tiny", max_episode_steps=3)  # Gymnasium's own limit
    short.reset(seed=0)
    assert [short.step(action)[3] for _ in range(3)] == [False, False, True]


def test_masks_of_bits() -> None:
    bits = OranJointEnv("tiny", action_type="multi_binary")
    bits.reset(seed=0)
    assert bits.action_masks().tolist() == [True] * 80
    named = OranDuEnv("tiny", codec="ue_grid", action_type="multi_binary")
    _, info = named.reset(seed=0)
    masks = named.action_masks().reshape(-1, 2)
    assert masks[:, 0].all()
    assert masks[:30, 1].all()  # the bits of the slices
    assert (masks[30:, 1].reshape(64, 10) == info["ue_mask"][:, None]).all()
    named.action_space.seed(0)
    box = OranJointEnv("tiny")
    box.reset(seed=0)
    with pytest.raises(ValueError, match="action_type is 'box', whose actions have no masks"):
        box.action_masks()
