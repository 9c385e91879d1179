"""Intervals against scipy's tests and a printed t-table."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import scipy.stats

from tasam_agents.statistics import Interval, mean_interval, paired_difference


def test_known_interval() -> None:
    half = 4.302652729911275 / math.sqrt(3)  # t of 2 degrees of freedom at 97.5 %, s = 1, n = 3
    interval = mean_interval([1.0, 2.0, 3.0])
    assert interval.mean == 2.0
    assert interval.low == pytest.approx(2 - half)
    assert interval.high == pytest.approx(2 + half)


@pytest.mark.parametrize("confidence", [0.5, 0.95, 0.99])
def test_paired_difference_is_that_of_ttest_rel(confidence: float) -> None:
    a, b = np.random.default_rng(0).normal(size=(2, 20))
    expected = scipy.stats.ttest_rel(a, b).confidence_interval(confidence)
    found = paired_difference(a, b, confidence)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
    assert found.mean == pytest.approx(float(np.mean(a) - np.mean(b)))


def test_pairing_removes_what_the_networks_share() -> None:
    generator = np.random.default_rng(1)
    network = generator.normal(0, 10, 20)
    a, b = network + 1 + 0.1 * generator.normal(size=20), network
    assert paired_difference(a, b).low > 0.9
    assert mean_interval(a).low < mean_interval(b).high  # unpaired, nothing could be said


def test_95_percent_of_the_intervals_hold_the_mean() -> None:
    samples = np.random.default_rng(2).normal(3.0, 1.0, (600, 5))
    hits = [i.low <= 3.0 <= i.high for i in map(mean_interval, samples)]
    assert 0.92 < np.mean(hits) < 0.98


def test_identical_values_have_an_interval_of_length_zero() -> None:
    assert paired_difference([1.0, 2.0], [1.0, 2.0]) == Interval(0.0, 0.0, 0.0)
    assert mean_interval([2.5, 2.5, 2.5]) == Interval(2.5, 2.5, 2.5)


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (([1.0], [1.0]), "at least 2"),
        (([1.0, 2.0], [1.0, 2.0, 3.0]), "2 and 3 values"),
        (([1.0, math.nan], [1.0, 2.0]), "NaN"),
        (([[1.0, 2.0]], [[1.0, 2.0]]), "one dimension"),
    ],
)
def test_bad_samples_are_refused(samples: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        paired_difference(*samples)
