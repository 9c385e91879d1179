"""One configuration trained on every scenario of a family, each in a run directory of its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from tasam_agents.config.fields import TrainConfig
from tasam_agents.errors import UserError
from tasam_agents.experiments.generalisation.scenario_family import check_same_spaces, member
from tasam_agents.training import checkpoint
from tasam_agents.training.run_directory import RunDirectory, RunError
from tasam_agents.training.trainer import train


def train_family(
    config: TrainConfig, specs: Sequence[str], directory: Path, num_seeds: int = 1, quiet: bool = False
) -> list[Path]:
    """Train on each scenario with each seed, going on with what is unfinished and skipping what is there.

    Args:
        config: its scenario is the one that ``specs`` are relative to, its seed the first.
        specs: members of the family, see ``scenario_family``.
        directory: where the run directories stand.
        num_seeds: trainings per scenario.
        quiet: show no progress.

    Raises:
        UserError: bad input, before any training starts.
        Interrupted: on SIGINT or SIGTERM, after saving; the same call goes on.
    """
    if not specs:
        raise UserError("no scenario to train on; allowed: one or more")
    if num_seeds < 1:
        raise UserError(f"seeds is {num_seeds}; allowed: 1 or more")
    members = [member(spec, config.env_id, config.env_kwargs) for spec in specs]
    if len({each.slug for each in members}) < len(members):
        raise UserError(f"scenarios are {', '.join(specs)}; allowed: each once")
    check_same_spaces(config.env_id, members, config.env_kwargs)
    jobs = {
        directory / f"{config.name}-{each.slug}-seed{seed}": replace(config, env_kwargs=dict(each.arguments), seed=seed)
        for each in members
        for seed in range(config.seed, config.seed + num_seeds)
    }
    unfinished = list(_unfinished(jobs.items()))
    for number, (path, resume) in enumerate(unfinished, start=1):
        if not quiet:
            print(f"training {number} of {len(unfinished)}: {path}", flush=True)
        train(jobs[path], path, resume=resume, quiet=quiet)
    return list(jobs)


def _unfinished(jobs: Iterable[tuple[Path, TrainConfig]]) -> Iterator[tuple[Path, bool]]:
    """Runs that are not complete, and whether they have begun.

    Raises:
        RunError: a directory holds something else.
    """
    for path, config in jobs:
        run = RunDirectory(path)
        if not run.config_file.is_file():
            RunDirectory.check_new(path)
            yield path, False
            continue
        if run.config() != config:
            raise RunError(f"{path} is a run with another configuration; allowed: this one's own, or no such directory")
        if not checkpoint.exists(run.latest):
            raise RunError(f"{path} was begun and has saved nothing to go on from; allowed: a new directory")
        state = checkpoint.load_state(run.latest)
        if state["iteration"] < config.iterations and not state["converged"]:
            yield path, True
