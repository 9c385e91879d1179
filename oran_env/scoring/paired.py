"""Means over networks with 95 % intervals."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Interval(NamedTuple):
    """A mean and its 95 % interval."""

    mean: float
    low: float
    high: float


def student_quantile(p: float, freedom: int) -> float:
    """Quantile of Student's t, by the expansion of Cornish and Fisher: within 0.3 % from 4 degrees of freedom on."""
    z = NormalDist().inv_cdf(p)
    terms = (
        z,
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return float(sum(term / freedom**i for i, term in enumerate(terms)))


def interval(values: NDArray[np.float64]) -> Interval:
    """Mean of values (B,) and Student's interval; of paired differences it is the paired interval.

    Raises:
        ValueError: fewer than 5 values.
    """
    if len(values) < 5:
        raise ValueError(f"{len(values)} networks; allowed: 5 or more, fewer say nothing about others")
    mean = float(values.mean())
    half = student_quantile(0.975, len(values) - 1) * float(values.std(ddof=1)) / math.sqrt(len(values))
    return Interval(mean, mean - half, mean + half)
