"""The picture of the claims: marks stand where the numbers are, in the colour of the verdict."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from itertools import pairwise
from typing import get_args

from tasam_agents.study.page.forest import COLOURS, MIDDLE, REACH, row, whole_picture
from tasam_agents.study.page.page import Finding, Verdict, Weighed
from tasam_agents.study.page.write import badge


def places(drawn: str) -> dict[str, float]:
    """x of each mark."""
    patterns = {
        "dot": r'cx="([\d.]+)"', "low": r'd="M([\d.]+) 11H', "high": r'H([\d.]+)"',
        "margin": r'd="M([\d.]+) 1V21" stroke="#8a949e" stroke-dasharray', "claimed": r'd="M([\d.]+) 6l',
    }  # fmt: skip
    return {name: float(found[1]) for name, pattern in patterns.items() if (found := re.search(pattern, drawn))}


def test_marks_stand_in_proportion_around_the_middle() -> None:
    at = places(row(Weighed("", 2.0, -1.0, 5.0, 1.0, 10.0), "red"))
    assert at == {
        name: MIDDLE + REACH * value / 10
        for name, value in {"dot": 2, "low": -1, "high": 5, "margin": 1, "claimed": 10}.items()
    }


def test_what_is_not_known_is_not_drawn() -> None:
    assert set(places(row(Weighed("", -3.0), "red"))) == {"dot"}
    assert places(row(Weighed("", float("nan"), margin=0.01), "red")) == {}
    assert places(row(Weighed("", 0.0), "red")) == {"dot": MIDDLE}


def test_the_whole_picture_is_xml_with_a_row_per_number() -> None:
    findings = [
        Finding("a < b & `c`", "Fig. 1", verdict, "m", weighed=Weighed("+1 [0, 2]", 1.0, 0.0, 2.0))
        for verdict in get_args(Verdict)
    ]  # fmt: skip
    picture = whole_picture([*findings, Finding("no number", "", "described", "m")], badge)
    root = ET.fromstring(picture)
    texts = [each.text for each in root.iter("{http://www.w3.org/2000/svg}text")]
    assert texts.count("a < b & c") == len(COLOURS)
    assert "no number" not in texts
    assert all(picture.count(f'fill="{colour}"') == 2 for colour in COLOURS.values())  # verdict and dot
    tops = [float(top) for top in re.findall(r"translate\(690 ([\d.]+)\)", picture)]
    assert len({second - first for first, second in pairwise(tops)}) == 1
