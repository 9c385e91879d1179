"""`tasam generalise`: agents on scenarios they were not trained on."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import tyro

from tasam_agents.cli.arguments import call, print_paths
from tasam_agents.config.variants import VARIANTS
from tasam_agents.errors import UserError, not_among


def run(arguments: Sequence[str]) -> None:
    """Run the command."""
    call(generalise, "tasam generalise", arguments)


def generalise(
    run: tyro.conf.Positional[tuple[Path, ...]] = (),
    networks: int = 10,
    scenarios: tuple[str, ...] = (),
    reference: str | None = None,
    out: Path | None = None,
    config: str | None = None,
    train_on: tuple[str, ...] = (),
    seeds: int = 1,
    runs: Path | None = None,
    iterations: int | None = None,
    jobs: int | None = None,
    trust_env: tuple[str, ...] = (),
) -> None:
    """Evaluate the best actors of runs on a family of scenarios with the same spaces, beside reference policies.

    A scenario is a name of the family (calm, heterogeneous, bursty, overload, fast, dense), the preset of the
    runs itself, fields of the environment (num_ues=30 or num_ues=30,load=2), or both (calm,load=2).

    Args:
        run: run directories; runs that differ by their seed alone are averaged.
        networks: held-out networks per scenario, at least 2.
        scenarios: default: the whole family. Those that the runs were trained on are always among them.
        reference: policy whose return is subtracted; default: count_rule, else static, else random.
        out: directory for tables and picture; default: generalisation beside the runs, or in the only one.
        config: name of a configuration to train first, on each of --train-on.
        train_on: scenarios to train on.
        seeds: with --config, trainings per scenario.
        runs: with --config, directory of the trained runs.
        iterations: with --config, of each training; default: those of the configuration.
        jobs: with --config, runs trained at a time; default: one per CPU core, fewer if each has several threads.
        trust_env: environment ids with a module that these runs may name; else only a registry's are made.
    """
    from tasam_agents.experiments.generalisation import matrix
    from tasam_agents.experiments.generalisation.report import write_generalisation
    from tasam_agents.experiments.generalisation.text import generalisation_text

    if networks < 2:
        raise UserError(f"networks is {networks}; allowed: 2 or more, an interval needs them")
    if config is not None or train_on or runs is not None:
        if run:
            raise UserError(f"--config trains its own runs; not allowed with it: {' '.join(map(str, run))}")
        run = tuple(_trained(config, train_on, runs, seeds, iterations, jobs))
        scenarios = scenarios or train_on
        trust_env = (*trust_env, VARIANTS[str(config)].env_id)  # what was just trained here
    result = matrix.generalise(run, networks, scenarios, reference, trust_env)
    files = write_generalisation(result, out or _beside(run))
    print(f"\n{generalisation_text(result)}\n")
    print_paths(files)


def _trained(
    name: str | None,
    scenarios: Sequence[str],
    directory: Path | None,
    seeds: int,
    iterations: int | None,
    jobs: int | None,
) -> list[Path]:
    """Train what --config asks for."""
    from tasam_agents.experiments.generalisation.family_training import train_family
    from tasam_agents.jobs.worker_pool import WorkerPool

    if name is None or not scenarios or directory is None:
        given = {"--config": name, "--train-on": scenarios, "--runs": directory}
        missing = next(option for option, value in given.items() if not value)
        raise UserError(f"{missing} is missing; needed to train: --config NAME --train-on SCENARIO… --runs DIR")
    if name not in VARIANTS:
        raise UserError(not_among("--config is", name, VARIANTS))
    config = VARIANTS[name]
    if iterations is not None:
        try:
            config = replace(config, iterations=iterations)
        except ValueError as error:
            raise UserError(str(error)) from None
    pool = WorkerPool(jobs, config.threads)
    return train_family(config, scenarios, directory, pool, seeds)


def _beside(paths: Sequence[Path]) -> Path:
    if len(paths) == 1:
        return paths[0] / "generalisation"
    return Path(os.path.commonpath([path.absolute().parent for path in paths])) / "generalisation"
