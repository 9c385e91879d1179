"""The native vector environments: bit for bit what Gymnasium's SyncVectorEnv makes of single environments."""

from __future__ import annotations

import warnings
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.error import ClosedEnvironmentError
from gymnasium.vector import AutoresetMode, SyncVectorEnv, VectorEnv
from numpy.typing import NDArray

from oran_env import OranDuVectorEnv, OranJointVectorEnv, ScenarioError
from oran_env.registration import DU_ID, JOINT_ID

MODES = list(AutoresetMode)
SETTINGS: dict[str, tuple[str, dict[str, Any]]] = {
    "joint": (JOINT_ID, {}),
    "joint bits": (JOINT_ID, {"action_type": "multi_binary"}),
    "du": (DU_ID, {"du": 1, "others": "count_rule"}),
    "du random": (DU_ID, {"others": "random", "action_type": "multi_binary"}),
    "joint settings": (JOINT_ID, {"action_type": "discrete", "codec": "zones"}),
    "du slices": (DU_ID, {"others": "idle", "action_type": "multi_discrete"}),
    "du queue": (DU_ID, {"others": "idle", "codec": "slice_mask", "latency": "queue", "observation": "extended"}),
}


def pair(setting: str, mode: AutoresetMode, num_envs: int = 3, **more: Any) -> tuple[VectorEnv, VectorEnv]:
    """The native environment, and Gymnasium's loop over single ones."""
    name, arguments = SETTINGS[setting]
    arguments = {"scenario": "tiny", "horizon": 4, **arguments, **more}
    native = gymnasium.make_vec(name, num_envs, "vector_entry_point", autoreset_mode=mode, **arguments)
    loop = gymnasium.make_vec(name, num_envs, "sync", {"autoreset_mode": mode}, **arguments)
    assert isinstance(loop, SyncVectorEnv)
    return native, loop


def assert_same(ours: Any, theirs: Any, where: str = "") -> None:
    """Equal values, types and shapes, all the way down."""
    assert type(ours) is type(theirs), where
    if isinstance(theirs, dict):
        assert set(ours) == set(theirs), where
        for key in theirs:
            assert_same(ours[key], theirs[key], f"{where}/{key}")
    elif isinstance(theirs, tuple):
        assert len(ours) == len(theirs), where
        for i, (a, b) in enumerate(zip(ours, theirs, strict=True)):
            assert_same(a, b, f"{where}/{i}")
    elif isinstance(theirs, np.ndarray):
        assert (ours.dtype, ours.shape) == (theirs.dtype, theirs.shape), where
        if theirs.dtype == object:
            for a, b in zip(ours, theirs, strict=True):
                assert_same(a, b, where)
        else:
            np.testing.assert_array_equal(ours, theirs, where)
    else:
        assert ours == theirs, where


def sample(env: VectorEnv, rng: np.random.Generator) -> NDArray[Any]:
    if env.action_space.dtype == np.int64:
        return rng.integers(4, size=env.action_space.shape)
    values = rng.random(env.action_space.shape or ())
    return (values > 0.5).astype(np.int8) if env.action_space.dtype == np.int8 else values.astype(np.float32)


def done(result: Any) -> NDArray[np.bool_]:
    ended: NDArray[np.bool_] = result[2] | result[3]
    return ended


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("setting", SETTINGS)
def test_equals_single_environments(setting: str, mode: AutoresetMode) -> None:
    """Over several episodes, with a seed, without one, and with seeds of its own for each network."""
    native, loop = pair(setting, mode)
    rng, ends = np.random.default_rng(1), 0
    for seed in ([7, 8, 9], None, [40, 3, 40], [None, 5, None]):
        assert_same(native.reset(seed=seed), loop.reset(seed=seed), f"reset {seed}")  # type: ignore[arg-type]
        for step in range(14):
            actions = sample(native, rng)
            ours, theirs = native.step(actions), loop.step(actions)
            assert_same(ours, theirs, f"{seed}, step {step}")
            ends += int(done(ours).sum())
            if mode == AutoresetMode.DISABLED and done(ours).any():
                mask = done(ours)
                assert_same(
                    native.reset(options={"reset_mask": mask}), loop.reset(options={"reset_mask": mask.copy()}), "mask"
                )
    assert ends >= 24  # 3 networks, 4 seeds, 14 steps of episodes of 4 or 5


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("setting", ["joint", "du random"])
def test_equals_single_environments_out_of_step(setting: str, mode: AutoresetMode) -> None:
    """Once some networks were reset alone, episodes end at different times."""
    native, loop = pair(setting, mode, horizon=5)
    rng = np.random.default_rng(2)
    assert_same(native.reset(seed=[11, 12, 13]), loop.reset(seed=11))  # type: ignore[arg-type]
    resets: dict[int, tuple[list[bool], Any]] = {
        1: ([True, False, False], None),
        2: ([False, True, False], [None, 8, None]),
        9: ([True, False, True], [30, 31, 32]),
        15: ([True, True, True], None),
    }
    together = 0
    for step in range(24):
        if step in resets:
            flags, seed = resets[step]
            mask = np.array(flags)
            ours = native.reset(seed=seed, options={"reset_mask": mask})
            assert_same(ours, loop.reset(seed=seed, options={"reset_mask": mask.copy()}), f"reset at {step}")
        actions = sample(native, rng)
        result = native.step(actions)
        assert_same(result, loop.step(actions), f"step {step}")
        ended = done(result)
        together += int(ended.all())
        assert step >= 15 or not ended.all()
        if mode == AutoresetMode.DISABLED and ended.any():
            options = {"reset_mask": ended}
            assert_same(native.reset(options=options), loop.reset(options={"reset_mask": ended.copy()}), "mask")
            assert list(options) == ["reset_mask"]  # the caller's options stay as they are
    assert together >= 1


