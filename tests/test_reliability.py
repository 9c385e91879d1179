"""Each test that the page names is there, and holds what `make trust` tries at length."""

from __future__ import annotations

import re
from pathlib import Path

from trust.__main__ import BEGIN, END, PARTS

TESTS = Path(__file__).parent
PAGE = (TESTS.parent / "docs" / "reliability.md").read_text("utf-8")


def test_every_test_that_is_named_is_there() -> None:
    named = re.findall(r"`([\w/]+\.py)::(\w+)`", PAGE)
    assert len(named) > 40
    missing = [(file, name) for file, name in named if f"def {name}(" not in (TESTS / file).read_text("utf-8")]
    assert missing == []


def test_every_part_has_its_line() -> None:
    table = PAGE[PAGE.index(BEGIN) : PAGE.index(END)]
    assert [line.split(" | ")[0].removeprefix("| ") for line in table.splitlines()[3:]] == list(PARTS)
