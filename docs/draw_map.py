"""Draw the map of the house: the wings of both packages by floor, and which imports which.

    python docs/draw_map.py [--output docs/pictures/map.png]

The floors are the layers of the import contracts in pyproject.toml, the arrows the imports there are. An arrow that
follows from others (a → c beside a → b → c) is left out. Needs the extra ``dev``.
"""

from __future__ import annotations

import argparse
import ast
import textwrap
import tomllib
from pathlib import Path
from typing import NamedTuple

import grimp
import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

ROOT = Path(__file__).parents[1]
COLOURS = {"oran_env": "#d7e8f7", "tasam_agents": "#fde8cf"}
WIDTH, HEIGHT, FLOOR = 3.5, 0.84, 1.2  # of a room, and from floor to floor


class Wing(NamedTuple):
    """A room of the map: a folder, or a module that stands alone."""

    name: str  # dotted
    purpose: str  # first sentence of its docstring
    files: int
    lines: int


def floors(package: str) -> list[list[str]]:
    """Wings of a package, the highest floor first, as its contract lists them."""
    tool = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]
    for contract in tool["contracts"]:
        if contract["type"] == "layers" and contract["layers"][0].startswith(f"{package}."):
            return [[name.strip() for name in layer.split("|")] for layer in contract["layers"]]
    raise ValueError(f"pyproject.toml has no contract of layers for {package}")


def wing(name: str) -> Wing:
    """Count a folder or module and read what it is for."""
    path = ROOT / name.replace(".", "/")
    files = sorted(path.rglob("*.py")) if path.is_dir() else [path.with_suffix(".py")]
    first = path / "__init__.py" if path.is_dir() else files[0]
    purpose = (ast.get_docstring(ast.parse(first.read_text("utf-8"))) or "").split("\n\n")[0].split(". ")[0].rstrip(".")
    purpose = " ".join(purpose.replace("`", "").split())
    lines = sum(len(file.read_text("utf-8").splitlines()) for file in files)
    return Wing(name, purpose, len(files), lines)


def uses(graph: grimp.ImportGraph, one: str, two: str) -> bool:
    """Whether a module of wing ``one`` imports one of wing ``two``."""
    return graph.direct_import_exists(importer=one, imported=two, as_packages=True)


def imports(wings: list[str]) -> set[tuple[str, str]]:
    """Pairs (importer, imported) of wings, without those that follow from others."""
    graph = grimp.build_graph("oran_env", "tasam_agents")
    below = {one: {two for two in wings if one != two and uses(graph, one, two)} for one in wings}

    def reached(start: str) -> set[str]:
        found: set[str] = set()
        waiting = list(below[start])
        while waiting:
            name = waiting.pop()
            if name not in found:
                found.add(name)
                waiting += below[name]
        return found

    far = {name: reached(name) for name in wings}
    return {
        (one, two)
        for one in wings
        for two in below[one]
        if not any(two in far[between] for between in below[one] if between != two)
    }


def place(package: str, left: float) -> dict[str, tuple[float, float]]:
    """Centres of the rooms of a package whose column begins at ``left``."""
    centres = {}
    rows = floors(package)
    widest = max(map(len, rows))
    for row, names in enumerate(rows):
        for i, name in enumerate(names):
            offset = (widest - len(names)) / 2
            centres[name] = (left + (i + offset + 0.5) * (WIDTH + 0.3), -row * FLOOR)
    return centres


def draw_room(axes: Axes, found: Wing, centre: tuple[float, float]) -> None:
    """A box with name, size and purpose."""
    x, y = centre
    package, _, short = found.name.partition(".")
    box = FancyBboxPatch((x - WIDTH / 2, y - HEIGHT / 2), WIDTH, HEIGHT, boxstyle="round,pad=0.02",
                         facecolor=COLOURS[package], edgecolor="#555555", linewidth=0.8, zorder=3)  # fmt: skip
    axes.add_patch(box)
    axes.text(x, y + 0.26, short, ha="center", va="center", fontsize=10, weight="bold", zorder=4)
    size = f"{found.files} file{'s' if found.files > 1 else ''}, {found.lines:,} lines"
    purpose = "\n".join(textwrap.wrap(found.purpose, 48, max_lines=2, placeholder=" …"))
    axes.text(x, y - 0.05, purpose, ha="center", va="center", fontsize=6, linespacing=1.1, zorder=4)
    axes.text(x, y - 0.31, size, ha="center", va="center", fontsize=6, color="#666666", zorder=4)


def draw(output: Path) -> None:
    """Write the picture."""
    centres = place("oran_env", 0.0) | place("tasam_agents", 3 * (WIDTH + 0.3) + 0.9)
    storeys = max(len(floors(package)) for package in COLOURS)
    figure, axes = plt.subplots(figsize=(16.5, 0.95 * storeys))
    for name, centre in centres.items():
        draw_room(axes, wing(name), centre)
    for importer, imported in sorted(imports(list(centres))):
        (x0, y0), (x1, y1) = centres[importer], centres[imported]
        across = importer.split(".")[0] != imported.split(".")[0]
        start, end = (
            ((x0 - WIDTH / 2, y0), (x1 + WIDTH / 2, y1)) if across else ((x0, y0 - HEIGHT / 2), (x1, y1 + HEIGHT / 2))
        )
        bend = 0.0 if across or abs(y0 - y1) <= FLOOR or x0 != x1 else 0.5
        axes.add_patch(
            FancyArrowPatch(start, end, connectionstyle=f"arc3,rad={bend}", arrowstyle="-|>", mutation_scale=9,
                            color="#b05030" if across else "#607080", linewidth=0.9, alpha=0.8, zorder=2)
        )  # fmt: skip
    for package in COLOURS:
        inside = [centre for name, centre in centres.items() if name.startswith(f"{package}.")]
        axes.text(sum(x for x, _ in inside) / len(inside), 0.65, package, ha="center", fontsize=15, weight="bold")
    xs = [x for x, _ in centres.values()]
    axes.set_xlim(min(xs) - WIDTH / 2 - 0.2, max(xs) + WIDTH / 2 + 0.2)
    axes.set_ylim(min(y for _, y in centres.values()) - 0.5, 1.0)
    axes.axis("off")
    output.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(output, dpi=130, bbox_inches="tight", metadata={"Software": None})
    plt.close(figure)


def main() -> None:
    """Read the arguments and draw."""
    parser = argparse.ArgumentParser(description="Draw the map of the packages.")
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "pictures" / "map.png")
    output = parser.parse_args().output
    draw(output)
    print(f"written: {output}")


if __name__ == "__main__":
    main()
