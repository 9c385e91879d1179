"""What both renderings of the report share."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tasam_agents.study.page.page import Finding, Page, Section

SYMBOLS = {"supported": "✓", "not supported": "✗", "inconclusive": "?", "described": "•"}
SUMMARY_HEAD = ("claim", "in the paper", "verdict", "measured")
NUMBER = re.compile(
    r"[+−-]?\d.{0,30}|[–—-]?"
)  # 1.5 [1.2, 1.8], +3 %, or nothing; no sentence that begins with a number


def badge(verdict: str) -> str:
    """Symbol and word."""
    return f"{SYMBOLS[verdict]} {verdict}"


def tally(page: Page) -> str:
    """How many findings have which verdict."""
    found: Counter[str] = Counter(finding.verdict for _, _, finding in findings_of(page))
    return ", ".join(f"{found[verdict]} {verdict}" for verdict in SYMBOLS if found[verdict])


def findings_of(page: Page) -> Iterator[tuple[str, Section, Finding]]:
    """Every finding with its anchor and its section."""
    for section in page.sections:
        for number, finding in enumerate(section.findings, 1):
            yield finding_anchor(section, number), section, finding


def finding_anchor(section: Section, number: int) -> str:
    """Name of the n-th finding of a section in links, counted from 1."""
    return f"{section.anchor}_{number}"  # no section has an underscore


def with_code(text: str, plain: Callable[[str], str], code: Callable[[str], str]) -> str:
    """The text with its spans between back-ticks rendered by ``code`` and the rest by ``plain``."""
    parts = re.split(r"`([^`]+)`", " ".join(text.split()))
    return "".join((code if number % 2 else plain)(part) for number, part in enumerate(parts))


def numeric_columns(rows: Sequence[Sequence[str]]) -> list[bool]:
    """Whether each column of a table holds nothing but numbers, and therefore belongs to the right."""
    return [any(column) and all(NUMBER.fullmatch(cell) for cell in column) for column in zip(*rows, strict=True)]
