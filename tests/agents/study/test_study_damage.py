"""What is damaged is one run of a study: the others are done, counted and shown, and nothing is deleted."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from support.here_pool import HerePool

from tasam_agents.cli.commands import study
from tasam_agents.errors import UserError
from tasam_agents.jobs.engine import run_jobs, standing
from tasam_agents.jobs.job import Job
from tasam_agents.jobs.training_task import train_job
from tasam_agents.study.budgets import BUDGETS
from tasam_agents.study.measurement import FILE, is_measured
from tasam_agents.study.page.page import Page
from tasam_agents.study.plan import Plan
from tasam_agents.study.report import Report
from tasam_agents.study.results import collect
from tasam_agents.study.task import study_task
from tasam_agents.training.run_directory import RunDirectory

Q_MIN = (10.0, 50.0, 2.0)
STORED = Path(__file__).parents[3] / "docs" / "results" / "study" / "results"


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    """Two runs of a study, trained and judged."""
    base = replace(BUDGETS["smoke"].base, iterations=2, evaluate_every=1, env_kwargs={"scenario": "tiny"})
    plan = Plan(replace(BUDGETS["smoke"], base=base, networks=2), tmp_path_factory.mktemp("study"))
    plan.fix()
    failures = run_jobs(plan.jobs()[:2], HerePool(), study_task(plan.judging), quiet=True)
    assert failures == []
    return plan


@pytest.fixture
def plan(done: Plan, tmp_path: Path) -> Plan:
    shutil.copytree(done.directory, tmp_path / "study")
    return replace(done, directory=tmp_path / "study")


def change_a_digit(path: Path) -> None:
    text = path.read_text()
    place = max(i for i, sign in enumerate(text) if sign.isdigit() and text[i - 1] == ".")
    path.write_text(f"{text[:place]}{(int(text[place]) + 1) % 10}{text[place + 1 :]}")


def empty(path: Path) -> None:
    path.write_bytes(b"")


DAMAGES: list[tuple[str, Callable[[Path], None]]] = [
    ("config.json", empty),
    ("config.json", Path.unlink),
    ("metrics.jsonl", empty),
    ("metrics.jsonl", change_a_digit),
    ("checkpoints/latest/state.json", Path.unlink),
    ("checkpoints/latest/state.json", change_a_digit),
    (FILE, empty),
    (FILE, change_a_digit),
]


@pytest.mark.parametrize(("name", "damage"), DAMAGES)
def test_one_damaged_file_is_one_run(
    plan: Plan,
    name: str,
    damage: Callable[[Path], None],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    harmed, other = plan.jobs()[:2]
    (harmed.directory / "checkpoints" / "latest.previous").rename(harmed.directory / "older")
    damage(harmed.directory / name)
    before = {path.name for path in harmed.directory.iterdir()}
    if name == "config.json":
        rows = collect(plan, Q_MIN).tables["runs"]  # the tables do not need it
        assert {(row["arm"], row["seed"]) for row in rows} <= {(job.agent, job.config.seed) for job in (harmed, other)}
    else:
        with pytest.warns(UserWarning, match=f"{harmed.label} is left out: .*{Path(name).name}"):
            rows = collect(plan, Q_MIN).tables["runs"]
        assert [(row["arm"], row["seed"]) for row in rows] == [(other.agent, other.config.seed)]
    monkeypatch.setattr(study, "_plan", lambda budget, out: plan)
    study.show_status()
    printed = capsys.readouterr().out
    assert f" of {len(plan.jobs())} runs done" in printed
    left, failures = standing([harmed, other], study_task(plan.judging))
    if name == FILE:  # to be judged anew
        assert (left, failures) == ([harmed], [])
    elif name != "metrics.jsonl":
        assert (left, [failure.job for failure in failures]) == ([], [harmed])
        assert f"damaged: {harmed.label}: " in printed
    assert before <= {path.name for path in harmed.directory.iterdir()}


def test_a_damaged_measurement_is_made_anew_and_kept(plan: Plan) -> None:
    harmed = plan.jobs()[0]
    written = (harmed.directory / FILE).read_bytes()
    change_a_digit(harmed.directory / FILE)
    assert not is_measured(harmed.directory, plan.judging)
    assert run_jobs([harmed], HerePool(), study_task(plan.judging), quiet=True) == []
    assert (harmed.directory / FILE).read_bytes() == written
    assert (harmed.directory / f"{FILE}.damaged-1").is_file()


def test_a_run_that_cannot_be_gone_on_from_is_renamed(plan: Plan) -> None:
    job: Job = plan.jobs()[0]
    for directory in ("latest", "latest.previous"):
        shutil.rmtree(job.directory / "checkpoints" / directory)
    train_job(job)
    aside = job.directory.with_name(f"{job.directory.name}.interrupted-1")
    assert (aside / FILE).is_file()
    assert RunDirectory(job.directory).metrics()[-1]["iteration"] == 2


def test_tables_bring_their_own_facts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The stored study was run when its budget was another one."""
    tables = tmp_path / "results"
    shutil.copytree(STORED, tables)
    told: list[dict[str, str]] = []

    def stop(report: Report) -> Page:
        told.append(dict(report.facts))
        raise UserError("far enough")

    monkeypatch.setattr(Report, "page", stop)
    with pytest.raises(UserError, match="far enough"):
        study.write_report(out=tmp_path, tables=tables)
    assert told[0]["budget"].startswith("quick: 50 iterations")
    (tables / "facts.json").write_text("[]")
    with pytest.raises(UserError, match=r"facts\.json is no table of facts"):
        study.write_report(out=tmp_path, tables=tables)
