"""How agents do on scenarios they were not trained on: a matrix of returns, agents by scenarios."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from tasam_agents.config.fields import TrainConfig
from tasam_agents.envs.make import make_batched, reference_policies
from tasam_agents.errors import UserError
from tasam_agents.experiments.generalisation.figure import draw_generalisation
from tasam_agents.experiments.generalisation.scenario_family import (
    FAMILY,
    ORAN,
    Member,
    base_member,
    base_of,
    check_same_spaces,
    member,
    own_member,
)
from tasam_agents.experiments.generalisation.text import generalisation_text
from tasam_agents.plotting.style import write_table
from tasam_agents.stats.intervals import Difference, difference
from tasam_agents.training import checkpoint
from tasam_agents.training.evaluation import TEST_SEED, evaluate, load_actors, network_seeds, run_policy
from tasam_agents.training.run_directory import RunDirectory, RunError

REFERENCES = ("count_rule", "static", "random")  # the first that every scenario offers is subtracted
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
    network_seeds: tuple[int, ...]
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

    def text(self) -> str:
        """The matrix, what every agent loses, and what it rests on."""
        return generalisation_text(self)

    def write(self, directory: Path) -> list[Path]:
        """Write generalisation.png with its .csv, generalisation_returns.csv (tidy) and generalisation.json."""
        directory.mkdir(parents=True, exist_ok=True)
        tidy = [
            {"agent": row.label, "trained_on": row.trained_on, "seed": seed, "scenario": each.name,
             "network_seed": network, "return": value}
            for row in self.rows for each in self.members
            for seed, line in zip(row.seeds, self.returns[row.label, each.name].tolist(), strict=True)
            for network, value in zip(self.network_seeds, line, strict=True)
        ]  # fmt: skip
        tidy += [
            {"agent": policy, "trained_on": None, "seed": None, "scenario": name, "network_seed": network,
             "return": value}
            for (policy, name), values in self.references.items()
            for network, value in zip(self.network_seeds, values[0].tolist(), strict=True)
        ]  # fmt: skip
        document = directory / "generalisation.json"
        document.write_text(json.dumps(self.document(), indent=1, allow_nan=False) + "\n", "utf-8")
        table = write_table(directory / "generalisation_returns.csv", tidy)
        return [draw_generalisation(self, directory / "generalisation.png"), table, document]

    def document(self) -> dict[str, Any]:
        """All of it as JSON types."""
        return {
            "reference": self.reference,
            "network_seeds": list(self.network_seeds),
            "scenarios": [{"name": each.name, "env_kwargs": dict(each.arguments)} for each in self.members],
            "agents": [
                {"label": row.label, "trained_on": row.trained_on, "seeds": list(row.seeds),
                 "runs": [str(run) for run in row.runs]}
                for row in self.rows
            ],
            "cells": [self.cell(row, each.name) for row in self.rows for each in self.members],
        }  # fmt: skip

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
            for over, interval in (
                ("over_seeds", found.over_seeds if found else None),
                ("over_networks", found.over_networks if found else None),
            ):
                bounds = asdict(interval) if interval else {"low": None, "high": None}
                cell |= {f"{measure}_{over}_{end}": bounds[end] for end in ("low", "high")}
        return cell


def generalise(
    runs: Sequence[Path], num_networks: int = 10, specs: Sequence[str] = (), reference: str | None = None
) -> Generalisation:
    """Evaluate the best actors of runs, deterministic, and the reference policies on a family of scenarios.

    Args:
        runs: run directories, trained on the same environment with the same spaces.
        num_networks: held-out networks per scenario, at least 2; the seeds are the same for all scenarios.
        specs: members of the family, see ``scenario_family``; default: all that have a name. The scenarios that the
            runs were trained on are always among them, and come first.
        reference: the policy whose return is subtracted; default: the first of ``REFERENCES`` that is offered.

    Raises:
        UserError: bad input, before anything is evaluated.
    """
    if num_networks < 2:
        raise UserError(f"networks is {num_networks}; allowed: 2 or more, an interval needs them")
    if not runs:
        raise UserError("no run given; allowed: one or more run directories")
    configs = {run: RunDirectory.open(run).config() for run in runs}
    if len({run.resolve() for run in runs}) < len(runs):
        raise UserError("a run is given twice; allowed: each once")
    for run in runs:
        if not checkpoint.exists(RunDirectory(run).best):
            raise RunError(f"{run} has no checkpoint to evaluate yet: there is no {RunDirectory(run).best}")
    env_ids = sorted({config.env_id for config in configs.values()})
    if len(env_ids) > 1:
        raise UserError(f"the runs were trained on {', '.join(env_ids)}; allowed: one environment")
    trained_on = [config.env_kwargs for config in configs.values()]
    base = base_of(env_ids[0], trained_on)
    family = [base_member(base), *(member(name, env_ids[0], base) for name in FAMILY if env_ids[0] == ORAN)]
    members = [family[0], *(member(spec, env_ids[0], base) for spec in specs)] if specs else family
    own = [own_member(env_ids[0], each, base, (*members, *family)) for each in trained_on]
    if specs and members[0] not in own and members[0].name not in specs:
        del members[0]  # only what was asked for
    ordered = tuple({each.name: each for each in (*own, *members)}.values())
    check_same_spaces(env_ids[0], ordered, trained_on[0])
    return _evaluated(configs, own, ordered, network_seeds(TEST_SEED, num_networks), reference)


def _evaluated(
    configs: Mapping[Path, TrainConfig],
    own: Sequence[Member],
    members: tuple[Member, ...],
    seeds: list[int],
    reference: str | None,
) -> Generalisation:
    env_id = next(iter(configs.values())).env_id
    rows = _rows(configs, own)
    envs = {each.name: make_batched(env_id, each.arguments, len(seeds), seeds) for each in members}
    offered = {each.name: reference_policies(env_id, each.arguments) for each in members}
    common = [name for name in offered[members[0].name] if all(name in policies for policies in offered.values())]
    chosen = reference or next(name for name in REFERENCES if name in common)  # random always is
    if chosen not in common:
        raise UserError(f"reference is {chosen!r}; allowed: {', '.join(common)}, which every scenario offers")
    actors = {}
    torch.set_num_threads(max(config.threads for config in configs.values()))  # as they were trained
    for run, config in configs.items():
        directory = RunDirectory(run).best
        env = envs[members[0].name]
        learner = load_actors(checkpoint.load(directory), directory, config, env)
        actors[run] = run_policy(learner, config, env, deterministic=True)
    returns, references = {}, {}
    for name, env in envs.items():
        for policy in common:
            references[policy, name] = evaluate(offered[name][policy], env, seeds).returns[None]
        for row in rows:
            returns[row.label, name] = np.stack([evaluate(actors[run], env, seeds).returns for run in row.runs])
    return Generalisation(rows, members, chosen, tuple(seeds), returns, references)


def _rows(configs: Mapping[Path, TrainConfig], own: Sequence[Member]) -> tuple[Row, ...]:
    """Group runs that differ by their seed alone, in the order in which they are given."""
    groups: dict[tuple[str, str], list[Path]] = {}
    for (run, config), home in zip(configs.items(), own, strict=True):
        recipe = json.dumps(replace(config, seed=0, env_kwargs={}).to_dict(), sort_keys=True)
        groups.setdefault((recipe, home.name), []).append(run)
    rows: list[Row] = []
    labels: list[str] = []
    for (recipe, trained_on), paths in groups.items():
        paths.sort(key=lambda run: configs[run].seed)
        seeds = tuple(configs[run].seed for run in paths)
        if len(set(seeds)) < len(seeds):
            raise UserError(
                f"{' and '.join(map(str, paths))} have the same seed; allowed: a seed once per configuration"
            )
        label = f"{configs[paths[0]].name} on {trained_on}"
        labels.append(label)
        if labels.count(label) > 1:  # another configuration under the same name
            label = f"{label} ({labels.count(label)})"
        rows.append(Row(label, recipe, trained_on, seeds, tuple(paths)))
    return tuple(rows)
