"""Rules that read the backlog: what they give, that without gains they only count, that they read what is there."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import equations as ref

from oran_env import Simulator, make_scenario, reference_policies
from oran_env.model.reward.observation import observation_layout
from oran_env.policies.reading_rules import (
    backlog_counts,
    backlog_rule,
    grant,
    granted,
    reading_policies,
    reads_backlog,
    weighted_counts,
)

QUEUES = make_scenario("tiny", latency="queue", observation="extended", offered_bps=(2e6, 0.0, 64e3))
LAYOUT = observation_layout(QUEUES)
COUNTING: dict[str, Any] = {"weights": (1.0, 1.0, 2.0), "powers": (0.0, 1.0, 1.0)}
BLIND: dict[str, Any] = {"gains": (0.0, 0.0, 0.0), "tracking": 0.0}
positive = st.floats(0.0, 4.0)
three = st.tuples(positive, positive, positive)


def observed(ues: Any, waiting: Any = (0, 0, 0), load: Any = (0, 0, 0), slices: Any = ()) -> Any:
    """What a DU of QUEUES sees; slices: of its RBs in the last step, -1 idle."""
    seen = np.zeros(32, dtype=np.float32)
    seen[LAYOUT["num_ues"]] = np.asarray(ues) * 2 / 20
    seen[LAYOUT["backlog"]] = waiting
    seen[LAYOUT["load"]] = load
    for k, i in enumerate(slices):
        seen[LAYOUT["previous_action"].start + k] = i in (1, 2)
        seen[LAYOUT["previous_action"].start + 10 + k] = i in (0, 1)
    return seen


def counts_of(action: Any) -> list[int]:
    """RBs of each slice by the reference's codec."""
    return [int((ref.decode_two_bit(action) == i).sum()) for i in range(3)]


def test_by_hand() -> None:
    """Sizes 1, 3, 1.5 even shares of UEs; a URLLC backlog of 3 steps doubles its weight of 2: 1, 3, 6 parts of 10."""
    seen = observed((7, 10, 5), waiting=(0.0, 0.0, np.log(4.0)))
    assert counts_of(weighted_counts(seen, QUEUES, (1.0, 1.0, 2.0), (0.0, 1.0, 1.0)))[0] in (1, 2)
    counts = backlog_counts(seen, QUEUES, **COUNTING, gains=(9.0, 9.0, 0.5), tracking=0.0)
    assert counts.tolist() == [1, 3, 6]


def test_when_it_is_crowded_those_that_ask_least_come_first() -> None:
    """Of 10 RBs. 6 + 3 + 6 do not fit: 6 and 3 do, the third slice gets 1. 4 + 2 + 4 fit. Without room: shares."""
    asked = np.array([6.0, 3.0, 6.0]) * 3 / 10
    assert grant(asked, 1.0, 10).tolist() == [6, 3, 1]
    assert grant(asked / 1.5, 1.0, 10).tolist() == [4, 2, 4]
    assert grant(asked, 0.0, 10).tolist() == grant(asked, 0.5, 10).tolist() == [4, 2, 4]
    assert grant(np.array([30.0, 0.0, 0.0]), 1.0, 10).tolist() == [10, 0, 0]
    assert grant(np.array([[0.0, 9.0, 6.0], [6.0, 3.0, 6.0]]) * 0.3, 1.0, 10).tolist() == [[0, 4, 6], [6, 3, 1]]


@given(three, st.floats(0.0, 4.0))
def test_all_rbs_are_granted_to_who_asks(asked: Any, room: float) -> None:
    wanted = np.array([x if x > 0.01 else 0.0 for x in asked])
    counts = grant(wanted, room, 10)
    assert counts.sum() == (10 if wanted.any() else 0)
    assert (counts[wanted == 0] == 0).all()
    assert (counts >= 0).all()


def test_gains_are_powers_of_the_backlog() -> None:
    """Behind by 0, 1 and 3 steps: 1, 2 and 4 times as much with gain 1, its inverse with gain -1."""
    seen = observed((3, 3, 3), waiting=np.log1p([0.0, 1.0, 3.0]))
    even: dict[str, Any] = {"weights": (1.0, 1.0, 1.0), "powers": (0.0, 0.0, 0.0), "tracking": 0.0}
    assert backlog_counts(seen, QUEUES, **even, gains=(1.0, 1.0, 1.0)).tolist() == [1, 3, 6]
    assert backlog_counts(seen, QUEUES, **even, gains=(-1.0, -1.0, -1.0)).tolist() == [6, 3, 1]


