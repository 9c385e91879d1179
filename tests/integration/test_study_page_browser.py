"""The report of the study in a browser: nothing is missing, nothing complains, nothing sticks out, wide or narrow."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import threading
from dataclasses import dataclass
from functools import partial
from html import unescape
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tasam_agents.study import pictures
from tasam_agents.study.page import Finding, Page, Picture, Section, Table, write_page

CHROMIUM = shutil.which("chromium")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on PATH (Debian: apt-get install chromium)")

WIDTHS = (390, 1280)  # of a phone, of a screen
QUIET = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions",
    "--enable-logging=stderr", "--v=0", "--dump-dom",
)  # fmt: skip
FRAMES = "".join(
    f'<iframe src="index.html" style="border:0;width:{width}px;height:900px"></iframe>' for width in WIDTHS
)
WRAPPER = f"""<!DOCTYPE html><html><head><link rel="icon" href="data:,"></head><body>{FRAMES}<pre></pre><script>
addEventListener("load", () => {{
  const frames = [...document.querySelectorAll("iframe")];
  const found = frames.map(({{contentDocument: page, contentWindow: {{innerWidth}}}}) => ({{
    width: innerWidth,
    title: page.title,
    images: page.images.length,
    broken: [...page.images].filter(image => !image.complete || !image.naturalWidth).map(image => image.alt),
    wide: page.documentElement.scrollWidth,
    astray: [...page.querySelectorAll("a[href^='#']")].map(link => link.hash.slice(1))
      .filter(name => !page.getElementById(name)),
    outside: [...page.querySelectorAll("main *, header *, nav *")].filter(each => !each.parentElement.closest(".wide"))
      .filter(each => each.getBoundingClientRect().right > innerWidth + 1).map(each => each.outerHTML.slice(0, 80)),
  }}));
  document.querySelector("pre").textContent = JSON.stringify(found);
}});
</script></body></html>"""


class Recorder(SimpleHTTPRequestHandler):
    """Serves a directory and remembers what was asked for, with the status of the answer."""

    asked: list[tuple[str, int]]

    def __init__(self, *given: Any, asked: list[tuple[str, int]], **named: Any) -> None:
        self.asked = asked
        super().__init__(*given, **named)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        self.asked.append((self.path, int(code)))

    def log_error(self, format: str, *args: Any) -> None:
        pass  # its status is recorded


@dataclass(frozen=True)
class Visit:
    """What a browser found in index.html at every width."""

    frames: list[dict[str, Any]]
    console: list[str]
    asked: list[tuple[str, int]]

    def faults(self) -> list[str]:
        """What is wrong with the page."""
        found = [f"console: {line}" for line in self.console]
        found += [
            f"request: {path} {code}" for path, code in self.asked if path not in ("/wrapper.html", "/index.html")
        ]
        for frame in self.frames:
            where = f"at {frame['width']} px"
            found += [f"broken image {where}: {alt}" for alt in frame["broken"]]
            found += [f"link without target {where}: {name}" for name in frame["astray"]]
            found += [f"outside {where}: {element}" for element in frame["outside"]]
            if frame["wide"] > frame["width"]:
                found.append(f"scrolls sideways {where}: {frame['wide']} px")
        return found


def visit(directory: Path, profile: Path) -> Visit:
    """Open directory/index.html in frames of all widths."""
    (directory / "wrapper.html").write_text(WRAPPER)
    asked: list[tuple[str, int]] = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Recorder, directory=str(directory), asked=asked))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        url = f"http://127.0.0.1:{server.server_address[1]}/wrapper.html"
        command = [str(CHROMIUM), *QUIET, f"--user-data-dir={profile}", "--window-size=1800,1000", url]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    result = re.search(r"<pre>(.*?)</pre>", done.stdout, re.DOTALL)
    assert result, done.stderr
    assert result[1], done.stderr
    console = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    return Visit(json.loads(unescape(result[1])), console, asked)


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
            "TA-SAM is better than `no_sam`", "section VII, Fig. 5", "inconclusive", long, "the interval contains 0"
        ),
        Finding("a_name_without_any_place_to_break_it_" * 4, "Table 2", "supported", "x" * 200),
        Finding("c", "Table 3", "not supported", f"`{'y' * 150}`"),
        Finding("d", "Fig. 11", "described", long),
    )
    facts = {"command": f"`tasam study --out {'runs/' * 40}`", "seeds": "1, 2, 3", "a_long_name_of_a_fact" * 4: "1"}
    section = Section("Learning curves of all agents, Fig. 5", "fig5", ("A paragraph.",), findings, shown, (table,))
    return Page("TA-SAM <for> O-RAN", ("A lead.",), facts, (section, Section("Another", "other", ("Text.",))))


def test_the_report_is_whole_at_every_width(page: Page, tmp_path: Path) -> None:
    write_page(page, tmp_path / "report")
    seen = visit(tmp_path / "report", tmp_path / "profile")
    assert seen.faults() == []
    assert [(frame["width"], frame["images"]) for frame in seen.frames] == [(width, 2) for width in WIDTHS]
    assert {frame["title"] for frame in seen.frames} == {"TA-SAM <for> O-RAN"}
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
