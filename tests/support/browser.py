"""A page in a headless browser, at several widths: what is broken, astray or sticks out."""

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

CHROMIUM = shutil.which("chromium")

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
    probe: (PROBE)(page),
    width: innerWidth,
    title: page.title,
    images: page.images.length,
    drawings: [...page.querySelectorAll("svg")].filter(each => each.getBoundingClientRect().width > 40).length,
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


def visit(directory: Path, profile: Path, probe: str = "page => null") -> Visit:
    """Open directory/index.html in frames of all widths; probe: what JavaScript does with each before it is looked at,
    its answer stands in the frame under that name."""
    (directory / "wrapper.html").write_text(WRAPPER.replace("PROBE", probe))
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
