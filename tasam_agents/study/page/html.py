"""The report as one HTML file that needs nothing else: style, pictures and CSVs are inside, nothing is fetched."""

from __future__ import annotations

import base64
import struct
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from tasam_agents.study.page.style import STYLE
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
    from tasam_agents.study.page.page import Finding, Page, Picture, Section, Table

PIXEL = 96 / 160  # of CSS, per dot of a picture: its letters come out as large as it was drawn with
DOCUMENT = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="data:,">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<header>
<h1>{title}</h1>
{lead}
</header>
<nav aria-label="Contents">
<ul>
{links}
</ul>
</nav>
<main>
{body}
</main>
</body>
</html>
"""


def html_of(page: Page) -> str:
    """Render the page.

    Raises:
        OSError: a picture or a CSV cannot be read.
        ValueError: a picture is not a PNG.
    """
    links, body = [], []
    if any(section.findings for section in page.sections):
        links.append(("summary", "Summary"))
        body.append(_summary(page))
    for section in page.sections:
        links.append((section.anchor, section.title))
        body.append("\n".join(_section(section)))
    if page.facts:
        links.append(("facts", "How this was made"))
        body.append(_facts(page))
    return DOCUMENT.format(
        title=_text(page.title, code="{}"),
        style=STYLE,
        lead="\n".join(map(_paragraph, page.lead)),
        links="\n".join(f'<li><a href="#{anchor}">{_text(title)}</a></li>' for anchor, title in links),
        body="\n".join(body),
    )


def _summary(page: Page) -> str:
    rows = "\n".join(
        f'<tr><th scope="row"><a href="#{anchor}">{_text(finding.claim)}</a></th>'
        f'<td data-label="{SUMMARY_HEAD[1]}">{_text(finding.source)}</td>'
        f'<td data-label="{SUMMARY_HEAD[2]}">{_badge(finding.verdict)}</td>'
        f'<td data-label="{SUMMARY_HEAD[3]}">{_text(finding.measured)}</td></tr>'
        for anchor, _, finding in findings_of(page)
    )
    head = "".join(f'<th scope="col">{name}</th>' for name in SUMMARY_HEAD)
    return (
        f'<section id="summary">\n<h2>Summary</h2>\n<table class="summary">\n<caption>{tally(page)}</caption>\n'
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}\n</tbody>\n</table>\n</section>"
    )


def _section(section: Section) -> Iterator[str]:
    yield f'<section id="{section.anchor}">\n<h2>{_text(section.title)}</h2>'
    yield from map(_paragraph, section.paragraphs)
    for number, finding in enumerate(section.findings, 1):
        yield _finding(finding, finding_anchor(section, number))
    yield from map(_picture, section.pictures)
    yield from map(_table, section.tables)
    yield "</section>"


def _finding(finding: Finding, anchor: str) -> str:
    told = [("Measured", finding.measured), ("Reason", finding.reason), ("In the paper", finding.source)]
    rows = "\n".join(f"<dt>{name}</dt><dd>{_text(text)}</dd>" for name, text in told if text)
    return (
        f'<article class="finding {_style(finding.verdict)}" id="{anchor}">\n'
        f"<h3>{_badge(finding.verdict)} {_text(finding.claim)}</h3>\n<dl>\n{rows}\n</dl>\n</article>"
    )


def _picture(picture: Picture) -> str:
    head = picture.path.read_bytes()[:24]
    if not head.startswith(b"\x89PNG"):
        raise ValueError(f"{picture.path} is not a PNG; allowed: pictures that were saved as .png")
    width, height = (round(PIXEL * size) for size in struct.unpack(">II", head[16:]))
    instead = escape(" ".join(picture.caption.replace("`", "").split()))
    return (
        f'<figure>\n<div class="wide" tabindex="0" role="group" aria-label="picture">'
        f'<img src="{_data(picture.path, "image/png")}" width="{width}" height="{height}" alt="{instead}"></div>\n'
        f"<figcaption>{_text(picture.caption)}{_download(picture.csv)}</figcaption>\n</figure>"
    )


def _table(table: Table) -> str:
    right = numeric_columns(table.rows) or [False] * len(table.head)
    head = "".join(
        f'<th scope="col"{_right(number)}>{_text(name)}</th>' for name, number in zip(table.head, right, strict=True)
    )
    rows = "\n".join(f"<tr>{''.join(_cells(row, right))}</tr>" for row in table.rows)
    return (
        f'<div class="wide" tabindex="0" role="group" aria-label="table">\n<table>\n'
        f"<caption>{_text(table.caption)}{_download(table.csv)}</caption>\n"
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}\n</tbody>\n</table>\n</div>"
    )


def _cells(row: Sequence[str], right: Sequence[bool]) -> Iterator[str]:
    for place, (cell, number) in enumerate(zip(row, right, strict=True)):
        tag, scope = ("td", "") if place else ("th", ' scope="row"')
        yield f"<{tag}{scope}{_right(number)}>{_text(cell)}</{tag}>"


def _right(number: bool) -> str:
    return ' class="number"' if number else ""


def _facts(page: Page) -> str:
    rows = "\n".join(f"<dt>{_text(name)}</dt><dd>{_text(value)}</dd>" for name, value in page.facts.items())
    return f'<section id="facts">\n<h2>How this was made</h2>\n<dl class="facts">\n{rows}\n</dl>\n</section>'


def _badge(verdict: str) -> str:
    return f'<span class="badge {_style(verdict)}">{badge(verdict)}</span>'


def _style(verdict: str) -> str:
    return verdict.replace(" ", "-")


def _download(csv: Path | None) -> str:
    if csv is None:
        return ""
    return f' <a class="download" download="{escape(csv.name)}" href="{_data(csv, "text/csv")}">{escape(csv.name)}</a>'


def _data(path: Path, kind: str) -> str:
    return f"data:{kind};base64,{base64.b64encode(path.read_bytes()).decode('ascii')}"


def _paragraph(text: str) -> str:
    return f"<p>{_text(text)}</p>"


def _text(text: str, code: str = "<code>{}</code>") -> str:
    return with_code(text, escape, lambda span: code.format(escape(span)))
