"""`tasam generalise`: agents on scenarios they were not trained on."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import tyro

from tasam_agents.config.variants import VARIANTS
from tasam_agents.errors import UserError
from tasam_agents.experiments.generalisation.family_training import train_family
from tasam_agents.experiments.generalisation.matrix import generalise
from tasam_agents.experiments.generalisation.report import write_generalisation
from tasam_agents.experiments.generalisation.text import generalisation_text
from tasam_agents.jobs.worker_pool import WorkerPool

USAGE = """\
  tasam generalise RUN… [--scenarios NAME…] [--out DIR]     evaluate runs on scenarios they were not trained on
  tasam generalise --config NAME --train-on NAME… --runs D  train on each first, unless it is there"""


def generalise_command(arguments: Sequence[str], parse: Callable[..., Any]) -> list[Path]:
    """Evaluate, print the matrix, write it; return the files.

    parse: (function, name of the program, arguments) -> what the function returns, as ``tyro.cli``.
    """

    def options(
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
    ) -> dict[str, Any]:
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
        """
        return {
            "given": run, "networks": networks, "scenarios": scenarios, "reference": reference, "out": out,
            "config": config, "train_on": train_on, "seeds": seeds, "directory": runs, "iterations": iterations,
            "jobs": jobs,
        }  # fmt: skip

    chosen = parse(options, "tasam generalise", arguments)
    if chosen["networks"] < 2:
        raise UserError(f"networks is {chosen['networks']}; allowed: 2 or more, an interval needs them")
    scenarios = chosen["scenarios"]
    paths = chosen["given"]
    if chosen["config"] is not None or chosen["train_on"] or chosen["directory"] is not None:
        paths = _trained(chosen)
        scenarios = scenarios or chosen["train_on"]
    result = generalise(paths, chosen["networks"], scenarios, chosen["reference"])
    files = write_generalisation(result, chosen["out"] or _beside(paths))
    print(f"\n{generalisation_text(result)}\n")
    return files


def _trained(chosen: dict[str, Any]) -> list[Path]:
    """Train what --config asks for."""
    if chosen["given"]:
        raise UserError(f"--config trains its own runs; not allowed with it: {' '.join(map(str, chosen['given']))}")
    for name, option in (("config", "--config"), ("train_on", "--train-on"), ("directory", "--runs")):
        if not chosen[name]:
            raise UserError(f"{option} is missing; needed to train: --config NAME --train-on SCENARIO… --runs DIR")
    if chosen["config"] not in VARIANTS:
        raise UserError(f"--config is {chosen['config']!r}; allowed: {', '.join(VARIANTS)}")
    config = VARIANTS[chosen["config"]]
    if chosen["iterations"] is not None:
        try:
            config = replace(config, iterations=chosen["iterations"])
        except ValueError as error:
            raise UserError(str(error)) from None
    pool = WorkerPool(chosen["jobs"], config.threads)
    return train_family(config, chosen["train_on"], chosen["directory"], pool, chosen["seeds"])


def _beside(paths: Sequence[Path]) -> Path:
    if len(paths) == 1:
        return paths[0] / "generalisation"
    return Path(os.path.commonpath([path.absolute().parent for path in paths])) / "generalisation"
