"""What the runs say: in every cell and kind of networks the effect of SAM, chosen on validation, told on held-out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasam_agents.experiments.regimes.judging import KINDS, Judged, known
from tasam_agents.experiments.regimes.plan import Cell, jobs_of
from tasam_agents.files.atomic_write import write_json_atomically
from tasam_agents.jobs.job import Job
from tasam_agents.stats.intervals import Difference, difference, ends

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Effect:
    """An arm against the one without SAM, on the same seeds and held-out networks."""

    cell: Cell
    kind: str
    arm: str
    seeds: int
    validation: float
    held_out: float
    gain: Difference | None
    """None: of the arm itself that others are compared with."""
    is_chosen: bool
    """Best of those with SAM on the validation networks of this kind."""
    cost: Mapping[str, float | None]

    def row(self, against: str) -> dict[str, Any]:
        """Columns of a table."""
        gain = self.gain
        return {
            "replay_ratio": self.cell[0],
            "networks": self.cell[1],
            "kind": self.kind,
            "arm": self.arm,
            "against": against,
            "seeds": self.seeds,
            "validation_return": self.validation,
            "held_out_return": self.held_out,
            "gain": None if gain is None else gain.mean,
            **ends(gain.over_seeds if gain else None, "gain_{}_seeds"),
            **ends(gain.over_networks if gain else None, "gain_{}_networks"),
            "chosen": int(self.is_chosen),
            **self.cost,
        }


def effects(
    jobs: Sequence[Job], cells: Sequence[Cell], arms: Sequence[str], against: str, num_networks: int
) -> list[Effect]:
    """Every arm in every cell and kind; a cell counts with the seeds that all its arms have finished."""
    found = []
    for cell in cells:
        runs = {arm: {job.config.seed: known(job, num_networks) for job in jobs_of(jobs, cell, arm)}
                for arm in arms}  # fmt: skip
        seeds = [seed for seed in runs[against] if all(own.get(seed) is not None for own in runs.values())]
        if not seeds:
            continue
        of = {arm: [run for seed in seeds if (run := own[seed]) is not None] for arm, own in runs.items()}
        for kind in KINDS:
            returns = {
                split: {arm: np.stack([run.returns[split, kind] for run in own]) for arm, own in of.items()}
                for split in ("validation", "held-out")
            }
            others = [arm for arm in arms if arm != against]
            best = max(others, key=lambda arm: returns["validation"][arm].mean())
            for arm in arms:
                own, base = returns["held-out"][arm], returns["held-out"][against]
                gain = None if arm == against else difference(own, base)
                validation = float(returns["validation"][arm].mean())
                cost = _mean_cost(of[arm])
                found.append(
                    Effect(cell, kind, arm, len(seeds), validation, float(own.mean()), gain, arm == best, cost)
                )
    return found


def _mean_cost(runs: Sequence[Judged]) -> dict[str, float | None]:
    costs: dict[str, float | None] = {}
    for name in runs[0].cost:
        known = [value for run in runs if (value := run.cost[name]) is not None]
        costs[name] = float(np.mean(known)) if known else None
    return costs


def choose(jobs: Sequence[Job], cells: Sequence[Cell], num_networks: int, file: Path) -> dict[Cell, dict[str, float]]:
    """Of each variant, in each cell, the value of its knob with the best return on validation networks as trained.

    What was tried is written to ``file``.
    """
    chosen: dict[Cell, dict[str, float]] = {}
    told = []
    for cell in cells:
        tried: dict[str, dict[float, float]] = {}
        for job in jobs:
            name, _, value = job.agent.partition("=")
            run = known(job, num_networks) if jobs_of([job], cell, job.agent) else None
            if run is not None:
                tried.setdefault(name, {})[float(value)] = float(run.returns["validation", KINDS[0]].mean())
        chosen[cell] = {name: max(values, key=values.__getitem__) for name, values in tried.items()}
        told.append({"cell": cell, "validation_returns": tried, "chosen": chosen[cell]})
    write_json_atomically(file, told, indent=2)
    return chosen
