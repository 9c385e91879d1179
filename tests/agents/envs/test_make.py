"""Any ParallelEnv behind the batched interface: padding, scaling, seeds, early leavers, resume by repetition."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gymnasium.spaces import Discrete
from pettingzoo.utils import BaseParallelWrapper
from support import fakes
from support.fakes import ParallelToy

from oran_env import parallel_env
from tasam_agents.envs.interface import (
    BatchedEnv,
    EnvironmentRefused,
    NotReproducible,
    Resumable,
    ended,
)
from tasam_agents.envs.make import make_batched, make_env, reference_arguments, reference_policies
from tasam_agents.envs.seeding import Seed, integer_of
from tasam_agents.envs.sequential import SequentialBatch, in_space

SPREAD = "mpe2.simple_spread_v3:parallel_env"
CONTINUOUS = {"continuous_actions": True}


def toys(count: int = 1, **kwargs: Any) -> tuple[SequentialBatch, list[ParallelToy]]:
    envs = [ParallelToy(**kwargs) for _ in range(count)]
    return SequentialBatch(envs, 5), envs


def actions_for(env: BatchedEnv, value: float = 0.5) -> Any:
    return np.full((env.num_envs, len(env.agents), max(env.action_sizes)), value, np.float32)


def test_pads_agents_of_different_sizes() -> None:
    env, _ = toys(2)
    assert (env.agents, env.observation_sizes, env.action_sizes) == (("a", "b"), (3, 1), (4, 1))
    assert env.observation_layout == {"all": slice(0, 3)}
    observations = env.reset()
    assert observations.shape == (2, 2, 3)
    assert observations.dtype == np.float32
    np.testing.assert_array_equal(observations[:, 1], 0.0)  # time 0 and padding
    assert observations[0, 0, 0] != observations[1, 0, 0]  # a seed of its own per network


def test_actions_are_scaled_affinely_and_reshaped() -> None:
    env, (toy,) = toys()
    env.reset()
    actions = np.array([[[0.0, 0.25, 0.5, 1.0], [0.25, 0.9, 0.9, 0.9]]], np.float32)
    step = env.step(actions)
    np.testing.assert_allclose(toy.actions_seen[0]["a"], [[-2, -1], [0, 2]])
    np.testing.assert_allclose(toy.actions_seen[0]["b"], [2.5])
    np.testing.assert_allclose(step.rewards, [[-2.0, 2.5]])


def test_a_network_is_the_environment_with_the_integer_of_its_name() -> None:
    names = [(40, 0), (40, 1), (40, 2)]
    assert integer_of(names[0]) == 40
    batch = make_batched(SPREAD, CONTINUOUS, 3, 40)
    observations = batch.reset()
    actions = np.random.default_rng(0).random((3, 3, 5), np.float32)
    step = batch.step(actions)
    for network in range(3):
        env = make_env(SPREAD, CONTINUOUS)
        expected, _ = env.reset(seed=integer_of(names[network]))
        np.testing.assert_array_equal(observations[network], np.stack(list(expected.values())))
        given = dict(zip(env.possible_agents, actions[network], strict=True))
        _, rewards, _, _, _ = env.step(given)
        np.testing.assert_allclose(step.rewards[network], list(rewards.values()), rtol=1e-6)


def test_one_seed_per_network_and_the_same_again() -> None:
    env, toys_ = toys(2)
    first = env.reset(seed=[8, 3])
    assert [toy.seeds_seen for toy in toys_] == [[8], [3]]
    np.testing.assert_array_equal(first, env.reset(seed=[8, 3]))
    with pytest.raises(ValueError, match="3 seeds for 2 envs"):
        env.reset(seed=[1, 2, 3])


def test_later_episodes_are_new_and_repeatable() -> None:
    def seeds() -> list[int | None]:
        env, (toy,) = toys(horizon=1)
        env.reset(seed=[7])
        for _ in range(50):
            env.step(actions_for(env))
            env.reset_done()
        return toy.seeds_seen

    seen = seeds()
    assert seen[0] == 7
    assert len(set(seen)) == 51
    assert seen == seeds()


def test_a_time_limit_truncates_and_does_not_terminate() -> None:
    env, _ = toys(horizon=2)
    env.reset()
    assert not ended(env.step(actions_for(env))).any()
    step = env.step(actions_for(env))
    assert step.truncated.all()
    assert not step.terminated.any()
    assert step.observations[0, 0, 1] == 2.0  # the final observation, no reset inside the step


def test_an_end_of_every_agent_is_a_termination() -> None:
    env, _ = toys(horizon=1, terminates=True)
    env.reset()
    step = env.step(actions_for(env))
    assert step.terminated.all()
    assert not step.truncated.any()
    assert ended(step).all()


@pytest.mark.parametrize("leaves_by", ["termination", "truncation"])
def test_an_agent_that_leaves_early_stays_as_terminated_with_zeros(leaves_by: str) -> None:
    env, (toy,) = toys(horizon=4, leaves_after=2, leaves_by=leaves_by)
    env.reset()
    env.step(actions_for(env))
    env.reset_done()
    leaving = env.step(actions_for(env))
    assert leaving.terminated.tolist() == [[False, leaves_by == "termination"]]
    assert leaving.observations[0, 1, 0] == 2.0  # what it saw last
    assert not ended(leaving).any()
    assert not env.reset_done()[0, 1].any()  # from now on it observes nothing
    gone = env.step(actions_for(env))
    assert gone.terminated.tolist() == [[False, True]]
    assert gone.rewards[0, 1] == 0.0
    assert not gone.observations[0, 1].any()
    assert set(toy.actions_seen[-1]) == {"a"}
    last = env.step(actions_for(env))
    assert last.truncated.all()
    assert env.reset_done()[0, 0, 1] == 0.0
    assert not env.step(actions_for(env)).terminated.any()  # back in the next episode


def test_networks_end_on_their_own() -> None:
    env = SequentialBatch([ParallelToy(horizon=1), ParallelToy(horizon=3)], 0)
    env.reset()
    assert ended(env.step(actions_for(env))).tolist() == [True, False]
    with pytest.raises(ValueError, match="env 0 has ended; call reset or reset_done"):
        env.step(actions_for(env))
    assert env.reset_done()[:, 0, 1].tolist() == [0.0, 1.0]


def test_numeric_info_is_collected_and_the_rest_left_out() -> None:
    env, _ = toys(2, leaves_after=1)
    env.reset()
    first = env.step(actions_for(env)).info
    assert first["time"].shape == (2, 2)
    assert first["pair"].shape == (2, 2, 2)
    second = env.step(actions_for(env)).info
    assert {"time", "pair"} <= set(second)
    assert "note" not in second
    np.testing.assert_array_equal(second["time"], [[2.0, np.nan]] * 2)  # the second agent is gone


def test_info_whose_shape_differs_between_agents_is_left_out() -> None:
    env, _ = toys(1, horizon=9)
    env.reset()
    env.step(actions_for(env))
    info = env.step(actions_for(env)).info  # "uneven" has two numbers for "a" and one for "b"
    assert "uneven" not in info
    assert "uneven" not in env.step(actions_for(env)).info


@pytest.mark.parametrize(
    ("actions", "message"),
    [
        (np.full((1, 2, 3), 0.5, np.float32), r"shape \(1, 2, 3\); allowed: \(1, 2, 4\)"),
        (np.full((1, 2, 4), np.nan, np.float32), "NaN"),
        (np.full((1, 2, 4), 1.5, np.float32), r"outside \[0, 1\]"),
    ],
)
def test_bad_actions_are_refused(actions: Any, message: str) -> None:
    env, _ = toys()
    env.reset()
    with pytest.raises(ValueError, match=message):
        env.step(actions)


@pytest.mark.parametrize(
    ("env_id", "kwargs", "message"),
    [
        ("support.fakes:parallel_toy", {"action": "unbounded"}, "allowed: Discrete, or Box with finite bounds"),
        ("support.fakes:parallel_toy", {"colour": 1}, "unexpected keyword argument 'colour'"),
        ("support.fakes:nothing", {}, "no attribute 'nothing'"),
        ("no_such_module:env", {}, "No module named 'no_such_module'"),
        ("no/such-v0", {}, "no/such-v0"),
        ("oran/ORAN-v1", {"scenario": "tiny", "num_ues": -1}, "num_ues is -1"),
    ],
)
def test_what_cannot_be_trained_on_is_refused(env_id: str, kwargs: dict[str, Any], message: str) -> None:
    with pytest.raises(EnvironmentRefused, match=message):
        make_batched(env_id, kwargs, 2, 0)


def test_of_a_discrete_action_the_largest_value_is_chosen() -> None:
    env, (toy,) = toys(action="discrete")
    assert env.action_sizes == (3, 3)
    env.reset()
    env.step(np.array([[[0.1, 0.2, 0.15], [0.9, 0.2, 0.3]]], np.float32))
    assert toy.actions_seen == [{"a": 1, "b": 0}]
    assert in_space(np.array([0.1, 0.2], np.float32), Discrete(2, start=5)) == 6, "choices may begin at any number"
    random = reference_policies("support.fakes:parallel_toy", {"action": "discrete"})["random"]
    assert random(np.zeros((2, 2, 3), np.float32)).shape == (2, 2, 3)


def test_strangers_and_late_comers_are_refused() -> None:
    env, _ = toys(stranger=True)
    with pytest.raises(EnvironmentRefused, match="agent 'c' is not in possible_agents"):
        env.reset()
    with pytest.raises(EnvironmentRefused, match="num_envs is 0"):
        make_batched(SPREAD, CONTINUOUS, 0, 0)


def test_the_running_episodes_are_repeated_from_their_seed() -> None:
    env = make_batched(SPREAD, CONTINUOUS | {"max_cycles": 6}, 2, 3)
    generator = np.random.default_rng(0)
    env.reset()
    for _ in range(10):  # in the middle of the second episode
        env.step(generator.random((2, 3, 5), np.float32))
        env.reset_done()
    assert isinstance(env, Resumable)
    state = {name: array.copy() for name, array in env.get_state().items()}
    other = make_batched(SPREAD, CONTINUOUS | {"max_cycles": 6}, 2, 99)
    assert isinstance(other, Resumable)
    other.set_state(state)
    np.testing.assert_array_equal(other.reset_done(), env.reset_done())
    for _ in range(9):  # into the third
        actions = generator.random((2, 3, 5), np.float32)
        one, two = env.step(actions), other.step(actions)
        np.testing.assert_array_equal(one.observations, two.observations)
        np.testing.assert_array_equal(one.rewards, two.rewards)
        np.testing.assert_array_equal(env.reset_done(), other.reset_done())


def test_an_environment_that_ignores_its_seed_is_not_passed_off_as_resumed() -> None:
    env, _ = toys(seeded=False)
    env.reset()
    env.step(actions_for(env))
    state = env.get_state()
    with pytest.raises(NotReproducible):
        env.set_state(state)
    env.step(actions_for(env))  # a new episode has begun


def test_the_batched_simulator_is_used_and_equals_the_loop_bit_for_bit() -> None:
    kwargs = {"scenario": "tiny"}
    batch = make_batched("oran/ORAN-v1", kwargs, 2, [11, 12])
    assert not isinstance(batch, SequentialBatch)
    loop = SequentialBatch([make_env("oran/ORAN-v1", kwargs) for _ in range(2)], [11, 12])
    np.testing.assert_array_equal(batch.reset(seed=[11, 12]), loop.reset())
    generator = np.random.default_rng(0)
    for _ in range(5):
        actions = generator.random((2, len(batch.agents), max(batch.action_sizes)), np.float32)
        one, two = batch.step(actions), loop.step(actions)
        np.testing.assert_array_equal(one.observations, two.observations)
        np.testing.assert_array_equal(one.rewards, two.rewards)
        assert set(two.info) == set(one.info)
        np.testing.assert_array_equal(one.info["qos"], two.info["qos"])


def test_random_is_always_among_the_reference_policies() -> None:
    policies = reference_policies("support.fakes:parallel_toy", {})
    actions = policies["random"](np.zeros((3, 2, 3), np.float32))
    assert actions.shape == (3, 2, 4)
    assert 0 <= actions.min() < actions.max() <= 1
    assert list(reference_policies("support.fakes:target_env", {})) == ["random", "repeat", "half"]
    assert "static" in reference_policies("oran/ORAN-v1", {"scenario": "tiny"})


def test_rules_act_with_bits_where_agents_have_zones() -> None:
    zones = {"scenario": "tiny", "codec": "zones"}
    assert reference_arguments("oran/ORAN-v1", zones) == {**zones, "codec": "two_bit"}
    assert reference_arguments("oran/ORAN-v1", {"codec": "slice_mask"}) == {"codec": "slice_mask"}
    bits = make_batched("oran/ORAN-v1", reference_arguments("oran/ORAN-v1", zones), 2, 0)
    actions = reference_policies("oran/ORAN-v1", zones)["count_rule"](bits.reset())
    assert actions.shape == (2, 2, 20)


def test_a_wrapper_around_a_batched_environment_is_not_bypassed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fakes, "wrapped_oran", lambda: BaseParallelWrapper(parallel_env("tiny")), raising=False)
    assert isinstance(make_batched("support.fakes:wrapped_oran", {}, 2, [1, 2]), SequentialBatch)


def test_an_int_seed_gives_each_network_its_place() -> None:
    names: list[Seed] = [7, (7, 1)]
    one, two = (make_batched("oran/ORAN-v1", {"scenario": "tiny"}, 2, seed) for seed in (7, names))
    zeros = np.zeros((2, 2, max(one.action_sizes)), np.float32)
    one.reset()
    two.reset()
    np.testing.assert_array_equal(one.step(zeros).observations, two.step(zeros).observations)


def test_what_an_environment_declares_undefined_is_left_out_of_means() -> None:
    """A slice without UE is neither satisfied nor not: the loop over environments says so as the batch does."""
    env = SequentialBatch([parallel_env("tiny", num_ues=4)], [3])
    batch = parallel_env("tiny", num_ues=4).batched(1, [3])
    env.reset()
    batch.reset()
    one, other = (each.step(actions_for(env, 0.9)).info for each in (env, batch))
    assert (one["num_ues"] == 0).any()
    np.testing.assert_array_equal(np.isnan(one["satisfied"]), one["num_ues"] == 0)
    np.testing.assert_array_equal(one["satisfied"], other["satisfied"])


def test_a_module_of_the_current_folder_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As `oran-env score --policy module:function` finds it."""
    text = "import oran_env\n\ndef make(**kwargs):\n    return oran_env.parallel_env('tiny', **kwargs)\n"
    (tmp_path / "toyenv_here.py").write_text(text)
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry])
    monkeypatch.chdir(tmp_path)
    assert make_env("toyenv_here:make", {"num_dus": 3}).possible_agents == ["du_0", "du_1", "du_2"]


def test_an_environment_whose_agents_choose_by_number_keeps_its_actions() -> None:
    """Its batch takes the values behind the numbers: a learner would be trained on other actions than asked for."""
    settings = {"scenario": "tiny", "codec": "zones"}
    assert make_batched("oran/ORAN-v1", settings, 2, 0).action_sizes == (4, 4)
    env = make_batched("oran/ORAN-v1", {**settings, "action_type": "discrete"}, 2, 0)
    assert env.action_sizes == (100, 100)
    same = make_batched("oran/ORAN-v1", settings, 2, 0)
    np.testing.assert_array_equal(env.reset(), same.reset())


def test_ids_are_found_without_a_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    """PettingZoo has one from 1.27 on."""
    monkeypatch.delattr("pettingzoo.make")
    assert make_env("oran/ORAN-v1", {"scenario": "tiny"}).scenario.name == "tiny"
    assert make_env("oran/ORAN-bursty-v1", {}).scenario.name == "bursty"
    with pytest.raises(EnvironmentRefused, match=r"did you mean 'oran/ORAN-bursty-v1'\?"):
        make_env("oran/ORAN-burst-v1", {})
