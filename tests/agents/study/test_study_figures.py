"""The pictures of the study: the CSV beside each holds the numbers that were given, and the picture shows them all."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tasam_agents.plotting import style as saving
from tasam_agents.plotting.panels import look_of, summary, wrapped
from tasam_agents.study import figures as pictures
from tasam_agents.study.figures import Gain, cdfs, curves, distribution, gains, response, strengths
from tasam_agents.study.figures import look_of as look_of_arm

T_975 = {2: 4.302652729911275, 4: 2.7764451051977987}  # Student's t by degrees of freedom, from a table
EIGHT = ("default", "no_sam", "both_sam", "actor_sam", "critic_sam", "static_rho", "l2", "dropout")
Array = NDArray[np.float64]


@pytest.fixture
def figures(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The matplotlib figures that are saved."""
    saved: list[Any] = []

    def keep(figure: Any, picture: Path, rows: Any) -> Path:
        saved.append(figure)
        return saving.save_picture(figure, picture, rows)

    monkeypatch.setattr(pictures, "save_picture", keep)
    return saved


def rows(picture: Path) -> list[dict[str, str]]:
    assert picture.read_bytes().startswith(b"\x89PNG")
    with picture.with_suffix(".csv").open() as file:
        return list(csv.DictReader(file))


def bounds(sample: Array) -> tuple[float, float, float]:
    """Mean and t-interval by the formula of the textbooks."""
    reach = T_975[len(sample) - 1] * sample.std(ddof=1) / len(sample) ** 0.5
    return float(sample.mean()), float(sample.mean() - reach), float(sample.mean() + reach)


def read(row: dict[str, str]) -> tuple[float, float, float]:
    return float(row["mean"]), float(row["low"]), float(row["high"])


def noise(*shape: int) -> Array:
    return np.random.default_rng(len(shape)).normal(1.5, 0.1, shape)


def texts(figure: Any) -> list[str]:
    """Everything that is written in a figure and lies inside it."""
    from matplotlib.text import Text

    figure.draw_without_rendering()
    frame = figure.bbox
    found = [each for each in figure.findobj(Text) if each.get_visible() and each.get_text()]
    boxes = [each.get_window_extent() for each in found]
    return [
        " ".join(each.get_text().split()) for each, box in zip(found, boxes, strict=True)
        if box.x0 >= frame.x0 - 1 and box.x1 <= frame.x1 + 1 and box.y0 >= frame.y0 - 1 and box.y1 <= frame.y1 + 1
    ]  # fmt: skip


def covered(figure: Any) -> Iterator[str]:
    """Panels that the legend lies upon."""
    for axis in figure.axes:
        if figure.legends[0].get_window_extent().overlaps(axis.get_window_extent()):
            yield axis.get_title()


def test_curves_hold_the_mean_and_the_interval_of_every_point(tmp_path: Path, figures: list[Any]) -> None:
    x, y = np.array([0.0, 10.0, 20.0]), noise(5, 3)
    y[:, 0] = np.nan  # before the first evaluation
    y[2, 1] = np.nan  # one run failed for a while
    own = {label: (x, y + place) for place, label in enumerate(EIGHT)}
    picture = curves(picture=tmp_path / "new" / "c.png", panels={"(a) all": own, "(b) one": {"l2": (x, y)}},
                     x_label="iteration", y_label="return")  # fmt: skip
    table = rows(picture)
    assert len(table) == 3 * (8 + 1)
    chosen = [row for row in table if (row["panel"], row["label"]) == ("(a) all", "actor_sam")]
    assert [row["x"] for row in chosen] == ["0.0", "10.0", "20.0"]
    assert {row["runs"] for row in chosen} == {"5"}
    assert read(chosen[2]) == pytest.approx(bounds(y[:, 2] + 3))
    for row in chosen[:2]:
        assert (row["mean"], row["low"], row["high"]) == ("", "", "")
    written = texts(figures[0])
    assert {*EIGHT, "(a) all", "(b) one", "iteration", "return"} <= set(written)
    assert not list(covered(figures[0]))
    line = figures[0].axes[0].get_lines()[3]
    np.testing.assert_allclose(line.get_ydata(), [np.nan, np.nan, (y[:, 2] + 3).mean()])
    assert len(figures[0].axes[0].collections) == 8  # bands


