"""Error paths that the other tests of tests/env leave out: closed environments, impossible scenarios, refused steps.

Wrong shapes, types, NaN, unknown agents and wrong moments: test_pettingzoo, test_gymnasium and test_simulator; single
fields: test_scenario; E2: test_e2; scoring: test_score.
"""

from __future__ import annotations

import math
from typing import Any

import gymnasium
import numpy as np
import pettingzoo
import pytest
from gymnasium.error import ClosedEnvironmentError

from oran_env import OranJointEnv, Scenario, ScenarioError, Simulator, make_scenario, parallel_env
from oran_env.scenario.fields import Layout, Radio


def test_a_closed_parallel_environment() -> None:
    env = parallel_env("tiny")
    env.reset(seed=0)
    actions = {agent: env.action_space(agent).sample() for agent in env.agents}
    env.close()
    env.close()
    assert env.agents == []
    for method, arguments in (("reset", ()), ("step", (actions,)), ("render", ())):
        with pytest.raises(RuntimeError, match=rf"{method}\(\) after close\(\); make a new"):
            getattr(env, method)(*arguments)
    with pytest.raises(RuntimeError, match=r"reset\(\) after close"):
        env.reset(seed=1)


@pytest.mark.parametrize("wrapped", [False, True])
def test_a_closed_joint_environment(wrapped: bool) -> None:
    env: Any = gymnasium.make("oran/ORAN-joint-v1", scenario="tiny") if wrapped else OranJointEnv("tiny")
    env.reset(seed=0)
    env.close()
    env.close()
    for method, arguments in (("reset", ()), ("step", (np.zeros(40, np.float32),)), ("render", ())):
        with pytest.raises(ClosedEnvironmentError, match=rf"{method}\(\) after close\(\); make a new"):
            getattr(env.unwrapped, method)(*arguments)
    with pytest.raises(ClosedEnvironmentError, match="after close"):
        env.step(np.zeros(40, np.float32))


def test_closing_before_the_first_reset() -> None:
    for env in (parallel_env("tiny"), OranJointEnv("tiny")):
        env.close()
        with pytest.raises((RuntimeError, ClosedEnvironmentError), match="after close"):
            env.reset(seed=0)


def test_a_new_environment_is_open() -> None:
    parallel_env("tiny").close()
    env = parallel_env("tiny")
    env.reset(seed=0)
    env.render()
    env.step({agent: env.action_space(agent).sample() for agent in env.agents})


IMPOSSIBLE: list[tuple[dict[str, Any], str]] = [
    ({"num_rbs": 0}, r"num_rbs is 0; allowed: 1 to"),
    ({"num_rbs": -3}, r"num_rbs is -3; allowed"),
    ({"num_rbs": 2**16}, r"num_rbs is 65536; allowed: 1 to 65535"),
    ({"num_dus": 1025}, r"num_dus is 1025; allowed: 1 to 1024"),
    ({"num_ues": 2**24}, r"num_ues is 16777216; allowed"),
    ({"rate_threshold_mbps": (1.0, -0.1, 0.1)}, r"rate_threshold_mbps is \(1.0, -0.1, 0.1\); allowed: 0 to 1e\+09"),
    ({"q_min": (10.0, -50.0, 2.0)}, r"q_min is .*-50.0.*allowed"),
    ({"min_normalised_qos": -0.5}, r"min_normalised_qos is -0.5; allowed: 0 to 1"),
    ({"offered_bps": (0.0, -1.0, 0.0)}, r"offered_bps is .*allowed"),
    ({"rb_bandwidth_hz": 0.0}, r"rb_bandwidth_hz is 0.0; allowed"),
    ({"bandwidth_hz": -1.0}, r"bandwidth_hz is -1.0; allowed"),
    ({"num_rbs": 101}, r"num_rbs \(101\) x rb_bandwidth_hz \(200000\).*101% of bandwidth_hz.*75 to 100 %.*together"),
    ({"bandwidth_hz": 100e6}, r"num_rbs \(100\).*20% of bandwidth_hz.*allowed"),
    ({"power_dbm": 101.0}, r"power_dbm is 101.0; allowed: -100 to 100"),
    ({"noise_dbm_per_hz": 1.0}, r"noise_dbm_per_hz is 1.0; allowed"),
    ({"min_speed_mps": 30.0}, r"max_speed_mps is 20.0; allowed: 30 to"),
    ({"step_s": -0.1}, r"step_s is -0.1; allowed"),
    ({"horizon": 2**31}, r"horizon is 2147483648; allowed"),
    ({"zeta": math.inf}, r"zeta is inf; allowed: float, finite"),
]


