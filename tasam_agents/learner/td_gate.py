"""Selective SAM: the variance of each DU's TD error decides which actors get it (Algorithm 1, line 11)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasam_agents.config import GateConfig

THRESHOLDS: dict[str, Callable[[TDVarianceGate], float | None]] = {
    "auto": lambda gate: gate.calibrated,
    "relative": lambda gate: float(gate.variance.mean()),
}
"""λ_TD by the names of `GateConfig.lambda_td`; None: not known yet."""


class TDVarianceGate:
    """Running means σ²_i of the mini-batch variances of δ_i, compared with λ_TD.

    A single mini-batch variance fluctuates more than the DUs differ, so a gate on it would open at random; the mean
    over about 1/(1 − smoothing) updates does not. It is corrected for its start at zero, as Adam's moments are.

    Attributes:
        open: (M,) bool, σ²_i >= λ_TD after the last `observe`; all closed while λ_TD is not known yet.
        calibrated: λ_TD of `auto` once its window has passed.
        flips: how often a gate changed since λ_TD is known, all DUs together.
    """

    def __init__(self, config: GateConfig, num_agents: int) -> None:
        self._config = config
        self._updates = 0
        self._average = np.zeros(num_agents)
        self._calibration_sum = np.zeros(num_agents)
        self.calibrated: float | None = None
        self._decisions = 0
        self._openings = 0
        self.flips = 0
        self.open: NDArray[np.bool_] = np.zeros(num_agents, dtype=bool)

    def observe(self, variances: Sequence[float]) -> None:
        """Take in the mini-batch variance of δ_i of each DU (M values) and decide which gates are open."""
        smoothing = self._config.smoothing
        self._average = smoothing * self._average + (1.0 - smoothing) * np.asarray(variances, dtype=np.float64)
        self._updates += 1
        if self._config.lambda_td == "auto":
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
        first, last = self._config.calibration
        if first < self._updates <= last:
            self._calibration_sum += self.variance
        if self._updates == last:
            self.calibrated = float(np.median(self._calibration_sum / (last - first)))

    @property
    def variance(self) -> NDArray[np.float64]:
        """σ²_i, (M,); zero before the first update."""
        correction = 1.0 - self._config.smoothing**self._updates
        return self._average / correction if self._updates else self._average

    @property
    def threshold(self) -> float | None:
        """λ_TD, or None as long as `auto` has not finished its calibration."""
        fixed = self._config.lambda_td
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
        self.calibrated = state["calibrated"]
        self._decisions, self._openings, self.flips = state["decisions"], state["openings"], state["flips"]
        self.open = np.array(state["open"], dtype=bool)
