"""Pictures of a comparison: means with their intervals, who beats whom how often, and performance profiles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasam_agents.experiments.comparison.result import Line
from tasam_agents.plotting.panels import look_of
from tasam_agents.plotting.style import BLUE, RED, heat_map, new_figure, save_picture
from tasam_agents.stats.bootstrap import (
    performance_profile,
    probability_of_improvement,
    probability_of_improvement_interval,
)
from tasam_agents.stats.intervals import Interval, ends

THRESHOLDS = 101  # of a performance profile
Returns = Mapping[str, NDArray[np.float64]]  # (S, N) each


def intervals(lines: Sequence[Line], picture: Path) -> Path:
    """Mean return of every agent, and what the first has more than it, each with both 95 % intervals."""
    figure, (left, right) = new_figure(1, 2, (9.5, 1.4 + 0.45 * len(lines)), sharey=True)
    rows = []
    for place, line in enumerate(lines):
        gap = line.difference
        measures = [(left, "return", line.mean, line.seeds, line.networks)]
        if gap is not None:
            measures.append((right, "difference", gap.mean, gap.over_seeds, gap.over_networks))
        for axis, measure, mean, seeds, networks in measures:
            _whisker(axis, place - 0.14, mean, seeds, BLUE, "o", "over training seeds")
            _whisker(axis, place + 0.14, mean, networks, RED, "s", "over networks")
            for over, interval in (("seeds", seeds), ("networks", networks)):
                row = {"agent": line.agent, "measure": measure, "over": over, "mean": mean}
                rows.append(row | ends(interval))
    left.set_yticks(range(len(lines)), [line.agent for line in lines])
    left.set_ylim(len(lines) - 0.5, -0.5)
    left.set_xlabel("return: mean reward per agent and step")
    right.axvline(0, color="0.35", ls=(0, (4, 3)), lw=1)
    right.set_xlabel(f"{lines[0].agent} minus it")
    handles, labels = left.get_legend_handles_labels()
    named = dict(zip(labels, handles, strict=True))
    figure.legend(named.values(), named.keys(), loc="outside lower center", ncol=2, frameon=False, fontsize=9)
    return save_picture(figure, picture, rows)


def _whisker(
    axis: Any, height: float, mean: float, interval: Interval | None, colour: str, marker: str, label: str
) -> None:
    if interval is None:  # one seed: the dot without whiskers would look like a certain value
        return
    reach = [[mean - interval.low], [interval.high - mean]]
    axis.errorbar(
        [mean], [height], xerr=reach, fmt=marker, color=colour, ms=5, lw=1.6, capsize=3,
        mfc=colour if marker == "o" else "white", label=label,
    )  # fmt: skip


def improvement(returns: Returns, picture: Path) -> Path:
    """P(row > column) for every pair of agents."""
    names = list(returns)
    chances = np.full((len(names), len(names)), np.nan)
    rows = []
    for i, a in enumerate(names):
        for j, b in enumerate(names):
            if i == j:
                continue
            chances[i, j] = probability_of_improvement(returns[a], returns[b])
            interval = probability_of_improvement_interval(returns[a], returns[b])
            rows.append({"agent": a, "other": b, "probability": chances[i, j]} | ends(interval))
    side = 2.0 + 0.62 * len(names)
    figure, (axis,) = new_figure(1, 1, (side + 1.2, side))
    mesh = heat_map(axis, chances, names, names, middle=0.5, reach=0.5, text=".2f")
    axis.set_ylabel("this agent …")
    axis.set_xlabel("… beats this one")
    figure.colorbar(mesh, ax=axis, label="probability, on a random network, of random seeds")
    return save_picture(figure, picture, rows or [dict.fromkeys(("agent", "other", "probability", "low", "high"))])


def profiles(returns: Returns, picture: Path) -> Path:
    """Share of (seed, network) returns above a threshold; bands: pointwise 95 % over seeds."""
    everything = np.concatenate([values.ravel() for values in returns.values()])
    thresholds = np.linspace(everything.min(), everything.max(), THRESHOLDS)
    figure, (axis,) = new_figure(1, 1, (7.0, 4.6))
    rows = []
    for agent, values in returns.items():
        profile = performance_profile(values, thresholds)
        look = look_of(list(returns), agent) | {"marker": ""}
        axis.plot(thresholds, profile.share, **look, lw=1.6, label=agent)
        low, high = profile.low, profile.high
        if low is not None and high is not None:
            axis.fill_between(thresholds, low, high, color=look["color"], alpha=0.15, lw=0)
        for place, tau in enumerate(thresholds.tolist()):
            bounds = (None, None) if low is None or high is None else (float(low[place]), float(high[place]))
            rows.append(
                {"agent": agent, "threshold": tau, "share": float(profile.share[place]),
                 "low": bounds[0], "high": bounds[1]}
            )  # fmt: skip
    axis.set_xlabel("threshold τ of the return")
    axis.set_ylabel("share of (seed, network) above τ")
    axis.set_ylim(-0.02, 1.02)
    figure.legend(loc="outside lower center", ncol=3, frameon=False, fontsize=8)
    return save_picture(figure, picture, rows)