@pytest.mark.parametrize(("fields", "message"), IMPOSSIBLE)
def test_impossible_scenarios(fields: dict[str, Any], message: str) -> None:
    """The same refusal whichever way the scenario is made."""
    for make in (make_scenario, Simulator, parallel_env, OranJointEnv):
        with pytest.raises(ScenarioError, match=message):
            make("paper", **fields)
    with pytest.raises(ScenarioError, match=message):
        make_scenario("paper").with_overrides(**fields)


def test_impossible_groups_are_refused_too() -> None:
    with pytest.raises(ScenarioError, match="num_dus is 0"):
        Scenario(layout=Layout(num_dus=0))
    with pytest.raises(ScenarioError, match="75 to 100 %"):
        Scenario(radio=Radio(num_rbs=10))


@pytest.mark.parametrize("name", ["codec", "scheduler", "observation", "interference", "fading", "latency", "alpha"])
@pytest.mark.parametrize("value", ["", "nonsense", 3, None])
def test_unknown_mechanisms(name: str, value: Any) -> None:
    with pytest.raises(ScenarioError, match=rf"{name} is {value!r}; (did you mean '\w+'\? )?allowed"):
        parallel_env("tiny", **{name: value})


def test_unknown_names_through_the_registries() -> None:
    with pytest.raises(ScenarioError, match="unknown scenario 'papr'"):
        gymnasium.make("oran/ORAN-joint-v1", scenario="papr")
    with pytest.raises(ScenarioError, match="unknown scenario 'papr'"):
        pettingzoo.make("parallel", "oran/ORAN-v1", scenario="papr")
    with pytest.raises(ScenarioError, match="unknown scenario field 'num_eus'"):
        gymnasium.make("oran/ORAN-joint-v1", num_eus=3)


@pytest.mark.parametrize("agent", ["du_2", "du", "", "DU_0"])
def test_spaces_of_unknown_agents(agent: str) -> None:
    env = parallel_env("tiny")
    for space in (env.action_space, env.observation_space):
        with pytest.raises(KeyError, match=repr(agent)):
            space(agent)


@pytest.mark.parametrize("value", [-0.5, 1.5, 1e30])
def test_values_out_of_range_are_counted_and_not_refused(value: float) -> None:
    env = parallel_env("tiny")
    env.reset(seed=0)
    actions = {agent: np.full(20, 0.5, dtype=np.float32) for agent in env.agents}
    actions["du_1"][:7] = value
    infos = env.step(actions)[4]
    assert [int(infos[agent]["clipped_actions"]) for agent in env.possible_agents] == [0, 7]
    joint = OranJointEnv("tiny")
    joint.reset(seed=0)
    assert joint.step(np.concatenate(list(actions.values())))[4]["clipped_actions"].tolist() == [0, 7]


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_joint_actions_that_are_not_finite_change_nothing(value: float) -> None:
    env, other = OranJointEnv("tiny"), OranJointEnv("tiny")
    env.reset(seed=0)
    other.reset(seed=0)
    action = np.full(40, 0.7)
    bad = action.copy()
    bad[11] = value
    with pytest.raises(ValueError, match=r"actions hold NaN or infinity; allowed: finite"):
        env.step(bad)
    assert (env.step(action)[0] == other.step(action)[0]).all()


def test_a_refused_step_does_not_count() -> None:
    """The episode is as long as without it, and the same."""
    env, other = parallel_env("tiny", horizon=3), parallel_env("tiny", horizon=3)
    env.reset(seed=1)
    other.reset(seed=1)
    good = {agent: np.full(20, 0.7, dtype=np.float32) for agent in env.agents}
    for _ in range(3):
        with pytest.raises(ValueError, match="allowed"):
            env.step({**good, "du_1": np.zeros(3)})
        ours, theirs = env.step(good), other.step(good)
        assert ours[1] == theirs[1]
    assert env.agents == []


def test_step_of_a_batch_whose_networks_ended_at_different_times() -> None:
    simulator = Simulator("tiny", 2, seed=0, horizon=4)
    simulator.reset()
    idle = np.zeros((2, 2, 20), dtype=np.float32)
    state = simulator.get_state()
    state["key"][1, 3] = 3  # the second network is three steps ahead
    simulator.set_state(state)
    assert simulator.step(idle).truncated.tolist() == [False, True]
    with pytest.raises(RuntimeError, match=r"after the end of an episode; call reset\(\) or reset_done\(\)"):
        simulator.step(idle)
    simulator.reset_done()
    simulator.step(idle)
