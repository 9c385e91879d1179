"""The PettingZoo environment: the official tests, what they miss, refusals, and that it is a thin shell."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pettingzoo
import pytest
from gymnasium.spaces import Box, MultiBinary
from numpy.typing import NDArray
from pettingzoo.test import api_test, parallel_api_test, parallel_seed_test
from pettingzoo.utils.conversions import parallel_to_aec

from oran_env import OranParallelEnv, ScenarioError, Simulator, make_scenario, parallel_env
from oran_env.model.outcome import INFO
from oran_env.simulator.view import without_nan

Actions = dict[str, NDArray[np.float32]]


def some_actions(env: OranParallelEnv, t: int) -> Actions:
    rng = np.random.default_rng(t)
    return {agent: rng.random(env.action_space(agent).shape, dtype=np.float32) for agent in env.possible_agents}


@pytest.mark.parametrize("overrides", [{}, {"codec": "slice_mask", "latency": "queue", "observation": "extended"}])
def test_official_parallel_api(overrides: dict[str, Any]) -> None:
    parallel_api_test(parallel_env("tiny", **overrides), num_cycles=60)


@pytest.mark.filterwarnings("ignore:Observation is not a NumPy array")
def test_official_aec_api() -> None:
    api_test(parallel_to_aec(parallel_env("tiny", horizon=5)), num_cycles=30)


def test_official_seed_test() -> None:
    parallel_seed_test(partial(parallel_env, "tiny"), num_cycles=20)


def test_official_api_at_full_size() -> None:
    parallel_api_test(parallel_env("paper", horizon=10), num_cycles=12)


def episode(env: OranParallelEnv, seed: int | None) -> list[Any]:
    """Everything an episode hands out, step by step."""
    log: list[Any] = [env.reset(seed=seed)]
    t = 0
    while env.agents:
        log.append(env.step(some_actions(env, t)))
        log.append(env.state())
        t += 1
    return log


def same(first: Any, second: Any) -> bool:
    """Equal through all levels of dicts, tuples and arrays, bit for bit."""
    if isinstance(first, dict):
        return list(first) == list(second) and all(same(first[key], second[key]) for key in first)
    if isinstance(first, (list, tuple)):
        return len(first) == len(second) and all(map(same, first, second))
    return bool(np.array_equal(first, second)) and np.asarray(first).dtype == np.asarray(second).dtype


@pytest.mark.parametrize("scenario", ["tiny", "paper"])
def test_seeds_determine_whole_episodes(scenario: str) -> None:
    """The official test compares a single step; this one all of them, then the next episode and another seed."""
    first, second = parallel_env(scenario, horizon=20), parallel_env(scenario, horizon=20)
    ours, theirs = episode(first, 42), episode(second, 42)
    assert len(ours) == 1 + 2 * 20
    assert same(ours, theirs)
    following = episode(first, None)
    assert same(following, episode(second, None))
    assert not same(following, ours)
    assert same(episode(first, 42), ours)
    assert not same(episode(first, 43), ours)


def test_reset_in_mid_episode() -> None:
    env, fresh = parallel_env("tiny"), parallel_env("tiny")
    env.reset(seed=1)
    for t in range(5):
        env.step(some_actions(env, t))
    assert same(episode(env, 1), episode(fresh, 1))


def test_spaces() -> None:
    env = parallel_env()
    assert env.possible_agents == [f"du_{m}" for m in range(6)]
    for agent in env.possible_agents:
        assert env.action_space(agent) == Box(0.0, 1.0, (200,), np.float32)
        assert env.observation_space(agent).shape == (206,)
        assert env.observation_space(agent) is env.observation_space(agent)
        assert env.action_space(agent) is env.action_space(agent)
    assert env.state_space.shape == (6 * 206,)
    assert env.agents == []


@pytest.mark.parametrize("overrides", [{}, {"codec": "slice_mask"}, {"observation": "extended", "latency": "queue"}])
def test_everything_lies_in_its_space(overrides: dict[str, Any]) -> None:
    env = parallel_env("tiny", num_dus=3, **overrides)
    observations, infos = env.reset(seed=2)
    first = infos
    for t in range(25):
        assert env.agents == env.possible_agents
        for agent in env.agents:
            assert env.observation_space(agent).contains(observations[agent])
        state = env.state()
        assert env.state_space.contains(state)
        assert (state == np.concatenate([observations[agent] for agent in env.possible_agents])).all()
        observations, rewards, terminations, truncations, infos = env.step(some_actions(env, t))
        for agent in env.possible_agents:  # what a reset tells has the keys, shapes and types of a step
            assert list(first[agent]) == list(infos[agent])
            assert all(np.asarray(first[agent][key]).dtype == value.dtype for key, value in infos[agent].items())
            assert all(np.shape(first[agent][key]) == np.shape(value) for key, value in infos[agent].items())
        assert all(type(rewards[agent]) is float for agent in env.possible_agents)
        assert not any(terminations.values())
        assert set(truncations.values()) == {t == 24}  # the end of an episode is a truncation, of all at once
        assert all(tuple(info) == INFO for info in infos.values())
    assert env.agents == []
    env.close()


def test_a_shell_around_the_simulator() -> None:
    env, simulator = parallel_env("paper"), Simulator("paper", 3, [9, 4, 9])
    observations, _ = env.reset(seed=4)
    rows = simulator.reset()
    for t in range(4):
        assert all((observations[agent] == rows[1, m]).all() for m, agent in enumerate(env.possible_agents))
        actions = some_actions(env, t)
        result = simulator.step(np.array([list(actions.values())] * 3))
        observations, rewards, _, _, infos = env.step(actions)
        rows, told = result.observations, without_nan(result.info)
        for m, agent in enumerate(env.possible_agents):
            assert rewards[agent] == result.rewards[1, m]
            assert all(np.array_equal(infos[agent][name], told[name][1, m]) for name in INFO)
            assert np.isfinite(infos[agent]["satisfied"]).all()


def test_order_of_the_actions_does_not_matter() -> None:
    first, second = parallel_env("tiny"), parallel_env("tiny")
    first.reset(seed=3)
    second.reset(seed=3)
    actions = some_actions(first, 0)
    assert same(first.step(actions), second.step(dict(reversed(actions.items()))))


def test_nothing_is_shared_with_the_caller() -> None:
    touched, untouched = parallel_env("tiny"), parallel_env("tiny")
    for env in (touched, untouched):
        env.reset(seed=5)
    touched.agents.append("du_9")
    touched.agents.remove("du_9")
    for t in range(6):
        actions = some_actions(touched, t)
        copies = {agent: action.copy() for agent, action in actions.items()}
        ours, theirs = touched.step(actions), untouched.step(actions)
        assert same(ours, theirs)
        assert same(actions, copies)
        observations, _, _, _, infos = ours
        touched.state()[...] = 9
        for agent in touched.possible_agents:
            observations[agent][...] = 9
            actions[agent][...] = 9
            for value in infos[agent].values():
                if isinstance(value, np.ndarray):
                    value[...] = 9


def test_batched_is_the_same_scenario() -> None:
    env = parallel_env("tiny", num_ues=7)
    batch = env.batched(5, seed=[6] * 5)
    assert batch.scenario == env.scenario
    observations, _ = env.reset(seed=6)
    assert (batch.reset()[3] == np.array(list(observations.values()))).all()


def test_reference_policies_run() -> None:
    env = parallel_env("tiny")
    for policy in env.reference_policies().values():
        observations, _ = env.reset(seed=7)
        for _ in range(2):
            actions = policy(np.stack(list(observations.values())))
            observations, *_ = env.step(dict(zip(env.agents, actions, strict=True)))


def test_registration() -> None:
    env = pettingzoo.make("parallel", "oran/ORAN-v1", scenario="tiny", num_ues=11)
    assert env.unwrapped.scenario == make_scenario("tiny", num_ues=11)
    env.reset(seed=0)
    assert len(env.agents) == 2


def ready(**overrides: Any) -> tuple[OranParallelEnv, Actions]:
    env = parallel_env("tiny", **overrides)
    env.reset(seed=0)
    return env, some_actions(env, 0)


def test_step_at_the_wrong_time() -> None:
    env = parallel_env("tiny", horizon=1)
    actions = some_actions(env, 0)
    with pytest.raises(RuntimeError, match="reset"):
        env.step(actions)
    env.reset(seed=0)
    env.step(actions)
    with pytest.raises(RuntimeError, match="reset"):
        env.step(actions)
    env.reset()
    env.step(actions)


@pytest.mark.parametrize("shape", [(), (19,), (21,), (1, 20), (20, 1), (2, 10)])
def test_action_of_the_wrong_shape(shape: tuple[int, ...]) -> None:
    env, actions = ready()
    actions["du_1"] = np.zeros(shape, dtype=np.float32)
    with pytest.raises(ValueError, match=r"action of du_1.*allowed.*\(20,\)"):
        env.step(actions)


@pytest.mark.parametrize("value", [["a"] * 20, [None] * 20, [1j] * 20, None, "0.5"])
def test_action_of_the_wrong_type(value: Any) -> None:
    env, actions = ready()
    with pytest.raises(ValueError, match=r"action of du_0.*allowed"):
        env.step({**actions, "du_0": value})


@pytest.mark.parametrize("value", [[1.0] * 20, [True] * 20, np.ones(20), np.ones(20, np.int8), np.ones(20, np.float16)])
def test_numbers_of_every_kind_are_actions(value: Any) -> None:
    env, actions = ready()
    observations, *_ = env.step({**actions, "du_0": value})
    assert (observations["du_0"][6:] == 1).all()


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_action_that_is_not_finite(value: float) -> None:
    env, actions = ready()
    before = env.state()
    actions["du_1"][3] = value
    with pytest.raises(ValueError, match=r"action.*NaN.*allowed"):
        env.step(actions)
    assert (env.state() == before).all()
    env.step(some_actions(env, 0))


def test_unknown_and_missing_agents() -> None:
    env, actions = ready()
    with pytest.raises(ValueError, match=r"'du_2'; allowed: du_0, du_1"):
        env.step({**actions, "du_2": actions["du_0"]})
    with pytest.raises(ValueError, match=r"'du_1'; needed: du_0, du_1"):
        env.step({"du_0": actions["du_0"]})
    with pytest.raises(ValueError, match="du_0"):
        env.step({})


def test_refusals_at_construction() -> None:
    with pytest.raises(ValueError, match=r"render_mode.*'tv'.*allowed.*None"):
        parallel_env("tiny", render_mode="tv")
    with pytest.raises(ScenarioError, match="'papr'"):
        parallel_env("papr")
    with pytest.raises(ScenarioError, match="num_ues is -1"):
        parallel_env("tiny", num_ues=-1)


@pytest.mark.parametrize("name", ["num_networks", "num_threads", "seed", "unheard_of"])
def test_only_scenario_fields_are_overrides(name: str) -> None:
    """One environment is one network: what shapes a batch is no field of the scenario."""
    with pytest.raises(ScenarioError, match=rf"'{name}'; allowed"):
        parallel_env("tiny", None, "box", None, **{name: 2})


@pytest.mark.parametrize("seed", [-1, 1.5, "1", True, [1, 2]])
def test_bad_seeds(seed: Any) -> None:
    env = parallel_env("tiny")
    with pytest.raises(ValueError, match=r"seed.*allowed"):
        env.reset(seed=seed)


def test_bits_as_actions() -> None:
    """MultiBinary: the official test, and the same trajectory as the numbers 0 and 1 in the box."""
    bits, box = parallel_env("tiny", action_type="multi_binary"), parallel_env("tiny")
    parallel_api_test(bits, num_cycles=30)
    assert all(isinstance(bits.action_space(agent), MultiBinary) for agent in bits.possible_agents)
    bits.reset(seed=2)
    box.reset(seed=2)
    for i, agent in enumerate(bits.agents):
        bits.action_space(agent).seed(i)
    for _ in range(4):
        actions = {agent: bits.action_space(agent).sample() for agent in bits.agents}
        ours = bits.step(actions)
        theirs = box.step({agent: action.astype(np.float32) for agent, action in actions.items()})
        assert all((ours[0][agent] == theirs[0][agent]).all() for agent in actions)
        assert ours[1] == theirs[1]
        assert all(ours[4][agent]["rbs_claimed"] > 0 for agent in actions)
    with pytest.raises(ValueError, match=r"action_type is 'bits'; allowed: box, multi_binary"):
        parallel_env("tiny", action_type="bits")  # type: ignore[arg-type]


def test_made_by_its_id_in_both_apis() -> None:
    aec = pettingzoo.make("aec", "oran/ORAN-v1", scenario="tiny", horizon=3)
    aec.reset(seed=1)
    assert aec.agent_selection == "du_0"
    parallel = pettingzoo.make("parallel", "oran/ORAN-v1", scenario="tiny", traffic="coloran", q_min=(1.0, 2.0, 3.0))
    assert parallel.unwrapped.scenario.quality.q_min == (1.0, 2.0, 3.0)
    assert parallel.unwrapped.scenario.traffic.throughput == "served"


@pytest.mark.parametrize("alias", ["horizon", "max_cycles", "max_episode_steps"])
def test_the_horizon_under_the_names_of_others(alias: str) -> None:
    given: dict[str, Any] = {alias: 7}
    assert parallel_env("tiny", **given).scenario.control.horizon == 7


def test_two_horizons_are_one_too_many() -> None:
    with pytest.raises(ScenarioError, match="max_cycles is 7 and horizon 8; allowed: one of them"):
        parallel_env("tiny", max_cycles=7, horizon=8)


def test_an_unknown_argument_is_a_type_error_that_names_what_was_meant() -> None:
    with pytest.raises(TypeError, match=r"unexpected keyword argument 'num_duss': .* did you mean 'num_dus'"):
        parallel_env("tiny", num_duss=3)
    with pytest.raises(ScenarioError, match="codec is 'zone'; did you mean 'zones'"):
        parallel_env("tiny", codec="zone")
