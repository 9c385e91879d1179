"""`tasam study plan|run|status|report`: the paper's whole evaluation, resumable."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from tasam_agents.cli.arguments import call, print_paths
from tasam_agents.errors import UserError, not_among
from tasam_agents.files.atomic_write import write_json_atomically
from tasam_agents.files.bounded_read import KIB, read_json

if TYPE_CHECKING:
    from tasam_agents.jobs.engine import Pool
    from tasam_agents.jobs.job import Job
    from tasam_agents.study.plan import Plan

MACHINE_FILE, FACTS_FILE, RESULTS, REPORT = "machine.json", "facts.json", "results", "report"


def run(arguments: Sequence[str]) -> None:
    """Dispatch to the four parts."""
    part, *rest = list(arguments) or [""]
    parts: dict[str, Callable[..., None]] = {
        "plan": show_plan,
        "run": do_runs,
        "status": show_status,
        "report": write_report,
    }
    if part in ("-h", "--help"):
        lines = [f"  tasam study {name:8}{(each.__doc__ or '').splitlines()[0]}" for name, each in parts.items()]
        print("\n".join(["usage: tasam study PART …", "", *lines]))
        return
    if part not in parts:
        raise UserError(not_among("study", part, parts))
    call(parts[part], f"tasam study {part}", rest)


def show_plan(budget: str = "quick", out: Path | None = None, jobs: int | None = None) -> None:
    """Print the runs of a study, what each figure needs, and what they will take, from a short calibration.

    Args:
        budget: smoke, quick, standard or paper.
        out: directory of the study; default: runs/study-BUDGET.
        jobs: runs at a time; default: one per CPU core.
    """
    from tasam_agents.jobs.worker_pool import WorkerPool
    from tasam_agents.plotting.text_table import text_table
    from tasam_agents.study.estimate import remaining_s, seconds_per_run
    from tasam_agents.study.plan import FIGURES
    from tasam_agents.training.progress import duration

    plan = _plan(budget, out)
    written = plan.fix()
    processes = WorkerPool(jobs).processes
    seconds = seconds_per_run(plan)
    table = [["arm", "runs", "each", "for"]]
    table += [[arm.name, str(len(arm.seeds)), duration(seconds[arm.name]), " ".join(arm.figures)] for arm in plan.arms]
    print(text_table(table))
    shares = [["figure", "runs", "time of these alone"]]
    for figure in FIGURES:
        own = plan.jobs([figure])
        shares.append([figure, str(len(own)), duration(remaining_s(own, seconds, processes))])
    print(f"\n{text_table(shares)}")
    every = plan.jobs()
    print(
        f"\n{len(every)} runs, about {duration(remaining_s(every, seconds, processes))} with {processes} at a time; "
        "starting a run, validation and judging come on top."
    )
    print_paths([written])


def do_runs(
    budget: str = "quick",
    out: Path | None = None,
    jobs: int | None = None,
    only: tuple[str, ...] = (),
    minutes: float | None = None,
    backend: Literal["processes", "ray"] = "processes",
    address: str | None = None,
) -> None:
    """Do all runs that are not done. Stop it whenever you like: the same command goes on.

    Args:
        budget: smoke, quick, standard or paper.
        out: directory of the study; default: runs/study-BUDGET.
        jobs: runs at a time, with processes; default: one per CPU core.
        only: figures and tables whose runs are wanted; default: all.
        minutes: stop after this time; what runs is saved first.
        backend: processes of this machine, or the tasks of a Ray cluster.
        address: of a running Ray cluster, "auto" or HOST:PORT; default: one of this machine.
    """
    from tasam_agents.jobs.engine import run_jobs
    from tasam_agents.jobs.job import RunsFailed
    from tasam_agents.study.plan import FIGURES
    from tasam_agents.study.task import study_task

    plan = _plan(budget, out)
    wanted = plan.jobs(only or FIGURES)
    pool = _pool(backend, jobs, address)
    plan.fix()
    write_json_atomically(plan.directory / MACHINE_FILE, _machine(), indent=1)
    failures = run_jobs(wanted, pool, study_task(plan.judging), minutes=minutes)
    if failures:
        raise RunsFailed(failures, len(wanted))
    print(
        f"all {len(wanted)} runs are done. The report: tasam study report --budget {plan.budget.name} "
        f"--out {plan.directory}"
    )


def show_status(budget: str = "quick", out: Path | None = None, jobs: int | None = None) -> None:
    """Show what is done, what failed and what is left.

    Args:
        budget: smoke, quick, standard or paper.
        out: directory of the study; default: runs/study-BUDGET.
        jobs: runs at a time, for the time that is left; default: one per CPU core.
    """
    from tasam_agents.jobs.engine import standing
    from tasam_agents.jobs.worker_pool import WorkerPool
    from tasam_agents.study.estimate import remaining_s, seconds_per_run
    from tasam_agents.study.plan import FIGURES, PLAN_FILE
    from tasam_agents.study.task import study_task
    from tasam_agents.training.progress import duration

    plan = _plan(budget, out)
    if not (plan.directory / PLAN_FILE).is_file():
        raise UserError(f"{plan.directory} has no study: there is no {PLAN_FILE}; allowed: --out of one that was begun")
    task = study_task(plan.judging)
    every = plan.jobs()
    left, damaged = standing(every, task)
    for figure in FIGURES:
        own = plan.jobs([figure])
        missing = {job.directory for job in left} | {failure.job.directory for failure in damaged}
        done = sum(job.directory not in missing for job in own)
        filled = round(20 * done / len(own))
        print(f"{figure:8}{'█' * filled}{'·' * (20 - filled)} {done} of {len(own)}")
    failed = [(job, reason) for job in left if (reason := _failure(job))]
    for failure in damaged:
        print(f"damaged: {failure.job.label}: {failure.reason}")
    for job, reason in failed:
        print(f"failed: {job.label}: {reason} (log: {job.log})")
    time = ""
    if left and (plan.directory / "calibration.json").is_file():
        time = f", about {duration(remaining_s(left, seconds_per_run(plan), WorkerPool(jobs).processes))} left"
    harmed = f", {len(damaged)} damaged" if damaged else ""
    print(f"{len(every) - len(left) - len(damaged)} of {len(every)} runs done, {len(failed)} failed{harmed}{time}")


def write_report(
    budget: str = "quick", out: Path | None = None, tables: Path | None = None, to: Path | None = None
) -> None:
    """Draw every figure and table and say of each claim what came of it.

    Args:
        budget: smoke, quick, standard or paper.
        out: directory of the study; default: runs/study-BUDGET.
        tables: draw from these tidy tables and not from the runs.
        to: where tables and report go; default: the directory of the study.
    """
    from oran_env.scenario.presets import make_scenario
    from tasam_agents.study.page.write import write_page
    from tasam_agents.study.report import Report, facts_of, nothing_judged
    from tasam_agents.study.results import Results, collect

    plan = _plan(budget, out)
    target = plan.directory if to is None else to
    if tables is None:
        results = collect(plan, make_scenario("paper").quality.q_min)
        source, files = plan.directory, results.write(target / RESULTS)
    else:
        results, source, files = Results.read(tables), tables, []
    if not results.tables["runs"]:
        raise UserError(f"{source} has no finished run yet; first: tasam study run --budget {plan.budget.name}")
    machine_file = source / MACHINE_FILE
    machine = read_json(machine_file) if machine_file.is_file() else {"not recorded": ""}
    if not isinstance(machine, dict):
        raise UserError(f"{machine_file} does not tell of a machine; allowed: names and texts")
    if tables is None and machine_file.is_file():
        write_json_atomically(target / RESULTS / MACHINE_FILE, machine, indent=1)
    told = ", ".join(f"{name} {value}".strip() for name, value in machine.items())
    facts = facts_of(results, plan.budget, len(plan.jobs()), told)
    if tables is None:
        files.append(write_json_atomically(target / RESULTS / FACTS_FILE, facts, indent=1))
    elif (tables / FACTS_FILE).is_file():  # a budget may have changed since: what was run is told, not what would be
        stored = read_json(tables / FACTS_FILE)
        if not isinstance(stored, dict):
            raise UserError(f"{tables / FACTS_FILE} is no table of facts; allowed: names and texts")
        facts = {str(name): str(value) for name, value in stored.items()}
    directory = target / REPORT
    directory.mkdir(parents=True, exist_ok=True)
    page = Report(results, plan.budget, directory, facts).page()
    if not plan.budget.judges:
        print(nothing_judged(plan.budget).replace("`", ""))
    for section in page.sections:
        for finding in section.findings:
            counts = f"; counts {finding.counts}" if finding.counts else ""
            print(f"{finding.verdict:14}{finding.claim} ({finding.source}): {finding.measured}{counts}")
    print_paths([*files, *write_page(page, directory)])


def _plan(budget: str, out: Path | None) -> Plan:
    from tasam_agents.study.budgets import find_budget
    from tasam_agents.study.plan import Plan

    return Plan(find_budget(budget), Path("runs") / f"study-{budget}" if out is None else out)


def _failure(job: Job) -> str:
    """Why a run stopped, or "" if it did not."""
    if not job.log.is_file():
        return ""
    with job.log.open("rb") as file:
        file.seek(max(0, job.log.stat().st_size - 64 * KIB))
        lines = file.read(64 * KIB).decode("utf-8", "replace").splitlines()
    last = next((line.strip() for line in reversed(lines) if line.strip()), "")
    return last.removeprefix("error: ") if last.startswith("error: ") else ""


def _pool(backend: str, jobs: int | None, address: str | None) -> Pool:
    """Where the runs happen."""
    from tasam_agents.jobs.ray_pool import RayPool
    from tasam_agents.jobs.worker_pool import WorkerPool

    if backend == "ray":
        if jobs is not None:
            raise UserError(f"jobs is {jobs}; allowed only with --backend processes")
        return RayPool(address)
    if address is not None:
        raise UserError(f"address is {address}; allowed only with --backend ray")
    return WorkerPool(jobs)


def _machine() -> dict[str, str]:
    """What the results may depend on: processor, Python and the libraries that compute."""
    import numba
    import numpy
    import torch

    return {
        "processor": _processor(),
        "cores": str(os.cpu_count()),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": numpy.__version__,
        "numba": numba.__version__,
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        lines = []
    named = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    return " ".join(filter(None, [named.get("model name", platform.processor()), platform.machine()]))
