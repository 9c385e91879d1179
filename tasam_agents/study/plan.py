"""The declared plan of a study: which runs, judged how, against which margins. It is fixed before the first run."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from tasam_agents.errors import Damaged, UserError, not_among
from tasam_agents.files.atomic_write import write_json_atomically
from tasam_agents.files.bounded_read import read_json
from tasam_agents.jobs.job import Job
from tasam_agents.study.arms import Arm, arms_of
from tasam_agents.study.budgets import Budget
from tasam_agents.study.measurement import Judging

PLAN_FILE = "plan.json"
FIGURES = ("fig5", "fig6", "fig7", "fig8", "fig9", "fig10", "fig11", "table2", "table3", "bursty")


@dataclass(frozen=True)
class Plan:
    """All runs of a budget in a directory: run K of an arm stands in ``directory/runs/ARM/seed_K``."""

    budget: Budget
    directory: Path

    @cached_property
    def arms(self) -> tuple[Arm, ...]:
        """Who takes part."""
        return arms_of(self.budget)

    @property
    def judging(self) -> Judging:
        """How every run is judged."""
        sharp = tuple(arm.name for arm in self.arms if arm.sharpness)
        return Judging(self.budget.networks, self.budget.products, sharp)

    def jobs(self, figures: Sequence[str] = FIGURES) -> list[Job]:
        """The runs that these figures and tables need, seed by seed, so that an early stop has some of every arm."""
        for figure in figures:
            if figure not in FIGURES:
                raise UserError(not_among("figure", figure, FIGURES))
        arms = [arm for arm in self.arms if set(arm.figures) & set(figures)]
        seeds = sorted({seed for arm in arms for seed in arm.seeds})
        return [
            Job(arm.name, replace(arm.config, seed=seed, threads=1), self.run_of(arm.name, seed))
            for seed in seeds
            for arm in arms
            if seed in arm.seeds
        ]

    def run_of(self, arm: str, seed: int) -> Path:
        """Where a run stands."""
        return self.directory / "runs" / arm / f"seed_{seed}"

    def document(self) -> dict[str, Any]:
        """All of it as JSON types."""
        arms = [asdict(arm) | {"config": arm.config.to_dict()} for arm in self.arms]
        budget = asdict(self.budget) | {"base": self.budget.base.to_dict()}
        document: dict[str, Any] = json.loads(json.dumps({"budget": budget, "arms": arms}))
        return document

    def fix(self) -> Path:
        """Write plan.json, or make sure that the one there is this plan.

        Raises:
            UserError: the directory holds another plan, whose runs and margins must not be mixed with these.
        """
        path = self.directory / PLAN_FILE
        document = self.document()
        if path.is_file():
            try:
                found = read_json(path)
            except Damaged as error:
                raise UserError(f"{path} is not a plan: {error}") from error
            if not isinstance(found, dict) or not isinstance(found.get("budget"), dict):
                raise UserError(f"{path} is not a plan: it has no budget")
            if found != document:
                changed = [name for name in document["budget"] if found["budget"].get(name) != document["budget"][name]]
                raise UserError(
                    f"{path} holds another plan (it differs in {', '.join(changed) or 'its arms'}); "
                    "allowed: another --out, or the budget it began with"
                )
            return path
        self.directory.mkdir(parents=True, exist_ok=True)
        return write_json_atomically(path, document, indent=1)
