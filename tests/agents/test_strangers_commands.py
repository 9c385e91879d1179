"""A folder of a stranger, given to every command that reads one: nothing that a file names is imported or run.

`GIVEN` has a line per command of `tasam` and per part of `tasam study`: who adds one says here what it reads.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from trust import sealing
from trust.strangers import SAC, TINY, measurement

from tasam_agents.baselines.training import train_baseline
from tasam_agents.cli.main import BAD_INPUT, COMMANDS, main
from tasam_agents.errors import UserError
from tasam_agents.experiments.regimes import judging, plan
from tasam_agents.files.sealed import sealed
from tasam_agents.study.budgets import BUDGETS
from tasam_agents.study.plan import Plan
from tasam_agents.study.report import Report
from tasam_agents.training.trainer import train

MODULE = "canary_of_a_stranger"
NAMES = ("os:system", f"{MODULE}:make", f"{MODULE}:Env-v0")
"""What files name as an environment: a command, a function, and how Gymnasium names a module to import."""

GIVEN: Mapping[str, tuple[str, ...]] = {
    "train": ("--resume RUN", "--resume SAC", "--config own.toml", "--config tiny --learner.anchor.teacher-run RUN"),
    "evaluate": ("RUN", "SAC"),
    "score": ("RUN --suite tiny-v1", "RUN SAC --suite tiny-v2"),
    "plot": ("RUN", "RUN SAC"),
    "watch": ("RUN", "SAC"),
    "compare": (
        "--agents tiny tiny_no_sam --seeds 1 --jobs 1 --iterations 2 --runs COMPARE",
        "--agents sac_sb3 tiny --seeds 1 --jobs 1 --runs COMPARE",
    ),
    "tune": ("own.toml --search learner.gamma=0:0.5 --trials 1", "tiny --search learner.gamma=0:0.5 --out TUNE"),
    "sharpness": ("RUN", "SAC"),
    "generalise": ("RUN", "SAC RUN", "--config tiny --train-on calm --runs FAMILY --jobs 1"),
    "forget": (
        "--config tiny --first tiny --then tiny --arms plain --jobs 1 --out FORGET",
        "--config own.toml --first tiny --then tiny --arms plain --jobs 1 --out FORGET-2",
    ),
    "dataset": ("RUN --root DATA", "SAC --root DATA"),
    "list": ("--config own.toml",),
    "regimes": (
        "--part map --updates 2 --seeds 1 --networks 2 --jobs 1 --runs REGIMES",
        "--part map --updates 2 --seeds 1 --networks 2 --runs REGIMES --report-only",
        "--part closer --closer-updates 2 --closer-seeds 1 --networks 2 --jobs 1 --runs REGIMES",
    ),
    "study plan": ("--budget smoke --out PLANNED --jobs 1",),
    "study run": ("--budget smoke --out PLANNED --jobs 1", "--budget smoke --out STUDY --jobs 1"),
    "study status": ("--budget smoke --out PLANNED", "--budget smoke --out STUDY"),
    "study report": ("--budget smoke --out STUDY", "--budget smoke --out STUDY --tables STUDY/results"),
}


def test_no_command_is_missing_here() -> None:
    parts = {"plan", "run", "status", "report"}
    assert {name for name in GIVEN if name.startswith("study ")} == {f"study {part}" for part in parts}
    assert {name.partition(" ")[0] for name in GIVEN} == COMMANDS.keys()


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("honest")
    train(TINY, place / "RUN", quiet=True)
    train_baseline(SAC, place / "SAC", quiet=True)
    return place


def named(document: Any, name: str, canary: Path) -> Any:
    """The document with another environment wherever it has one."""
    if isinstance(document, dict):
        kept = {key: named(value, name, canary) for key, value in document.items()}
        return kept | ({"env_id": name, "env_kwargs": {"command": f"touch {canary}"}} if "env_id" in kept else {})
    return [named(each, name, canary) for each in document] if isinstance(document, list) else document


def put_run(whole: Path, at: Path, name: str, canary: Path) -> None:
    """A run whose every file names that environment, its checkpoints sealed anew, with more files than a run has."""
    shutil.copytree(whole, at)
    for path in [at / "config.json", *at.glob("checkpoints/*/state.json"), *at.glob("finished.json")]:
        document = named(json.loads(path.read_text()), name, canary)
        document.pop("sha256", None)
        path.write_text(json.dumps(sealed(document) if path.name == "finished.json" else document))
    for directory in at.glob("checkpoints/*"):
        sealing.seal_checkpoint(directory)
    told = {"name": "env_id", "chosen": name, "validation_returns": {name: 1.0}}
    (at / "choice.json").write_text(json.dumps(told))
    (at / "distributed.json").write_text(json.dumps({"collectors": 1, "staleness": 0, "address": name}))


@pytest.fixture(scope="module", params=NAMES)
def folder(request: pytest.FixtureRequest, honest: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All that a stranger can prepare, in one folder; a canary in it would be what came out."""
    name, place = request.param, tmp_path_factory.mktemp("folder")
    canary = place / "canary"

    def run(at: str | Path, kind: str = "RUN") -> Path:
        put_run(honest / kind, place / at, name, canary)
        return place / at

    (place / f"{MODULE}.py").write_text(f"open({str(canary)!r}, 'w')\ndef make(**_):\n    raise ValueError('made')\n")
    run("RUN")
    run("SAC", "SAC")
    for agent, kind in (("tiny", "RUN"), ("tiny_no_sam", "RUN"), ("sac_sb3", "SAC")):
        run(f"COMPARE/{agent}/seed_0", kind)
    run("FAMILY/TA-SAM-tiny-calm-seed0")
    run("FORGET/plain/seed_0")
    run("FORGET/plain/seed_0/first")
    (place / "FORGET" / "plan.json").write_text(json.dumps({"config": named(TINY.to_dict(), name, canary)}))
    settings = plan.Settings(updates=2, seeds=1, networks=2, closer_updates=2, closer_seeds=1)
    for jobs in (plan.map_jobs(settings, Path("REGIMES")), plan.trial_jobs(settings, Path("REGIMES"))):
        at = run(jobs[0].directory)
        judgement = {"networks": 2, "returns": [[name, name, [1.0, 1.0]]]} | dict.fromkeys(judging.COSTS, 1.0)
        (at / judging.FILE).write_text(json.dumps(sealed(judgement)))
    smoke = Plan(BUDGETS["smoke"], place / "STUDY")
    smoke.fix()
    job = smoke.jobs()[0]
    measurement().write(run(job.directory.relative_to(place)))
    (place / "PLANNED").mkdir()
    (place / "PLANNED" / "plan.json").write_text(json.dumps(named(smoke.document(), name, canary)))
    (place / "STUDY" / "machine.json").write_text(json.dumps({"env_id": name}))
    (place / "TUNE").mkdir()
    searched = {"config": named(TINY.to_dict(), name, canary), "share": 0.5, "search": {"env_id": [name]}}
    (place / "TUNE" / "tiny.search.json").write_text(json.dumps(searched))
    toml = f'base = "tiny"\nenv_id = "{name}"\nenv_kwargs = {{command = "touch {canary}"}}\n'
    (place / "own.toml").write_text(toml)
    return place


