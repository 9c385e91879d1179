"""The report of the study as data, and its two renderings: one HTML file that needs nothing else, and Markdown.

Texts are plain; `code` between back-ticks is the only markup.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

from tasam_agents.study.page.html import html_of
from tasam_agents.study.page.markdown import markdown_of
from tasam_agents.training.atomic_write import write_text_atomically

Verdict = Literal["supported", "not supported", "inconclusive", "described"]
OURS = ("summary", "facts")  # anchors that every page has


@dataclass(frozen=True)
class Finding:
    """A claim of the paper and what came of it; ``described`` is something that can be shown but not judged.

    Raises:
        ValueError: another verdict.
    """

    claim: str
    source: str  # where in the paper
    verdict: Verdict
    measured: str
    reason: str = ""

    def __post_init__(self) -> None:
        if self.verdict not in get_args(Verdict):
            raise ValueError(f"verdict is {self.verdict!r}; allowed: {', '.join(get_args(Verdict))}")


@dataclass(frozen=True)
class Table:
    """Rows of text under a head; ``csv``: the file with the full numbers.

    Raises:
        ValueError: a row is longer or shorter than the head.
    """

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    csv: Path | None = None

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.head):
                raise ValueError(f"table {self.caption!r}: a row has {len(row)} cells; allowed: {len(self.head)}")


@dataclass(frozen=True)
class Picture:
    """A PNG, and the numbers that it shows."""

    path: Path
    caption: str
    csv: Path | None = None


@dataclass(frozen=True)
class Section:
    """What belongs under one heading, in this order; ``anchor`` is its name in links.

    Raises:
        ValueError: an anchor that is not lower-case letters, digits and hyphens after a letter.
    """

    title: str
    anchor: str
    paragraphs: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    pictures: tuple[Picture, ...] = ()
    tables: tuple[Table, ...] = ()

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z][a-z0-9-]*", self.anchor):
            raise ValueError(f"anchor is {self.anchor!r}; allowed: a letter, then letters, digits and '-', lower case")


@dataclass(frozen=True)
class Page:
    """A report; ``facts`` say how it came about: budget, seeds, versions, machine, wall time.

    Raises:
        ValueError: two sections share an anchor, or one has that of the summary or of the facts.
    """

    title: str
    lead: tuple[str, ...]
    facts: Mapping[str, str] = field(default_factory=dict)
    sections: tuple[Section, ...] = ()

    def __post_init__(self) -> None:
        often = [name for name, n in Counter([*OURS, *(each.anchor for each in self.sections)]).items() if n > 1]
        if often:
            raise ValueError(f"anchor {often[0]!r} is taken; allowed: one per section, none of {', '.join(OURS)}")


def write_page(page: Page, directory: Path) -> list[Path]:
    """Write index.html and report.md into the directory, each as a whole or not at all; return them.

    Raises:
        OSError: a picture or a CSV cannot be read, or the directory cannot be written.
        ValueError: a picture is not a PNG.
    """
    texts = {"index.html": html_of(page), "report.md": markdown_of(page, directory)}
    directory.mkdir(parents=True, exist_ok=True)
    return [write_text_atomically(directory / name, text) for name, text in texts.items()]
