"""How every picture looks and is saved: Okabe and Ito's colours, no clutter, and its numbers as CSV beside it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tasam_agents.files.atomic_write import replacement, write_text_atomically

BLUE, ORANGE, GREEN, RED, PURPLE, SKY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9"
COLOURS = (BLUE, RED, GREEN, PURPLE, ORANGE, SKY, "#000000")
STYLES = ("-", "--", "-.", ":")
DIVERGING = "PuOr"  # below and above a middle; its ends differ for colour-blind readers


def new_figure(rows: int, columns: int, size: tuple[float, float], **shared: Any) -> tuple[Any, list[Any]]:
    """A figure of ``size`` [inch] and its axes, row by row; ``shared`` goes to matplotlib's ``subplots``."""
    from matplotlib.figure import Figure  # takes a second to import, and only pictures need it

    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False, **shared).ravel().tolist()
    for axis in axes:
        axis.grid(alpha=0.3, lw=0.6)
        axis.spines[["top", "right"]].set_visible(False)
    return figure, axes


def save_picture(figure: Any, picture: Path, rows: Iterable[Mapping[str, Any]]) -> Path:
    """Write the picture, and what it shows, one row per line, as CSV beside it."""
    picture.parent.mkdir(parents=True, exist_ok=True)
    with replacement(picture) as file:
        figure.savefig(file, format=picture.suffix[1:], dpi=160)
    write_table(picture.with_suffix(".csv"), rows)
    return picture


def write_table(path: Path, rows: Iterable[Mapping[str, Any]]) -> Path:
    """Write rows as CSV; the keys of the first are the columns."""
    table, text = list(rows), io.StringIO(newline="")
    writer = csv.DictWriter(text, list(table[0]))
    writer.writeheader()
    writer.writerows(table)
    return write_text_atomically(path, text.getvalue())


def heat_map(axis: Any, values: Any, rows: Iterable[str], columns: Iterable[str], *, middle: float, reach: float,
             text: str, cells: Mapping[tuple[int, int], str] | None = None) -> Any:  # fmt: skip
    """Draw values (R, C) with their numbers in the cells; colours go from ``middle`` − ``reach`` to + ``reach``.

    text: format of a number; cells: what stands in a cell instead of its number. NaN is left white.
    """
    mesh = axis.imshow(values, cmap=DIVERGING, vmin=middle - reach, vmax=middle + reach, aspect="auto")
    axis.grid(False)
    row_names, column_names = list(rows), list(columns)
    axis.set_yticks(range(len(row_names)), row_names)
    axis.set_xticks(range(len(column_names)), column_names, rotation=30, ha="right", rotation_mode="anchor")
    axis.spines[:].set_visible(False)
    for row, line in enumerate(values):
        for column, value in enumerate(line):
            label = (cells or {}).get((row, column), "" if value != value else format(value, text))
            far = abs(value - middle) > 0.65 * reach
            axis.text(column, row, label, ha="center", va="center", color="white" if far else "black", fontsize=8)
    return mesh
