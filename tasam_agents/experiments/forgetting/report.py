"""The files of a forgetting experiment: every number as JSON and CSV, and the curves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tasam_agents.experiments.forgetting.figure import draw_forgetting
from tasam_agents.experiments.forgetting.result import ForgettingResult, Measure, minus
from tasam_agents.files.atomic_write import write_json_atomically
from tasam_agents.plotting.style import write_table
from tasam_agents.stats.intervals import ends


def write_forgetting(result: ForgettingResult, out: Path) -> list[Path]:
    """Write forgetting.json, forgetting.csv and forgetting_curves.png (with its CSV); return the paths."""
    plan, first = result.plan, result.plan.arms[0]
    rows = []
    for name, values in result.measures().items():
        differences = minus(values, values, first)
        for arm in plan.arms:
            row = {"arm": arm, "measure": name, **_flat("", Measure.of(values[arm]))}
            rows.append(row | _flat("difference_", None if arm == first else Measure.of(differences[arm])))
    halves = {arm: result.half_regained(arm) for arm in plan.arms} if plan.back_iterations else None
    document = {
        "plan": plan.document() | {"arms": list(plan.arms), "seeds": plan.seeds},
        "half_regained_iterations": halves,
        "measures": rows,
        "records": list(result.records),
    }
    file = out / "forgetting.json"
    write_json_atomically(file, document, indent=1)
    table = write_table(out / "forgetting.csv", rows)
    return [file, table, draw_forgetting(result, out / "forgetting_curves.png")]


def _flat(prefix: str, measure: Measure | None) -> dict[str, Any]:
    flat: dict[str, Any] = {f"{prefix}mean": measure.mean if measure else None}
    flat |= ends(measure.networks if measure else None, f"{prefix}{{}}_networks")
    return flat | ends(measure.seeds if measure else None, f"{prefix}{{}}_seeds")
