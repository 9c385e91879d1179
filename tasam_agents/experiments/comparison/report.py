"""The files of a comparison: every number as CSV and JSON, and the pictures."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from tasam_agents.experiments.comparison import figures
from tasam_agents.experiments.comparison.result import ComparisonReport, Line
from tasam_agents.files.atomic_write import write_json_atomically
from tasam_agents.plotting.style import write_table
from tasam_agents.stats.intervals import Interval, ends


def write_comparison(report: ComparisonReport, directory: Path) -> list[Path]:
    """Write comparison.csv (tidy), comparison_summary.csv, comparison.json and the pictures; return their paths."""
    directory.mkdir(parents=True, exist_ok=True)
    tidy = [
        {"agent": agent, "seed": report.seed_of(agent, s), "network": network, "return": value}
        for agent, returns in report.returns.items()
        for s, row in enumerate(np.asarray(returns, np.float64).tolist())
        for network, value in zip(report.networks, row, strict=True)
    ]
    summary = directory / "comparison.json"
    write_json_atomically(summary, document(report), indent=1)
    ordered = {line.agent: np.asarray(report.returns[line.agent], np.float64) for line in report.lines}
    return [
        write_table(directory / "comparison.csv", tidy),
        write_table(directory / "comparison_summary.csv", [_flat(report, line) for line in report.lines]),
        summary,
        figures.intervals(report.lines, directory / "comparison_intervals.png"),
        figures.improvement(ordered, directory / "comparison_improvement.png"),
        figures.profiles(ordered, directory / "comparison_profiles.png"),
    ]


def document(report: ComparisonReport) -> dict[str, Any]:
    """All of it as JSON types."""
    agents = [
        asdict(line)
        | {"verdict": report.verdict(line) if line.difference else None}
        | {"returns": np.asarray(report.returns[line.agent]).tolist()}
        for line in report.lines
    ]
    return {
        "first": report.first,
        "seeds": [int(seed) for seed in report.seeds],
        "networks": [int(number) for number in report.networks],
        "confidence": 0.95,
        "agents": agents,
    }


def _flat(report: ComparisonReport, line: Line) -> dict[str, Any]:
    gap = line.difference
    parts: dict[str, Interval | None] = {
        "over_seeds": line.seeds,
        "over_networks": line.networks,
        "iqm_over_seeds": line.iqm_seeds,
        "difference_over_seeds": gap.over_seeds if gap else None,
        "difference_over_networks": gap.over_networks if gap else None,
        "improvement_over_seeds": line.improvement_seeds,
    }
    row: dict[str, Any] = {
        "agent": line.agent,
        "codec": line.codec,
        "training_seeds": len(report.returns[line.agent]) if line.cost.trained else 0,
        "return": line.mean,
        "iqm": line.iqm,
        "difference": gap.mean if gap else None,
        "verdict": report.verdict(line) if gap else None,
        "improvement": line.improvement,
    }
    for name, interval in parts.items():
        row |= ends(interval, f"{name}_{{}}")
    return row | asdict(line.cost)
