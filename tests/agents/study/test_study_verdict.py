"""Verdicts on data whose answer is known."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats

from tasam_agents.study.verdict import Effect, above, all_of, as_large_as, gap, over_runs, spread_ratio


@pytest.mark.parametrize(
    ("low", "high", "margin", "verdict"),
    [
        (0.02, 0.05, 0.01, "supported"),
        (0.005, 0.05, 0.01, "inconclusive"),
        (-0.05, 0.009, 0.01, "not supported"),
        (-0.05, 0.02, 0.01, "inconclusive"),
        (0.01, 0.05, 0.01, "inconclusive"),  # the margin itself is not beyond it
        (-0.05, 0.01, 0.01, "inconclusive"),
    ],
)
def test_above(low: float, high: float, margin: float, verdict: str) -> None:
    assert above(Effect(0.5 * (low + high), low, high), margin) == verdict


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (2.0, 30.0, "supported"),  # reaches 22 and excludes the margin
        (25.0, 30.0, "supported"),
        (-1.0, 30.0, "inconclusive"),
        (2.0, 10.0, "not supported"),  # an effect, but not of this size
        (-9.0, -1.0, "not supported"),
    ],
)
def test_as_large_as(low: float, high: float, verdict: str) -> None:
    assert as_large_as(Effect(0.5 * (low + high), low, high), 22.0, margin=1.0) == verdict


def test_without_an_interval_nothing_is_decided() -> None:
    for effect in (
        Effect(5.0, None, None),
        over_runs([3.0]),
        over_runs([1.0, 1.0]),
        over_runs([]),
        over_runs([math.nan, 2.0]),
    ):
        assert above(effect) == as_large_as(effect, 1.0) == "inconclusive"
    assert gap(np.ones((2, 6)), np.zeros((2, 6))).low is None  # two runs that agree say nothing of others
    assert over_runs([]).text() == "nothing to measure"


def test_a_claim_of_parts_falls_with_any_and_stands_with_all() -> None:
    assert all_of(["supported", "supported"]) == "supported"
    assert all_of(["supported", "inconclusive"]) == "inconclusive"
    assert all_of(["inconclusive", "supported", "not supported"]) == "not supported"
    assert all_of([]) == "inconclusive"


def test_gap_reaches_as_far_as_both_intervals() -> None:
    """Seeds that differ widen it, and so do networks that differ."""
    base = np.zeros((4, 6))
    by_seed = np.array([0.0, 0.1, 0.2, 0.3])[:, None] + base
    by_network = np.linspace(0.0, 0.3, 6)[None, :] + base
    for values, along in ((by_seed, by_seed.mean(axis=1)), (by_network, by_network.mean(axis=0))):
        effect = gap(values, base)
        expected = scipy.stats.ttest_1samp(along, 0.0).confidence_interval(0.95)
        assert effect.mean == pytest.approx(0.15)
        assert (effect.low, effect.high) == pytest.approx((expected.low, expected.high))
    assert gap(by_seed[:1], base[:1]).low is None


def test_over_runs_leaves_out_what_was_not_measured() -> None:
    assert over_runs([1.0, math.nan, 3.0]) == over_runs([1.0, 3.0])


def test_spread_ratio_is_that_of_the_f_test() -> None:
    rng = np.random.default_rng(0)
    a, b = 3.0 * rng.standard_normal(8), rng.standard_normal(6)
    effect = spread_ratio(a, b)
    assert effect.mean == pytest.approx(math.log(a.std(ddof=1) / b.std(ddof=1)))
    assert effect.low is not None
    # At the lower bound the two-sided F test of equal spreads has p = 5 %.
    statistic = a.var(ddof=1) / b.var(ddof=1) / math.exp(2.0 * effect.low)
    assert 2.0 * scipy.stats.f.sf(statistic, 7, 5) == pytest.approx(0.05)


def test_spread_ratio_covers() -> None:
    rng = np.random.default_rng(1)
    hits = 0
    for _ in range(400):
        effect = spread_ratio(2.0 * rng.standard_normal(5), rng.standard_normal(5))
        assert effect.low is not None
        assert effect.high is not None
        hits += effect.low <= math.log(2.0) <= effect.high
    assert 0.92 <= hits / 400 <= 0.98
