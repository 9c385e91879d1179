"""What was lost, gained and regained: a table, forgetting.json, forgetting.csv and a picture."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasam_agents.experiments.forgetting.experiment import BACK, FIRST, THEN, WHERE, ForgettingPlan
from tasam_agents.plotting.style import COLOURS, STYLES, new_figure, save_picture
from tasam_agents.stats.intervals import Interval, mean_interval

Returns = Mapping[str, NDArray[np.float64]]  # arm -> (S, N)

NAMES = {"plain": "no SAM", "sam": "SAM", "anchor": "anchor", "sam_anchor": "SAM + anchor"}


@dataclass(frozen=True)
class Measure:
    """One number of one arm: mean over S seeds and N networks, with intervals over each."""

    mean: float
    networks: Interval  # each network as the mean over the seeds
    seeds: Interval | None  # each seed as the mean over the networks; None with one seed

    @staticmethod
    def of(values: NDArray[np.float64]) -> Measure:
        """From (S, N) numbers."""
        seeds = mean_interval(values.mean(axis=1)) if len(values) > 1 else None
        return Measure(float(values.mean()), mean_interval(values.mean(axis=0)), seeds)


@dataclass(frozen=True)
class ForgettingResult:
    """All arms of a plan that was carried out."""

    plan: ForgettingPlan
    records: Sequence[Mapping[str, Any]]  # of run_plan

    def of_arm(self, arm: str) -> list[Mapping[str, Any]]:
        """Its records, seed by seed."""
        return [record for record in self.records if record["arm"] == arm]

    def returns(self, where: str, after: str) -> Returns:
        """Held-out returns by arm, (S, N): on scenario `where`, "first" or "then", at the end of phase `after`."""
        key = f"{where}_after_{after}"
        return {arm: np.array([record["returns"][key] for record in self.of_arm(arm)]) for arm in self.plan.arms}

    def measures(self) -> dict[str, Returns]:
        """By name: the returns on both scenarios at the end of the phases, and what follows from them."""
        a_before, a_after = self.returns(FIRST, FIRST), self.returns(FIRST, THEN)
        b_before, b_after = self.returns(THEN, FIRST), self.returns(THEN, THEN)
        found = {
            "A after A": a_before,
            "A after B": a_after,
            "lost": _minus(a_before, a_after),
            "B after A": b_before,
            "B after B": b_after,
            "gained": _minus(b_after, b_before),
        }
        if self.plan.back_iterations:
            a_back = self.returns(FIRST, BACK)
            found |= {"A after back": a_back, "regained": _minus(a_back, a_after)}
        return found

    def half_regained(self, arm: str) -> int | None:
        """Iterations of the third phase until the validation return on A, mean over seeds, has made good half of its
        loss: the first validation at which it has. None: never, or nothing was lost (`was_lost`)."""
        points = self._curve(arm)
        ends = {phase: [point for point in points if point["phase"] == phase][-1] for phase in (FIRST, THEN)}
        half = 0.5 * (ends[FIRST][FIRST] + ends[THEN][FIRST])
        if not self.was_lost(arm):
            return None
        return next(
            (p["iteration"] - ends[THEN]["iteration"] for p in points if p["phase"] == BACK and p[FIRST] >= half), None
        )

    def was_lost(self, arm: str) -> bool:
        """Whether the validation return on A is lower at the end of B than at the end of A."""
        ends = {point["phase"]: point[FIRST] for point in self._curve(arm)}
        return bool(ends[THEN] < ends[FIRST])

    def _curve(self, arm: str) -> list[dict[str, Any]]:
        """Validation returns, mean over the seeds; as far as the shortest seed goes."""
        curves = [record["curve"] for record in self.of_arm(arm)]
        return [
            {"phase": points[0]["phase"], "iteration": points[0]["iteration"]}
            | {where: float(np.mean([point[where] for point in points])) for where in WHERE}
            for points in zip(*curves, strict=False)
        ]

    def text(self) -> str:
        """The table, the paired differences, and what they rest on."""
        measures, arms = self.measures(), self.plan.arms
        rows = [["arm", *(f"{name} [95 %]" if name in _SPANS else name for name in measures)]]
        for arm in arms:
            cells = []
            for name, values in measures.items():
                measure = Measure.of(values[arm])
                cells.append(_cell(measure.networks) if name in _SPANS else f"{measure.mean:.3f}")
            rows.append([NAMES[arm], *cells])
        lines = _table(rows)
        if len(arms) > 1:
            seeds = self.plan.seeds > 1
            head = [name for name in ("A after B", *_SPANS) if name in measures]
            rows = [[f"minus {NAMES[arms[0]]}", "over", *head]]
            for arm in arms[1:]:
                paired = [Measure.of(_minus(measures[name], measures[name], arms[0])[arm]) for name in head]
                rows.append([NAMES[arm], "networks", *(_cell(measure.networks) for measure in paired)])
                if seeds:
                    rows.append(["", "seeds", *(_cell(measure.seeds) for measure in paired)])
            lines += ["", *_table(rows)]
        if self.plan.back_iterations:
            spoken = ", ".join(f"{NAMES[arm]} {self._spoken_half(arm)}" for arm in arms)
            lines += ["", f"Iterations back on A until half of the loss was made good (validation networks): {spoken}."]
        plan, first = self.plan, self.plan.config.seed
        kept = sum(bool(record["returns"]) for record in self.records)
        lines += [
            "",
            f"A: {_spoken(plan.first)}. B: {_spoken(plan.then)}. {plan.config.iterations} iterations on A, as many on B"
            + (f", {plan.back_iterations} back on A" if plan.back_iterations else "")
            + f"; replay {plan.replay}, anchor from the {plan.anchor_from} on, {plan.anchor_at_switch} at the switch.",
            f"Return: mean reward per agent and step of the last deterministic policy of a phase on {plan.networks} "
            f"held-out networks of each scenario, mean over training seeds {first} to {first + plan.seeds - 1}. "
            "lost = A after A − A after B; gained = B after B − B after A.",
            "Intervals are over networks (mean over the seeds)"
            + (", in the paired differences over seeds too." if plan.seeds > 1 else ", not over runs: one seed each."),
            f"{kept} runs, {sum(record['wall_time_s'] for record in self.records):.0f} s.",
        ]
        return "\n".join(lines)

    def _spoken_half(self, arm: str) -> str:
        half = self.half_regained(arm)
        return str(half) if half is not None else "not reached" if self.was_lost(arm) else "nothing lost"

    def write(self, out: Path) -> list[Path]:
        """Write forgetting.json, forgetting.csv and forgetting.png (with the CSV of its curves); return the paths."""
        rows = []
        for name, values in self.measures().items():
            differences = _minus(values, values, self.plan.arms[0])
            for arm in self.plan.arms:
                row: dict[str, Any] = {"arm": arm, "measure": name}
                row |= _flat("", Measure.of(values[arm]))
                own = arm == self.plan.arms[0]
                rows.append(row | _flat("difference_", None if own else Measure.of(differences[arm])))
        document = {
            "plan": self.plan.document() | {"arms": list(self.plan.arms), "seeds": self.plan.seeds},
            "half_regained_iterations": {arm: self.half_regained(arm) for arm in self.plan.arms}
            if self.plan.back_iterations
            else None,
            "measures": rows,
            "records": list(self.records),
        }
        written = [out / "forgetting.json", out / "forgetting.csv"]
        written[0].write_text(json.dumps(document, indent=1, allow_nan=False) + "\n", "utf-8")
        with written[1].open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
        return [*written, self.draw(out / "forgetting_curves.png")]

    def draw(self, picture: Path) -> Path:
        """Validation return on A and on B over all phases, mean over the seeds, the switches marked."""
        figure, axes = new_figure(1, 2, (9.5, 4.0), sharex=True)
        rows = []
        for number, arm in enumerate(self.plan.arms):
            points = self._curve(arm)
            for axis, where in zip(axes, WHERE, strict=True):
                x, y = [point["iteration"] for point in points], [point[where] for point in points]
                axis.plot(x, y, STYLES[number], color=COLOURS[number], lw=1.7, marker="os^D"[number], ms=3.5,
                          label=NAMES[arm])  # fmt: skip
            rows += [{"arm": arm, **point} for point in points]
        iterations = self.plan.config.iterations
        switches = [iterations, 2 * iterations][: 2 if self.plan.back_iterations else 1]
        last = 2 * iterations + self.plan.back_iterations
        for axis, title, kwargs in zip(axes, "AB", (self.plan.first, self.plan.then), strict=True):
            for at in switches:
                axis.axvline(at, color="0.35", lw=1.0, ls=(0, (4, 3)))
            for begin, end, name in zip([0, *switches], [*switches, last], "ABA", strict=False):
                axis.annotate(f"on {name}", ((begin + end) / 2, 1.0), xycoords=("data", "axes fraction"), ha="center",
                              va="bottom", fontsize=8, color="0.35")  # fmt: skip
            axis.set_title(f"on {title}: {_spoken(kwargs)}", fontsize=9, pad=14)
            axis.set_xlabel("iteration")
        axes[0].set_ylabel("return on validation networks")
        handles, labels = axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncol=len(labels), frameon=False, fontsize=9)
        return save_picture(figure, picture, rows)


_SPANS = ("lost", "gained", "regained")


def _minus(values: Returns, others: Returns, arm: str | None = None) -> Returns:
    """values − others, arm by arm, or of each arm minus one arm of `others`."""
    return {name: value - others[name if arm is None else arm] for name, value in values.items()}


def _cell(interval: Interval | None) -> str:
    return "" if interval is None else f"{interval.mean:+.3f} [{interval.low:+.3f}, {interval.high:+.3f}]"


def _flat(prefix: str, measure: Measure | None) -> dict[str, float | None]:
    spans = {"networks": measure and measure.networks, "seeds": measure and measure.seeds}
    flat: dict[str, float | None] = {f"{prefix}mean": measure.mean if measure else None}
    for name, interval in spans.items():
        bounds = asdict(interval) if interval else {}
        flat |= {f"{prefix}{bound}_{name}": bounds.get(bound) for bound in ("low", "high")}
    return flat


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]).rstrip() for row in rows]
    return [lines[0], "-" * (sum(widths) + 2 * len(widths) - 2), *lines[1:]]


def _spoken(kwargs: Mapping[str, Any]) -> str:
    others = ", ".join(f"{name}={value}" for name, value in kwargs.items() if name != "scenario")
    return " ".join(filter(None, (str(kwargs.get("scenario", "")), f"({others})" if others else ""))) or "default"
