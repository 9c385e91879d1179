"""The report as one HTML file that needs nothing else, and as Markdown, from the templates beside this module.

In the HTML file style, pictures and CSVs are inside and nothing is fetched; in Markdown pictures and CSVs are links
relative to the directory it stands in, and the picture of all claims is a file of its own.
"""

from __future__ import annotations

import base64
import os
import re
import struct
from collections import Counter
from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from tasam_agents.files.atomic_write import write_text_atomically
from tasam_agents.study.page.forest import LEGEND, row_picture, whole_picture
from tasam_agents.study.page.page import Page

TEMPLATES = {"index.html": "report.html.jinja", "report.md": "report.md.jinja"}
SYMBOLS = {"supported": "✓", "not supported": "✗", "inconclusive": "?", "described": "•"}
SUMMARY_HEAD = ("claim", "in the paper", "verdict", "measured")
PIXEL = 96 / 160  # of CSS, per dot of a picture: its letters come out as large as it was drawn with
NUMBER = re.compile(r"[+−-]?\d.{0,30}|[–—-]?")  # 1.5 [1.2, 1.8], +3 %, or nothing; no sentence that begins with one
SPECIAL = re.compile(r"[\\`*<~$|]|(?<!\w)_|_(?!\w)|\](?=[(\[:])|&(?=#?\w+;)")  # what could be Markdown in a line
OPENING = re.compile(r"^(?:([-+=>#])|(\d+)(?=[.)]))")  # and where one begins: a list, a quotation, a heading


def write_page(page: Page, directory: Path) -> list[Path]:
    """Write index.html, report.md and, if claims have numbers, claims.svg, each as a whole or not at all; return them.

    Raises:
        OSError: a picture or a CSV cannot be read, or the directory cannot be written.
        ValueError: a picture is not a PNG.
    """
    templates = _templates(directory)
    findings = [finding for _, finding in page.findings]
    weighed = any(finding.weighed for finding in findings)
    shown = {"page": page, "tally": tally(page), "head": SUMMARY_HEAD, "weighed": weighed, "legend": LEGEND}
    texts = {name: templates.get_template(template).render(shown) for name, template in TEMPLATES.items()}
    if weighed:
        texts["claims.svg"] = whole_picture(findings, badge)
    directory.mkdir(parents=True, exist_ok=True)
    return [write_text_atomically(directory / name, text) for name, text in texts.items()]


def _templates(directory: Path) -> Environment:
    """The templates and what they may call; every text that reaches HTML is escaped, by a filter or by Jinja."""
    templates = Environment(
        loader=PackageLoader("tasam_agents.study.page"),
        autoescape=select_autoescape(("html.jinja",)),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    templates.filters |= {
        "badge": badge,
        "drawn": lambda finding: Markup(row_picture(finding)),
        "right": lambda table: numeric_columns(table.rows) or [False] * len(table.head),
        # HTML
        "code": lambda text: Markup(with_code(text, escape, lambda code: f"<code>{escape(code)}</code>")),
        "plain": lambda text: Markup(with_code(text, escape, escape)),
        "data": lambda path, kind: f"data:{kind};base64,{base64.b64encode(path.read_bytes()).decode('ascii')}",
        "size": size_of,
        # Markdown
        "text": markdown,
        "paragraph": lambda text: OPENING.sub(lambda at: f"\\{at[1]}" if at[1] else f"{at[2]}\\", markdown(text)),
        "cell": lambda text: with_code(text, _escaped, lambda code: f"`{code}`".replace("|", "\\|")),
        "bracketed": lambda text: re.sub(r"(?<!\\)[\[\]]", r"\\\g<0>", text),
        "link": lambda path: quote(Path(os.path.relpath(path, directory)).as_posix()),
    }
    return templates


def badge(verdict: str) -> str:
    """A verdict for readers: told by its symbol and its word, not by its colour alone."""
    return f"{SYMBOLS[verdict]} {verdict}"


def tally(page: Page) -> str:
    """How many findings have which verdict."""
    found: Counter[str] = Counter(finding.verdict for _, finding in page.findings)
    return ", ".join(f"{found[verdict]} {verdict}" for verdict in SYMBOLS if found[verdict])


def size_of(picture: Path) -> tuple[int, int]:
    """Width and height of a PNG on the page [CSS px].

    Raises:
        ValueError: it is not a PNG.
    """
    head = picture.read_bytes()[:24]
    if not head.startswith(b"\x89PNG"):
        raise ValueError(f"{picture} is not a PNG; allowed: pictures that were saved as .png")
    width, height = (round(PIXEL * size) for size in struct.unpack(">II", head[16:]))
    return width, height


def numeric_columns(rows: Sequence[Sequence[str]]) -> list[bool]:
    """Whether each column of a table holds nothing but numbers, and therefore belongs to the right."""
    return [any(column) and all(NUMBER.fullmatch(cell) for cell in column) for column in zip(*rows, strict=True)]


def with_code(text: str, plain: Callable[[str], str], code: Callable[[str], str]) -> str:
    """The text with its spans between back-ticks rendered by ``code`` and the rest by ``plain``."""
    parts = re.split(r"`([^`]+)`", " ".join(text.split()))
    return "".join((code if number % 2 else plain)(part) for number, part in enumerate(parts))


def markdown(text: str) -> str:
    """Escaped for Markdown: nothing of it but `code` is taken for markup."""
    return with_code(text, _escaped, lambda code: f"`{code}`")


def _escaped(text: str) -> str:
    return SPECIAL.sub(r"\\\g<0>", text)
