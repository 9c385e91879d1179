"""What the pictures of the study share: means with their intervals, the look of a label, panels, axes and legend.

What a label looks like depends on its place alone, so that it looks the same in every panel; lines also differ in
style and marker, so that a print in grey can be read.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tasam_agents.plotting.style import COLOURS, STYLES, new_figure
from tasam_agents.stats.intervals import LEAST_RUNS, mean_interval

PALETTE = (*COLOURS, "#7F7F7F")
MARKERS = ("o", "s", "D", "^", "v", "P", "X", "<")
PANELS_PER_ROW = 3
LETTER = 0.075  # [inch], about
TITLE_WIDTH, LABEL_WIDTH = 36, 22  # [letters], of a line

Array = NDArray[np.float64]


class Summary(NamedTuple):
    """Mean and bounds (P,) of values (S, P); NaN where they are not known."""

    mean: Array
    low: Array
    high: Array

    def row(self, place: int) -> dict[str, float | None]:
        """Column → number at a place; None where it is not known."""
        return {name: known(float(value[place])) for name, value in zip(self._fields, self, strict=True)}

    @property
    def reach(self) -> Array:
        """(2, P): how far the bounds are from the mean, as matplotlib wants them."""
        return np.stack([self.mean - self.low, self.high - self.mean])


def summary(values: ArrayLike) -> Summary:
    """Mean over S training seeds and its 95 % t-interval, of values (S, P) point by point.

    A mean is known only where every seed has a value: one over those that happen to have a value would jump, or hide
    a run that failed. With fewer than three seeds there is no interval.

    Raises:
        ValueError: another shape.
    """
    array = np.asarray(values, np.float64)
    if array.ndim != 2:
        raise ValueError(f"values have shape {array.shape}; allowed: (S, P)")
    found = np.full((3, array.shape[1]), np.nan)
    for place, sample in enumerate(array.T):
        if sample.size and np.isfinite(sample).all():
            interval = mean_interval(sample) if sample.size >= LEAST_RUNS else None
            found[:, place] = (
                (interval.mean, interval.low, interval.high) if interval else (sample.mean(), np.nan, np.nan)
            )
    return Summary(*found)


def known(value: float) -> float | None:
    """The number, or None for NaN, which CSV leaves empty."""
    return None if math.isnan(value) else value


def csv_rows(panel: str, label: str, runs: int, x: Iterable[float | None], found: Summary) -> list[dict[str, Any]]:
    """One row per point; ``runs`` is S."""
    return [{"panel": panel, "label": label, "x": at, "runs": runs} | found.row(i) for i, at in enumerate(x)]


def labels_of(panels: Mapping[str, Mapping[str, object]], *more: str) -> list[str]:
    """Every label of any panel once, and then the others.

    Raises:
        ValueError: no panel, or one without labels.
    """
    if not panels or not all(panels.values()):
        raise ValueError(f"labels per panel: {[len(each) for each in panels.values()]}; allowed: at least 1 in each")
    return list(dict.fromkeys([label for each in panels.values() for label in each] + list(more)))


def look_of(labels: Sequence[str], label: str) -> dict[str, Any]:
    """Colour, line style and marker."""
    number = labels.index(label)
    return {
        "color": PALETTE[number % len(PALETTE)],
        "ls": STYLES[(number + number // len(PALETTE)) % len(STYLES)],
        "marker": MARKERS[number % len(MARKERS)],
    }


def panel_axes(titles: Iterable[str], height: float, rows: Sequence[str] = (), **shared: Any) -> tuple[Any, list[Any]]:
    """A figure and an axis per title, ``height`` [inch] each; ``rows`` are named on the left, from the top.

    Further arguments go to matplotlib's ``subplots``.
    """
    names = list(titles)
    columns = min(len(names), PANELS_PER_ROW)
    lines = -(-len(names) // columns)
    names_of_rows = [wrapped(row, LABEL_WIDTH) for row in rows]
    margin = LETTER * max((len(line) for row in names_of_rows for line in row.splitlines()), default=0)
    size = (max(6.4, 3.3 * columns) + margin, height * lines)
    figure, axes = new_figure(lines, columns, size, **shared)
    for axis in axes[len(names) :]:
        axis.remove()
    for axis, name in zip(axes, names, strict=False):
        axis.set_title(wrapped(name, TITLE_WIDTH), fontsize=10)
        if rows:
            axis.set_yticks(range(len(rows)), names_of_rows)
            axis.set_ylim(len(rows) - 0.5, -0.5)
    return figure, axes[: len(names)]


def finish(figure: Any, axes: Sequence[Any], legend: Iterable[str], x_labels: Iterable[str], y_label: str) -> None:
    """Label the axes, y on the left only, and put one legend below all panels, in this order, in columns that fit."""
    for axis, x_label in zip(axes, x_labels, strict=True):
        axis.set_xlabel(wrapped(x_label, TITLE_WIDTH))
    for axis in axes[::PANELS_PER_ROW]:
        axis.set_ylabel(wrapped(y_label, TITLE_WIDTH))
    drawn = dict(pair for axis in reversed(axes) for pair in zip(*axis.get_legend_handles_labels()[::-1], strict=True))
    handles = {label: drawn[label] for label in legend if label in drawn}
    fit = int(figure.get_figwidth() / (0.75 + LETTER * max(map(len, handles))))
    figure.legend(
        handles.values(), handles, loc="outside lower center", ncol=max(1, min(fit, len(handles))), frameon=False,
        fontsize=9, handlelength=3.2,
    )  # fmt: skip


def wrapped(text: str, width: int) -> str:
    """Lines of at most so many letters, as few and as equal in length as may be; no word is broken."""
    wrapper = textwrap.TextWrapper(width, break_long_words=False, break_on_hyphens=False)
    lines = wrapper.wrap(text)
    while lines:
        wrapper.width = max(1, max(map(len, lines)) - 1)
        narrower = wrapper.wrap(text)
        if len(narrower) > len(lines) or narrower == lines:
            break
        lines = narrower
    return "\n".join(lines)


def logarithmic(axis: Any, values: ArrayLike) -> None:
    """Make x logarithmic; linear around 0 where a value is not positive, so that none is lost."""
    array = np.asarray(values, np.float64)
    sizes = np.abs(array[np.isfinite(array) & (array != 0)])
    if sizes.size and np.nanmin(array) <= 0:
        axis.set_xscale("symlog", linthresh=float(sizes.min()))
    else:
        axis.set_xscale("log")


def shares_of_width(axis: Any, x: ArrayLike) -> Array:
    """Where x lies between the left edge of the axis, 0, and the right one, 1, whatever its scale."""
    scale = axis.xaxis.get_transform()
    left, right = scale.transform(np.array(axis.get_xlim()))
    return np.asarray((scale.transform(np.asarray(x, np.float64)) - left) / (right - left), np.float64)
