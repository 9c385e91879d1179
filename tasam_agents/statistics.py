"""Intervals for means and paired differences, by Student's t (scipy.stats)."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.stats
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True)
class Interval:
    """A mean and the two-sided confidence interval around it."""

    mean: float
    low: float
    high: float


def mean_interval(sample: ArrayLike, confidence: float = 0.95) -> Interval:
    """t-interval of the mean of independent values.

    Raises:
        ValueError: fewer than two values, or one that is not finite.
    """
    (values,) = _samples([sample])
    return _interval(values, confidence)


def paired_difference(a: ArrayLike, b: ArrayLike, confidence: float = 0.95) -> Interval:
    """t-interval of the mean of a − b, where a[i] and b[i] were measured on the same network i.

    Raises:
        ValueError: samples of different length, fewer than two values, or one that is not finite.
    """
    first, second = _samples([a, b])
    return _interval(first - second, confidence)


def _interval(values: NDArray[np.float64], confidence: float) -> Interval:
    with warnings.catch_warnings():  # scipy warns about identical values; their interval has length 0, as it should
        warnings.simplefilter("ignore", RuntimeWarning)
        bounds = scipy.stats.ttest_1samp(values, 0.0).confidence_interval(confidence)
    if np.ptp(values) == 0:  # scipy gives NaN when the common value is 0
        return Interval(float(values[0]), float(values[0]), float(values[0]))
    return Interval(float(values.mean()), float(bounds.low), float(bounds.high))


def _samples(samples: Sequence[ArrayLike]) -> list[NDArray[np.float64]]:
    arrays = [np.asarray(sample, np.float64) for sample in samples]
    for array in arrays:
        if array.ndim != 1 or array.size < 2:
            raise ValueError(f"a sample has shape {array.shape}; allowed: one dimension, at least 2 values")
        if array.shape != arrays[0].shape:
            raise ValueError(f"paired samples have {arrays[0].size} and {array.size} values; allowed: as many")
        if not np.isfinite(array).all():
            raise ValueError("a sample holds NaN or infinity")
    return arrays
