"""A first look at the variants: the same short budget of updates for each, one seed, the same held-out networks.

    python -m benchmarks.variants [--iterations 200] [--runs runs/variants] [--output docs/results]

trains each named configuration unless its run is there already, evaluates its best checkpoint on 20 held-out networks,
prints a table and writes ``variants.csv`` and ``variants_learning_curves.png``. One seed decides nothing between
variants that lie close together.
"""

from __future__ import annotations

import argparse
import csv
from dataclasses import replace
from pathlib import Path

from tasam_agents.comparison import Row, evaluate_run
from tasam_agents.figures import learning_curves
from tasam_agents.run_directory import RunDirectory
from tasam_agents.statistics import paired_difference
from tasam_agents.trainer import train
from tasam_agents.variants import VARIANTS

NAMES = ("default", "no_sam", "paper_radius", "mean_field_individual", "mean_field_team", "joint_team")


def main() -> None:
    """Train, evaluate, print."""
    parser = argparse.ArgumentParser(description="A first look at the variants.")
    parser.add_argument("--iterations", type=int, default=200)
    parser.add_argument("--runs", type=Path, default=Path("runs/variants"))
    parser.add_argument("--output", type=Path, default=Path("docs/results"))
    arguments = parser.parse_args()
    first: Row | None = None
    table = []
    for name in NAMES:
        path = arguments.runs / name
        if not path.exists():
            train(replace(VARIANTS[name], iterations=arguments.iterations), path)
        result = evaluate_run(path)
        own = result.rows[0]
        first = first or own
        difference = paired_difference(own.episodes.returns, first.episodes.returns)
        table.append(
            {
                "config": name,
                "seed": result.config.seed,
                "updates": RunDirectory.open(path).config().total_updates,
                "return": f"{own.mean.mean:.3f}",
                f"minus_{NAMES[0]}": "" if own is first else f"{difference.mean:+.3f}",
                "low_95": "" if own is first else f"{difference.low:+.3f}",
                "high_95": "" if own is first else f"{difference.high:+.3f}",
                "training_s": f"{result.training_s:.0f}",
            }
        )
        print(table[-1], flush=True)
    arguments.output.mkdir(parents=True, exist_ok=True)
    with (arguments.output / "variants.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(table[0]))
        writer.writeheader()
        writer.writerows(table)
    learning_curves(
        [RunDirectory.open(arguments.runs / name) for name in NAMES], arguments.output / "variants_learning_curves.png"
    )


if __name__ == "__main__":
    main()
