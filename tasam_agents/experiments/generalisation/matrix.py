"""Evaluate agents and reference policies on a family of scenarios, all on networks of the same seeds."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from tasam_agents.config.fields import TrainConfig
from tasam_agents.envs.make import make_batched, reference_arguments, reference_policies
from tasam_agents.envs.seeding import held_out_networks
from tasam_agents.errors import UserError, not_among
from tasam_agents.experiments.generalisation.result import Generalisation, Row
from tasam_agents.experiments.generalisation.scenario_family import (
    Member,
    base_member,
    base_of,
    check_same_spaces,
    family_around,
    member,
    own_member,
)
from tasam_agents.training import checkpoint
from tasam_agents.training.evaluation import evaluate, load_actors, run_policy
from tasam_agents.training.run_directory import RunDirectory, RunError
from tasam_agents.training.threads import torch_threads

REFERENCES = ("count_rule", "static", "random")  # the first that every scenario offers is subtracted


def generalise(
    runs: Sequence[Path],
    num_networks: int = 10,
    specs: Sequence[str] = (),
    reference: str | None = None,
    trusted: Collection[str] = (),
) -> Generalisation:
    """Evaluate the best actors of runs, deterministic, and the reference policies on a family of scenarios.

    Args:
        runs: run directories, trained on the same environment with the same spaces.
        num_networks: held-out networks per scenario, at least 2; the names are the same for all scenarios.
        specs: members of the family, see ``scenario_family``; default: all that have a name. The scenarios that the
            runs were trained on are always among them, and come first.
        reference: the policy whose return is subtracted; default: the first of ``REFERENCES`` that is offered.
        trusted: environment ids with a module that the user named beside the files.

    Raises:
        UserError: bad input, before anything is evaluated.
    """
    if num_networks < 2:
        raise UserError(f"networks is {num_networks}; allowed: 2 or more, an interval needs them")
    if not runs:
        raise UserError("no run given; allowed: one or more run directories")
    configs = {run: RunDirectory.open(run).config(trusted) for run in runs}
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
    family = [base_member(base), *family_around(env_ids[0], base)]
    members = [family[0], *(member(spec, env_ids[0], base) for spec in specs)] if specs else family
    own = [own_member(env_ids[0], each, base, (*members, *family)) for each in trained_on]
    if specs and members[0] not in own and members[0].name not in specs:
        del members[0]  # only what was asked for
    ordered = tuple({each.name: each for each in (*own, *members)}.values())
    check_same_spaces(env_ids[0], ordered, trained_on[0])
    with torch_threads(max(config.threads for config in configs.values())):  # as they were trained
        return _evaluated(configs, own, ordered, num_networks, reference)


def _evaluated(
    configs: Mapping[Path, TrainConfig],
    own: Sequence[Member],
    members: tuple[Member, ...],
    num_networks: int,
    reference: str | None,
) -> Generalisation:
    env_id = next(iter(configs.values())).env_id
    names, rows = held_out_networks(num_networks), _rows(configs, own)
    envs = {each.name: make_batched(env_id, each.arguments, num_networks, names) for each in members}
    offered = {each.name: reference_policies(env_id, each.arguments) for each in members}
    common = [name for name in offered[members[0].name] if all(name in policies for policies in offered.values())]
    chosen = reference or next(name for name in REFERENCES if name in common)  # random always is
    if chosen not in common:
        raise UserError(not_among("reference is", chosen, common, ", which every scenario offers"))
    actors = {}
    for run, config in configs.items():
        directory = RunDirectory(run).best
        env = envs[members[0].name]
        learner = load_actors(checkpoint.load(directory), directory, config, env)
        actors[run] = run_policy(learner, config, env, deterministic=True)
    returns, references = {}, {}
    for each in members:
        name, env = each.name, envs[each.name]
        theirs = make_batched(env_id, reference_arguments(env_id, each.arguments), num_networks, names)
        for policy in common:
            references[policy, name] = evaluate(offered[name][policy], theirs, names).returns[None]
        for row in rows:
            returns[row.label, name] = np.stack([evaluate(actors[run], env, names).returns for run in row.runs])
    return Generalisation(rows, members, chosen, tuple(range(num_networks)), returns, references)


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
