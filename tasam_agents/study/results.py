"""From runs to tidy tables, and back from the tables to arrays. Figures, tables and verdicts read the tables alone.

``returns.csv``   a line per run and held-out network
``runs.csv``      a line per run: what it took and what came out
``curves.csv``    a line per run and validation
``shares.csv``    distributions: a line per run, kind, slice and point
``times.csv``     wall times, apart from the rest because they are never the same twice
"""

from __future__ import annotations

import csv
import io
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import pearsonr

from tasam_agents.errors import Damaged, Note, UserError
from tasam_agents.experiments.comparison.curves import gradient_evaluations
from tasam_agents.files.bounded_read import MIB, read_text
from tasam_agents.plotting.style import write_table
from tasam_agents.study.arms import Arm
from tasam_agents.study.measurement import SLICES, UE_GRID_MBPS, Measurement, qos_grid
from tasam_agents.study.plan import Plan
from tasam_agents.training.run_directory import RunDirectory

Array = NDArray[np.float64]
Row = dict[str, Any]

TABLES = ("returns", "runs", "curves", "shares", "times")
TABLE_LIMIT = 256 * MIB
"""Most bytes of a table."""
WHO = {"arm", "seed"}
RETURN, KINDS = "return", ("critic", "actor", "actor without entropy")


class NoResults(LookupError):
    """An arm, or what several arms have in common, has no finished run yet."""


def collect(plan: Plan, q_min: tuple[float, ...]) -> Results:
    """Read all finished runs of a plan; others are left out, and damaged ones with a warning."""
    tables: dict[str, list[Row]] = {name: [] for name in TABLES}
    for arm in plan.arms:
        for seed in arm.seeds:
            path = plan.run_of(arm.name, seed)
            of_run: dict[str, list[Row]] = {name: [] for name in TABLES}
            try:
                _add(of_run, arm, seed, RunDirectory.open(path), Measurement.read(path), q_min)
            except (Damaged, LookupError, TypeError, ValueError) as error:
                if isinstance(error, Damaged) or not isinstance(error, UserError):
                    warnings.warn(f"{arm.name}, seed {seed} is left out: {error}", Note, stacklevel=2)
                continue
            for name, rows in of_run.items():
                tables[name] += rows
    return Results({name: tuple(rows) for name, rows in tables.items()})


def _add(
    tables: dict[str, list[Row]], arm: Arm, seed: int, run: RunDirectory, found: Measurement, q_min: tuple[float, ...]
) -> None:
    who: Row = {"arm": arm.name, "seed": seed}
    metrics = run.saved_metrics()
    checked = [line for line in metrics if "validation_return" in line]
    spectrum = found.lambda_max or {}
    tables["runs"].append(
        who
        | {
            "env_steps": metrics[-1]["env_steps"],
            "updates": metrics[-1]["updates"],
            "gradient_evaluations": gradient_evaluations(run),
            "best_iteration": found.best_iteration,
            "best_validation_return": max(line["validation_return"] for line in checked),
            RETURN: float(np.mean(found.returns)),
            "gate_open_fraction": _mean_of(metrics, "gate_open_fraction"),
            "difficulty_correlation": _difficulty(metrics, found),
        }
        | {f"lambda_max {kind}": spectrum.get(kind) for kind in KINDS}
    )
    for number, network in enumerate(found.networks):
        row = who | {"network": network, RETURN: found.returns[number]}
        row |= {f"quality {name}": found.quality[number][i] for i, name in enumerate(SLICES)}
        tables["returns"].append(
            row | {f"satisfied {name}": found.satisfied[number][i] for i, name in enumerate(SLICES)}
        )
    tables["curves"] += [
        who
        | {"iteration": line["iteration"], "updates": line["updates"], "validation_return": line["validation_return"]}
        for line in checked
    ]
    tables["times"].append(who | {"wall_time_s": metrics[-1]["wall_time_s"]})
    if "fig10" not in arm.figures:  # distributions are long, and drawn of the main comparison alone
        return
    for kind, grids, shares in (
        ("qos", qos_grid(q_min), found.qos_share),
        ("ue_throughput", (UE_GRID_MBPS,) * len(SLICES), found.ue_share),
    ):
        for name, points, share in zip(SLICES, grids, shares, strict=True):
            tables["shares"] += [
                who | {"kind": kind, "slice": name, "x": x, "share": y} for x, y in zip(points, share, strict=True)
            ]


def _mean_of(metrics: Sequence[Mapping[str, Any]], name: str) -> float | None:
    values = [line[name] for line in metrics if line.get(name) is not None]
    return float(np.mean(values)) if values else None


