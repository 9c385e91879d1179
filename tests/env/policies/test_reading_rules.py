"""Rules that read the backlog: what they give, that without gains they only count, that they read what is there."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import equations as ref

from oran_env import Simulator, make_scenario
from oran_env.model.reward.observation import observation_layout
from oran_env.policies.reading_rules import (
    backlog_counts,
    backlog_rule,
    reading_policies,
    reads_backlog,
    waiting_steps,
    weighted_counts,
)
from oran_env.policies.rules import attached_ues

QUEUES = make_scenario("tiny", latency="queue", observation="extended", offered_bps=(2e6, 0.0, 64e3))
NUMBERS: dict[str, Any] = {"weights": (1.0, 1.0, 2.0), "powers": (0.0, 1.0, 1.0)}
positive = st.floats(0.0, 4.0)
three = st.tuples(positive, positive, positive)


def counts_of(action: Any) -> list[int]:
    """RBs of each slice by the reference's codec."""
    return [int((ref.decode_two_bit(action) == i).sum()) for i in range(3)]


def test_by_hand() -> None:
    """Sizes 1, 10/3.33 and 5/3.33 of an even share; the URLLC backlog doubles its weight of 2."""
    ues = np.array([7.0, 10.0, 5.0])
    waiting = np.array([0.0, 0.0, 2.0])
    sizes = np.array([1.0, 3.0, 2 * 1.5 * 2.0])
    counts = backlog_counts(ues, waiting, QUEUES, **NUMBERS, gains=(9.0, 9.0, 0.5))
    assert counts.tolist() == [1, 3, 6]
    np.testing.assert_allclose(counts, 10 * sizes / sizes.sum(), atol=1.0)


@given(st.lists(st.integers(0, 12), min_size=3, max_size=3), three, three, three, three)
@settings(max_examples=200)
def test_all_rbs_go_to_slices_with_ues(ues: Any, waiting: Any, weights: Any, powers: Any, gains: Any) -> None:
    number = np.array(ues, dtype=np.float64)
    counts = backlog_counts(number, np.array(waiting), QUEUES, weights, powers, gains)
    assert (counts >= 0).all()
    assert (counts[number == 0] == 0).all()
    usable = ((number > 0) & (np.array(weights) > 0)).any()
    assert counts.sum() in ((10, 0) if max(weights) < 1e-3 else (10,) if usable else (0,))


@given(three, st.integers(0, 2), st.floats(0.1, 3.0))
def test_more_backlog_never_gives_fewer_rbs(waiting: Any, i: int, more: float) -> None:
    ues, before = np.array([3.0, 4.0, 5.0]), np.array(waiting)
    after = before.copy()
    after[i] += more
    less, greater = (backlog_counts(ues, w, QUEUES, **NUMBERS, gains=(1.0, 1.0, 1.0)) for w in (before, after))
    assert greater[i] >= less[i]


def test_without_gains_it_counts() -> None:
    simulator = Simulator(QUEUES, 4, seed=1)
    observations = simulator.reset()
    for _ in range(5):
        counted = weighted_counts(observations, QUEUES, **NUMBERS)
        assert (backlog_rule(observations, QUEUES, **NUMBERS, gains=(0.0, 0.0, 0.0)) == counted).all()
        observations = simulator.step(np.zeros((4, 2, 20))).observations
    read = backlog_rule(observations, QUEUES, **NUMBERS, gains=(1.0, 1.0, 1.0))
    assert (read != counted).any()


def test_what_it_reads_is_the_true_backlog() -> None:
    """``waiting_steps`` from the state is, but for the logarithm, what the observation shows."""
    simulator = Simulator(QUEUES, 3, seed=2, load=1.5)
    observations = simulator.reset()
    for _ in range(4):
        observations = simulator.step(np.zeros((3, 2, 20))).observations
    state = simulator.get_state()
    scenario = simulator.scenario
    for b in range(3):
        backlog = np.zeros((2, 3))
        np.add.at(backlog, (state["serving"][b], state["slice_of_ue"][b]), state["backlog"][b])
        waiting = waiting_steps(backlog, attached_ues(observations[b], scenario), scenario)
        seen = observations[b][:, observation_layout(scenario)["backlog"]]
        np.testing.assert_allclose(np.log1p(waiting), seen, rtol=1e-5)
        assert waiting[:, 0].max() > 3
        assert (waiting[:, 1] == 0).all()


def test_only_where_a_backlog_is_seen() -> None:
    for scenario in (
        make_scenario("tiny"),
        make_scenario("tiny", observation="extended"),
        make_scenario("tiny", latency="queue"),
    ):
        assert not reads_backlog(scenario)
        assert "backlog_rule" not in reading_policies(scenario)
        with pytest.raises(ValueError, match=r"observation is '.*'; needed: one with a backlog"):
            backlog_rule(Simulator(scenario, 1).observations, scenario, **NUMBERS, gains=(0, 0, 0))
    assert reads_backlog(QUEUES)


def test_a_hungry_slice_is_fed() -> None:
    simulator = Simulator(QUEUES, 8, seed=3, horizon=100)
    observations = simulator.reset()
    for _ in range(10):
        observations = simulator.step(np.zeros((8, 2, 20))).observations
    actions = (
        weighted_counts(observations, QUEUES, **NUMBERS),
        backlog_rule(observations, QUEUES, **NUMBERS, gains=(2.0, 0.0, 0.0)),
    )
    counted, read = (np.array([[counts_of(a) for a in row] for row in action]) for action in actions)
    has_embb = attached_ues(observations, QUEUES)[..., 0] > 0
    assert (read[has_embb][:, 0] > counted[has_embb][:, 0]).mean() > 0.9
