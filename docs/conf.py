"""The site: ``make docs`` builds these pages with Sphinx, Furo and MyST, and a warning is an error."""

from __future__ import annotations

import re
from typing import Any

import oran_env

project = "oran-tasam"
author = "the oran-tasam developers"
version = release = oran_env.__version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode"]
exclude_patterns = ["_build"]

html_theme = "furo"
html_title = "TA-SAM for O-RAN"
html_show_sphinx = False

myst_heading_anchors = 4  # links to headings, as GitHub has them

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
napoleon_google_docstring = True
napoleon_numpy_docstring = False


def plain_text(app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Docstrings are plain text with `names`, not reStructuredText; what Markdown tells stands on a page of its own."""
    heads = [i for i, line in enumerate(lines) if line.startswith("## ")]
    if heads:
        rest = [i for i, line in enumerate(lines) if line == "Args:"]
        lines[heads[0] : rest[0] if rest else len(lines)] = []
    for i, line in enumerate(lines):
        parts = re.split(r"(``[^`]+``|`[^`]+`)", line)
        parts[::2] = [re.sub(r"([*|\\]|_(?!\w)|`)", r"\\\1", part) for part in parts[::2]]
        parts[1::2] = [f"``{part.strip('`')}``" for part in parts[1::2]]
        lines[i] = "".join(parts)


def named_targets(app: Any, name: str, source: list[str]) -> None:
    """Names that stand in a page as HTML become targets of links."""
    source[0] = re.sub(r'^<a id="([^"]+)"></a>\n*', r"(\1)=\n", source[0], flags=re.MULTILINE)


def setup(app: Any) -> None:
    """Read pages and docstrings as they are meant."""
    app.connect("source-read", named_targets)
    app.connect("autodoc-process-docstring", plain_text, priority=400)  # before Napoleon reads the sections