def _difficulty(metrics: Sequence[Mapping[str, Any]], found: Measurement) -> float | None:
    """Pearson correlation, over the DUs, of σ²_i at the end of training and how far DU i stays behind the best DU."""
    variance = next((line["td_variance"] for line in reversed(metrics) if line.get("td_variance")), None)
    if variance is None or len(variance) != len(found.du_returns) or len(variance) < 3:
        return None
    behind = max(found.du_returns) - np.asarray(found.du_returns)
    if np.ptp(behind) == 0 or np.ptp(variance) == 0:
        return None
    return float(pearsonr(variance, behind).statistic)


@dataclass(frozen=True)
class Results:
    """The tidy tables of a study."""

    tables: Mapping[str, tuple[Row, ...]]

    def write(self, directory: Path) -> list[Path]:
        """Write every table that has a line."""
        directory.mkdir(parents=True, exist_ok=True)
        return [write_table(directory / f"{name}.csv", rows) for name, rows in self.tables.items() if rows]

    @staticmethod
    def read(directory: Path) -> Results:
        """The inverse of ``write``.

        Raises:
            UserError: a table is missing, or is none.
        """
        tables = {}
        for name in TABLES:
            path = directory / f"{name}.csv"
            if not path.is_file():
                raise UserError(f"{directory} holds no results: there is no {path}")
            try:
                rows = list(csv.DictReader(io.StringIO(read_text(path, TABLE_LIMIT), newline=""), strict=True))
                if not all(row.keys() >= WHO and None not in row.values() for row in rows):
                    raise ValueError("a line has too few columns")
            except (Damaged, OSError, csv.Error, ValueError, TypeError) as error:
                raise UserError(f"{path} is no table of results: {error}") from error
            tables[name] = tuple({key: _number(value) for key, value in row.items()} for row in rows)
        return Results(tables)

    @cached_property
    def _by_arm(self) -> Mapping[str, Mapping[str, Mapping[int, list[Row]]]]:
        grouped: dict[str, dict[str, dict[int, list[Row]]]] = {}
        for name, rows in self.tables.items():
            for row in rows:
                grouped.setdefault(name, {}).setdefault(row["arm"], {}).setdefault(int(row["seed"]), []).append(row)
        return grouped

    def seeds(self, arm: str) -> tuple[int, ...]:
        """Training seeds of which there are results."""
        return tuple(sorted(self._by_arm.get("runs", {}).get(arm, {})))

    def common(self, *arms: str) -> tuple[int, ...]:
        """Seeds that all of these arms have."""
        return tuple(sorted(set.intersection(*(set(self.seeds(arm)) for arm in arms)))) if arms else ()

    def _rows(self, table: str, arm: str, seeds: Sequence[int] | None = None) -> list[list[Row]]:
        chosen = self.seeds(arm) if seeds is None else seeds
        if not chosen:
            raise NoResults(f"{arm} has no results" if seeds is None else f"{arm} has no results in common with others")
        found = self._by_arm[table][arm]
        return [found[seed] for seed in chosen]

    def on_networks(self, arm: str, column: str = RETURN, seeds: Sequence[int] | None = None) -> Array:
        """(S, N) of a column of returns.csv; NaN where there was nothing to measure."""
        rows = self._rows("returns", arm, seeds)
        return np.array([[row[column] for row in of_run] for of_run in rows], np.float64)

    def of_runs(self, arm: str, column: str, seeds: Sequence[int] | None = None) -> Array:
        """(S,) of a column of runs.csv; NaN where there was nothing to measure."""
        values = [of_run[0][column] for of_run in self._rows("runs", arm, seeds)]
        return np.array([np.nan if value is None else value for value in values], np.float64)

    def curve(self, arm: str) -> tuple[Array, Array]:
        """Updates (T,) and validation returns (S, T)."""
        lines = self._rows("curves", arm)
        length = min(map(len, lines))
        values = np.array([[row["validation_return"] for row in rows[:length]] for rows in lines])
        return np.array([row["updates"] for row in lines[0][:length]], np.float64), values

    def shares(self, arm: str, kind: str, slice_name: str, seeds: Sequence[int] | None = None) -> tuple[Array, Array]:
        """Points (X,) and shares (S, X) of a distribution."""
        chosen = [
            [row for row in of_run if row["kind"] == kind and row["slice"] == slice_name]
            for of_run in self._rows("shares", arm, seeds)
        ]
        return np.array([row["x"] for row in chosen[0]]), np.array([[row["share"] for row in rows] for rows in chosen])

    @property
    def wall_time_s(self) -> float:
        """Of all runs together."""
        return float(sum(row["wall_time_s"] for row in self.tables["times"]))


def _number(text: str) -> Any:
    if text == "":
        return None
    try:
        return int(text)
    except ValueError:
        try:
            return float(text)
        except ValueError:
            return text
