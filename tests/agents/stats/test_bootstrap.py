"""Interquartile mean, probability of improvement and profiles against scipy, by hand, and by their properties."""

from __future__ import annotations

from typing import Any

import hypothesis.extra.numpy
import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from tasam_agents.stats.bootstrap import (
    Bootstrap,
    Resample,
    interquartile_mean,
    interquartile_mean_interval,
    performance_profile,
    probability_of_improvement,
    probability_of_improvement_interval,
)
from tasam_agents.stats.intervals import over_seeds

QUICK = Bootstrap(resamples=200)
FINE = Bootstrap(resamples=8000)


def make(num_seeds: int, num_networks: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).gamma(2.0, 1.0, (num_seeds, num_networks))


tables = hypothesis.extra.numpy.arrays(np.float64, (4, 3), elements=st.integers(-4, 4).map(float))


@pytest.mark.parametrize("shape", [(1, 2), (1, 5), (3, 4), (5, 7), (10, 20)])
def test_interquartile_mean_is_scipys_trimmed_mean(shape: tuple[int, int]) -> None:
    returns = make(*shape)
    assert interquartile_mean(returns) == pytest.approx(scipy.stats.trim_mean(returns, 0.25, axis=None), rel=1e-12)


def test_interquartile_mean_by_hand() -> None:
    assert interquartile_mean([[1.0, 100.0, 3.0, 4.0], [-50.0, 2.0, 6.0, 5.0]]) == (2 + 3 + 4 + 5) / 4


@pytest.mark.parametrize(("seeds_a", "seeds_b"), [(5, 5), (4, 7), (5, 1), (1, 1)])
def test_probability_of_improvement_is_mann_whitneys(seeds_a: int, seeds_b: int) -> None:
    a, b = np.round(make(seeds_a, 6, 1), 1), np.round(make(seeds_b, 6, 2), 1)  # rounded: some ties
    expected = [scipy.stats.mannwhitneyu(a[:, n], b[:, n]).statistic / (seeds_a * seeds_b) for n in range(6)]
    assert probability_of_improvement(a, b) == pytest.approx(np.mean(expected), rel=1e-12)


def test_probability_of_improvement_by_hand() -> None:
    a, b = [[1.0, 5.0], [3.0, 5.0]], [[2.0, 5.0], [3.0, 9.0]]
    # network 0: 1<2, 1<3, 3>2, 3=3 -> 1.5 of 4; network 1: 5=5, 5<9, twice -> 1 of 4
    assert probability_of_improvement(a, b) == (1.5 + 1) / 8


def test_profile_by_hand() -> None:
    profile = performance_profile([[1.0, 2.0], [3.0, 4.0]], [0.0, 1.0, 2.5, 4.0])
    assert profile.share.tolist() == [1.0, 0.75, 0.5, 0.0]  # above: a return of exactly τ does not count
    assert performance_profile([[1.0, 2.0]], [1.5]).low is None


def test_intervals_over_whole_seeds_are_scipys_bootstrap() -> None:
    a, b = make(6, 4, 3), make(6, 4, 4)

    def scipys(statistic: Any, *samples: Any) -> Any:
        return scipy.stats.bootstrap(
            samples, statistic, n_resamples=8000, method="percentile", paired=False, vectorized=False, axis=0,
            rng=np.random.default_rng(9),
        ).confidence_interval  # fmt: skip

    # A sample of scipy's is one number per observation: hand it the number of the seed.
    numbers = np.arange(6)
    expected = scipys(lambda i: scipy.stats.trim_mean(a[i], 0.25, axis=None), numbers)
    found = interquartile_mean_interval(a, FINE)
    assert found is not None
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=0.05 * (found.high - found.low))

    expected = scipys(lambda i, j: probability_of_improvement(a[i], b[j]), numbers, numbers)
    found = probability_of_improvement_interval(a, b, FINE)
    assert found is not None
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=0.05 * (found.high - found.low))

    expected = scipys(lambda i: float((a[i] > 1.5).mean()), numbers)
    profile = performance_profile(a, [1.5], FINE)
    assert profile.low is not None
    assert profile.high is not None
    assert (profile.low[0], profile.high[0]) == pytest.approx((expected.low, expected.high), abs=1 / 24)


def test_within_networks_draws_each_network_on_its_own() -> None:
    """With a pure effect of the seed, N networks drawn apart average it away: the interval shrinks as 1/√N."""
    returns = np.repeat(np.random.default_rng(6).normal(size=(8, 1)), 25, axis=1)
    whole = interquartile_mean_interval(returns, Bootstrap(resamples=2000))
    apart = interquartile_mean_interval(returns, Bootstrap(resamples=2000, resample="within_networks"))
    assert whole is not None
    assert apart is not None
    assert (apart.high - apart.low) / (whole.high - whole.low) == pytest.approx(1 / 5, rel=0.25)
    # On a single stratum's worth of information the two agree.
    independent = np.random.default_rng(7).normal(size=(40, 2))
    kinds: tuple[Resample, Resample] = ("seeds", "within_networks")
    lengths = []
    for kind in kinds:
        interval = interquartile_mean_interval(independent, Bootstrap(resamples=4000, resample=kind))
        assert interval is not None
        lengths.append(interval.high - interval.low)
    assert lengths[0] == pytest.approx(lengths[1], rel=0.25)


