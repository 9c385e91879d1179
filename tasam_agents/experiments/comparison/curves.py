"""How far the agents of a comparison are after the same number of updates, and of gradient evaluations.

SAM costs a second gradient, so that equal updates favour it. Of every run the best validation return so far is
followed, that of the policy which would be evaluated if the run ended there. A run that ends earlier would have its
learning rate and radius annealed earlier: a point before the end is no more than a hint at what a shorter run reaches.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasam_agents.files.form import OrNone, check_form
from tasam_agents.plotting.panels import look_of
from tasam_agents.plotting.style import new_figure, save_picture
from tasam_agents.stats.intervals import Interval, mean_interval
from tasam_agents.training.run_directory import RunDirectory

POINTS = 60  # at which the curves are drawn
LINEAR = 500  # updates or gradients, up to which the axis is linear: PPO makes many small updates
_MAYBE = ("gradient_evaluations", "validation_return")  # numbers of a line that not every one has


@dataclass(frozen=True)
class Curve:
    """One run: the best validation return so far (P,) after so many updates and gradient evaluations (P,)."""

    updates: NDArray[np.float64]
    gradients: NDArray[np.float64]
    best: NDArray[np.float64]

    def at(self, gradients: float) -> float:
        """Best validation return when no more than so many gradients were taken; NaN before the first validation."""
        return self._at(self.gradients, gradients)

    def after(self, updates: float) -> float:
        """Best validation return after no more than so many updates; NaN before the first validation."""
        return self._at(self.updates, updates)

    def _at(self, spent: NDArray[np.float64], budget: float) -> float:
        reached = int(np.searchsorted(spent, budget, side="right"))
        return float(self.best[reached - 1]) if reached else float("nan")


def _spent(run: RunDirectory) -> Iterator[tuple[Mapping[str, Any], float]]:
    """Each line of the log, and the gradients taken until then: those per update of a line, times its updates."""
    gradients = before = 0.0
    for line in run.checked_metrics({"updates": int}):
        check_form([line.get(name) for name in _MAYBE], (OrNone(float),) * len(_MAYBE), f"{run.metrics_file}: {_MAYBE}")
        gradients += (line.get("gradient_evaluations") or 0.0) * (line["updates"] - before)
        before = float(line["updates"])
        yield line, gradients


def gradient_evaluations(run: RunDirectory) -> float:
    """Gradients of one network each that the whole run has taken."""
    return max((gradients for _, gradients in _spent(run)), default=0.0)


def curve_of(run: RunDirectory) -> Curve:
    """Read the log of a run."""
    points = [
        (float(line["updates"]), gradients, float(line["validation_return"]))
        for line, gradients in _spent(run)
        if line.get("validation_return") is not None
    ]
    updates, spent, validation = np.array(points, np.float64).reshape(-1, 3).T
    return Curve(updates, spent, np.maximum.accumulate(validation) if validation.size else validation)


def at_equal_gradients(curves: Mapping[str, Sequence[Curve]]) -> tuple[float, dict[str, tuple[float, Interval | None]]]:
    """The gradient evaluations that every run has taken, and what each agent had reached by then: the mean over its
    seeds of the best validation return so far, with a t-interval where there are several."""
    budget = min(float(curve.gradients[-1]) for own in curves.values() for curve in own)
    found: dict[str, tuple[float, Interval | None]] = {}
    for agent, own in curves.items():
        reached = np.array([curve.at(budget) for curve in own])
        found[agent] = (float(reached.mean()), mean_interval(reached) if np.isfinite(reached).all() else None)
    return budget, found


def text(curves: Mapping[str, Sequence[Curve]]) -> str:
    """One sentence per agent."""
    budget, found = at_equal_gradients(curves)
    parts = []
    for agent, (mean, interval) in found.items():
        told = interval.text() if interval else f"{mean:.3f}" if np.isfinite(mean) else "not yet validated"
        parts.append(f"{agent} {told}")
    return (
        f"After {budget:,.0f} gradient evaluations, which every run has taken, the best validation return so far was: "
        f"{', '.join(parts)} (mean over seeds, 95 %)."
    )


def draw(curves: Mapping[str, Sequence[Curve]], agents: Sequence[str], picture: Path) -> Path:
    """Best validation return so far over updates and over gradient evaluations: mean over the seeds and all runs.

    agents: all that are compared, in the order that their looks follow in every picture. A run that was validated once
    is a point.
    """
    figure, (left, right) = new_figure(1, 2, (9.5, 4.0), sharey=True)
    rows = []
    for agent, own in curves.items():
        look = look_of(agents, agent)
        for axis, measure in ((left, "updates"), (right, "gradients")):
            spent = [getattr(curve, measure) for curve in own]
            grid = np.linspace(0.0, max(float(x[-1]) for x in spent), POINTS)
            read = Curve.after if measure == "updates" else Curve.at
            values = np.array([[read(curve, budget) for budget in grid] for curve in own])
            mean_line, once = values.mean(axis=0), all(x.size < 2 for x in spent)
            axis.plot(grid, mean_line, **look | {"marker": look["marker"] if once else ""}, lw=1.8, ms=5, label=agent)
            for x, curve in zip(spent, own, strict=True):
                axis.step(x, curve.best, where="post", color=look["color"], alpha=0.25, lw=0.8)
            rows += [
                {"agent": agent, "over": measure, "spent": spent_so_far, "mean_best_validation_return": mean}
                for spent_so_far, mean in zip(grid.tolist(), mean_line.tolist(), strict=True)
                if np.isfinite(mean)
            ]
    left.set_xlabel("updates")
    right.set_xlabel("gradient evaluations")
    left.set_ylabel("best validation return so far")
    for axis in (left, right):
        axis.set_xlim(left=0)
        if axis.get_xlim()[1] > LINEAR:
            axis.set_xscale("symlog", linthresh=LINEAR)
    left.legend(frameon=False, fontsize=8)
    return save_picture(figure, picture, rows)