@pytest.fixture(autouse=True)
def _light(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No picture and no page is drawn; what leads to them is read all the same."""
    monkeypatch.setattr("tasam_agents.experiments.run_figures.save_picture", lambda figure, picture, rows: picture)

    def stop(report: Report) -> None:
        raise UserError("far enough")

    monkeypatch.setattr(Report, "page", stop)
    yield
    sys.modules.pop(MODULE, None)


@pytest.mark.parametrize("command", GIVEN)
def test_nothing_that_a_file_names_is_run(
    folder: Path, command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(str(folder))
    first_of_each = "os:system" not in (folder / "own.toml").read_text()  # the others come to the same check
    for words in GIVEN[command][: 1 if first_of_each else None]:
        before = set(sys.modules)
        code = None
        try:
            main([*command.split(), *words.split()])
        except SystemExit as left:
            code = left.code
        assert not (folder / "canary").exists(), words
        assert MODULE not in set(sys.modules) - before
        said = capsys.readouterr()
        assert command in ("plot", "study report", "regimes", "study status") or code == BAD_INPUT, (words, code, said)


@pytest.mark.parametrize("name", NAMES[:2])
def test_with_the_users_word_it_would_be_run(
    honest: Path, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that what is tried above is no dud."""
    canary = tmp_path / "canary"
    put_run(honest / "RUN", tmp_path / "RUN", name, canary)
    (tmp_path / f"{MODULE}.py").write_text(f"open({str(canary)!r}, 'w')\n")
    monkeypatch.chdir(tmp_path)
    with suppress(SystemExit, AttributeError):
        main(["evaluate", "RUN", "--trust-env", name])
    assert canary.exists()
