"""Selective SAM: the variance of each DU's TD error decides which actors get it (Algorithm 1, line 11)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tasam_agents.config import GateConfig

MIN_ROWS = 8
"""Fewer rows of a mini-batch say nothing about a variance."""


def widest_gap(variances: NDArray[np.float64], separation: float) -> float:
    """The threshold in the widest gap, by ratio, between the values (M,); infinity where it is below `separation`."""
    ordered = np.sort(np.maximum(variances, np.finfo(np.float64).tiny))
    ratios = ordered[1:] / ordered[:-1]
    if not ratios.size or ratios.max() < separation:
        return math.inf
    place = int(ratios.argmax())
    return math.sqrt(ordered[place] * ordered[place + 1])


def task_variances(delta: Tensor, loads: Tensor | None = None) -> list[float]:
    """Variance of δ_i (n, M) of each DU: over all rows or, with loads (n, M, c), the greatest over the columns c of
    that over the rows in which the load is above its median. Columns with too few such rows count for nothing."""
    found = _variances(delta.numpy())
    if loads is None:
        return cast(list[float], found.tolist())
    is_high = loads > loads.flatten(0, 1).median(dim=0).values  # (n, M, c)
    number = is_high.sum(dim=0)
    mean = (delta[..., None] * is_high).sum(dim=0) / number.clamp(min=1)
    squares = ((delta[..., None] - mean).square() * is_high).sum(dim=0) / (number - 1).clamp(min=1)
    high = torch.where(number >= MIN_ROWS, squares, -1.0).max(dim=-1).values
    return cast(list[float], torch.where(high >= 0.0, high, torch.from_numpy(found)).tolist())


def _variances(delta: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
    """Of each column of (n, M); one row has none."""
    n = len(delta)
    centred = delta - delta.sum(0) / n
    squares: NDArray[np.floating[Any]] = (centred * centred).sum(0)
    return squares / (n - 1 or math.nan)


THRESHOLDS: dict[str, Callable[[TDVarianceGate], float | None]] = {
    "auto": lambda gate: gate.calibrated,
    "relative": lambda gate: float(gate.variance.sum() / len(gate.variance)),
    "separated": lambda gate: widest_gap(gate.variance, gate.config.separation),
}
"""λ_TD by the names of `GateConfig.lambda_td`; None: not known yet."""


class TDVarianceGate:
    """Running means σ²_i of the mini-batch variances of δ_i, compared with λ_TD.

    A single mini-batch variance fluctuates more than the DUs differ, so a gate on it would open at random; the mean
    over about 1/(1 − smoothing) updates does not. It is corrected for its start at zero, as Adam's moments are.

    Attributes:
        variance: σ²_i, (M,); zero before the first update.
        open: (M,) bool, σ²_i >= λ_TD after the last `observe`; all closed while λ_TD is not known yet.
        calibrated: λ_TD of `auto` once its window has passed.
        flips: how often a gate changed since λ_TD is known, all DUs together.
    """

    def __init__(self, config: GateConfig, num_agents: int) -> None:
        self.config: GateConfig = config
        self._updates = 0
        self._average = np.zeros(num_agents)
        self._calibration_sum = np.zeros(num_agents)
        self.calibrated: float | None = None
        self._decisions = 0
        self._openings = 0
        self.flips = 0
        self.variance: NDArray[np.float64] = np.zeros(num_agents)
        self.open: NDArray[np.bool_] = np.zeros(num_agents, dtype=bool)

    def observe(self, variances: Sequence[float]) -> None:
        """Take in the mini-batch variance of δ_i of each DU (M values) and decide which gates are open."""
        smoothing = self.config.smoothing
        self._average = smoothing * self._average + (1.0 - smoothing) * np.asarray(variances, dtype=np.float64)
        self._updates += 1
        self.variance = self._corrected()
        if self.config.lambda_td == "auto":
            self._calibrate()
        threshold = self.threshold
        if threshold is None:
            return
        is_open = self.variance >= threshold
        if self._decisions:
            self.flips += int((is_open != self.open).sum())
        self._decisions += is_open.size
        self._openings += int(is_open.sum())
        self.open = is_open

    def _calibrate(self) -> None:
        first, last = self.config.calibration
        if first < self._updates <= last:
            self._calibration_sum += self.variance
        if self._updates == last:
            self.calibrated = float(np.median(self._calibration_sum / (last - first)))

    def _corrected(self) -> NDArray[np.float64]:
        correction = 1.0 - self.config.smoothing**self._updates
        return self._average / correction if self._updates else self._average

    @property
    def threshold(self) -> float | None:
        """λ_TD, or None as long as `auto` has not finished its calibration."""
        fixed = self.config.lambda_td
        return THRESHOLDS[fixed](self) if isinstance(fixed, str) else float(fixed)

    @property
    def open_fraction(self) -> float:
        """Share of open gates over all DUs and all updates since λ_TD is known; 0 before."""
        return self._openings / self._decisions if self._decisions else 0.0

    def state(self) -> dict[str, Any]:
        """Everything that `load_state` needs, as JSON types."""
        return {
            "updates": self._updates,
            "average": self._average.tolist(),
            "calibration_sum": self._calibration_sum.tolist(),
            "calibrated": self.calibrated,
            "decisions": self._decisions,
            "openings": self._openings,
            "flips": self.flips,
            "open": self.open.tolist(),
        }

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go on exactly where `state` was taken."""
        self._updates = state["updates"]
        self._average = np.array(state["average"])
        self._calibration_sum = np.array(state["calibration_sum"])
        self.variance = self._corrected()
        self.calibrated = state["calibrated"]
        self._decisions, self._openings, self.flips = state["decisions"], state["openings"], state["flips"]
        self.open = np.array(state["open"], dtype=bool)
