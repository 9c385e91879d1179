"""Intervals against scipy's tests and a printed t-table."""

from __future__ import annotations

import math
from typing import Any

import hypothesis.extra.numpy
import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from support.intervals import known

from tasam_agents.stats.intervals import (
    Difference,
    Interval,
    difference,
    ends,
    mean_interval,
    over_networks,
    over_seeds,
    paired_difference,
)


def test_known_interval() -> None:
    half = 4.302652729911275 / math.sqrt(3)  # t of 2 degrees of freedom at 97.5 %, s = 1, n = 3
    interval = known(mean_interval([1.0, 2.0, 3.0]))
    assert interval.mean == 2.0
    assert interval.low == pytest.approx(2 - half)
    assert interval.high == pytest.approx(2 + half)


@pytest.mark.parametrize("confidence", [0.5, 0.95, 0.99])
def test_paired_difference_is_that_of_ttest_rel(confidence: float) -> None:
    a, b = np.random.default_rng(0).normal(size=(2, 20))
    expected = scipy.stats.ttest_rel(a, b).confidence_interval(confidence)
    found = known(paired_difference(a, b, confidence))
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
    assert found.mean == pytest.approx(float(np.mean(a) - np.mean(b)))


def test_pairing_removes_what_the_networks_share() -> None:
    generator = np.random.default_rng(1)
    network = generator.normal(0, 10, 20)
    a, b = network + 1 + 0.1 * generator.normal(size=20), network
    assert known(paired_difference(a, b)).low > 0.9
    assert known(mean_interval(a)).low < known(mean_interval(b)).high  # unpaired, nothing could be said


def test_95_percent_of_the_intervals_hold_the_mean() -> None:
    samples = np.random.default_rng(2).normal(3.0, 1.0, (600, 5))
    hits = [i.low <= 3.0 <= i.high for i in map(known, map(mean_interval, samples))]
    assert 0.92 < np.mean(hits) < 0.98


