"""What was lost, gained and regained, from the records of all arms: data without any rendering."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasam_agents.experiments.forgetting.experiment import BACK, FIRST, THEN, WHERE, ForgettingPlan
from tasam_agents.stats.intervals import Interval, over_networks, over_seeds

Returns = Mapping[str, NDArray[np.float64]]  # arm -> (S, N)

NAMES = {"plain": "no SAM", "sam": "SAM", "anchor": "anchor", "sam_anchor": "SAM + anchor"}
"""Of the arms, for readers."""
SPANS = ("lost", "gained", "regained")
"""The measures that are differences."""


@dataclass(frozen=True)
class Measure:
    """One number of one arm: mean over S seeds and N networks, with intervals over each."""

    mean: float
    networks: Interval | None  # each network as the mean over the seeds; None with one network
    seeds: Interval | None  # each seed as the mean over the networks; None with one seed

    @staticmethod
    def of(values: NDArray[np.float64]) -> Measure:
        """From (S, N) numbers."""
        return Measure(float(values.mean()), over_networks(values), over_seeds(values))


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
            "lost": minus(a_before, a_after),
            "B after A": b_before,
            "B after B": b_after,
            "gained": minus(b_after, b_before),
        }
        if self.plan.back_iterations:
            a_back = self.returns(FIRST, BACK)
            found |= {"A after back": a_back, "regained": minus(a_back, a_after)}
        return found

    def half_regained(self, arm: str) -> int | None:
        """Iterations of the third phase until the validation return on A, mean over seeds, has made good half of its
        loss: the first validation at which it has. None: never, or nothing was lost (`was_lost`)."""
        points = self.curve(arm)
        ends = {phase: [point for point in points if point["phase"] == phase][-1] for phase in (FIRST, THEN)}
        half = 0.5 * (ends[FIRST][FIRST] + ends[THEN][FIRST])
        if not self.was_lost(arm):
            return None
        return next(
            (p["iteration"] - ends[THEN]["iteration"] for p in points if p["phase"] == BACK and p[FIRST] >= half), None
        )

    def was_lost(self, arm: str) -> bool:
        """Whether the validation return on A is lower at the end of B than at the end of A."""
        ends = {point["phase"]: point[FIRST] for point in self.curve(arm)}
        return bool(ends[THEN] < ends[FIRST])

    def curve(self, arm: str) -> list[dict[str, Any]]:
        """Validation returns, mean over the seeds; as far as the shortest seed goes."""
        curves = [record["curve"] for record in self.of_arm(arm)]
        return [
            {"phase": points[0]["phase"], "iteration": points[0]["iteration"]}
            | {where: float(np.mean([point[where] for point in points])) for where in WHERE}
            for points in zip(*curves, strict=False)
        ]


def minus(values: Returns, others: Returns, arm: str | None = None) -> Returns:
    """values − others, arm by arm, or of each arm minus one arm of ``others``."""
    return {name: value - others[name if arm is None else arm] for name, value in values.items()}


def spoken(kwargs: Mapping[str, Any]) -> str:
    """A scenario for readers: its preset, and what else is given."""
    others = ", ".join(f"{name}={value}" for name, value in kwargs.items() if name != "scenario")
    return " ".join(filter(None, (str(kwargs.get("scenario", "")), f"({others})" if others else ""))) or "default"