def test_what_the_load_needed() -> None:
    """Of 8, 1 and 1 RBs a quarter, all and all were needed: 2, 1 and 1 parts; halfway between that and even shares."""
    last = [0] * 8 + [1, 2]
    seen = observed((3, 3, 3), load=(0.25, 1.0, 1.0), slices=last)
    even: dict[str, Any] = {"weights": (1.0, 1.0, 1.0), "powers": (0.0, 0.0, 0.0), "gains": (0.0, 0.0, 0.0)}
    assert granted(seen, QUEUES).tolist() == [8, 1, 1]
    assert backlog_counts(seen, QUEUES, **even, tracking=1.0).tolist() == [5, 3, 2]
    halfway = np.array([0.5 + 0.5 * 0.6, 0.5 + 0.5 * 0.3, 0.5 + 0.5 * 0.3])
    wanted = 10 * halfway / halfway.sum()
    np.testing.assert_allclose(backlog_counts(seen, QUEUES, **even, tracking=0.5), wanted, atol=1.0)
    assert backlog_counts(observed((3, 3, 3)), QUEUES, **even, tracking=1.0).sum() == 10  # after a reset


@given(st.lists(st.integers(0, 12), min_size=3, max_size=3), three, three, three, three)
@settings(max_examples=200)
def test_all_rbs_go_to_slices_with_ues(ues: Any, waiting: Any, weights: Any, powers: Any, gains: Any) -> None:
    number = np.array(ues)
    weights = tuple(x if x > 0.01 else 0.0 for x in weights)
    counts = backlog_counts(observed(ues, waiting), QUEUES, weights, powers, gains, 0.0)
    assert (counts >= 0).all()
    assert (counts[number == 0] == 0).all()
    assert counts.sum() == (10 if ((number > 0) & (np.array(weights) > 0)).any() else 0)


@given(three, st.integers(0, 2), st.floats(0.1, 3.0))
def test_more_backlog_never_gives_fewer_rbs(waiting: Any, i: int, more: float) -> None:
    after = np.array(waiting)
    after[i] += more
    less, greater = (
        backlog_counts(observed((3, 4, 5), w), QUEUES, **COUNTING, gains=(1.0, 1.0, 1.0), tracking=0.0)
        for w in (waiting, after)
    )
    assert greater[i] >= less[i]


def test_without_reading_it_counts() -> None:
    simulator = Simulator(QUEUES, 4, seed=1)
    observations = simulator.reset()
    for _ in range(5):
        counted = weighted_counts(observations, QUEUES, **COUNTING)
        assert (backlog_rule(observations, QUEUES, **COUNTING, **BLIND) == counted).all()
        observations = simulator.step(np.zeros((4, 2, 20))).observations
    for reading in ({**BLIND, "gains": (1.0, 1.0, 1.0)},):
        assert (backlog_rule(observations, QUEUES, **COUNTING, **reading) != counted).any()


@pytest.mark.parametrize("codec", ["two_bit", "slice_mask"])
def test_the_rbs_it_was_granted_are_those_that_were_executed(codec: str) -> None:
    simulator = Simulator(QUEUES, 3, seed=2, codec=codec)
    simulator.reset()
    observations = simulator.step(np.random.default_rng(0).random((3, 2, simulator.action_size))).observations
    assert simulator.last_outcome is not None
    given_to = simulator.last_outcome.slice_of_rb
    wanted = np.stack([(given_to == i).sum(axis=-1) for i in range(3)], axis=-1)
    assert (granted(observations, simulator.scenario) == wanted).all()


def test_only_where_a_backlog_is_seen() -> None:
    fields: list[dict[str, Any]] = [
        {},
        {"observation": "extended"},
        {"latency": "queue"},
        {"latency": "queue", "observation": "extended", "codec": "slice_share"},
    ]
    for overrides in fields:
        scenario = make_scenario("tiny", **overrides)
        assert not reads_backlog(scenario)
        assert "backlog_rule" not in reading_policies(scenario)
        with pytest.raises(ValueError, match=r"observation is '.*'; needed: one with a backlog"):
            backlog_rule(Simulator(scenario, 1).observations, scenario, **COUNTING, **BLIND)
    assert reads_backlog(QUEUES)
    with pytest.raises(ValueError, match=r"codec is 'slice_share'; allowed"):
        granted(Simulator("tiny", 1, codec="slice_share").observations, make_scenario("tiny", codec="slice_share"))


def test_a_hungry_slice_is_fed() -> None:
    simulator = Simulator(QUEUES, 8, seed=3)
    observations = simulator.reset()
    for _ in range(10):
        observations = simulator.step(np.zeros((8, 2, 20))).observations
    actions = (
        weighted_counts(observations, QUEUES, **COUNTING),
        backlog_rule(observations, QUEUES, **COUNTING, gains=(2.0, 0.0, 0.0), tracking=0.0),
    )
    counted, read = (np.array([[counts_of(a) for a in row] for row in action]) for action in actions)
    has_embb = observations[..., LAYOUT["num_ues"]][..., 0] > 0
    assert (read[has_embb][:, 0] > counted[has_embb][:, 0]).mean() > 0.9


def test_who_sees_a_backlog_is_offered_the_rule_that_reads_it() -> None:
    """As a rival of whatever is trained there, by the environment and by what compares."""
    assert {"backlog_rule", "weighted_counts"} <= set(reference_policies(make_scenario("dynamic")))
    assert {"backlog_rule", "weighted_counts"}.isdisjoint(reference_policies(make_scenario("paper")))