def test_a_label_looks_the_same_in_every_panel_and_unlike_the_others(tmp_path: Path, figures: list[Any]) -> None:
    x = np.arange(4.0)
    panels = {"a": {label: (x, noise(3, 4)) for label in EIGHT}, "b": {"l2": (x, noise(3, 4))}}
    curves(picture=tmp_path / "c.png", panels=panels, x_label="x", y_label="y")
    first, second = (axis.get_lines() for axis in figures[0].axes)
    looks = {line.get_label(): (line.get_color(), line.get_linestyle(), line.get_marker()) for line in first}
    assert len(set(looks.values())) == len({look[0] for look in looks.values()}) == 8
    assert len({look[1:] for look in looks.values()}) == 8  # in grey
    assert (second[0].get_color(), second[0].get_linestyle(), second[0].get_marker()) == looks["l2"]
    many = [f"{number}" for number in range(32)]
    assert len({tuple(look_of(many, label).values()) for label in many}) == 32


def test_one_seed_has_no_interval(tmp_path: Path, figures: list[Any]) -> None:
    x = np.array([1.0, 2.0])
    common: dict[str, Any] = {"x_label": "x", "y_label": "y"}
    files = [
        curves(picture=tmp_path / "1.png", panels={"": {"a": (x, noise(1, 2))}}, **common),
        response(picture=tmp_path / "2.png", panels={"": {"a": (x, noise(2, 1))}}, levels={"rule": np.array([1.0])},
                 log_x=False, **common),
        strengths(picture=tmp_path / "3.png", panels={"": {"a": np.array([2.0])}}, x_label="x", log_x=True),
        cdfs(picture=tmp_path / "4.png", panels={"": {"a": (x, noise(1, 2))}}, x_labels={"": "x"}, thresholds={},
             log_x=()),
    ]  # fmt: skip
    for file in files:
        assert all(row["mean"] and row["low"] == row["high"] == "" and row["runs"] == "1" for row in rows(file)), file
    for figure in figures:
        for band in figure.axes[0].collections + figure.axes[0].patches:
            assert not np.isfinite(band.get_datalim(figure.axes[0].transData).get_points()).all()
    assert {row["threshold"] for row in rows(files[3])} == {""}


def test_response_has_a_point_per_value_and_lines_for_what_does_not_depend_on_it(
    tmp_path: Path, figures: list[Any]
) -> None:
    rho, y, level = np.array([0.001, 0.01, 0.5]), noise(3, 5), noise(5)
    picture = response(
        picture=tmp_path / "r.png", panels={"": {"a": (rho, y), "b": (rho, y + 1)}},
        levels={"no SAM": level, "rule": np.array([1.3])}, x_label="radius ρ", y_label="return", log_x=True,
    )  # fmt: skip
    table = {(row["label"], row["x"]): row for row in rows(picture)}
    assert len(table) == 8
    assert read(table["b", "0.01"]) == pytest.approx(bounds(y[1] + 1))
    assert read(table["no SAM", ""]) == pytest.approx(bounds(level))
    assert (table["rule", ""]["mean"], table["rule", ""]["low"]) == ("1.3", "")
    (axis,) = figures[0].axes
    assert axis.get_xscale() == "log"
    assert {"a", "b", "no SAM", "rule", "0.001", "0.01", "0.5", "radius ρ"} <= set(texts(figures[0]))
    assert [text.get_text() for text in figures[0].legends[0].get_texts()] == ["a", "b", "no SAM", "rule"]
    across = [line.get_ydata()[0] for line in axis.get_lines() if line.get_label() in ("no SAM", "rule")]
    assert across == pytest.approx([level.mean(), 1.3])
    (band,) = axis.patches  # one run has none
    assert (band.get_y(), band.get_y() + band.get_height()) == pytest.approx(bounds(level)[1:])
    (first, second) = (bar[0].get_xdata() for bar in axis.containers)
    assert (first < rho).all()  # beside each other, not upon each other
    assert (second > rho).all()
    np.testing.assert_allclose(np.sqrt(first * second), rho)


def test_a_radius_of_zero_is_not_lost_on_a_logarithmic_axis(tmp_path: Path, figures: list[Any]) -> None:
    rho = np.array([0.0, 0.01, 0.1])
    response(picture=tmp_path / "r.png", panels={"": {"a": (rho, noise(3, 5))}}, levels={}, x_label="ρ", y_label="y",
             log_x=True)  # fmt: skip
    (axis,) = figures[0].axes
    assert axis.get_xlim()[0] <= 0
    assert {"0", "0.01", "0.1"} <= set(texts(figures[0]))


