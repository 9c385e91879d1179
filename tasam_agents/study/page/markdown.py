"""The report as Markdown: pictures and CSVs are links relative to the directory it stands in."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from tasam_agents.study.page.text import (
    SUMMARY_HEAD,
    badge,
    finding_anchor,
    findings_of,
    numeric_columns,
    tally,
    with_code,
)

if TYPE_CHECKING:
    from tasam_agents.study.page.page import Page, Picture, Section, Table

SPECIAL = re.compile(r"[\\`*<~$|]|(?<!\w)_|_(?!\w)|\](?=[(\[:])|&(?=#?\w+;)")  # what could be markup in a line
OPENING = re.compile(r"^(?:([-+=>#])|(\d+)(?=[.)]))")  # and where one begins: a list, a quotation, a heading


def markdown_of(page: Page, directory: Path) -> str:
    """Render the page for a file in this directory."""
    return "\n\n".join(_blocks(page, directory)) + "\n"


def _blocks(page: Page, directory: Path) -> Iterator[str]:
    yield f"# {_text(page.title)}"
    yield from map(_paragraph, page.lead)
    verdicts = [
        (_cell(finding.claim), _cell(finding.source), f"[{badge(finding.verdict)}](#{anchor})", _cell(finding.measured))
        for anchor, _, finding in findings_of(page)
    ]
    if verdicts:
        yield from (_heading("Summary", "summary"), f"{tally(page)}.", _table(SUMMARY_HEAD, verdicts))
    for section in page.sections:
        yield from _section(section, directory)
    if page.facts:
        yield _heading("How this was made", "facts")
        yield _table(("", ""), [(_cell(name), _cell(value)) for name, value in page.facts.items()])


def _section(section: Section, directory: Path) -> Iterator[str]:
    yield _heading(section.title, section.anchor)
    yield from map(_paragraph, section.paragraphs)
    for number, finding in enumerate(section.findings, 1):
        claim = f'<a id="{finding_anchor(section, number)}"></a>**{badge(finding.verdict)}**: {_text(finding.claim)}'
        told = [f"{claim} ({_text(finding.source)})", f"Measured: {_text(finding.measured)}"]
        yield "\\\n".join(told + ([f"Reason: {_text(finding.reason)}"] if finding.reason else []))
    for picture in section.pictures:
        yield _picture(picture, directory)
    for table in section.tables:
        yield from _captioned(table, directory)


def _picture(picture: Picture, directory: Path) -> str:
    caption = _text(picture.caption)
    instead = re.sub(r"(?<!\\)[\[\]]", r"\\\g<0>", caption)
    return f"![{instead}]({_link(picture.path, directory)})\n\n{caption}{_download(picture.csv, directory)}"


def _captioned(table: Table, directory: Path) -> Iterator[str]:
    yield f"**{_text(table.caption)}**{_download(table.csv, directory)}"
    rows = [tuple(map(_cell, row)) for row in table.rows]
    yield _table(tuple(map(_cell, table.head)), rows, numeric_columns(table.rows))


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[bool] = ()) -> str:
    rule = ["---:" if number < len(right) and right[number] else "---" for number in range(len(head))]
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, rule, *rows))


def _heading(title: str, anchor: str) -> str:
    return f'<a id="{anchor}"></a>\n\n## {_text(title)}'


def _download(csv: Path | None, directory: Path) -> str:
    return f" ([{_text(csv.name)}]({_link(csv, directory)}))" if csv else ""


def _link(path: Path, directory: Path) -> str:
    return quote(Path(os.path.relpath(path, directory)).as_posix())


def _paragraph(text: str) -> str:
    return OPENING.sub(lambda found: f"\\{found[1]}" if found[1] else f"{found[2]}\\", _text(text))


def _text(text: str) -> str:
    """Escaped: nothing of it but `code` is taken for markup."""
    return with_code(text, _escape, lambda code: f"`{code}`")


def _cell(text: str) -> str:
    """Escaped for a table, whose cells end at a bar even in `code`."""
    return with_code(text, _escape, lambda code: f"`{code}`".replace("|", "\\|"))


def _escape(text: str) -> str:
    return SPECIAL.sub(r"\\\g<0>", text)
