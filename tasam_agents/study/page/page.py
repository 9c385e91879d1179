"""The report of the study as data; ``write.py`` renders it.

Texts are plain; `code` between back-ticks is the only markup.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple, get_args

Verdict = Literal["supported", "not supported", "inconclusive", "described"]
OURS = ("summary", "facts")  # anchors that every page has


class Weighed(NamedTuple):
    """The one number that a verdict rests on; of a claim with several parts, that of the part which decides it."""

    text: str  # the number and its interval, for readers
    mean: float
    low: float | None = None
    high: float | None = None
    margin: float | None = None  # the effect counts from here on
    claimed: float | None = None  # as large as the paper says
    part: str = ""  # which part of the claim it is, if there are several


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
    counts: str = ""  # from where on an effect counts: the threshold of the verdict
    weighed: Weighed | None = None

    def __post_init__(self) -> None:
        if self.verdict not in get_args(Verdict):
            raise ValueError(f"verdict is {self.verdict!r}; allowed: {', '.join(get_args(Verdict))}")

    @property
    def in_short(self) -> str:
        """What was measured, as one number."""
        if self.weighed is None:
            return self.measured
        return f"{self.weighed.part}: {self.weighed.text}" if self.weighed.part else self.weighed.text


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

    @property
    def named_findings(self) -> list[tuple[str, Finding]]:
        """The findings, each with its name in links: no anchor of a section has an underscore."""
        return [(f"{self.anchor}_{number}", finding) for number, finding in enumerate(self.findings, 1)]


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
    banner: str = ""  # what nobody may overlook

    def __post_init__(self) -> None:
        often = [name for name, n in Counter([*OURS, *(each.anchor for each in self.sections)]).items() if n > 1]
        if often:
            raise ValueError(f"anchor {often[0]!r} is taken; allowed: one per section, none of {', '.join(OURS)}")

    @property
    def findings(self) -> list[tuple[str, Finding]]:
        """The findings of all sections, each with its name in links."""
        return [named for section in self.sections for named in section.named_findings]
