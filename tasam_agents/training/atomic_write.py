"""Files that are written whole or not at all: whoever reads meanwhile, or after a crash, finds the one before."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def write_text_atomically(path: Path, text: str) -> Path:
    """Write beside `path`, then take its place; returns `path`."""
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(text, "utf-8")
    return partial.replace(path)


def write_json_atomically(path: Path, document: Any, indent: int | None = None) -> Path:
    """`document` as JSON, NaN and infinity refused, in the manner of `write_text_atomically`."""
    return write_text_atomically(path, json.dumps(document, indent=indent, allow_nan=False) + "\n")
