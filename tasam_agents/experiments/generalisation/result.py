"""How agents do on scenarios they were not trained on: returns of agents by scenarios, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasam_agents.experiments.generalisation.scenario_family import Member
from tasam_agents.stats.intervals import Difference, difference, ends

Returns = NDArray[np.float64]


@dataclass(frozen=True)
class Row:
    """Runs of one configuration on one scenario, which differ by their seed alone."""

    label: str
    recipe: str  # the configuration without scenario and seed, as JSON
    trained_on: str  # name of a member
    seeds: tuple[int, ...]
    runs: tuple[Path, ...]


@dataclass(frozen=True)
class Generalisation:
    """Returns of every row and reference policy on every member, on networks of the same seeds."""

    rows: tuple[Row, ...]
    members: tuple[Member, ...]
    reference: str
    networks: tuple[int, ...]
    returns: Mapping[tuple[str, str], Returns]  # (row label, member name) -> (S, N)
    references: Mapping[tuple[str, str], Returns]  # (policy, member name) -> (1, N)

    def advantage(self, row: Row, name: str) -> Difference:
        """Return on a member minus that of the reference policy there."""
        return difference(self.returns[row.label, name], self.references[self.reference, name])

    def loss(self, row: Row, name: str) -> Difference:
        """How much of the advantage on its own scenario is lost on another; negative: it gains there."""
        home, there = (
            self.returns[row.label, place] - self.references[self.reference, place] for place in (row.trained_on, name)
        )
        return difference(home, there)

    def elsewhere(self, row: Row) -> Difference | None:
        """Mean advantage on all members but its own; None when there is no other."""
        others = [each.name for each in self.members if each.name != row.trained_on]
        if not others:
            return None
        gaps = [self.returns[row.label, name] - self.references[self.reference, name] for name in others]
        mean: Returns = np.mean(gaps, axis=0)
        return difference(mean, np.zeros((1, mean.shape[1])))

    def gap_to_specialist(self, row: Row, name: str) -> Difference | None:
        """Return on a member minus that of the same configuration trained there; None: no such run."""
        there = [each for each in self.rows if each.recipe == row.recipe and each.trained_on == name]
        if not there:
            return None
        own, specialist = self.returns[row.label, name], self.returns[there[0].label, name]
        if row.seeds != there[0].seeds:  # other trainings cannot be paired, their means on each network can
            own, specialist = own.mean(axis=0, keepdims=True), specialist.mean(axis=0, keepdims=True)
        return difference(own, specialist)

    @cached_property
    def has_specialists(self) -> bool:
        """Whether the matrix holds a cell of an agent and one trained there, apart from its own."""
        return any(
            self.gap_to_specialist(row, each.name) is not None
            for row in self.rows
            for each in self.members
            if each.name != row.trained_on
        )

    def cell(self, row: Row, name: str) -> dict[str, Any]:
        """Every number of one row on one member, flat."""
        cell: dict[str, Any] = {
            "agent": row.label, "trained_on": row.trained_on, "training_seeds": len(row.seeds), "scenario": name,
            "return": float(self.returns[row.label, name].mean()),
            f"return_of_{self.reference}": float(self.references[self.reference, name].mean()),
        }  # fmt: skip
        measures: dict[str, Difference | None] = {
            "advantage": self.advantage(row, name),
            "loss": self.loss(row, name),
            "gap_to_specialist": self.gap_to_specialist(row, name),
        }
        for measure, found in measures.items():
            cell[measure] = found.mean if found else None
            cell |= ends(found.over_seeds if found else None, f"{measure}_over_seeds_{{}}")
            cell |= ends(found.over_networks if found else None, f"{measure}_over_networks_{{}}")
        return cell
