"""One number out of returns: normalised by random and lookahead, with a 95 % interval of the percentile bootstrap."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 5000


class Measured(NamedTuple):
    """Returns in the networks of one scenario, paired from the first one on."""

    returns: NDArray[np.float64]  # (B,)
    random: NDArray[np.float64]  # (B,)
    lookahead: NDArray[np.float64]  # (R,) of the first R <= B


def interquartile_mean(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean over the last axis without its floor(n/4) least and greatest values."""
    cut = scores.shape[-1] // 4
    middle = np.sort(scores, axis=-1)[..., cut : scores.shape[-1] - cut]
    return np.asarray(middle.mean(axis=-1))


def bootstrap_interval(groups: Sequence[NDArray[np.float64]], confidence: float = 0.95) -> tuple[float, float] | None:
    """Percentile interval of the interquartile mean of all scores, resampled within each group.

    None when every group has a single score: nothing can be resampled, and an interval of width 0 would be a lie.
    """
    if all(len(group) == 1 for group in groups):
        return None
    rng = np.random.default_rng(0)
    resampled = [group[rng.integers(0, len(group), (RESAMPLES, len(group)))] for group in groups]
    values = interquartile_mean(np.concatenate(resampled, axis=1))
    low, high = np.quantile(values, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)


def mean_ratio(measured: Measured) -> float:
    """(mean return - mean random) / (mean lookahead - mean random), the divisor over the networks with lookahead."""
    lead = measured.lookahead - measured.random[: len(measured.lookahead)]
    return float((measured.returns - measured.random).mean() / lead.mean())


def ratio_interval(scenarios: Sequence[Measured], confidence: float = 0.95) -> tuple[float, float] | None:
    """Percentile interval of the mean over the scenarios of ``mean_ratio``.

    Networks are resampled within their scenario and keep all their returns; those with lookahead among themselves. None
    with a single network.
    """
    if all(len(measured.returns) == 1 for measured in scenarios):
        return None
    rng = np.random.default_rng(0)
    ratios = []
    for measured in scenarios:
        gain, lookahead = measured.returns - measured.random, measured.lookahead
        all_networks, with_lookahead = len(gain), len(lookahead)
        first = rng.integers(0, with_lookahead, (RESAMPLES, with_lookahead))
        others = rng.integers(
            with_lookahead, max(all_networks, with_lookahead + 1), (RESAMPLES, all_networks - with_lookahead)
        )
        lead = (lookahead - measured.random[:with_lookahead])[first].mean(axis=1)
        ratios.append(gain[np.concatenate([first, others], axis=1)].mean(axis=1) / lead)
    low, high = np.quantile(np.mean(ratios, axis=0), [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)
