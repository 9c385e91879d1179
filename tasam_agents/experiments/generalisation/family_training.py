"""One configuration trained on every scenario of a family, each in a run directory of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from tasam_agents.config.fields import TrainConfig
from tasam_agents.errors import UserError
from tasam_agents.experiments.generalisation.scenario_family import check_same_spaces, member
from tasam_agents.jobs.engine import Pool, run_jobs
from tasam_agents.jobs.job import Job, RunsFailed
from tasam_agents.jobs.training_task import TRAINING


def train_family(
    config: TrainConfig, specs: Sequence[str], directory: Path, pool: Pool, num_seeds: int = 1, quiet: bool = False
) -> list[Path]:
    """Train on each scenario with each seed, going on with what is unfinished and skipping what is there.

    Args:
        config: its scenario is the one that ``specs`` are relative to, its seed the first.
        specs: members of the family, see ``scenario_family``.
        directory: where the run directories stand.
        pool: where the trainings happen.
        num_seeds: trainings per scenario.
        quiet: show no progress.

    Raises:
        UserError: bad input, before any training starts.
        RunsFailed: after the others have ended.
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
    jobs = [
        Job(
            f"{config.name} on {each.slug}",
            replace(config, env_kwargs=dict(each.arguments), seed=seed),
            directory / f"{config.name}-{each.slug}-seed{seed}",
        )
        for each in members
        for seed in range(config.seed, config.seed + num_seeds)
    ]
    failures = run_jobs(jobs, pool, TRAINING, quiet)
    if failures:
        raise RunsFailed(failures, len(jobs))
    return [job.directory for job in jobs]
