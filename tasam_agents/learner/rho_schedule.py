"""The perturbation radius ρ: a schedule over training, section IV-E, scaled by the TD-error variance."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from tasam_agents.config import RhoSchedule

TINY = np.finfo(np.float64).tiny

SHAPES: dict[str, Callable[[float, float, float], float]] = {
    "linear": lambda start, end, x: start + (end - start) * x,
    "cosine": lambda start, end, x: end + (start - end) * 0.5 * (1.0 + math.cos(math.pi * x)),
    "exponential": lambda start, end, x: float(start * (end / start) ** x),
    "constant": lambda start, end, x: start,
}
"""ρ(x) from `start` to `end` for x in [0, 1], by `RhoSchedule.shape`."""


def base_radius(schedule: RhoSchedule, progress: float) -> float:
    """ρ_base(t) for progress = t/T in [0, 1]; beyond the ends it stays at the end."""
    x = min(max(progress, 0.0), 1.0)
    return SHAPES[schedule.shape](schedule.start, schedule.end, x)


class Radius:
    """ρ of some networks: ρ_i = ρ_min + (ρ_base(t) − ρ_min)·min(1, σ²_i/σ²_peak) when adaptive, else ρ_base(t).

    σ²_peak is the running maximum of σ²_i: a network whose TD errors have calmed down is perturbed less.
    While σ²_peak is zero nothing is known about the task and the ratio counts as 1. So it does before `peak_after`.
    """

    def __init__(self, schedule: RhoSchedule, num_networks: int, peak_after: int = 0) -> None:
        self._schedule, self._peak_after = schedule, peak_after
        self.peak: NDArray[np.float64] = np.zeros(num_networks)

    def __call__(
        self, progress: float, variances: Sequence[float] | NDArray[np.float64], update: int = 0
    ) -> NDArray[np.float64]:
        """ρ_i (num_networks,) at t/T = progress for the smoothed variances σ²_i; moves the peaks from the update
        `peak_after` on."""
        variance = np.asarray(variances, dtype=np.float64)
        if update >= self._peak_after:
            self.peak = np.maximum(self.peak, variance)
        base = base_radius(self._schedule, progress)
        if not self._schedule.adaptive:
            return np.full(variance.shape, base)
        floor = self._schedule.end
        ratio = np.where(self.peak > 0.0, variance / np.maximum(np.maximum(self.peak, variance), TINY), 1.0)
        return floor + (base - floor) * ratio