def test_distribution_shows_every_run_and_the_quartiles(tmp_path: Path, figures: list[Any]) -> None:
    values = {label: np.arange(5.0) ** 2 + place for place, label in enumerate(EIGHT)}
    values["l2"] = np.array([1.0, np.nan])
    table = rows(distribution(picture=tmp_path / "d.png", values=values, y_label="return"))
    own = [row for row in table if row["label"] == "no_sam"]
    assert [(row["run"], float(row["value"])) for row in own] == [("0", 1), ("1", 2), ("2", 5), ("3", 10), ("4", 17)]
    quartiles = {(row["lower_quartile"], row["median"], row["upper_quartile"]) for row in own}
    assert quartiles == {("2.0", "5.0", "10.0")}
    assert [(row["value"], row["median"]) for row in table if row["label"] == "l2"] == [("1.0", ""), ("", "")]
    (axis,) = figures[0].axes
    assert {*EIGHT, "return"} <= set(texts(figures[0]))
    boxes = [(box.get_y(), box.get_height()) for box in axis.patches]
    assert boxes[2:4] == [(2, 8), (2, 8)]
    drawn = [line.get_ydata() for line in axis.get_lines() if len(line.get_ydata()) == 5]
    np.testing.assert_array_equal(drawn[1], values["no_sam"])
    distribution(picture=tmp_path / "e.png", values={"a": np.ones(3), "b": np.arange(1.0, 4.0)}, y_label="return")
    assert figures[1].axes[0].get_ylim()[0] < 1  # the lowest box is not cut by the edge


def test_strengths_hold_the_interval_and_show_every_run(tmp_path: Path, figures: list[Any]) -> None:
    sample, wild = np.array([10.0, 12.0, 15.0]), np.array([1.0, 1.0, 900.0])
    panels = {"critic": dict.fromkeys(EIGHT, sample) | {"wild": wild}, "actor": {"l2": sample / 10}}
    picture = strengths(picture=tmp_path / "s.png", panels=panels, x_label="largest eigenvalue", log_x=True)
    table = {(row["panel"], row["label"]): row for row in rows(picture)}
    assert read(table["critic", "dropout"]) == pytest.approx(bounds(sample))
    assert read(table["actor", "l2"]) == pytest.approx(bounds(sample / 10))
    assert float(table["critic", "wild"]["low"]) == pytest.approx(bounds(wild)[1])
    assert bounds(wild)[1] < 0
    critic, actor = figures[0].axes
    assert (critic.get_xscale(), actor.get_xscale()) == ("log", "log")
    assert {*EIGHT, "wild", "critic", "actor", "largest eigenvalue", "one run"} <= set(texts(figures[0]))
    arrows = [line for line in critic.get_lines() if line.get_marker() == "<"]
    assert [(line.get_xdata()[0], line.get_ydata()[0]) for line in arrows] == [(0.5, 8)]
    assert critic.get_xlim()[0] < 0.5
    np.testing.assert_array_equal(actor.get_lines()[0].get_xdata(), sample / 10)
    assert actor.get_lines()[0].get_ydata()[0] == EIGHT.index("l2")  # beside its name
    assert critic.get_ylim() == (8.5, -0.5)
    strengths(picture=tmp_path / "n.png", panels={"": {"a": np.array([-1.0, 2.0])}}, x_label="x", log_x=True)
    assert figures[1].axes[0].get_xscale() == "symlog"


def test_cdfs_are_pooled_and_their_thresholds_bear_their_values(tmp_path: Path, figures: list[Any]) -> None:
    x, share = np.linspace(0.0, 0.03, 4), np.sort(noise(3, 4) / 2, axis=1)
    lines = {label: (x, share) for label in EIGHT}
    names = {"eMBB": "rate [Mbit/s]", "mMTC": "UEs", "URLLC": "latency [s]"}
    picture = cdfs(picture=tmp_path / "c.png", panels=dict.fromkeys(names, lines), x_labels=names,
                   thresholds={"URLLC": 0.01, "eMBB": 0.025}, log_x=("URLLC",))  # fmt: skip
    table = rows(picture)
    assert len(table) == 3 * 8 * 4
    row = next(row for row in table if (row["panel"], row["label"], row["x"]) == ("mMTC", "l2", "0.02"))
    assert read(row) == pytest.approx(bounds(share[:, 2]))
    assert {(row["panel"], row["threshold"]) for row in table} == {("eMBB", "0.025"), ("mMTC", ""), ("URLLC", "0.01")}
    written = texts(figures[0])
    assert {*EIGHT, *names, *names.values(), "threshold 0.025", "threshold 0.01"} <= set(written)
    assert not list(covered(figures[0]))
    verticals = [
        [line.get_xdata()[0] for line in axis.get_lines() if list(line.get_xdata()) == [line.get_xdata()[0]] * 2]
        for axis in figures[0].axes
    ]
    assert verticals == [[0.025], [], [0.01]]


