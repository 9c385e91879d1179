"""`tasam compare --agents NAME…`: train what is missing, evaluate all on the same networks, report."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tasam_agents.cli.arguments import call, print_paths
from tasam_agents.errors import UserError

if TYPE_CHECKING:
    from tasam_agents.experiments.comparison.plan import Plan


def run(arguments: Sequence[str]) -> None:
    """Run the command."""
    call(compare, "tasam compare", arguments)


def compare(
    agents: tuple[str, ...],
    seeds: int = 5,
    first_seed: int = 0,
    networks: int = 20,
    runs: Path = Path("runs/compare"),
    jobs: int | None = None,
    iterations: int | None = None,
    out: Path | None = None,
) -> None:
    """Compare agents over training seeds, on the same held-out networks, with the same budget.

    Runs that are complete are used as they are, so the same command again trains only what is missing.

    Args:
        agents: names of configurations, baselines or reference policies; the first is compared with the others.
        seeds: training runs per agent.
        first_seed: seed of the first; the others follow.
        networks: held-out networks, at least 2.
        runs: the run of an agent with seed K is RUNS/AGENT/seed_K.
        jobs: runs trained at a time, one thread each; default: one per CPU core.
        iterations: of our own agents, in place of their configurations'; baselines get as many environment steps.
        out: where the report goes, and nothing else; the runs stay in RUNS. Default: RUNS.

    Raises:
        UserError: bad input, before any work starts.
        RunsFailed: at the end, after the report of the rest.
        Interrupted: stopped by the user.
    """
    from tasam_agents.experiments.comparison import curves as comparison_curves
    from tasam_agents.experiments.comparison.plan import damaged, divergences, learning_curves, measure, plan
    from tasam_agents.experiments.comparison.report import write_comparison
    from tasam_agents.experiments.comparison.text import comparison_text
    from tasam_agents.jobs.engine import run_jobs
    from tasam_agents.jobs.job import RunsFailed
    from tasam_agents.jobs.training_task import TRAINING, status
    from tasam_agents.jobs.worker_pool import WorkerPool

    if seeds < 1:
        raise UserError(f"seeds is {seeds}; allowed: 1 or more")
    names = [name.replace("-", "_") for name in agents]
    chosen = plan(names, range(first_seed, first_seed + seeds), networks, runs, iterations)
    pool = WorkerPool(jobs)
    missing = sum(status(job) != "complete" for job in chosen.jobs)
    print(f"{_announcement(chosen, missing)}; the runs are in {runs} (--runs)", flush=True)
    failures = run_jobs(chosen.jobs, pool, TRAINING)
    failures += damaged(chosen, failures)
    report = measure(chosen, failures)
    if report is not None:
        out = runs if out is None else out
        curves = learning_curves(chosen, report)
        print(f"\n{comparison_text(report)}")
        if curves:
            print(comparison_curves.text(curves))
        for sentence in divergences(chosen):
            print(sentence)
        files = write_comparison(report, out)
        if curves:
            compared = [line.agent for line in report.lines]
            files.append(comparison_curves.draw(curves, compared, out / "comparison_curves.png"))
        print()
        print_paths(files)
    if failures:
        left_out = ", ".join(dict.fromkeys(failure.job.agent for failure in failures))
        raise RunsFailed(failures, len(chosen.jobs), f" and their agents are left out ({left_out})")


def _announcement(chosen: Plan, missing: int) -> str:
    trained = len(chosen.jobs) // len(chosen.seeds)
    from tasam_agents.experiments.comparison.plan import in_common

    common = in_common(chosen.env_kwargs)
    where = ", ".join([chosen.env_id, *(f"{name}={value}" for name, value in common.items())])
    return (
        f"{trained} trained agents × {len(chosen.seeds)} seeds on {where}: {len(chosen.jobs)} runs of "
        f"{chosen.env_steps:,} environment steps each, {missing} of them to train"
    )
