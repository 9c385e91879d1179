"""Intervals for means and paired differences, by Student's t (scipy.stats).

Returns of an agent are an array (S, N): S training seeds, each evaluated on the same N held-out networks; a policy that
is not trained has S = 1. What such an array says about other seeds and what it says about other networks are two
questions with an interval each. Formulas: docs/statistics.md.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.stats
from numpy.typing import ArrayLike, NDArray

LEAST_RUNS = 3
"""Training runs from which on an interval over runs is shown: two that happen to agree would give one without width."""


@dataclass(frozen=True)
class Interval:
    """A mean and the two-sided confidence interval around it."""

    mean: float
    low: float
    high: float

    @property
    def contains_zero(self) -> bool:
        """Whether 0 lies in the interval, ends included."""
        return self.low <= 0 <= self.high

    def bounds(self, sign: str = "", digits: int = 3) -> str:
        """The interval for readers, [low, high]; sign: "+" writes that of positive numbers too."""
        return f"[{self.low:{sign}.{digits}f}, {self.high:{sign}.{digits}f}]"

    def text(self, sign: str = "", digits: int = 3) -> str:
        """The mean and the interval for readers, mean [low, high]."""
        return f"{self.mean:{sign}.{digits}f} {self.bounds(sign, digits)}"


def ends(interval: Interval | None, name: str = "{}") -> dict[str, float | None]:
    """Two columns of a table, ``name`` with low and high in place of {}; None where there is no interval."""
    return {name.format(end): None if interval is None else getattr(interval, end) for end in ("low", "high")}


def mean_interval(sample: ArrayLike, confidence: float = 0.95) -> Interval | None:
    """t-interval of the mean of independent values; None with one value, which says nothing about others.

    Raises:
        ValueError: no value, or one that is not finite.
    """
    (values,) = _samples([sample])
    return _interval(values, confidence)


def paired_difference(a: ArrayLike, b: ArrayLike, confidence: float = 0.95) -> Interval | None:
    """t-interval of the mean of a − b, where a[i] and b[i] were measured on the same network i; None with one network.

    Raises:
        ValueError: samples of different length, no value, or one that is not finite.
    """
    first, second = _samples([a, b])
    return _interval(first - second, confidence)


@dataclass(frozen=True)
class Difference:
    """Mean of A − B on common networks, with an interval for each of the two things that could have been others."""

    mean: float
    over_seeds: Interval | None  # None: one seed, nothing is known about others
    over_networks: Interval | None  # None: one network

    @property
    def in_doubt(self) -> bool:
        """Whether one of the intervals contains 0."""
        return any(
            interval is not None and interval.contains_zero for interval in (self.over_seeds, self.over_networks)
        )


def over_seeds(returns: ArrayLike, confidence: float = 0.95) -> Interval | None:
    """t-interval over the S means of returns (S, N) over networks; None with one seed.

    Raises:
        ValueError: another shape, or a value that is not finite.
    """
    return mean_interval(checked_returns(returns).mean(axis=1), confidence)


def over_networks(returns: ArrayLike, confidence: float = 0.95) -> Interval | None:
    """t-interval over the N means of returns (S, N) over seeds; None with one network.

    Raises:
        ValueError: see ``over_seeds``.
    """
    return mean_interval(checked_returns(returns).mean(axis=0), confidence)


def difference(a: ArrayLike, b: ArrayLike, confidence: float = 0.95) -> Difference:
    """A − B of returns (S, N) whose columns are the same networks and whose rows are the same training seeds.

    Where only one of the two has S = 1, as a policy that is not trained, each seed of the other is paired with it.

    Raises:
        ValueError: unequal N, unequal S of which none is 1, or see ``over_seeds``.
    """
    first, second = checked_returns(a), checked_returns(b)
    if first.shape[1] != second.shape[1]:
        raise ValueError(f"returns on {first.shape[1]} and {second.shape[1]} networks; allowed: the same networks")
    if len(first) != len(second) and 1 not in (len(first), len(second)):
        raise ValueError(f"returns of {len(first)} and {len(second)} seeds; allowed: as many, or 1")
    gap = first - second
    return Difference(float(gap.mean()), over_seeds(gap, confidence), over_networks(gap, confidence))


def checked_returns(returns: ArrayLike) -> NDArray[np.float64]:
    """Returns (S, N) as an array.

    Raises:
        ValueError: another shape, no seed, no network, or a value that is not finite.
    """
    array = np.asarray(returns, np.float64)
    if array.ndim != 2 or array.size < 1:
        raise ValueError(f"returns have shape {array.shape}; allowed: (S, N), at least 1 seed and 1 network")
    if not np.isfinite(array).all():
        raise ValueError("returns hold NaN or infinity")
    return array


def _interval(values: NDArray[np.float64], confidence: float) -> Interval | None:
    if values.size == 1:
        return None
    with warnings.catch_warnings():  # scipy warns about identical values; their interval has length 0, as it should
        warnings.simplefilter("ignore", RuntimeWarning)
        bounds = scipy.stats.ttest_1samp(values, 0.0).confidence_interval(confidence)
    if np.ptp(values) == 0:  # scipy gives NaN when the common value is 0
        return Interval(float(values[0]), float(values[0]), float(values[0]))
    return Interval(float(values.mean()), float(bounds.low), float(bounds.high))


def _samples(samples: Sequence[ArrayLike]) -> list[NDArray[np.float64]]:
    arrays = [np.asarray(sample, np.float64) for sample in samples]
    for array in arrays:
        if array.ndim != 1 or array.size < 1:
            raise ValueError(f"a sample has shape {array.shape}; allowed: one dimension, at least 1 value")
        if array.shape != arrays[0].shape:
            raise ValueError(f"paired samples have {arrays[0].size} and {array.size} values; allowed: as many")
        if not np.isfinite(array).all():
            raise ValueError("a sample holds NaN or infinity")
    return arrays
