"""From intervals to verdicts: pure functions, no knowledge of the study.

A claim is an effect: something is larger than something else, by more than a margin that was fixed before. It is
supported when the whole interval lies above the margin, not supported when the whole interval lies below it, and
inconclusive otherwise. With fewer than three training seeds there is no interval, and everything is inconclusive.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np
import scipy.stats
from numpy.typing import ArrayLike

from tasam_agents.stats.intervals import LEAST_RUNS, difference, mean_interval
from tasam_agents.study.page.page import Verdict


class Effect(NamedTuple):
    """What was measured, with the interval it is judged by; no bounds: too few seeds."""

    mean: float
    low: float | None = None
    high: float | None = None

    def times(self, factor: float) -> Effect:
        """In another unit; factor: above 0."""
        low, high = (None if bound is None else factor * bound for bound in (self.low, self.high))
        return Effect(factor * self.mean, low, high)

    def text(self, digits: int = 3, unit: str = "") -> str:
        """For readers: the mean and its interval."""
        if self.mean != self.mean:
            return "nothing to measure"
        bounds = "" if self.low is None else f" [{self.low:+.{digits}f}, {self.high:+.{digits}f}]"
        return f"{self.mean:+.{digits}f}{bounds}{unit}"


def gap(a: ArrayLike, b: ArrayLike) -> Effect:
    """A − B of returns (S, N), paired by seed and network. The interval reaches as far as the one over seeds and the
    one over networks do: an effect has to hold for other trainings and for other networks."""
    found = difference(a, b)
    seeds, networks = found.over_seeds, found.over_networks
    if seeds is None or networks is None or len(np.asarray(a)) < LEAST_RUNS:
        return Effect(found.mean)
    return Effect(found.mean, min(seeds.low, networks.low), max(seeds.high, networks.high))


def over_runs(values: ArrayLike) -> Effect:
    """Mean of one number per run (S,), with its t-interval; runs without a number are left out."""
    known = np.asarray(values, np.float64)
    known = known[np.isfinite(known)]
    if known.size == 0:
        return Effect(float("nan"))
    found = mean_interval(known)
    if found is None or known.size < LEAST_RUNS:
        return Effect(float(known.mean()))
    return Effect(found.mean, found.low, found.high)


def spread_ratio(a: ArrayLike, b: ArrayLike, confidence: float = 0.95) -> Effect:
    """log(sd A / sd B) of one number per run, with the interval of the F distribution for independent normal values."""
    first, second = np.asarray(a, np.float64), np.asarray(b, np.float64)
    if min(first.size, second.size) < LEAST_RUNS:
        return Effect(float("nan"))
    ratio = float(np.log(first.std(ddof=1) / second.std(ddof=1)))
    tail = (1.0 - confidence) / 2.0
    # sd_A²/sd_B² over the true ratio of variances has the F distribution with these degrees of freedom.
    quantiles = scipy.stats.f.ppf([tail, 1.0 - tail], first.size - 1, second.size - 1)
    return Effect(ratio, ratio - 0.5 * float(np.log(quantiles[1])), ratio - 0.5 * float(np.log(quantiles[0])))


def above(effect: Effect, margin: float = 0.0) -> Verdict:
    """The claim that the effect is larger than the margin."""
    if effect.low is None or effect.high is None or not np.isfinite(effect.mean):
        return "inconclusive"
    if effect.low > margin:
        return "supported"
    return "not supported" if effect.high < margin else "inconclusive"


def as_large_as(effect: Effect, claimed: float, margin: float = 0.0) -> Verdict:
    """The claim of a certain size: the interval must exclude everything up to the margin and reach what is claimed."""
    if effect.low is None or effect.high is None or not np.isfinite(effect.mean):
        return "inconclusive"
    if effect.high < claimed:
        return "not supported"
    return "supported" if effect.low > margin else "inconclusive"


def all_of(verdicts: Iterable[Verdict]) -> Verdict:
    """A claim of several parts: it falls with any of them and stands with all."""
    each = list(verdicts)
    if "not supported" in each:
        return "not supported"
    return "supported" if each and all(verdict == "supported" for verdict in each) else "inconclusive"


def decisive(effects: Mapping[str, Effect], margin: float = 0.0) -> str:
    """Of the parts of a claim the one that its verdict rests on: the smallest effect among those with that verdict."""
    each = {name: above(effect, margin) for name, effect in effects.items()}
    verdict = all_of(each.values())
    return min((name for name in each if each[name] == verdict), key=lambda name: _order(effects[name].mean))


def _order(mean: float) -> float:
    return float("inf") if mean != mean else mean  # one without a number decides nothing if there is another
