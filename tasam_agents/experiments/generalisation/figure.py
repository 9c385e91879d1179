"""The generalisation matrix as heat maps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from tasam_agents.experiments.generalisation.result import Generalisation
from tasam_agents.plotting.style import heat_map, new_figure, save_picture
from tasam_agents.stats.intervals import Difference


def draw_generalisation(result: Generalisation, picture: Path) -> Path:
    """Heat maps with the numbers in the cells; an agent's own scenario is framed."""
    columns = [each.name for each in result.members]
    panels: dict[str, list[list[Difference | None]]] = {
        f"return minus that of {result.reference}": [
            [result.advantage(row, name) for name in columns] for row in result.rows
        ]
    }
    if result.has_specialists:
        panels["return minus that of the agent trained there"] = [
            [None if name == row.trained_on else result.gap_to_specialist(row, name) for name in columns]
            for row in result.rows
        ]
    height, width = 1.6 + 0.5 * len(result.rows), 3.2 + 0.75 * len(columns)
    figure, axes = new_figure(len(panels), 1, (width, height * len(panels)))
    for axis, (panel, gaps) in zip(axes, panels.items(), strict=True):
        matrix = np.array([[np.nan if gap is None else gap.mean for gap in line] for line in gaps])
        doubtful = {
            (i, j): f"({gap.mean:+.3f})"
            for i, line in enumerate(gaps) for j, gap in enumerate(line) if gap is not None and gap.in_doubt
        }  # fmt: skip
        reach = float(np.nanmax(np.abs(matrix))) or 1.0
        labels = [row.label for row in result.rows]
        mesh = heat_map(axis, matrix, labels, columns, middle=0.0, reach=reach, text="+.3f", cells=doubtful)
        for place, row in enumerate(result.rows):
            axis.add_patch(_frame((columns.index(row.trained_on) - 0.5, place - 0.5)))
        axis.set_title(f"{panel} (frame: its own scenario)", fontsize=9)
        figure.colorbar(mesh, ax=axis, fraction=0.05)
    return save_picture(figure, picture, [result.cell(row, name) for row in result.rows for name in columns])


def _frame(corner: tuple[float, float]) -> Any:
    from matplotlib.patches import Rectangle

    return Rectangle(corner, 1, 1, fill=False, edgecolor="black", lw=2)
