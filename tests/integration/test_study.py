"""`tasam study` from plan to report, killed on the way."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.browser import CHROMIUM, visit

from tasam_agents.cli.main import main
from tasam_agents.study.budgets import BUDGETS
from tasam_agents.study.measurement import FILE
from tasam_agents.study.plan import Plan
from tasam_agents.study.results import TABLES
from tasam_agents.training.run_directory import RunDirectory

REPEATABLE = [f"{name}.csv" for name in TABLES if name != "times"]


def study(*arguments: str | Path) -> None:
    main(["study", *map(str, arguments)])


def tables(directory: Path) -> dict[str, bytes]:
    return {name: (directory / "results" / name).read_bytes() for name in REPEATABLE}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The smoke study, undisturbed, with its report."""
    directory = tmp_path_factory.mktemp("whole")
    study("run", "--budget", "smoke", "--out", directory, "--jobs", "1")
    study("report", "--budget", "smoke", "--out", directory)
    return directory


def test_every_figure_both_tables_and_the_report(whole: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = whole / "report"
    for name in ("fig5", "fig6", "fig7", "fig8", "fig9", "fig10", "fig11", "table2", "table3", "bursty"):
        assert (report / f"{name}.png").stat().st_size > 10_000
        assert (report / f"{name}.csv").read_text().count("\n") > 3
    text = (report / "report.md").read_text()
    for claim in ("TA-SAM returns up to 22 %", "Table 2", "The return is best at 2 DUs", "on bursty"):
        assert claim in text
    assert "Not in it yet" not in text
    assert "NO VERDICTS" in text
    assert "✓" not in text
    assert "✗" not in text
    study("status", "--budget", "smoke", "--out", whole)
    assert "60 of 60 runs done, 0 failed" in capsys.readouterr().out


@pytest.mark.skipif(CHROMIUM is None, reason="needs chromium")
def test_a_browser_shows_the_report_without_errors(whole: Path, tmp_path: Path) -> None:
    shutil.copy(whole / "report" / "index.html", tmp_path)
    seen = visit(tmp_path, tmp_path / "profile")
    assert seen.faults() == []
    assert {frame["images"] for frame in seen.frames} == {10}


def test_the_report_is_drawn_again_from_the_tables_alone(whole: Path, tmp_path: Path) -> None:
    study("report", "--budget", "smoke", "--tables", whole / "results", "--to", tmp_path)
    for path in (whole / "report").iterdir():
        assert (tmp_path / "report" / path.name).read_bytes() == path.read_bytes(), path.name


def begin(directory: Path, *more: str) -> subprocess.Popen[bytes]:
    """The study in a process group of its own, so that a kill reaches its workers, too, or the driver alone."""
    command = [sys.executable, "-m", "tasam_agents.cli", "study", "run", "--budget", "smoke", "--out", str(directory)]
    return subprocess.Popen([*command, "--jobs", "2", *more], start_new_session=True, stderr=subprocess.DEVNULL)


def kill_and_finish(directory: Path, kills: int, draw: random.Random) -> int:
    """Kill the study after a random number of further runs, driver alone or workers too, then let it finish; return how
    often it was killed before it was done."""
    runs = directory / "runs"
    killed = 0
    for _ in range(kills):
        wanted = len(list(runs.glob(f"*/*/{FILE}"))) + draw.randrange(1, 6)
        process = begin(directory)
        while process.poll() is None and len(list(runs.glob(f"*/*/{FILE}"))) < wanted:
            time.sleep(0.02)
        time.sleep(0.2 * draw.random())  # somewhere in a run
        if process.poll() is None:
            killed += 1
            if draw.random() < 0.5:
                os.killpg(process.pid, signal.SIGKILL)
            else:
                process.kill()  # the workers have to notice by themselves
        process.wait()
    finished = begin(directory)
    assert finished.wait(timeout=300) == 0
    return killed


@pytest.mark.slow
def test_killed_and_resumed_it_gives_the_same_tables(whole: Path, tmp_path: Path) -> None:
    assert kill_and_finish(tmp_path, 2, random.Random(1)) == 2
    study("report", "--budget", "smoke", "--out", tmp_path)
    assert tables(tmp_path) == tables(whole)


@pytest.mark.slow
def test_killed_ten_times_it_gives_the_same_tables(whole: Path, tmp_path: Path) -> None:
    assert kill_and_finish(tmp_path, 10, random.Random(2)) == 10
    study("report", "--budget", "smoke", "--out", tmp_path)
    assert tables(tmp_path) == tables(whole)


def test_part_of_a_study_a_failed_run_and_its_repair(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plan = Plan(BUDGETS["smoke"], tmp_path)
    plan.fix()
    broken = plan.run_of("l2", BUDGETS["smoke"].first_seed)
    broken.parent.mkdir(parents=True)
    broken.with_name(f"{broken.name}.lock").mkdir()  # nobody can take this run
    with pytest.raises(SystemExit) as leaving:
        study("run", "--budget", "smoke", "--out", tmp_path, "--only", "fig7", "--jobs", "1")
    assert leaving.value.code == 1
    assert "1 of 10 runs failed" in capsys.readouterr().err
    study("status", "--budget", "smoke", "--out", tmp_path)
    said = capsys.readouterr().out
    assert "failed: l2, seed 100: lock file" in said
    assert "9 of 60 runs done, 1 failed" in said
    study("report", "--budget", "smoke", "--out", tmp_path)
    text = (tmp_path / "report" / "report.md").read_text()
    assert "Not in it yet, because runs are missing:" in text
    broken.with_name(f"{broken.name}.lock").rmdir()
    study("run", "--budget", "smoke", "--out", tmp_path, "--only", "fig7", "--jobs", "1")
    assert (broken / FILE).is_file()


def test_minutes_end_a_session_and_nothing_is_lost(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as leaving:
        study("run", "--budget", "smoke", "--out", tmp_path, "--only", "fig7", "--jobs", "1", "--minutes", "0.02")
    assert leaving.value.code == 130
    printed = capsys.readouterr().err
    assert "0.02 minutes are over" in printed
    assert "the same command again" in printed
    for path in (tmp_path / "runs").glob("*/*/config.json"):
        RunDirectory.open(path.parent).config()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["fly"], "study 'fly'; allowed: plan, run, status, report"),
        (["run", "--budget", "smoke", "--jobs", "0"], "jobs is 0; allowed: 1 or more"),
        (["run", "--budget", "smoke", "--minutes", "0"], "minutes is 0.0; allowed: a number > 0"),
        (["run", "--budget", "smoke", "--address", "auto"], "address is auto; allowed only with --backend ray"),
        (["run", "--budget", "smoke", "--backend", "ray", "--jobs", "2"], "allowed only with --backend processes"),
        (["report", "--budget", "smoke"], "has no finished run yet"),
        (["report", "--budget", "smoke", "--tables", "nowhere"], "holds no results"),
    ],
)
def test_bad_input(arguments: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rest = ["--out", str(tmp_path)] if len(arguments) > 1 else []
    with pytest.raises(SystemExit) as leaving:
        study(*arguments, *rest)
    assert leaving.value.code == 2
    assert message in capsys.readouterr().err


def test_the_plan_is_printed_with_what_it_takes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    study("plan", "--budget", "smoke", "--out", tmp_path, "--jobs", "2")
    said = capsys.readouterr().out
    assert "60 runs, about " in said
    assert f"written: {tmp_path / 'plan.json'}" in said
    study("status", "--budget", "smoke", "--out", tmp_path)
    assert "0 of 60 runs done, 0 failed, about" in capsys.readouterr().out
