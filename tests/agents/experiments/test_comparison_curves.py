"""How far runs are at equal updates and at equal gradient evaluations."""

import csv
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tasam_agents.experiments.comparison import curves as pictures_of_curves
from tasam_agents.experiments.comparison import figures
from tasam_agents.experiments.comparison.curves import at_equal_gradients, curve_of, draw, gradient_evaluations, text
from tasam_agents.training.run_directory import RunDirectory


def run(path: Path, gradients: float, returns: list[float | None]) -> RunDirectory:
    """A log of ten updates a line, with so many gradients per update."""
    path.mkdir()
    lines = [
        {"iteration": i + 1, "updates": 10 * (i + 1), "gradient_evaluations": gradients} for i in range(len(returns))
    ]
    for line, value in zip(lines, returns, strict=True):
        if value is not None:
            line["validation_return"] = value
    (path / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return RunDirectory(path)


def test_a_curve_is_the_best_so_far_over_what_was_spent(tmp_path: Path) -> None:
    own = run(tmp_path / "a", 8.0, [None, 0.5, 0.3, 0.9])
    curve = curve_of(own)
    assert curve.updates.tolist() == [20, 30, 40]
    assert curve.gradients.tolist() == [160, 240, 320]
    assert curve.best.tolist() == [0.5, 0.5, 0.9]
    assert (curve.at(319), curve.at(320), curve.after(40)) == (0.5, 0.9, 0.9)
    assert math.isnan(curve.at(159))
    assert gradient_evaluations(own) == 320


def test_at_equal_gradients_the_dearer_agent_is_caught_earlier(tmp_path: Path) -> None:
    cheap = [curve_of(run(tmp_path / f"c{i}", 8.0, [0.1, 0.2, 0.3 + i])) for i in range(2)]
    dear = [curve_of(run(tmp_path / f"d{i}", 16.0, [0.2, 0.6, 0.9])) for i in range(2)]
    budget, found = at_equal_gradients({"cheap": cheap, "dear": dear})
    assert budget == 240  # all that the cheap ones take; the dear ones had one validation by then
    assert found["cheap"][0] == pytest.approx(0.8)
    assert found["dear"][0] == pytest.approx(0.2)
    interval = found["cheap"][1]
    assert interval is not None
    assert interval.low < 0.8 < interval.high
    said = text({"cheap": cheap, "dear": dear})
    assert "After 240 gradient evaluations" in said
    assert "dear 0.200 [0.200, 0.200]" in said


def test_one_seed_has_no_interval_and_a_late_validation_is_said(tmp_path: Path) -> None:
    curves = {"a": [curve_of(run(tmp_path / "a", 1.0, [0.4]))], "b": [curve_of(run(tmp_path / "b", 9.0, [None, 1.0]))]}
    assert at_equal_gradients(curves)[1]["a"] == (0.4, None)
    assert "a 0.400, b not yet validated" in text(curves)


def test_the_picture_has_its_numbers_beside_it(tmp_path: Path) -> None:
    curves = {"a": [curve_of(run(tmp_path / "a", 2.0, [0.4, 0.5]))]}
    picture = draw(curves, ["a"], tmp_path / "curves.png")
    rows = list(csv.DictReader(picture.with_suffix(".csv").open()))
    assert {row["over"] for row in rows} == {"updates", "gradients"}
    assert float(rows[-1]["spent"]) == 40
    assert float(rows[-1]["mean_best_validation_return"]) == 0.5


def test_one_validation_is_a_point_and_an_agent_looks_as_in_the_profiles(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved: list[Any] = []
    for module in (pictures_of_curves, figures):
        monkeypatch.setattr(module, "save_picture", lambda figure, *_: saved.append(figure))
    agents = ["rule", "a", "b"]  # a rule has no curve
    curves = {"a": [curve_of(run(tmp_path / "a", 2.0, [0.4, 0.5]))], "b": [curve_of(run(tmp_path / "b", 200.0, [0.6]))]}
    draw(curves, agents, tmp_path / "curves.png")
    figures.profiles({name: np.eye(3) for name in agents}, tmp_path / "profiles.png")
    (left, right), (profiles,) = (figure.axes for figure in saved)
    for axis in (left, right):
        shown = {line.get_label(): line for line in axis.lines}
        assert np.isfinite(shown["b"].get_ydata()).sum() == 1
        assert (shown["a"].get_marker(), shown["b"].get_marker()) == ("", "D")
        looks = {line.get_label(): (line.get_color(), line.get_linestyle()) for line in profiles.lines}
        assert {name: (shown[name].get_color(), shown[name].get_linestyle()) for name in "ab"} == {
            name: looks[name] for name in "ab"
        }
    assert (left.get_xscale(), right.get_xscale(), left.get_xlim()[0]) == ("linear", "symlog", 0)
