"""The files of a generalisation matrix: every number as CSV and JSON, and the heat maps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tasam_agents.experiments.generalisation.figure import draw_generalisation
from tasam_agents.experiments.generalisation.result import Generalisation
from tasam_agents.files.atomic_write import write_json_atomically
from tasam_agents.plotting.style import write_table


def write_generalisation(result: Generalisation, directory: Path) -> list[Path]:
    """Write generalisation.png with its .csv, generalisation_returns.csv (tidy) and generalisation.json."""
    directory.mkdir(parents=True, exist_ok=True)
    tidy = [
        {"agent": row.label, "trained_on": row.trained_on, "seed": seed, "scenario": each.name,
         "network": network, "return": value}
        for row in result.rows for each in result.members
        for seed, line in zip(row.seeds, result.returns[row.label, each.name].tolist(), strict=True)
        for network, value in zip(result.networks, line, strict=True)
    ]  # fmt: skip
    tidy += [
        {"agent": policy, "trained_on": None, "seed": None, "scenario": name, "network": network, "return": value}
        for (policy, name), values in result.references.items()
        for network, value in zip(result.networks, values[0].tolist(), strict=True)
    ]
    file = directory / "generalisation.json"
    write_json_atomically(file, document(result), indent=1)
    table = write_table(directory / "generalisation_returns.csv", tidy)
    return [draw_generalisation(result, directory / "generalisation.png"), table, file]


def document(result: Generalisation) -> dict[str, Any]:
    """All of it as JSON types."""
    return {
        "reference": result.reference,
        "networks": list(result.networks),
        "scenarios": [{"name": each.name, "env_kwargs": dict(each.arguments)} for each in result.members],
        "agents": [
            {"label": row.label, "trained_on": row.trained_on, "seeds": list(row.seeds),
             "runs": [str(run) for run in row.runs]}
            for row in result.rows
        ],
        "cells": [result.cell(row, each.name) for row in result.rows for each in result.members],
    }  # fmt: skip