def test_identical_values_have_an_interval_of_length_zero() -> None:
    assert paired_difference([1.0, 2.0], [1.0, 2.0]) == Interval(0.0, 0.0, 0.0)
    assert mean_interval([2.5, 2.5, 2.5]) == Interval(2.5, 2.5, 2.5)


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (([], []), "at least 1"),
        (([1.0, 2.0], [1.0, 2.0, 3.0]), "2 and 3 values"),
        (([1.0, math.nan], [1.0, 2.0]), "NaN"),
        (([[1.0, 2.0]], [[1.0, 2.0]]), "one dimension"),
    ],
)
def test_bad_samples_are_refused(samples: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        paired_difference(*samples)


# ---------------------------------------------------------------- returns of seeds and networks

RETURNS = np.random.default_rng(3).normal(1.5, 0.1, (5, 8))


def test_over_seeds_and_over_networks_are_scipys_intervals_of_the_means() -> None:
    for found, means in ((over_seeds(RETURNS), RETURNS.mean(axis=1)), (over_networks(RETURNS), RETURNS.mean(axis=0))):
        assert found is not None
        low, high = scipy.stats.t.interval(0.95, len(means) - 1, means.mean(), scipy.stats.sem(means))
        assert (found.mean, found.low, found.high) == pytest.approx((RETURNS.mean(), low, high))


def test_one_seed_has_no_interval_over_seeds() -> None:
    assert over_seeds(RETURNS[:1]) is None
    assert over_networks(RETURNS[:1]) == mean_interval(RETURNS[0])
    assert difference(RETURNS[:1], RETURNS[1:2]).over_seeds is None


def test_one_network_has_no_interval_over_networks() -> None:
    assert mean_interval([1.5]) is paired_difference([1.5], [1.0]) is over_networks(RETURNS[:, :1]) is None
    assert over_seeds(RETURNS[:, :1]) == mean_interval(RETURNS[:, 0])
    found = difference(RETURNS[:, :1], RETURNS[:, 1:2])
    assert found.mean == pytest.approx(np.mean(RETURNS[:, 0] - RETURNS[:, 1]))
    assert found.over_networks is None


@pytest.mark.parametrize(("low", "high", "inside"), [(-1, 1, True), (0, 1, True), (-1, 0, True), (0.1, 1, False)])
def test_a_difference_is_in_doubt_when_an_interval_contains_zero(low: float, high: float, inside: bool) -> None:
    interval, clear = Interval(0.5, low, high), Interval(0.5, 0.4, 0.6)
    assert interval.contains_zero is inside
    assert Difference(0.5, clear, interval).in_doubt is inside
    assert Difference(0.5, interval, clear).in_doubt is inside
    assert not Difference(0.5, None, None).in_doubt


def test_intervals_for_readers_and_tables() -> None:
    interval = Interval(0.5, -0.25, 1.25)
    assert interval.text("+") == "+0.500 [-0.250, +1.250]"
    assert interval.bounds(digits=1) == "[-0.2, 1.2]"
    assert ends(interval, "gain_{}") == {"gain_low": -0.25, "gain_high": 1.25}
    assert ends(None) == {"low": None, "high": None}


def test_differences_are_paired_by_seed_and_by_network() -> None:
    generator = np.random.default_rng(4)
    seeds, networks = generator.normal(0, 5, (5, 1)), generator.normal(0, 5, 8)
    a, b = RETURNS + seeds + networks + 1, RETURNS + seeds + networks
    found = difference(a, b + generator.normal(0, 0.01, b.shape))
    both = known(found.over_seeds), known(found.over_networks)
    assert min(interval.low for interval in both) > 0.9
    assert max(interval.high for interval in both) < 1.1
    by_seed = scipy.stats.ttest_rel(a.mean(axis=1), RETURNS.mean(axis=1)).confidence_interval()
    unpaired = known(difference(a, RETURNS).over_seeds)
    assert (unpaired.low, unpaired.high) == pytest.approx((by_seed.low, by_seed.high))


def test_a_policy_that_is_not_trained_meets_every_seed() -> None:
    fixed = np.linspace(1, 2, 8)[None]
    assert difference(RETURNS, fixed) == difference(RETURNS, np.repeat(fixed, 5, axis=0))
    found = known(difference(fixed, RETURNS).over_seeds)
    # One policy, five trainings: the spread is that of the trainings alone.
    spread = known(over_seeds(RETURNS))
    assert found.high - found.low == pytest.approx(spread.high - spread.low)


def test_identical_agents_differ_by_exactly_nothing() -> None:
    zero = Interval(0.0, 0.0, 0.0)
    assert difference(RETURNS, RETURNS.copy()) == Difference(0.0, zero, zero)


@settings(max_examples=50, deadline=None)
@given(
    hypothesis.extra.numpy.arrays(np.float64, (4, 5), elements=st.floats(-3, 3, width=32)),
    hypothesis.extra.numpy.arrays(np.float64, (4, 5), elements=st.floats(-3, 3, width=32)),
    st.permutations(range(4)),
    st.floats(0.1, 10),
    st.floats(-5, 5),
)
def test_order_of_seeds_unit_and_origin_do_not_matter(
    a: Any, b: Any, order: list[int], scale: float, shift: float
) -> None:
    before, after = difference(a, b), difference(scale * a[order] + shift, scale * b[order] + shift)
    swapped = difference(b, a)
    assert swapped.mean == pytest.approx(-before.mean, abs=1e-12)
    networks, turned = known(before.over_networks), known(swapped.over_networks)
    assert (turned.low, turned.high) == pytest.approx((-networks.high, -networks.low), abs=1e-9)
    pairs = ((before.over_seeds, after.over_seeds), (before.over_networks, after.over_networks))
    for one, two in (map(known, pair) for pair in pairs):
        expected = np.array([one.mean, one.low, one.high]) * scale
        np.testing.assert_allclose([two.mean, two.low, two.high], expected, atol=1e-8)


def test_each_interval_covers_what_it_speaks_of() -> None:
    generator = np.random.default_rng(5)
    hits = np.zeros(2)
    trials = 800
    for _ in range(trials):
        seeds, networks = generator.normal(0, 1, (5, 1)), generator.normal(0, 1, 8)
        noise = generator.normal(0, 0.3, (5, 8))
        for place, interval in enumerate((over_seeds(3 + seeds + noise), over_networks(3 + networks + noise))):
            assert interval is not None
            hits[place] += interval.low <= 3 <= interval.high
    assert ((hits / trials > 0.93) & (hits / trials < 0.97)).all()


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [
        (np.ones((5, 8)), np.ones((5, 7)), "8 and 7 networks"),
        (np.ones((5, 8)), np.ones((4, 8)), "5 and 4 seeds; allowed: as many, or 1"),
        (np.ones(8), np.ones((1, 8)), r"shape \(8,\); allowed: \(S, N\)"),
        (np.ones((5, 0)), np.ones((5, 0)), "at least 1 seed and 1 network"),
        (np.ones((0, 8)), np.ones((1, 8)), "at least 1 seed"),
        (np.full((2, 8), np.inf), np.ones((2, 8)), "NaN or infinity"),
    ],
)
def test_returns_that_do_not_fit_are_refused(a: Any, b: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        difference(a, b)
