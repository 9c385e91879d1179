"""Figures exist, and the CSV beside each holds the numbers of the run."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tasam_agents.config import GateConfig
from tasam_agents.config.variants import VARIANTS
from tasam_agents.experiments import run_figures
from tasam_agents.experiments.run_evaluation import evaluate_run
from tasam_agents.experiments.run_figures import draw_run, learning_curves
from tasam_agents.training.run_directory import RunDirectory, RunError
from tasam_agents.training.trainer import train

TINY = VARIANTS["tiny"]
SHORT = replace(
    TINY,
    iterations=12,
    evaluate_every=4,
    log_every=3,
    learner=replace(TINY.learner, gate=GateConfig(lambda_td="relative")),
)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    path = train(SHORT, tmp_path_factory.mktemp("runs") / "tiny", quiet=True)
    return RunDirectory.open(path)


def rows(picture: Path) -> list[dict[str, str]]:
    with picture.with_suffix(".csv").open() as file:
        return list(csv.DictReader(file))


def is_picture(path: Path) -> bool:
    return path.read_bytes().startswith(b"\x89PNG") and path.stat().st_size > 10_000


def test_a_run_gets_three_pictures_with_its_numbers_beside(run: RunDirectory) -> None:
    curve, quality, gates = draw_run(run)
    assert (curve.name, quality.name, gates.name) == ("learning_curve.png", "slice_qos.png", "selective_sam.png")
    assert all(path.parent == run.figures and is_picture(path) for path in (curve, quality, gates))
    lines = run.metrics()

    assert [float(row["return"]) for row in rows(curve)] == [line["return"] for line in lines]
    validated = [float(row["validation_return"]) for row in rows(curve) if row["validation_return"]]
    assert validated == [line["validation_return"] for line in lines if "validation_return" in line]

    urllc = [float(row["qos_normalised"]) for row in rows(quality) if row["slice"] == "URLLC"]
    assert urllc == [line["info/qos_normalised"][2] for line in lines]
    assert {row["threshold"] for row in rows(quality)} == {"0.5"}

    updated = [line for line in lines if "gate_open" in line]
    for actor in (0, 1):
        mine = [row for row in rows(gates) if row["actor"] == str(actor)]
        for name in ("gate_open", "td_variance", "rho_actor"):
            assert [float(row[name]) for row in mine] == [line[name][actor] for line in updated], name
    assert any(float(row["gate_open"]) > 0 for row in rows(gates))


def test_reference_policies_are_drawn_once_the_run_is_evaluated(run: RunDirectory) -> None:
    before = rows(learning_curves([run], run.figures / "learning_curve.png"))
    comparison = evaluate_run(run.path, 3)
    comparison.write(run)
    after = rows(learning_curves([run], run.figures / "learning_curve.png"))
    references = {row["name"]: float(row["return"]) for row in after[len(before) :]}
    expected = {row.policy: row.mean.mean for row in comparison.rows[2:]}
    assert references == expected
    assert "count_rule" in references


def test_several_runs_share_one_picture(run: RunDirectory, tmp_path: Path) -> None:
    other = RunDirectory.open(train(replace(VARIANTS["tiny_no_sam"], iterations=4), tmp_path / "b", quiet=True))
    picture = learning_curves([run, other], tmp_path / "both.png")
    assert is_picture(picture)
    assert {row["name"] for row in rows(picture)} == {"tiny", "b"}
    assert "selective_sam.png" not in [path.name for path in draw_run(other)]  # no gate, no picture of it


def test_runs_whose_iterations_differ_are_drawn_over_environment_steps(
    run: RunDirectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved: list[Any] = []
    monkeypatch.setattr(run_figures, "save_picture", lambda figure, *_: saved.append(figure))
    (tmp_path / "b").mkdir()
    for steps in (100, 7):
        line = {"return": 1.0, "validation_return": 1.0}
        lines = [line | {"iteration": i, "env_steps": 1000 + steps * i} for i in (1, 3)]
        (tmp_path / "b" / "metrics.jsonl").write_text("".join(json.dumps(each) + "\n" for each in lines))
        others = [dict(each, env_steps=500 + 100 * each["iteration"]) for each in run.metrics()]
        (tmp_path / "a").mkdir(exist_ok=True)
        (tmp_path / "a" / "metrics.jsonl").write_text("".join(json.dumps(each) + "\n" for each in others))
        learning_curves([RunDirectory(tmp_path / "a"), RunDirectory(tmp_path / "b")], tmp_path / "both.png")
    same, differ = (figure.axes[0] for figure in saved)
    assert (same.get_xlabel(), same.lines[-1].get_xdata().tolist()) == ("iteration", [1, 3])
    assert (differ.get_xlabel(), differ.lines[-1].get_xdata().tolist()) == ("environment steps", [1007, 1021])


def test_nothing_to_draw_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"metrics.jsonl has no line yet"):
        draw_run(RunDirectory.create(tmp_path / "new", SHORT))


def test_a_run_of_one_entry_shows_points(run: RunDirectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = run.metrics()[:1]
    saved: list[Any] = []
    monkeypatch.setattr(run_figures, "save_picture", lambda figure, *_: saved.append(figure))
    run_figures.slice_quality(first, tmp_path / "x.png")
    run_figures.selective_sam(run.metrics()[-1:], tmp_path / "y.png")
    for figure in saved:
        lines = [line for axis in figure.axes for line in axis.lines if len(line.get_xdata()) == 1]
        assert lines
        assert all(line.get_marker() == "o" for line in lines)
