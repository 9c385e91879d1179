"""`tasam regimes`: where SAM could pay, as a map and in two cells with fresh seeds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from tasam_agents.cli.arguments import call, print_paths

if TYPE_CHECKING:
    from tasam_agents.experiments.regimes.plan import Settings
    from tasam_agents.jobs.job import Failure, Job
    from tasam_agents.jobs.worker_pool import WorkerPool


def run(arguments: Sequence[str]) -> None:
    """Run the command."""
    call(regimes, "tasam regimes", arguments)


def regimes(
    part: Literal["map", "closer", "both"] = "both",
    runs: Path = Path("runs/regimes"),
    out: Path | None = None,
    jobs: int | None = None,
    updates: int | None = None,
    seeds: int | None = None,
    networks: int | None = None,
    closer_updates: int | None = None,
    closer_seeds: int | None = None,
    report_only: bool = False,
) -> None:
    """Train and judge replay ratio x number of training networks x rho on `tiny`, then two cells on `paper`.

    Runs that are complete are used as they are, so the same command again does only what is missing.

    Args:
        part: the map; the two cells, which were fixed before it was drawn; or one after the other.
        runs: where the runs stand.
        out: where tables and picture go; default: RUNS.
        jobs: runs at a time, one thread each; default: one per CPU core.
        updates: of each run of the map; how much data there is follows from the replay ratio.
        seeds: runs per cell and arm of the map.
        networks: held-out networks, and as many for validation.
        closer_updates: of each run of the two cells.
        closer_seeds: fresh seeds there.
        report_only: train nothing; report what is complete.
    """
    from tasam_agents.experiments.regimes.plan import Settings
    from tasam_agents.jobs.worker_pool import WorkerPool

    given = {
        "updates": updates,
        "seeds": seeds,
        "networks": networks,
        "closer_updates": closer_updates,
        "closer_seeds": closer_seeds,
    }
    settings = Settings(**{name: value for name, value in given.items() if value is not None})
    pool = None if report_only else WorkerPool(jobs)
    for name, work in {"map": _map, "closer": _closer}.items():
        if part in (name, "both"):
            work(settings, runs, out or runs, pool)


def _map(settings: Settings, runs: Path, out: Path, pool: WorkerPool | None) -> None:
    from tasam_agents.experiments.regimes import plan, report, result, text

    jobs = plan.map_jobs(settings, runs)
    failures = _done(jobs, settings, pool)
    cells = [(ratio, networks) for ratio in plan.RATIOS for networks in plan.NETWORKS]
    effects = result.effects(jobs, cells, plan.ARMS, plan.PLAIN, settings.networks)
    if effects:
        print(f"\n{text.map_text(effects, settings.networks)}\n")
        print_paths(report.write_map(effects, out))
    else:
        print("no cell has a seed that all its arms have finished yet")
    _refuse(failures, len(jobs))


def _closer(settings: Settings, runs: Path, out: Path, pool: WorkerPool | None) -> None:
    from tasam_agents.experiments.regimes import plan, report, result, text

    trials = plan.trial_jobs(settings, runs)
    _refuse(_done(trials, settings, pool), len(trials))
    out.mkdir(parents=True, exist_ok=True)
    chosen = result.choose(trials, plan.CLOSER, settings.networks, out / "regimes_trials.json")
    if any(len(values) < len(plan.VARIANTS_COMPARED) for values in chosen.values()):
        print("the knobs of the two cells have not all been tried yet")
        return
    jobs = plan.closer_jobs(settings, runs, chosen)
    failures = _done(jobs, settings, pool)
    arms = plan.VARIANTS_COMPARED
    equal, twice = (
        result.effects(jobs, plan.CLOSER, (against, *arms[1:]), against, settings.networks)
        for against in (arms[0], plan.TWICE)
    )
    if equal and twice:
        print(f"\n{text.closer_text(equal, twice)}\n")
        print_paths([report.write_closer(equal, twice, (arms[0], plan.TWICE), out), out / "regimes_trials.json"])
    _refuse(failures, len(jobs))


def _done(jobs: Sequence[Job], settings: Settings, pool: WorkerPool | None) -> Sequence[Failure]:
    """Do what is missing; return the failures."""
    from tasam_agents.experiments.regimes.judging import task
    from tasam_agents.jobs.engine import run_jobs

    return [] if pool is None else run_jobs(jobs, pool, task(settings.networks))


def _refuse(failures: Sequence[Failure], num_jobs: int) -> None:
    from tasam_agents.jobs.job import RunsFailed

    if failures:
        raise RunsFailed(failures, num_jobs)
