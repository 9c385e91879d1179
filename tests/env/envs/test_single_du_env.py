"""The environment of one DU: who the others are, and the official checks."""

from __future__ import annotations

import pickle
from functools import partial
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.error import ClosedEnvironmentError
from numpy.typing import NDArray

from oran_env import OranDuEnv, ScenarioError, make_scenario, parallel_env
from oran_env.policies.offered import reference_policies
from oran_env.policies.rules import idle
from oran_env.registration import DU_ID

SCENARIO = make_scenario("tiny", num_dus=3)


@pytest.mark.parametrize("du", [0, 2])
@pytest.mark.parametrize("others", ["static", "count_rule", "equal_shares"])
def test_the_same_as_all_dus_with_that_policy(du: int, others: str) -> None:
    """Against the PettingZoo environment in which every other DU plays the policy."""
    env, parallel = gymnasium.make(DU_ID, scenario=SCENARIO, du=du, others=others), parallel_env(SCENARIO)
    me, policy = f"du_{du}", reference_policies(SCENARIO)[others]
    observation, _ = env.reset(seed=5)
    theirs, _ = parallel.reset(seed=5)
    assert (observation == theirs[me]).all()
    rng = np.random.default_rng(6)
    for _ in range(6):
        actions = {agent: policy(theirs[agent]) for agent in parallel.agents}
        actions[me] = rng.random(20, dtype=np.float32)
        observation, reward, terminated, truncated, info = env.step(actions[me])
        theirs, rewards, _, _, infos = parallel.step(actions)
        assert (observation == theirs[me]).all()
        assert reward == rewards[me]
        assert (terminated, truncated) == (False, False)
        assert set(info) == set(infos[me])
        assert all((info[name] == infos[me][name]).all() for name in info)


def test_a_callable_sees_the_other_dus_only() -> None:
    seen: list[NDArray[np.float32]] = []

    def others(observations: NDArray[np.float32]) -> NDArray[np.float32]:
        seen.append(observations.copy())
        actions = np.zeros((*observations.shape[:-1], 20), dtype=np.float32)
        actions[..., 0, :] = 1.0  # the first of the others claims everything, the second nothing
        return actions

    env = OranDuEnv(SCENARIO, du=1, others=others)
    parallel = parallel_env(SCENARIO)
    env.reset(seed=2)
    theirs, _ = parallel.reset(seed=2)
    _, reward, _, _, _ = env.step(np.full(20, 0.7, dtype=np.float32))
    assert (seen[0] == np.stack([theirs["du_0"], theirs["du_2"]])[None]).all()
    _, rewards, _, _, _ = parallel.step({"du_0": np.ones(20), "du_1": np.full(20, 0.7), "du_2": np.zeros(20)})
    assert reward == rewards["du_1"]


def test_others_matter_and_interfere() -> None:
    action = np.full(20, 0.7, dtype=np.float32)
    rewards = {}
    for others in ("idle", "equal_shares", "random"):
        env = OranDuEnv("tiny", others=others)
        env.reset(seed=1)
        rewards[others] = [env.step(action)[1] for _ in range(5)]
    assert rewards["idle"] != rewards["equal_shares"] != rewards["random"]
    assert sum(rewards["idle"]) > sum(rewards["equal_shares"])  # silence does not interfere


def test_random_others_repeat_with_the_seed_and_differ_in_time() -> None:
    env = OranDuEnv(SCENARIO, others="random")

    def episode(seed: int | None) -> list[NDArray[np.int64]]:
        """What the two other DUs do in each step (2, K)."""
        env.reset(seed=seed)
        done = []
        for _ in range(3):
            env.step(np.zeros(20, dtype=np.float32))
            assert env.simulator.last_outcome is not None
            done.append(env.simulator.last_outcome.slice_of_rb[0, 1:].copy())
        return done

    first, again, following, other_seed = episode(3), episode(3), episode(None), episode(4)
    assert all((a == b).all() for a, b in zip(first, again, strict=True))
    different = [*again, *following, *other_seed]
    assert all((a != b).any() for i, a in enumerate(different) for b in different[:i])
    assert all((a[0] != a[1]).any() for a in different)
    assert set(np.unique(different).tolist()) == {-1, 0, 1, 2}


def test_one_du_alone_has_no_others() -> None:
    def others(_: NDArray[np.float32]) -> NDArray[np.float32]:
        raise AssertionError("asked for the actions of nobody")

    env = OranDuEnv("tiny", others=others, num_dus=1)
    env.reset(seed=0)
    assert np.isfinite(env.step(np.ones(20, dtype=np.float32))[1])


def test_pickling_goes_on_bit_for_bit() -> None:
    env = OranDuEnv("tiny", others="random")
    env.reset(seed=8)
    action = np.full(20, 0.6, dtype=np.float32)
    env.step(action)
    copy = pickle.loads(pickle.dumps(env))
    for _ in range(3):
        ours, theirs = env.step(action), copy.step(action)
        assert (ours[0] == theirs[0]).all()
        assert ours[1] == theirs[1]


def test_refusals() -> None:
    for du in (-1, 2, 1.0, True, "0"):
        with pytest.raises(ValueError, match=r"du is .*; allowed: integers from 0 to 1"):
            OranDuEnv("tiny", du=du)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"others is 'best'; allowed: random, idle.*or a callable"):
        OranDuEnv("tiny", others="best")
    with pytest.raises(ValueError, match=r"others is 7; allowed: .*a callable"):
        OranDuEnv("tiny", others=7)  # type: ignore[arg-type]
    with pytest.raises(ScenarioError, match="'num_networks'; allowed"):
        OranDuEnv("tiny", num_networks=2)
    with pytest.raises(
        ValueError, match=r"'discrete'; allowed with codec 'two_bit': box, multi_binary, multi_discrete"
    ):
        OranDuEnv("tiny", action_type="discrete")

    short = OranDuEnv("tiny", others=lambda observations: np.zeros((*observations.shape[:-1], 3)))
    short.reset(seed=0)
    with pytest.raises(ValueError, match=r"others gives .*\(1, 1, 3\); allowed: numbers of shape \(1, 1, 20\)"):
        short.step(np.zeros(20))
    env = OranDuEnv("tiny", others=partial(idle, scenario=make_scenario("tiny")))
    with pytest.raises(RuntimeError, match="reset"):
        env.step(np.zeros(20))
    env.reset(seed=0)
    wrong: Any
    for wrong in (np.zeros(19), np.zeros((2, 20)), np.array(["a"] * 20)):
        with pytest.raises(ValueError, match=r"action.*allowed.*\(20,\)"):
            env.step(wrong)
    with pytest.raises(ValueError, match=r"action.*NaN"):
        env.step(np.full(20, np.nan))
    env.close()
    with pytest.raises(ClosedEnvironmentError, match=r"step\(\) after close"):
        env.step(np.zeros(20))
    with pytest.raises(ClosedEnvironmentError, match=r"reset\(\) after close"):
        env.reset()
