"""Print what the repository has of rivals on `paper`, so that one's own run can be read beside it.

    python -m docs.measure.committed

Nothing is run: the rows come from the tables of docs/results.md (ten training seeds, 200 held-out networks); that of
lookahead, which searches in copies of the simulator, from the levels of the suite oran-v2 (24 networks of its own).
"""

from __future__ import annotations

import csv
import json
from pathlib import Path

from tasam_agents.plotting.text_table import text_table

RESULTS = Path(__file__).parents[1] / "results"
TABLES = (
    "compare", "compare_rivals", "compare_contrib", "compare_defaults", "compare_slice_share", "compare_two_bit",
    "compare_no_plan",
)  # fmt: skip


def rows() -> list[list[str]]:
    """Name, return, interval over seeds, CPU seconds of a run; the best first."""
    found: dict[str, tuple[float, list[str]]] = {}
    for table in TABLES:
        with (RESULTS / table / "comparison_summary.csv").open(encoding="utf-8") as file:
            for row in csv.DictReader(file):
                seeds, level = int(row["training_seeds"] or 0), float(row["return"])
                over = (
                    f"[{float(row['over_seeds_low']):.3f}, {float(row['over_seeds_high']):.3f}]"
                    if seeds
                    else "not trained"
                )
                cost = f"{float(row['cpu_time_s']):.0f}" if seeds else ""
                found.setdefault(row["agent"], (level, [row["agent"], f"{level:.3f}", over, cost]))
    levels = json.loads((RESULTS / "levels_oran-v2.json").read_text("utf-8"))["rows"]
    (best,) = [row for row in levels if (row["scenario"], row["policy"]) == ("paper", "lookahead")]
    found["lookahead"] = (best["return"], ["lookahead *", f"{best['return']:.3f}", "not trained", ""])
    return [cells for _, cells in sorted(found.values(), reverse=True)]


def main() -> None:
    """Print the table."""
    print("\nCommitted results, not of this run: ten training seeds, 200 held-out networks (docs/results.md)\n")
    print(text_table([["agent", "return", "over seeds [95 %]", "CPU s"], *rows()]))
    print("\n* on 24 networks of the suite oran-v2; it searches in copies of the simulator")


if __name__ == "__main__":
    main()
