"""The rendered report: everything of the page is in it, escaped, embedded, and nothing is fetched from elsewhere."""

from __future__ import annotations

import base64
import re
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from tasam_agents.study.page.page import Finding, Page, Picture, Section, Table
from tasam_agents.study.page.write import SYMBOLS, numeric_columns, with_code, write_page

NASTY = """<script>alert("1")</script> a|b 'c' & &lt; *d* [e](f) `x<y|z`"""
SHOWN = """<script>alert("1")</script> a|b 'c' & &lt; *d* [e](f) x<y|z"""
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNgYPj/HwADAQH/ApOhHwAAAABJRU5ErkJggg=="
)
VOID = {"meta", "link", "img", "br", "hr", "input"}


class Document(HTMLParser):
    """What a browser sees: elements with their attributes and texts; complains about tags that do not match."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.texts: list[str] = []
        self.feed(text)
        self.close()
        assert not self.open, self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, (tag, self.getpos())

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.texts.append(data)

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.elements if name == tag]

    @property
    def text(self) -> str:
        return "".join(self.texts)


def make_page(directory: Path) -> Page:
    pictures = directory / "figures of it"
    pictures.mkdir(parents=True)
    (pictures / "a (1).png").write_bytes(PNG)
    (pictures / "a (1).csv").write_text("x,y\n1,2\n")
    verdicts: list[Any] = list(SYMBOLS)
    findings = tuple(
        Finding(f"claim {i} {NASTY}", f"Fig. {i} {NASTY}", verdict, f"measured {i} {NASTY}", f"reason {i} {NASTY}")
        for i, verdict in enumerate(verdicts)
    )
    picture = Picture(pictures / "a (1).png", f"caption {NASTY}", pictures / "a (1).csv")
    table = Table(f"table {NASTY}", ("agent", f"head {NASTY}", "return"), ((NASTY, "cell", "1.5 [1.4, 1.6]"),),
                  pictures / "a (1).csv")  # fmt: skip
    return Page(
        f"title {NASTY}",
        (f"lead {NASTY}",),
        {f"fact {NASTY}": f"value {NASTY}"},
        (
            Section(f"section {NASTY}", "one", (f"paragraph {NASTY}",), findings, (picture,), (table,)),
            Section("another", "two-2", ("- 1. # not a list",)),
        ),
    )


@pytest.fixture
def page(tmp_path: Path) -> Page:
    return make_page(tmp_path)


@pytest.fixture
def written(page: Page, tmp_path: Path) -> tuple[Document, str]:
    html, markdown = write_page(page, tmp_path / "report")
    assert (html.name, markdown.name) == ("index.html", "report.md")
    assert sorted(path.name for path in html.parent.iterdir()) == ["index.html", "report.md"]  # no partial file
    return Document(html.read_text("utf-8")), markdown.read_text("utf-8")


def as_read(markdown: str) -> str:
    """Markdown without its escapes and back-ticks, as a reader sees it."""
    return re.sub(r"\\([^\w\s])", r"\1", markdown).replace("`", "")


def test_every_text_is_in_both_and_none_is_taken_for_markup(written: tuple[Document, str]) -> None:
    document, markdown = written
    told = ["title", "lead", "fact", "value", "section", "paragraph", "caption", "table", "head"]
    told += [f"{what} {i}" for i in range(4) for what in ("claim", "Fig.", "measured", "reason")]
    for what in told:
        assert f"{what} {SHOWN}" in document.text, what
        assert f"{what} {SHOWN}" in as_read(markdown), what
    assert not document.all("script")
    assert "x<y|z" in document.texts  # alone between <code> and </code>
    assert "<script>" not in markdown.replace("\\<script>", "")
    assert "`x<y|z`" in markdown  # in a paragraph
    assert "`x<y\\|z`" in markdown  # in a table
    assert "\\- 1. # not a list" in markdown
    alternative = {image["alt"] for image in document.all("img")}
    assert alternative == {f"caption {SHOWN}"}


def test_cells_of_a_markdown_table_are_as_many_as_its_head_has(written: tuple[Document, str]) -> None:
    tables = [block.splitlines() for block in written[1].split("\n\n") if block.startswith("|")]
    assert [len(table) for table in tables] == [2 + 4, 2 + 1, 2 + 1]
    for table in tables:
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in table}) == 1
    assert tables[1][1] == "| --- | --- | ---: |"


def test_every_verdict_is_told_by_symbol_and_word_and_linked_from_the_summary(written: tuple[Document, str]) -> None:
    document, markdown = written
    for verdict, symbol in SYMBOLS.items():
        assert document.texts.count(f"{symbol} {verdict}") == 2  # in the summary and in its section
        assert markdown.count(f"{symbol} {verdict}") == 2
    tally = "1 supported, 1 not supported, 1 inconclusive, 1 described"
    assert tally in document.texts
    assert tally in markdown
    names = [attributes["id"] for _, attributes in document.elements if "id" in attributes]
    assert len(names) == len(set(names))
    links = [link["href"][1:] for link in document.all("a") if link["href"].startswith("#")]
    assert set(links) == {*names}
    targets = set(re.findall(r'<a id="([^"]+)"></a>', markdown))
    assert set(re.findall(r"\]\(#([^)]+)\)", markdown)) <= targets
    assert targets == set(names)


def test_the_html_file_needs_nothing_else(written: tuple[Document, str]) -> None:
    document, _ = written
    for tag, attributes in document.elements:
        for name in ("src", "href", "srcset", "action", "data", "poster"):
            if name in attributes:
                assert attributes[name].startswith(("data:", "#")), (tag, name)
    (policy,) = (meta["content"] for meta in document.all("meta") if "http-equiv" in meta)
    assert policy.startswith("default-src 'none'")
    assert document.all("link") == [{"rel": "icon", "href": "data:,"}]  # else a browser would ask for /favicon.ico
    assert not {"script", "iframe", "object"} & {tag for tag, _ in document.elements}


def test_pictures_and_numbers_are_inside(written: tuple[Document, str]) -> None:
    document, _ = written
    (image,) = document.all("img")
    kind, content = image["src"].split(",")
    assert kind == "data:image/png;base64"
    assert base64.b64decode(content) == PNG
    assert (image["width"], image["height"]) == ("1", "1")
    files = [link for link in document.all("a") if "download" in link]
    assert {file["download"] for file in files} == {"a (1).csv"}
    assert len(files) == 2
    for file in files:
        assert base64.b64decode(file["href"].removeprefix("data:text/csv;base64,")) == b"x,y\n1,2\n"


def test_what_no_filter_has_escaped_is_escaped_by_the_template(page: Page, tmp_path: Path) -> None:
    csv = tmp_path / 'a"><b>&.csv'
    csv.write_text("x\n")
    section = Section("s", "s", tables=(Table("t", ("a",), (("1",),), csv),))
    html, _ = write_page(Page("title", (), sections=(section,)), tmp_path / "report")
    (link,) = [link for link in Document(html.read_text("utf-8")).all("a") if "download" in link]
    assert link["download"] == csv.name
    assert "<b>" not in html.read_text("utf-8")


def test_the_links_of_the_markdown_lead_to_the_files(written: tuple[Document, str], tmp_path: Path) -> None:
    links = [link for link in re.findall(r"(?<!\\)\]\(([^)\s]+)\)", written[1]) if not link.startswith("#")]
    assert len(links) == 3
    for link in links:
        assert not link.startswith("/")
        assert (tmp_path / "report" / unquote(link)).is_file(), link


def test_the_structure_is_that_of_a_document(written: tuple[Document, str]) -> None:
    document, _ = written
    assert [len(document.all(tag)) for tag in ("header", "nav", "main", "h1", "figure", "figcaption")] == [1] * 6
    assert len(document.all("caption")) == len(document.all("table")) == 2
    assert {cell["scope"] for cell in document.all("th")} == {"col", "row"}
    assert document.all("html") == [{"lang": "en"}]
    numbers = [attributes for tag, attributes in document.elements if attributes.get("class") == "number"]
    assert len(numbers) == 2  # head and cell of the column that holds numbers


def test_a_page_may_be_short(tmp_path: Path) -> None:
    html, markdown = write_page(Page("title", ()), tmp_path)
    assert "Summary" not in Document(html.read_text()).text
    assert markdown.read_text() == "# title\n"
    empty = Section("s", "s", tables=(Table("none", ("a", "b"), ()),), findings=(Finding("c", "", "described", "m"),))
    html, markdown = write_page(Page("title", (), sections=(empty,)), tmp_path)
    assert "Reason" not in Document(html.read_text()).text + markdown.read_text()
    assert unescape(html.read_text()).count("<dt>") == 1


def test_a_report_stays_as_it_was_if_the_next_cannot_be_written(page: Page, tmp_path: Path) -> None:
    html, markdown = write_page(page, tmp_path / "report")
    before = html.read_bytes(), markdown.read_bytes()
    gone = replace(page.sections[0], pictures=(Picture(tmp_path / "gone.png", ""),))
    with pytest.raises(FileNotFoundError, match=r"gone\.png"):
        write_page(replace(page, sections=(gone,)), tmp_path / "report")
    assert (html.read_bytes(), markdown.read_bytes()) == before


def test_what_does_not_fit_is_refused(page: Page, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"verdict is 'maybe'; allowed: supported, not supported, inconclusive, desc"):
        Finding("claim", "Fig. 1", "maybe", "1")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"table 't': a row has 1 cells; allowed: 2"):
        Table("t", ("a", "b"), (("1",),))
    for anchor in ("", "Fig", "a_1", 'x"onload'):
        with pytest.raises(ValueError, match=r"anchor is .*; allowed: a letter"):
            Section("s", anchor)
    for anchor in ("one", "facts"):
        with pytest.raises(ValueError, match=rf"anchor '{anchor}' is taken"):
            replace(page, sections=(*page.sections, Section("s", anchor)))
    (tmp_path / "a.png").write_bytes(b"GIF89a")
    with pytest.raises(ValueError, match=r"a\.png is not a PNG"):
        write_page(Page("t", (), sections=(Section("s", "s", pictures=(Picture(tmp_path / "a.png", ""),)),)), tmp_path)


def test_columns_of_numbers_are_recognised() -> None:
    rows = [("static", "1.5 [1.2, 1.8]", "−3 %", "4 of 5 runs", "-"), ("2 DUs", "+0.2", "", "none", "")]
    assert numeric_columns(rows) == [False, True, True, False, True]
    assert numeric_columns([("", ""), ("", "1")]) == [False, True]
    assert numeric_columns([("3 of 5 runs ended above the rule and 2 below",)]) == [False]


def test_back_ticks_make_code_only_in_pairs() -> None:
    assert with_code("a `b` c `d", str.upper, "<{}>".format) == "A <b> C `D"
    assert with_code("  two\n lines ", str, str) == "two lines"
