"""`make trust`: what a run survives and what it refuses, in named parts; prints one table.

A part that has passed with these sources is not repeated, so an interrupted call goes on. A part that this machine
cannot do prints NOT RUN and why. `--docs` writes the table into docs/reliability.md; what was not
tried here keeps its line there.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import shutil
import sys
import tempfile
import time
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from trust.files import FILES
from trust.fuzzing import FUZZING
from trust.killing import KILLING
from trust.part import KEPT, NotRun, Part
from trust.processes import PROCESSES
from trust.soak import SOAK

PARTS: dict[str, Part] = FILES | FUZZING | KILLING | PROCESSES | SOAK
ROOT = Path(__file__).parents[2]
RESULTS = KEPT / "results.json"
PAGE = ROOT / "docs" / "reliability.md"
BEGIN, END = "<!-- table of make trust -->", "<!-- end of the table -->"


def sources() -> str:
    """A hash of both packages and of these parts."""
    digest = hashlib.sha256()
    for package in ("oran_env", "tasam_agents", "tests/trust"):
        for path in sorted((ROOT / package).rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def do(name: str, is_quick: bool) -> dict[str, Any]:
    """One part: its row of the table."""
    began, used, part = time.monotonic(), sum(os.times()[:4]), PARTS[name]
    row = {"what": part.what, "extent": "quick" if is_quick else "full", "sources": sources()}
    with tempfile.TemporaryDirectory(prefix=f"trust-{name}-") as directory:
        try:
            outcome, detail = "passed", part.run(Path(directory), is_quick)
        except NotRun as reason:
            outcome, detail = "NOT RUN", str(reason)
        except Exception as error:
            traceback.print_exc()
            outcome, detail = "FAILED", f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
    date = datetime.now(UTC).strftime("%Y-%m-%d")
    spent = {"seconds": round(time.monotonic() - began), "cpu_s": round(sum(os.times()[:4]) - used)}
    return row | {"outcome": outcome, "detail": detail, "date": date} | spent


def table(rows: Mapping[str, dict[str, Any]], standing: Mapping[str, str]) -> str:
    """All parts; of one without a row the line that stands in the docs, with its own date, if there is one."""
    lines = ["| part | what | extent | outcome | time | date |", "|---|---|---|---|---|---|"]
    for name, part in PARTS.items():
        row = rows.get(name)
        if row is None:
            lines.append(standing.get(name, f"| {name} | {part.what} | | NOT RUN: not asked for, or interrupted | | |"))
            continue
        told = f"{row['outcome']}: {row['detail']}".replace("|", "/")
        used = f", {row['cpu_s']} of CPU" if "cpu_s" in row else ""
        lines.append(f"| {name} | {part.what} | {row['extent']} | {told} | {row['seconds']} s{used} | {row['date']} |")
    return "\n".join(lines)


def main() -> None:
    """Run what is asked for and has not passed, print the table, end with 1 if a part failed."""
    options = argparse.ArgumentParser(prog="python -m trust", description=__doc__)
    options.add_argument("parts", nargs="*", help=f"of {', '.join(PARTS)}; default: all")
    options.add_argument("--quick", action="store_true", help="fewer repetitions, a few minutes in all")
    options.add_argument("--again", action="store_true", help="also what has passed")
    options.add_argument("--docs", action="store_true", help="write the table into docs/reliability.md, run nothing")
    given = options.parse_args()
    unknown = sorted(set(given.parts) - PARTS.keys())
    if unknown:
        options.error(f"parts {unknown}; allowed: {', '.join(PARTS)}")
    rows = json.loads(RESULTS.read_text()) if RESULTS.is_file() else {}
    if given.docs:
        before, old, after = re.split(f"{BEGIN}\n|\n{END}", PAGE.read_text("utf-8"))
        standing = {line.split(" | ")[0].removeprefix("| "): line for line in old.splitlines()}
        PAGE.write_text(f"{before}{BEGIN}\n{table(rows, standing)}\n{END}{after}", "utf-8")
        for picture in KEPT.glob("soak.*"):
            shutil.copy(picture, ROOT / "docs" / "results")
        return
    for name in given.parts or PARTS:
        known = rows.get(name, {})
        is_covered = known.get("extent") == "full" or given.quick
        if known.get("outcome") == "passed" and known["sources"] == sources() and is_covered and not given.again:
            continue
        print(f"{name} …", flush=True)
        rows[name] = do(name, given.quick)
        print(f"{name}: {rows[name]['outcome']}: {rows[name]['detail']} ({rows[name]['seconds']} s)", flush=True)
        RESULTS.parent.mkdir(parents=True, exist_ok=True)
        RESULTS.write_text(json.dumps(rows, indent=1))
    print(f"\n{table(rows, {})}")
    sys.exit(any(row["outcome"] == "FAILED" for row in rows.values()))


if __name__ == "__main__":
    main()