def test_gains_stand_beside_the_numbers_of_the_paper(tmp_path: Path, figures: list[Any]) -> None:
    found = {label: Gain(place, place - 1.0, place + 2.0, place - 3.0) for place, label in enumerate(EIGHT)}
    panels = {"eMBB": found, "URLLC": {"one seed": Gain(3.0, None, None, None)}}
    picture = gains(picture=tmp_path / "g.png", panels=panels, x_label="gain over no SAM [%]")
    table = rows(picture)
    assert len(table) == 9
    assert list(table[2].values()) == ["eMBB", "both_sam", "2", "1.0", "4.0", "-1.0"]
    assert list(table[8].values()) == ["URLLC", "one seed", "3.0", "", "", ""]
    left, right = figures[0].axes
    assert {*EIGHT, "one seed", "eMBB", "URLLC", "gain over no SAM [%]", "paper"} <= set(texts(figures[0]))
    papers = [line for line in left.get_lines() if line.get_label() == "paper"]
    assert [line.get_xdata()[0] for line in papers] == [place - 3.0 for place in range(8)]  # 0 among them
    assert not [line for line in right.get_lines() if line.get_label() == "paper"]
    bar = left.containers[2].lines[2][0].get_segments()[0]
    np.testing.assert_allclose(bar[:, 0], [1, 4])
    assert not list(covered(figures[0]))


def test_more_panels_than_fit_go_on_below(tmp_path: Path, figures: list[Any]) -> None:
    lines = {"a long label that needs its room": (np.arange(3.0), noise(2, 3))}
    titles = ["one", "two", "a title that is much longer than a panel is wide", "four", "five"]
    panels = dict.fromkeys(titles, lines)
    long = "best validation return so far: mean reward per agent and step"
    curves(picture=tmp_path / "c.png", panels=panels, x_label=f"{long} again", y_label=long)
    assert len(figures[0].axes) == 5
    written = texts(figures[0])
    assert {*titles, "a long label that needs its room", f"{long} again"} <= set(written)
    assert written.count(long) == 2  # at the left of each line


def test_what_cannot_be_drawn_is_refused(tmp_path: Path) -> None:
    nothing: list[dict[str, dict[str, tuple[Array, Array]]]] = [{}, {"a": {}}]
    for panels in nothing:
        with pytest.raises(ValueError, match=r"labels per panel: .*; allowed: at least 1 in each"):
            curves(picture=tmp_path / "c.png", panels=panels, x_label="x", y_label="y")
    with pytest.raises(ValueError, match=r"values have shape \(3,\); allowed: \(S, P\)"):
        summary(np.arange(3.0))
    assert np.isnan(summary(np.empty((0, 2))).mean).all()


def test_lines_are_wrapped_evenly_and_words_kept() -> None:
    assert wrapped("return: mean reward per agent and step", 36) == "return: mean reward\nper agent and step"
    assert wrapped("TA-SAM", 4) == "TA-SAM"
    assert wrapped("", 4) == ""


def test_an_arm_has_one_colour_whatever_else_is_drawn() -> None:
    for arm in ("no SAM", "both-SAM"):
        assert look_of_arm(["both-SAM", "a rule", "no SAM"], arm) == look_of_arm(["no SAM", "L2", "both-SAM"], arm)
    assert look_of_arm(["a rule", "no SAM"], "a rule")["color"] != look_of_arm(["a rule", "no SAM"], "no SAM")["color"]


def test_latency_alone_has_a_logarithmic_axis(tmp_path: Path, figures: list[Any]) -> None:
    lines = {"a": (np.array([0.1, 1.0, 100.0]), np.sort(noise(3, 3), axis=1))}
    cdfs(picture=tmp_path / "c.png", panels={"eMBB": lines, "URLLC": lines}, x_labels={"eMBB": "", "URLLC": ""},
         thresholds={}, log_x=("URLLC",))  # fmt: skip
    assert [axis.get_xscale() for axis in figures[0].axes] == ["linear", "log"]


def test_two_seeds_have_no_interval() -> None:
    assert np.isnan(summary(np.array([[1.0], [1.0]])).low).all()
    assert np.isfinite(summary(np.array([[1.0], [1.0], [1.1]])).low).all()
