"""docs/interop.md, made from docs/results/interop.json."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from interop.libraries import LIBRARIES

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "docs/results/interop.json"
PAGE = ROOT / "docs/interop.md"

_HEAD = """# Other libraries

After this page you know which library takes the environment, in which versions, and how.

`make interop` tries each in an environment of its own, `.venv-interop/LIBRARY`, and writes this page; `make interop
LIBRARIES=try_skrl` tries one, what was tried already is not tried again without `AGAIN=1`. *works*: as it is, through
the library's own wrappers. *shim*: with an adapter of `oran_env.adapters`. What exactly is done stands in
`tests/interop/tries/`. *Reused*: torch, NumPy and whatever else was there came from the environment of this project
(`REUSE=…/site-packages`), the library and what it pins from the index.

| library | version | | how | beside it | on |
|---|---|---|---|---|---|
"""


def stored() -> dict[str, Any]:
    """The results so far, by the name of the try."""
    if not RESULTS.is_file():
        return {}
    found: dict[str, Any] = json.loads(RESULTS.read_text("utf-8"))
    return found


def page(results: dict[str, Any]) -> str:
    """The page."""
    rows = []
    for name, library in LIBRARIES.items():
        found = results.get(name)
        if found is None:
            rows.append(f"| {library.title} | | not tried | | | |")
            continue
        beside = ", ".join(f"{other} {version}" for other, version in found["beside"].items())
        reused = "; reused" if found["reused"] else ""
        how = found["how"].replace("|", "\\\\|")
        rows.append(
            f"| {library.title} | {found['version']} | {found['verdict']} | {how} | "
            f"Python {found['python']}, {beside}{reused} | {found['date']} |"
        )
    return _HEAD + "\n".join(rows) + "\n"
