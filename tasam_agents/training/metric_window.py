"""Averages over a log window."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Value = float | None | list[float | None]


class MetricWindow:
    """Running means of named numbers or vectors; entries that are None, NaN or infinite do not count."""

    def __init__(self) -> None:
        self._sums: dict[str, Any] = {}
        self._counts: dict[str, Any] = {}

    def add(self, name: str, value: ArrayLike | Value, axes: int = 0) -> None:
        """Take in a value. The leading ``axes`` axes are samples, e.g. envs and agents; the rest is kept."""
        array: NDArray[np.float64] = np.asarray(value, dtype=np.float64)  # None becomes NaN
        finite = np.isfinite(array)
        leading = tuple(range(axes))
        total = np.where(finite, array, 0.0).sum(axis=leading)
        count = finite.sum(axis=leading)
        self._sums[name] = self._sums.get(name, 0.0) + total
        self._counts[name] = self._counts.get(name, 0) + count

    def means(self) -> dict[str, Value]:
        """The mean of each entry since the window was opened, None where nothing counted."""
        means: dict[str, Value] = {}
        for name, total in self._sums.items():
            count = self._counts[name]
            mean = np.where(count > 0, total / np.maximum(count, 1), np.nan)
            means[name] = _json(mean)
        return means

    def state(self) -> dict[str, Any]:
        """Everything that ``load_state`` needs, as JSON types."""
        return {name: [np.asarray(self._sums[name]).tolist(), np.asarray(self._counts[name]).tolist()]
                for name in self._sums}  # fmt: skip

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go on exactly where ``state`` was taken."""
        self._sums = {name: np.asarray(total) for name, (total, _) in state.items()}
        self._counts = {name: np.asarray(count) for name, (_, count) in state.items()}


def _json(mean: Any) -> Value:
    if mean.ndim == 0:
        return None if np.isnan(mean) else float(mean)
    return [None if np.isnan(entry) else float(entry) for entry in mean]