@pytest.mark.parametrize("scenario", ["paper", "tiny"])
def test_equals_single_environments_on_more_dus_and_threads(scenario: str) -> None:
    """Sums over 9 DUs are not sums of one register: the mean must not depend on the batch."""
    arguments: dict[str, Any] = {"scenario": scenario, "num_dus": 9, "num_rbs": 10, "rb_bandwidth_hz": 2e6}
    native = gymnasium.make_vec(JOINT_ID, 4, num_threads=2, **arguments)
    loop = gymnasium.make_vec(JOINT_ID, 4, "sync", **arguments)
    assert_same(native.reset(seed=[1, 2, 3, 4]), loop.reset(seed=1))  # type: ignore[arg-type]
    rng = np.random.default_rng(5)
    for _ in range(3):
        actions = sample(native, rng)
        assert_same(native.step(actions), loop.step(actions))


def test_final_observation_and_info() -> None:
    """SAME_STEP, told without Gymnasium: the end of episode one next to the start of episode two."""
    env = OranJointVectorEnv(2, "tiny", horizon=3, autoreset_mode="SameStep")
    alone = gymnasium.make(JOINT_ID, scenario="tiny", horizon=3)
    env.reset(seed=[6, 9])
    alone.reset(seed=9)
    actions = np.random.default_rng(0).random((3, 2, 40), dtype=np.float32)
    for t in range(3):
        observations, rewards, terminations, truncations, infos = env.step(actions[t])
        observation, reward, _, _, info = alone.step(actions[t, 1])
        assert rewards[1] == reward
    assert truncations.all()
    assert not terminations.any()
    assert {"final_obs", "_final_obs", "final_info", "_final_info"} <= set(infos)
    assert not infos["qos"].any()  # of the episode that has just begun
    assert (infos["final_obs"][1] == observation).all()
    assert (infos["final_info"]["qos"][1] == info["qos"]).all()
    assert (observations[1] == alone.reset()[0]).all()
    assert (observations[1] != observation).any()


