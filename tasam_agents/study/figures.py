"""The pictures of the study: arrays in; a picture, and the numbers it shows as CSV beside it, out.

Bands and bars are 95 % t-intervals over the S training seeds, see ``summary``.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tasam_agents.plotting.panels import (
    LABEL_WIDTH,
    MARKERS,
    TITLE_WIDTH,
    Array,
    csv_rows,
    finish,
    known,
    labels_of,
    logarithmic,
    panel_axes,
    shares_of_width,
    summary,
    wrapped,
)
from tasam_agents.plotting.panels import look_of as look_by_place
from tasam_agents.plotting.style import BLUE, RED, save_picture
from tasam_agents.study.claims import NAMES

MARKS = 7  # along a curve
DODGE = 0.012  # of the width of a panel, between labels at the same x
CLOSEST = 0.07  # of the width of a panel, between two ticks
MEAN, RUN = "mean over runs, 95 %", "one run"
OURS, PAPER = "ours, 95 % over runs", "paper"

Lines = Mapping[str, tuple[Array, Array]]  # label → x and what was found there


@dataclass(frozen=True)
class Gain:
    """What we measured, with its interval where there is one, and what the paper printed."""

    mean: float
    low: float | None
    high: float | None
    paper: float | None


def look_of(labels: Sequence[str], label: str) -> dict[str, Any]:
    """Colour, line style and marker: an arm of the main comparison has the same in every figure."""
    arms = list(NAMES.values())
    return look_by_place([*arms, *(each for each in labels if each not in arms)], label)


def curves(*, picture: Path, panels: Mapping[str, Lines], x_label: str, y_label: str) -> Path:
    """Mean and band of y (S, T) over x (T,)."""
    labels = labels_of(panels)
    figure, axes = panel_axes(panels, 3.7)
    rows = []
    for axis, (panel, lines) in zip(axes, panels.items(), strict=True):
        for label, (x, y) in lines.items():
            found, look = summary(y), look_of(labels, label)
            every = max(1, len(x) // MARKS)
            first = every * labels.index(label) // len(labels)  # else the markers of all labels meet at the same x
            axis.plot(x, found.mean, **look, lw=1.7, ms=4.5, markevery=(first, every), label=label)
            axis.fill_between(x, found.low, found.high, color=look["color"], alpha=0.15, lw=0)
            rows += csv_rows(panel, label, len(y), x, found)
    finish(figure, axes, labels, [x_label] * len(axes), y_label)
    return save_picture(figure, picture, rows)


def response(
    *,
    picture: Path,
    panels: Mapping[str, Lines],
    levels: Mapping[str, Array],
    x_label: str,
    y_label: str,
    log_x: bool,
) -> Path:
    """Mean and interval of y (R, S) at x (R,); ``levels`` (S,) do not depend on x and are horizontal lines."""
    labels = labels_of(panels, *levels)
    figure, axes = panel_axes(panels, 3.7)
    rows = []
    for axis, (panel, lines) in zip(axes, panels.items(), strict=True):
        places = np.unique(np.concatenate([np.asarray(x, np.float64) for x, _ in lines.values()]))
        if log_x:
            logarithmic(axis, places)
        axis.plot(places, np.full(places.shape, np.nan))  # for the limits, before anything is shifted
        scale = axis.xaxis.get_transform()
        left, right = scale.transform(np.array(axis.get_xlim()))
        for number, (label, (x, y)) in enumerate(lines.items()):
            found = summary(np.transpose(y))
            shift = DODGE * (number - (len(lines) - 1) / 2) * (right - left)
            shown = scale.inverted().transform(scale.transform(np.asarray(x, np.float64)) + shift)
            axis.errorbar(
                shown, found.mean, yerr=found.reach, **look_of(labels, label), lw=1.5, ms=5.5, capsize=2.5,
                elinewidth=1.1, label=label,
            )  # fmt: skip
            rows += csv_rows(panel, label, np.shape(y)[1], x, found)
        for level, values in levels.items():
            found, look = summary(np.reshape(values, (-1, 1))), look_of(labels, level) | {"marker": ""}
            axis.axhline(found.mean[0], **look, lw=1.3, label=level, zorder=1)
            if known(found.low[0]) is not None:
                axis.axhspan(found.low[0], found.high[0], color=look["color"], alpha=0.1, lw=0, zorder=0)
            rows += csv_rows(panel, level, np.size(values), [None], found)
        if np.diff(shares_of_width(axis, places)).min(initial=1.0) >= CLOSEST:
            axis.set_xticks(places, [f"{place:g}" for place in places])
            axis.set_xticks([], minor=True)
    finish(figure, axes, labels, [x_label] * len(axes), y_label)
    return save_picture(figure, picture, rows)


def distribution(*, picture: Path, values: Mapping[str, Array], y_label: str) -> Path:
    """Every run of (S,) as a point, the middle half of them as a box, and their median."""
    labels = labels_of({"": values})
    figure, (axis,) = panel_axes([""], 4.0)
    axis.use_sticky_edges = False  # no box stands on the lower edge
    rows: list[dict[str, Any]] = []
    for place, (label, given) in enumerate(values.items()):
        sample = np.asarray(given, np.float64)
        lower, middle, upper = np.quantile(sample, (0.25, 0.5, 0.75)) if sample.size else np.full(3, np.nan)
        colour = look_of(labels, label)["color"]
        if known(middle) is not None:
            axis.bar(place, upper - lower, 0.6, lower, color=colour, alpha=0.2)
            axis.bar(place, upper - lower, 0.6, lower, fill=False, edgecolor=colour, lw=1.2)
            axis.plot([place - 0.3, place + 0.3], [middle, middle], color="black", lw=2, solid_capstyle="butt")
        aside = 0.4 * (np.arange(sample.size) * 0.618 % 1 - 0.5)  # the golden ratio keeps neighbours apart
        axis.plot(place + aside, sample, MARKERS[place % len(MARKERS)], color=colour, ms=5.5, mec="white", mew=0.7)
        quartiles = {"lower_quartile": known(lower), "median": known(middle), "upper_quartile": known(upper)}
        rows += [
            {"label": label, "run": run, "value": known(value)} | quartiles for run, value in enumerate(sample.tolist())
        ]
    names = [wrapped(label, LABEL_WIDTH) for label in labels]
    crowded = max(len(line) for name in names for line in name.splitlines()) * len(labels) > 60
    slant = {"rotation": 30, "ha": "right", "rotation_mode": "anchor"} if crowded else {}
    axis.set_xticks(range(len(labels)), names, **slant)
    axis.grid(False, axis="x")
    axis.set_xlim(-0.6, len(labels) - 0.4)
    axis.set_ylabel(wrapped(y_label, TITLE_WIDTH))
    return save_picture(figure, picture, rows)


def strengths(*, picture: Path, panels: Mapping[str, Mapping[str, Array]], x_label: str, log_x: bool) -> Path:
    """Mean and interval of (S,) per label, below each other, and every run as a faint point.

    On a logarithmic axis an interval that reaches far below every run, or 0, ends in an arrow.
    """
    labels = labels_of(panels)
    figure, axes = panel_axes(panels, 1.5 + 0.38 * len(labels), labels, sharey=True)
    rows = []
    for axis, (panel, samples) in zip(axes, panels.items(), strict=True):
        runs = np.concatenate([np.ravel(sample) for sample in samples.values()])
        if log_x:
            logarithmic(axis, runs)
        edge = np.nanmin(runs) / 2 if axis.get_xscale() == "log" else -np.inf
        for label, sample in samples.items():
            found, height = summary(np.reshape(sample, (-1, 1))), labels.index(label)
            rows += csv_rows(panel, label, np.size(sample), [None], found)
            axis.plot(sample, np.full(np.size(sample), height), "D", color=RED, ms=4, alpha=0.4, mew=0, label=RUN)
            if found.low[0] < edge:
                found = found._replace(low=np.array([edge]))
                axis.plot([edge], [height], "<", color=BLUE, ms=6)
            axis.errorbar(
                found.mean, [height], xerr=found.reach, fmt="o", color=BLUE, ms=6, lw=1.6, capsize=3, label=MEAN
            )
    finish(figure, axes, (MEAN, RUN), [x_label] * len(axes), "")
    return save_picture(figure, picture, rows)


def cdfs(
    *,
    picture: Path,
    panels: Mapping[str, Lines],
    x_labels: Mapping[str, str],
    thresholds: Mapping[str, float],
    log_x: Collection[str],
) -> Path:
    """Mean and band of the share (S, X) at or below x (X,); the threshold of a panel is a line that bears its value.

    log_x: the panels whose axis is logarithmic.
    """
    labels = labels_of(panels)
    figure, axes = panel_axes(panels, 3.8, sharey=True)
    rows = []
    for axis, (panel, lines) in zip(axes, panels.items(), strict=True):
        limit = thresholds.get(panel)
        if panel in log_x:
            logarithmic(axis, np.concatenate([np.asarray(x, np.float64) for x, _ in lines.values()]))
        for label, (x, share) in lines.items():
            found, look = summary(share), look_of(labels, label) | {"marker": ""}
            axis.plot(x, found.mean, **look, lw=1.7, label=label)
            axis.fill_between(x, found.low, found.high, color=look["color"], alpha=0.15, lw=0)
            rows += [row | {"threshold": limit} for row in csv_rows(panel, label, len(share), x, found)]
        if limit is not None:
            axis.axvline(limit, color="0.2", lw=1.1, zorder=1)
            right = shares_of_width(axis, limit) > 0.5
            axis.annotate(
                f"threshold {limit:,.10g}", (limit, 1), xycoords=("data", "axes fraction"), xytext=(0, 3),
                textcoords="offset points", ha="right" if right else "left", fontsize=8,
            )  # fmt: skip
        axis.set_title(axis.get_title(), fontsize=10, pad=18)
        axis.set_ylim(-0.02, 1.02)
    finish(figure, axes, labels, [x_labels[panel] for panel in panels], "share at or below")
    return save_picture(figure, picture, rows)


def gains(*, picture: Path, panels: Mapping[str, Mapping[str, Gain]], x_label: str) -> Path:
    """What we measured, with its interval, and what the paper printed, per label below each other."""
    labels = labels_of(panels)
    figure, axes = panel_axes(panels, 1.5 + 0.42 * len(labels), labels, sharey=True)
    rows: list[dict[str, Any]] = []
    for axis, (panel, found) in zip(axes, panels.items(), strict=True):
        axis.axvline(0, color="0.35", ls=(0, (4, 3)), lw=1, zorder=1)
        for label, gain in found.items():
            height = labels.index(label)
            reach = None
            if gain.low is not None and gain.high is not None:
                reach = [[gain.mean - gain.low], [gain.high - gain.mean]]
            axis.errorbar(
                [gain.mean], [height - 0.13], xerr=reach, fmt="o", color=BLUE, ms=5.5, lw=1.6, capsize=3, label=OURS
            )
            if gain.paper is not None:
                axis.plot([gain.paper], [height + 0.13], "D", color=RED, mfc="white", ms=5.5, mew=1.5, label=PAPER)
            rows.append({"panel": panel, "label": label} | asdict(gain))
    finish(figure, axes, (OURS, PAPER), [x_label] * len(axes), "")
    return save_picture(figure, picture, rows)
