"""`tasam study plan|run|status|report`: the paper's whole evaluation, resumable."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from oran_env.scenario.presets import make_scenario
from tasam_agents.cli.arguments import parse, print_paths
from tasam_agents.errors import UserError
from tasam_agents.jobs.engine import Pool, run_jobs
from tasam_agents.jobs.job import Job, RunsFailed
from tasam_agents.jobs.ray_pool import RayPool
from tasam_agents.jobs.worker_pool import WorkerPool
from tasam_agents.plotting.text_table import text_table
from tasam_agents.study.budgets import find_budget
from tasam_agents.study.estimate import remaining_s, seconds_per_run
from tasam_agents.study.page.write import write_page
from tasam_agents.study.plan import FIGURES, Plan
from tasam_agents.study.report import Report, facts_of
from tasam_agents.study.results import Results, collect
from tasam_agents.study.task import study_task
from tasam_agents.training.progress import duration

USAGE = """\
  tasam study plan|run|status|report --budget NAME          the paper's figures and tables, from plan to report
"""
MACHINE_FILE, RESULTS, REPORT = "machine.json", "results", "report"


def study(arguments: Sequence[str]) -> None:
    """Dispatch to the four parts."""
    part, *rest = list(arguments) or [""]
    parts = {"plan": _plan, "run": _run, "status": _status, "report": _report}
    if part not in parts:
        raise UserError(f"study {part!r}; allowed: {', '.join(parts)}")
    parts[part](rest)


def _directory(budget: str, out: Path | None) -> Path:
    return Path("runs") / f"study-{budget}" if out is None else out


def _plan(arguments: Sequence[str]) -> None:
    def options(budget: str = "quick", out: Path | None = None, jobs: int | None = None) -> dict[str, Any]:
        """Print the runs of a study, what each figure needs, and what they will take, from a short calibration.

        Args:
            budget: smoke, quick, standard or paper.
            out: directory of the study; default: runs/study-BUDGET.
            jobs: runs at a time; default: one per CPU core.
        """
        return {"budget": budget, "out": out, "jobs": jobs}

    given = parse(options, "tasam study plan", arguments)
    plan = Plan(find_budget(given["budget"]), _directory(given["budget"], given["out"]))
    written = plan.fix()
    processes = WorkerPool(given["jobs"]).processes
    seconds = seconds_per_run(plan)
    table = [["arm", "runs", "each", "for"]]
    table += [[arm.name, str(len(arm.seeds)), duration(seconds[arm.name]), " ".join(arm.figures)] for arm in plan.arms]
    print(text_table(table))
    shares = [["figure", "runs", "time of these alone"]]
    for figure in FIGURES:
        jobs = plan.jobs([figure])
        shares.append([figure, str(len(jobs)), duration(remaining_s(jobs, seconds, processes))])
    print(f"\n{text_table(shares)}")
    jobs = plan.jobs()
    print(
        f"\n{len(jobs)} runs, about {duration(remaining_s(jobs, seconds, processes))} with {processes} at a time; "
        "starting a run, validation and judging come on top."
    )
    print_paths([written])


def _run(arguments: Sequence[str]) -> None:
    def options(
        budget: str = "quick",
        out: Path | None = None,
        jobs: int | None = None,
        only: tuple[str, ...] = FIGURES,
        minutes: float | None = None,
        backend: Literal["processes", "ray"] = "processes",
        address: str | None = None,
    ) -> dict[str, Any]:
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
        return {
            "budget": budget,
            "out": out,
            "jobs": jobs,
            "only": only,
            "minutes": minutes,
            "backend": backend,
            "address": address,
        }

    given = parse(options, "tasam study run", arguments)
    plan = Plan(find_budget(given["budget"]), _directory(given["budget"], given["out"]))
    jobs = plan.jobs(given["only"])
    pool = _pool(given["backend"], given["jobs"], given["address"])
    plan.fix()
    (plan.directory / MACHINE_FILE).write_text(json.dumps(_machine(), indent=1) + "\n", "utf-8")
    failures = run_jobs(jobs, pool, study_task(plan.judging), minutes=given["minutes"])
    if failures:
        raise RunsFailed(failures, len(jobs))
    print(
        f"all {len(jobs)} runs are done. The report: tasam study report --budget {plan.budget.name} "
        f"--out {plan.directory}"
    )


def _status(arguments: Sequence[str]) -> None:
    def options(budget: str = "quick", out: Path | None = None, jobs: int | None = None) -> dict[str, Any]:
        """Show what is done, what failed and what is left.

        Args:
            budget: smoke, quick, standard or paper.
            out: directory of the study; default: runs/study-BUDGET.
            jobs: runs at a time, for the time that is left; default: one per CPU core.
        """
        return {"budget": budget, "out": out, "jobs": jobs}

    given = parse(options, "tasam study status", arguments)
    plan = Plan(find_budget(given["budget"]), _directory(given["budget"], given["out"]))
    task = study_task(plan.judging)
    jobs = plan.jobs()
    left = [job for job in jobs if task.status(job) != "complete"]
    for figure in FIGURES:
        own = plan.jobs([figure])
        missing = {job.directory for job in left}
        done = sum(job.directory not in missing for job in own)
        filled = round(20 * done / len(own))
        print(f"{figure:8}{'█' * filled}{'·' * (20 - filled)} {done} of {len(own)}")
    failed = [(job, reason) for job in left if (reason := _failure(job))]
    for job, reason in failed:
        print(f"failed: {job.label}: {reason} (log: {job.log})")
    time = ""
    if left and (plan.directory / "calibration.json").is_file():
        time = f", about {duration(remaining_s(left, seconds_per_run(plan), WorkerPool(given['jobs']).processes))} left"
    print(f"{len(jobs) - len(left)} of {len(jobs)} runs done, {len(failed)} failed{time}")


def _failure(job: Job) -> str:
    """Why a run stopped, or "" if it did not."""
    lines = job.log.read_text("utf-8", "replace").splitlines() if job.log.is_file() else []
    last = next((line.strip() for line in reversed(lines) if line.strip()), "")
    return last.removeprefix("error: ") if last.startswith("error: ") else ""


def _report(arguments: Sequence[str]) -> None:
    def options(
        budget: str = "quick", out: Path | None = None, tables: Path | None = None, to: Path | None = None
    ) -> dict[str, Any]:
        """Draw every figure and table and say of each claim what came of it.

        Args:
            budget: smoke, quick, standard or paper.
            out: directory of the study; default: runs/study-BUDGET.
            tables: draw from these tidy tables and not from the runs.
            to: where tables and report go; default: the directory of the study.
        """
        return {"budget": budget, "out": out, "tables": tables, "to": to}

    given = parse(options, "tasam study report", arguments)
    plan = Plan(find_budget(given["budget"]), _directory(given["budget"], given["out"]))
    target = plan.directory if given["to"] is None else given["to"]
    if given["tables"] is None:
        results = collect(plan, make_scenario("paper").quality.q_min)
        source, files = plan.directory, results.write(target / RESULTS)
    else:
        results, source, files = Results.read(given["tables"]), given["tables"], []
    if not results.tables["runs"]:
        raise UserError(f"{source} has no finished run yet; first: tasam study run --budget {plan.budget.name}")
    machine_file = source / MACHINE_FILE
    machine = json.loads(machine_file.read_text("utf-8")) if machine_file.is_file() else {"not recorded": ""}
    if given["tables"] is None and machine_file.is_file():
        (target / RESULTS / MACHINE_FILE).write_text(machine_file.read_text("utf-8"), "utf-8")
    told = ", ".join(f"{name} {value}".strip() for name, value in machine.items())
    facts = facts_of(results, plan.budget, len(plan.jobs()), told)
    directory = target / REPORT
    directory.mkdir(parents=True, exist_ok=True)
    page = Report(results, plan.budget, directory, facts).page()
    for section in page.sections:
        for finding in section.findings:
            print(f"{finding.verdict:14}{finding.claim} ({finding.source}): {finding.measured}")
    print_paths([*files, *write_page(page, directory)])


def _pool(backend: str, jobs: int | None, address: str | None) -> Pool:
    """Where the runs happen."""
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
