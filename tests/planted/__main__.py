"""Re-plant the defects of ``defects.toml`` and print which test catches each: ``python tests/planted``."""

from __future__ import annotations

import argparse
import re
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from planting import COPIED, TABLE, PlantingError, markdown, plant_all, read_table

ROOT = Path(__file__).parents[2]


def main(arguments: Sequence[str] | None = None) -> int:
    """Return 0 if every defect was caught, 1 if not, 2 if the table does not fit the code."""
    parser = argparse.ArgumentParser(prog="python tests/planted", description=__doc__)
    parser.add_argument("--jobs", type=int, default=2, help="copies to work in side by side (default: 2)")
    parser.add_argument("--only", metavar="PATTERN", default="", help="only defects whose name or file matches this")
    parser.add_argument("--table", type=Path, default=TABLE, help="another table of defects")
    parser.add_argument("--root", type=Path, default=ROOT, help="another repository")
    parser.add_argument("--copied", nargs="+", default=COPIED, help="what the tests need of it")
    options = parser.parse_args(arguments)
    if options.jobs < 1:
        parser.error(f"--jobs is {options.jobs}; allowed: integers >= 1")
    defects = [d for d in read_table(options.table) if re.search(options.only, f"{d.name} {d.file}", re.IGNORECASE)]
    if not defects:
        parser.error(f"--only is {options.only!r}; allowed: a pattern that some defect matches")
    start = time.perf_counter()
    print(f"{len(defects)} defects; first their tests as they are", flush=True)
    verdicts = []
    try:
        for verdict in plant_all(defects, options.root, options.jobs, options.copied):
            verdicts.append(verdict)
            word = "caught" if verdict.caught else f"NOT CAUGHT ({verdict.why})"
            print(f"{len(verdicts):3} {verdict.seconds:6.1f} s  {verdict.defect.name}: {word}", flush=True)
    except PlantingError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    verdicts.sort(key=lambda verdict: defects.index(verdict.defect))
    caught = sum(verdict.caught for verdict in verdicts)
    print(f"\n{markdown(verdicts)}\n\n{caught} of {len(verdicts)} caught in {time.perf_counter() - start:.0f} s")
    return 0 if caught == len(verdicts) else 1


if __name__ == "__main__":
    sys.exit(main())
