"""Every column of what a DU sees against its plain reading; parts hidden one by one; bounds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracle import observed
from support.networks import idle, random_actions
from support.step_check import SMALL

from oran_env import ScenarioError, Simulator, make_scenario, reference_policies
from oran_env.model.reward.observation import (
    NAMES,
    OBSERVATIONS,
    observation_bounds,
    observation_layout,
    quantile,
    sort,
)

KPM: dict[str, dict[str, Any]] = {
    "plain": {},
    "queues": {"latency": "queue", "offered_bps": (20e6, 0.0, 4e6), "load": 0.8, "latency_cap_s": 0.2},
    "mcs": {"link_adaptation": "mcs", "session_s": 0.6, "absence_s": 0.3},
    "mcs at once": {"link_adaptation": "mcs", "cqi_delay_steps": 0, "codec": "slice_share"},
    "mcs late": {"link_adaptation": "mcs", "cqi_delay_steps": 3, "shadowing_nlos_db": 6.0, "power_dbm": 20.0},
    "alone": {"num_dus": 1, "num_ues": 9},
    "power": {"power_range_db": 20.0, "tx_evm": 0.1},
    "power and mcs": {"power_range_db": 20.0, "tx_evm": 0.1, "link_adaptation": "mcs"},
}


def sent_slices(simulator: Simulator, b: int, slices: Any) -> Any:
    """Slice (M, K) whose data each RU sent on each RB in the last step, -1 none; slices (N,) as they were."""
    assert simulator.last_outcome is not None
    ues = simulator.last_outcome.ue_of_rb[b]
    return np.where(ues >= 0, slices[np.maximum(ues, 0)], -1)


def power_of_last_step(simulator: Simulator, b: int) -> Any:
    """Of each RB (M, K) over its even share."""
    given = None if simulator.last_outcome is None else simulator.last_outcome.rb_power[b]
    return 1.0 if given is None or given.size == 0 else given


@pytest.mark.parametrize("case", KPM)
def test_every_column_against_the_plain_reading(case: str) -> None:
    simulator = Simulator("paper", 2, 31, observation="kpm", **{**SMALL, **KPM[case]})
    layout, rng = simulator.observation_layout, np.random.default_rng(32)
    observations, slices = simulator.reset(), None
    low, high = simulator.observation_low, simulator.observation_high
    for _ in range(7):
        for b, m in np.ndindex(2, len(simulator.agents)):
            state = {name: array[b] for name, array in simulator.get_state().items()}
            sent = None if slices is None else sent_slices(simulator, b, slices[b])
            want = observed.parts(simulator.scenario, state, m, sent, power_of_last_step(simulator, b))
            want["qos"] = list(state["normalised"][m])
            assert set(want) == set(layout) - {"previous_action"}
            for name, values in want.items():
                np.testing.assert_allclose(observations[b, m, layout[name]], values, rtol=2e-6, atol=1e-6, err_msg=name)
        assert np.isfinite(observations).all()
        assert ((observations >= low) & (observations <= high)).all()
        slices = simulator.state.slice_of_ue.copy()
        actions = random_actions(simulator, rng)
        actions[:, 0, : actions.shape[2] // 2] *= rng.uniform(0.3, 1.0)  # so that RUs differ in how much they transmit
        observations = simulator.step(actions).observations


def test_the_columns_move_as_they_should() -> None:
    """Silent neighbours: nothing of their power arrives, and the channel is seen to carry more."""
    simulator = Simulator("tiny", 4, 33, observation="kpm")
    layout = simulator.observation_layout
    simulator.reset()
    before = {name: simulator.observations[..., layout[name]] for name in layout}
    after = simulator.step(idle(simulator)).observations
    assert (after[..., layout["interference"]] == 0).all()
    assert (after[..., layout["prb_use"]] == 0).all()
    assert (after[..., layout["cqi"]] >= before["cqi"] - 0.05).all()
    assert after[..., layout["cqi"]].mean() > before["cqi"].mean() + 0.1
    busy = simulator.step(np.full_like(idle(simulator), 0.9)).observations  # every RB to mMTC
    here = simulator.step(np.full_like(idle(simulator), 0.9)).info["num_ues"][..., 1] > 0
    np.testing.assert_array_equal(busy[..., layout["prb_use"]][..., 1], here)


@pytest.mark.parametrize("part", NAMES)
def test_a_part_that_is_hidden_leaves_the_others_as_they_are(part: str) -> None:
    settings: dict[str, Any] = {"observation": "kpm", "latency": "queue", "link_adaptation": "mcs"}
    whole, hidden = (Simulator("tiny", 2, 34, hidden_observations=drop, **settings) for drop in ((), (part,)))
    rng = np.random.default_rng(35)
    assert list(hidden.observation_layout) == [name for name in NAMES if name != part]
    one, other = whole.reset(), hidden.reset()
    for _ in range(3):
        for name, columns in hidden.observation_layout.items():
            np.testing.assert_array_equal(other[..., columns], one[..., whole.observation_layout[name]], err_msg=name)
        low, high = hidden.observation_low, hidden.observation_high
        assert other.shape[2] == len(low) == len(high) == max(part.stop for part in hidden.observation_layout.values())
        assert ((other >= low) & (other <= high)).all()
        actions = random_actions(whole, rng)
        one, other = whole.step(actions).observations, hidden.step(actions).observations


@pytest.mark.parametrize("kind", OBSERVATIONS)
def test_layout_and_bounds(kind: str) -> None:
    scenario = make_scenario("paper", observation=kind)
    layout = observation_layout(scenario)
    columns = np.concatenate([np.arange(part.start, part.stop) for part in layout.values()])
    low, high = observation_bounds(scenario)
    np.testing.assert_array_equal(columns, np.arange(len(high)))
    assert set(layout) == set(OBSERVATIONS[kind])
    assert (low == 0).all()
    assert list(layout)[:2] == ["qos", "num_ues"]
    assert list(layout)[-1] == "previous_action"
    assert (high[layout["num_ues"]] == 6).all()
    assert np.isinf(high).sum() == (3 if "backlog" in layout else 0)


def test_what_cannot_be_hidden() -> None:
    for kind, parts in (("paper", ("load",)), ("extended", ("cqi",)), ("paper", ("qos", "num_ues", "previous_action"))):
        with pytest.raises(ScenarioError, match=r"hidden_observations is .*; allowed: some of qos, num_ues"):
            Simulator("tiny", observation=kind, hidden_observations=parts)
    with pytest.raises(ScenarioError, match="hidden_observations is"):
        make_scenario("tiny", hidden_observations=("reward",))
    blind = Simulator("tiny", 1, 36, hidden_observations=("num_ues",))
    with pytest.raises(ValueError, match="a rule reads num_ues, which is hidden"):
        reference_policies(blind.scenario)["count_rule"](blind.reset())


@given(st.lists(st.floats(-10, 10), max_size=30), st.floats(0, 1))
def test_sorting_and_quantiles(values: list[float], share: float) -> None:
    ordered = np.array(values)
    sort(ordered)
    np.testing.assert_array_equal(ordered, np.sort(values))
    want = np.quantile(values, share) if values else 0.0
    assert quantile(ordered, share) == pytest.approx(want, abs=1e-9)
