"""Interquartile mean, probability of improvement and performance profiles, with bootstrap intervals.

The measures are those of Agarwal et al., "Deep Reinforcement Learning at the Edge of the Statistical Precipice"
(NeurIPS 2021). Returns are arrays (S, N) as in ``intervals.py``. What is drawn anew is training: the networks stay.

Agarwal et al. train anew on every task and therefore resample seeds within each task, independently of the others
(``resample="within_networks"``). Here one training is evaluated on all N networks, so that a good seed is good on
most of them; drawing network by network would average that away and give intervals that are far too short. The default
(``resample="seeds"``) draws whole seeds. docs/statistics.md has the measured coverage of both.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tasam_agents.stats.intervals import LEAST_RUNS, Interval, checked_returns

Resample = Literal["seeds", "within_networks"]
Array = NDArray[np.float64]


@dataclass(frozen=True)
class Bootstrap:
    """How intervals are made: percentiles of the measure over resampled seeds. Each call draws the same."""

    resamples: int = 2000
    confidence: float = 0.95
    resample: Resample = "seeds"
    seed: int = 0

    def __post_init__(self) -> None:
        if self.resamples < 1:
            raise ValueError(f"resamples is {self.resamples}; allowed: 1 or more")
        if not 0 < self.confidence < 1:
            raise ValueError(f"confidence is {self.confidence}; allowed: a number in (0, 1)")
        if self.resample not in ("seeds", "within_networks"):
            raise ValueError(f"resample is {self.resample!r}; allowed: 'seeds', 'within_networks'")

    def bounds(self, measure: Callable[..., Array], *samples: Array) -> tuple[Array, Array] | None:
        """Lower and upper percentile of ``measure``, which takes one (S, N) array per sample with leading axes.

        None when every sample has a single seed, or fewer than three whole ones: half of the draws from two are the
        same one twice, and an interval of width 0 would be a lie.
        """
        least = LEAST_RUNS if self.resample == "seeds" else 2
        if all(len(sample) < least for sample in samples):
            return None
        generator = np.random.default_rng(self.seed)
        values = measure(*(self._drawn(sample, generator) for sample in samples))
        tail = 50 * (1 - self.confidence)
        low, high = np.percentile(values, (tail, 100 - tail), axis=0)
        return low, high

    def _drawn(self, sample: Array, generator: np.random.Generator) -> Array:
        """(resamples, S, N)."""
        num_seeds, num_networks = sample.shape
        if self.resample == "seeds":
            return sample[generator.integers(num_seeds, size=(self.resamples, num_seeds))]
        columns = [generator.integers(num_seeds, size=(self.resamples, num_seeds)) for _ in range(num_networks)]
        return sample[np.stack(columns, axis=-1), np.arange(num_networks)]


BOOTSTRAP = Bootstrap()


def interquartile_mean(returns: ArrayLike) -> float:
    """Mean of the middle half of all S·N values; of n values ⌊n/4⌋ are left out at either end."""
    return float(_interquartile_mean(checked_returns(returns)))


def interquartile_mean_interval(returns: ArrayLike, bootstrap: Bootstrap = BOOTSTRAP) -> Interval | None:
    """The interquartile mean and its interval over seeds; None with fewer than three seeds."""
    return _interval(_interquartile_mean, bootstrap, checked_returns(returns))


def probability_of_improvement(a: ArrayLike, b: ArrayLike) -> float:
    """P(A > B): on a network, a seed of A beats a seed of B (a tie counts half); mean over the N networks.

    Per network this is U/(S_A·S_B), U the Mann-Whitney statistic.
    """
    return float(_probability(*_same_networks(a, b)))


def probability_of_improvement_interval(
    a: ArrayLike, b: ArrayLike, bootstrap: Bootstrap = BOOTSTRAP
) -> Interval | None:
    """P(A > B) and its interval over the seeds of both; None when both have fewer than three."""
    return _interval(_probability, bootstrap, *_same_networks(a, b))


@dataclass(frozen=True)
class Profile:
    """Share of (seed, network) returns above each threshold, with a pointwise band over seeds."""

    thresholds: Array  # (T,)
    share: Array  # (T,)
    low: Array | None  # (T,); None with fewer than three seeds
    high: Array | None


def performance_profile(returns: ArrayLike, thresholds: ArrayLike, bootstrap: Bootstrap = BOOTSTRAP) -> Profile:
    """Performance profile of returns (S, N) at thresholds (T,): the share of returns > τ."""
    array, taus = checked_returns(returns), np.asarray(thresholds, np.float64)
    if taus.ndim != 1 or not np.isfinite(taus).all():
        raise ValueError(f"thresholds have shape {taus.shape}; allowed: (T,), finite")

    def share(values: Array) -> Array:
        return np.stack([(values > tau).mean(axis=(-2, -1)) for tau in taus], axis=-1)

    low, high = bootstrap.bounds(share, array) or (None, None)
    return Profile(taus, share(array), low, high)


def _interval(measure: Callable[..., Array], bootstrap: Bootstrap, *samples: Array) -> Interval | None:
    bounds = bootstrap.bounds(measure, *samples)
    return None if bounds is None else Interval(float(measure(*samples)), float(bounds[0]), float(bounds[1]))


def _interquartile_mean(values: Array) -> Array:
    """(..., S, N) -> (...)."""
    ordered = np.sort(values.reshape(*values.shape[:-2], -1), axis=-1)
    cut = ordered.shape[-1] // 4
    middle: Array = ordered[..., cut : ordered.shape[-1] - cut].mean(axis=-1)
    return middle


def _probability(a: Array, b: Array) -> Array:
    """(..., S_A, N), (..., S_B, N) -> (...)."""
    won = np.zeros(a.shape[:-2])  # halves, so the sum is exact and P(A > A) is
    for seed in range(b.shape[-2]):  # a loop, as all pairs of seeds at once would take much memory
        other = b[..., seed : seed + 1, :]
        won += ((a > other) + 0.5 * (a == other)).sum(axis=(-2, -1))
    chance: Array = won / (a.shape[-2] * b.shape[-2] * a.shape[-1])
    return chance


def _same_networks(a: ArrayLike, b: ArrayLike) -> tuple[Array, Array]:
    first, second = checked_returns(a), checked_returns(b)
    if first.shape[1] != second.shape[1]:
        raise ValueError(f"returns on {first.shape[1]} and {second.shape[1]} networks; allowed: the same networks")
    return first, second
