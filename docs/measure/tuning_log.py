"""The log of a search: what each trial run changed, and how it did on the validation networks.

    python -m docs.measure.tuning_log RUN… [--output docs/results/tuning.csv]

Reads the run directories alone, also of runs that were stopped early or whose configuration has fields that no longer
exist, in the order in which they were begun. Fields are compared with those of the first run.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tasam_agents.plotting.style import write_table


def flat(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested fields by their dotted names."""
    found: dict[str, Any] = {}
    for name, value in tree.items():
        found |= flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {f"{prefix}{name}": value}
    return found


def trial(run: Path, first: Mapping[str, Any]) -> dict[str, Any]:
    """One line of the log."""
    config = flat(json.loads((run / "config.json").read_text("utf-8")))
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text("utf-8").splitlines()]
    validated = [(line["validation_return"], line["iteration"]) for line in lines if "validation_return" in line]
    best, at = max(validated, default=(float("nan"), 0))
    changes = {name: value for name, value in config.items() if name not in first or value != first[name]}
    return {
        "trial": run.name,
        "seed": config["seed"],
        "iterations_done": lines[-1]["iteration"] if lines else 0,
        "iterations_planned": config["iterations"],
        "best_validation_return": f"{best:.3f}",
        "at_iteration": at,
        "last_validation_return": f"{validated[-1][0]:.3f}" if validated else "",
        "differs_from_first_in": json.dumps(
            {n: v for n, v in changes.items() if n not in ("name", "seed", "iterations")}
        ),
    }


def main() -> None:
    """Write the log."""
    parser = argparse.ArgumentParser(description="The log of a search.")
    parser.add_argument("runs", nargs="+", type=Path)
    parser.add_argument("--output", type=Path, default=Path("docs/results/tuning.csv"))
    arguments = parser.parse_args()
    runs = sorted(arguments.runs, key=lambda run: (run / "config.json").stat().st_mtime)
    first = flat(json.loads((runs[0] / "config.json").read_text("utf-8")))
    rows = [trial(run, first) for run in runs]
    for row in rows:
        print(row)
    print(f"written: {write_table(arguments.output, rows)}")


if __name__ == "__main__":
    main()
