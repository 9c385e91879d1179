"""The report of the study in a browser: nothing is missing, nothing complains, nothing sticks out, wide or narrow."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.browser import CHROMIUM, WIDTHS, visit

from tasam_agents.study import figures as pictures
from tasam_agents.study.page.page import Finding, Page, Picture, Section, Table, Weighed
from tasam_agents.study.page.write import write_page

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on PATH (Debian: apt-get install chromium)")


@pytest.fixture
def page(tmp_path: Path) -> Page:
    x, random = np.arange(8.0), np.random.default_rng(0)
    lines = {label: (x, random.normal(1, 0.1, (3, 8))) for label in ("default", "no_sam", "both_sam")}
    common: dict[str, Any] = {"x_label": "iteration", "y_label": "return"}
    wide = pictures.curves(picture=tmp_path / "wide.png", panels=dict.fromkeys("abc", lines), **common)
    small = pictures.curves(picture=tmp_path / "small.png", panels={"one": lines}, **common)
    shown = tuple(Picture(path, f"What {path.stem} shows", path.with_suffix(".csv")) for path in (wide, small))
    long = "1.234 [1.111, 1.357]"
    table = Table(
        "Many columns", tuple(f"column {i}" for i in range(12)), ((long,) * 12,) * 3, wide.with_suffix(".csv")
    )
    findings = (
        Finding(
            "TA-SAM is better than `no_sam`",
            "section VII, Fig. 5",
            "inconclusive",
            long,
            "the interval contains 0",
            weighed=Weighed("+0.2 [-0.8, +1.1] %", 0.2, -0.8, 1.1, 1.0, 22.0),
        ),
        Finding(
            "a_name_without_any_place_to_break_it_" * 4,
            "Table 2",
            "supported",
            "x" * 200,
            weighed=Weighed("y" * 90, -1e9, part="z" * 90),
        ),
        Finding("c", "Table 3", "not supported", f"`{'y' * 150}`"),
        Finding("d", "Fig. 11", "described", long),
    )
    facts = {"command": f"`tasam study --out {'runs/' * 40}`", "seeds": "1, 2, 3", "a_long_name_of_a_fact" * 4: "1"}
    section = Section("Learning curves of all agents, Fig. 5", "fig5", ("A paragraph.",), findings, shown, (table,))
    sections = (section, Section("Another", "other", ("Text.",)))
    return Page("TA-SAM <for> O-RAN", ("A lead.",), facts, sections, "NOBODY MAY OVERLOOK THIS " * 5)


def test_the_report_is_whole_at_every_width(page: Page, tmp_path: Path) -> None:
    write_page(page, tmp_path / "report")
    seen = visit(tmp_path / "report", tmp_path / "profile")
    assert seen.faults() == []
    assert [(frame["width"], frame["images"]) for frame in seen.frames] == [(width, 2) for width in WIDTHS]
    assert {frame["title"] for frame in seen.frames} == {"TA-SAM <for> O-RAN"}
    assert [frame["drawings"] for frame in seen.frames] == [4, 4]  # two claims have a number: above, and each below
    assert ("/index.html", 200) in seen.asked


def test_faults_would_be_seen(tmp_path: Path) -> None:
    (tmp_path / "report").mkdir()
    (tmp_path / "report" / "index.html").write_text(
        '<!DOCTYPE html><title>t</title><main><p style="width:2000px">wide</p>'
        '<img src="data:image/png;base64,AA" alt="bad">'
        '<img src="gone.png" alt="gone"><a href="#nowhere">link</a></main><script>console.warn("look")</script>'
    )
    faults = "\n".join(visit(tmp_path / "report", tmp_path / "profile").faults())
    for fault in (
        "look", "/gone.png 404", "broken image at 390 px: bad", "broken image at 1280 px: gone",
        "without target at 390 px: nowhere", "scrolls sideways at 1280 px", "outside at 390 px: <p",
    ):  # fmt: skip
        assert fault in faults, faults