def test_whole_seeds_cover_where_seeds_apart_do_not() -> None:
    """20 trainings, each evaluated on the same 10 networks: the truth is 0 by symmetry."""
    generator = np.random.default_rng(8)
    hits = {"t": 0, "seeds": 0, "within_networks": 0}
    trials = 200
    networks = np.linspace(-1, 1, 10)
    for _ in range(trials):
        returns = networks + generator.normal(0, 0.1, (20, 1)) + generator.normal(0, 0.05, (20, 10))
        whole = interquartile_mean_interval(returns, Bootstrap(300))
        apart = interquartile_mean_interval(returns, Bootstrap(300, resample="within_networks"))
        for name, interval in zip(hits, (over_seeds(returns), whole, apart), strict=True):
            assert interval is not None
            hits[name] += interval.low <= 0 <= interval.high
    assert hits["t"] / trials == pytest.approx(0.95, abs=0.04)
    assert hits["seeds"] / trials == pytest.approx(0.95, abs=0.06)
    assert hits["within_networks"] / trials < 0.8


@settings(max_examples=20, deadline=None)
@given(tables, tables, st.permutations(range(4)), st.sampled_from([0.5, 2.0, 8.0]), st.integers(-3, 3))
def test_properties(a: Any, b: Any, order: list[int], scale: float, shift: int) -> None:
    moved = scale * a[order] + shift
    assert interquartile_mean(moved) == pytest.approx(scale * interquartile_mean(a) + shift, abs=1e-9)
    chance = probability_of_improvement(a, b)
    assert chance + probability_of_improvement(b, a) == pytest.approx(1.0, abs=1e-12)
    assert probability_of_improvement(moved, scale * b + shift) == pytest.approx(chance, abs=1e-12)
    assert probability_of_improvement(a, a) == 0.5
    taus = np.arange(-5.0, 6.0)
    profile = performance_profile(a, taus, QUICK)
    assert profile.low is not None
    assert profile.high is not None
    assert (np.diff(profile.share) <= 0).all()
    assert (profile.share[0], profile.share[-1]) == (1.0, 0.0)
    assert (profile.low <= profile.high).all()
    np.testing.assert_array_equal(profile.share, performance_profile(moved, scale * taus + shift, QUICK).share)
    interval = interquartile_mean_interval(a, QUICK)
    assert interval is not None
    assert min(a.min(), interval.low) == a.min()
    assert max(a.max(), interval.high) == a.max()


def test_the_same_call_gives_the_same_interval_and_another_seed_another() -> None:
    returns = make(5, 6)
    assert interquartile_mean_interval(returns, QUICK) == interquartile_mean_interval(returns, QUICK)
    other = Bootstrap(resamples=200, seed=1)
    assert interquartile_mean_interval(returns, QUICK) != interquartile_mean_interval(returns, other)


def test_nothing_can_be_resampled_from_one_seed_or_two() -> None:
    one, two, many = make(1, 6), make(2, 6), make(5, 6)
    assert interquartile_mean_interval(two) is None
    assert probability_of_improvement_interval(two + 9, two) is None, "it would be 1 to 1"
    assert performance_profile(two, [0.5]).low is None
    assert interquartile_mean_interval(one) is None
    assert probability_of_improvement_interval(one, one) is None
    interval = probability_of_improvement_interval(many, one, QUICK)  # the fixed policy stays, the seeds are drawn
    assert interval is not None
    assert interval.low < interval.high


def test_confidence_is_that_of_the_percentiles() -> None:
    returns = make(10, 6)
    lengths = []
    for confidence in (0.5, 0.8, 0.95):
        interval = interquartile_mean_interval(returns, Bootstrap(confidence=confidence))
        assert interval is not None
        lengths.append(interval.high - interval.low)
    assert lengths == sorted(lengths)
    assert lengths[0] / lengths[2] == pytest.approx(0.674 / 1.96, rel=0.15)  # nearly normal


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Bootstrap(resamples=0), "resamples is 0; allowed: 1 or more"),
        (lambda: Bootstrap(confidence=95), "confidence is 95; allowed: a number in"),
        (lambda: Bootstrap(resample="networks"), "resample is 'networks'; allowed: 'seeds', 'within_networks'"),  # type: ignore[arg-type]
        (lambda: probability_of_improvement(np.ones((2, 3)), np.ones((2, 4))), "3 and 4 networks"),
        (lambda: interquartile_mean(np.ones(3)), r"shape \(3,\)"),
        (lambda: performance_profile(np.ones((2, 3)), [[1.0]]), r"thresholds have shape \(1, 1\)"),
    ],
)
def test_bad_input_is_refused(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