@pytest.mark.parametrize("name", [JOINT_ID, DU_ID])
def test_made_by_gymnasium_without_a_warning(name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        env = gymnasium.make_vec(name, num_envs=2, scenario="tiny")  # the native one is the default
    assert isinstance(env, OranJointVectorEnv if name == JOINT_ID else OranDuVectorEnv)
    assert env.metadata["autoreset_mode"] is AutoresetMode.NEXT_STEP
    assert env.spec is not None
    assert env.spec.id == name
    assert env.num_envs == 2
    observations, infos = env.reset(seed=0)
    assert observations in env.observation_space
    assert not infos["qos"].any()
    assert env.spec.max_episode_steps == 25
    assert env.metadata["render_fps"] == 10
    env.action_space.seed(0)
    observations, *_, told = env.step(env.action_space.sample())
    assert observations in env.observation_space
    assert list(told) == list(infos)
    assert env.observation_space.shape == (2, *(env.single_observation_space.shape or ()))


@pytest.mark.parametrize("mode", MODES)
def test_modes_by_value_and_name(mode: AutoresetMode) -> None:
    for given in (mode, mode.value, mode.name):
        env = OranDuVectorEnv(1, "tiny", autoreset_mode=given)
        assert env.metadata["autoreset_mode"] is mode
    single = gymnasium.make(DU_ID, scenario="tiny").unwrapped
    assert single.metadata is not type(single).metadata  # what an older Gymnasium writes there stays there
    assert "autoreset_mode" not in single.metadata


def test_wrappers_of_gymnasium_see_the_returns() -> None:
    env = gymnasium.wrappers.vector.RecordEpisodeStatistics(OranJointVectorEnv(2, "tiny", horizon=3))
    env.reset(seed=0)
    total = np.zeros(2)
    for _ in range(3):
        _, rewards, _, _, infos = env.step(np.full((2, 40), 0.7, dtype=np.float32))
        total += rewards
    assert infos["episode"]["r"] == pytest.approx(total)
    assert infos["episode"]["l"].tolist() == [3, 3]


def test_results_are_not_shared() -> None:
    touched, untouched = (OranJointVectorEnv(2, "tiny", horizon=3, autoreset_mode="SAME_STEP") for _ in range(2))
    rng = np.random.default_rng(3)
    touched.reset(seed=3)[0][...] = 9
    untouched.reset(seed=3)
    for _ in range(7):
        actions = sample(touched, rng)
        copy = actions.copy()
        ours, theirs = touched.step(actions), untouched.step(copy)
        assert (actions == copy).all()
        assert_same(ours, theirs)
        arrays: list[Any] = [*ours[:4], *(v for v in ours[4].values() if isinstance(v, np.ndarray))]
        for array in arrays:
            array[...] = 1
        actions[...] = 9


def test_refusals() -> None:
    with pytest.raises(ValueError, match=r"autoreset_mode is 'Never'; allowed: NEXT_STEP, SAME_STEP, DISABLED"):
        OranJointVectorEnv(1, "tiny", autoreset_mode="Never")
    with pytest.raises(ValueError, match=r"num_networks is 0"):
        OranJointVectorEnv(0, "tiny")
    with pytest.raises(ValueError, match=r"render_mode is 'tv'; allowed: None"):
        OranDuVectorEnv(1, "tiny", render_mode="tv")
    with pytest.raises(ScenarioError, match="num_dus is 0"):
        OranDuVectorEnv(1, "tiny", num_dus=0)
    env = OranJointVectorEnv(2, "tiny", horizon=2, autoreset_mode="DISABLED")
    actions = np.zeros((2, 40), dtype=np.float32)
    with pytest.raises(RuntimeError, match="reset"):
        env.step(actions)
    env.reset(seed=0)
    wrong: Any
    for wrong in (np.zeros(40), np.zeros((2, 39)), np.zeros((3, 40)), np.array([["a"] * 40] * 2)):
        with pytest.raises(ValueError, match=r"actions are .*allowed: numbers of shape \(2, 40\)"):
            env.step(wrong)
    with pytest.raises(ValueError, match="NaN"):
        env.step(np.full((2, 40), np.nan))
    for wrong in ([1], [1, 2, 3]):
        with pytest.raises(ValueError, match=r"seed has \d entries; allowed: one per network \(2\)"):
            env.reset(seed=wrong)
    with pytest.raises((ValueError, gymnasium.error.Error), match=r"(?i)seed"):
        env.reset(seed=-1)
    for wrong in ([True, False], np.array([1, 0])):
        with pytest.raises(TypeError, match=r"reset_mask.*allowed: a NumPy array of bool"):
            env.reset(options={"reset_mask": wrong})
    for wrong in (np.array([True]), np.array([False, False])):
        with pytest.raises(ValueError, match=r"reset_mask.*allowed: shape \(2,\) with at least one True"):
            env.reset(options={"reset_mask": wrong})
    env.step(actions)
    env.step(actions)
    with pytest.raises(RuntimeError, match=r"networks \[0, 1\].*reset_mask"):
        env.step(actions)
    env.reset(options={"reset_mask": np.array([True, False])})
    with pytest.raises(RuntimeError, match=r"networks \[1\].*reset_mask"):
        env.step(actions)
    env.close()
    env.close()
    with pytest.raises(ClosedEnvironmentError, match=r"step\(\) after close"):
        env.step(actions)
    with pytest.raises(ClosedEnvironmentError, match=r"reset\(\) after close"):
        env.reset()


@pytest.mark.parametrize("kind", [OranJointVectorEnv, OranDuVectorEnv])
def test_gymnasium_is_among_the_immediate_bases(kind: type) -> None:
    """By these skrl chooses its wrapper."""
    assert any(base.__module__.startswith("gymnasium.") for base in kind.__bases__)
