"""Episodes as one HTML file that needs nothing else: in it one chooses preset and policy, steps or plays.

The page is ``explorer.html`` with the recorded episodes written into it as JSON. Coordinates are whole metres, an RB is
the digit of its kind plus one (see ``snapshot.py``), other numbers have three digits.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oran_env.rendering.film import FilmError
from oran_env.rendering.map_panel import nearest_area
from oran_env.rendering.palette import CELL_COLOURS, SLICE_COLOURS
from oran_env.rendering.snapshot import take_snapshot
from oran_env.scenario.slices import SLICES
from oran_env.simulator.simulator import Simulator

TEMPLATE = Path(__file__).with_name("explorer.html")
PLACE = "/* episodes */null"
PARTS = {
    "QoS": "reward_qos",
    "below threshold": "penalty_min_qos",
    "too many RBs": "penalty_resource",
    "energy": "penalty_energy",
}
"""The parts of a reward, as the page names them, by their field of the outcome."""


def record_site(simulator: Simulator) -> dict[str, Any]:
    """What stays the same in an episode: sites (M, 2), the area of each, and the bounds of the map [m]."""
    parameters = simulator.parameters
    sites, area = parameters.path_loss.sites, parameters.mobility.area
    return {
        "sites": _rounded(sites, 0),
        "areas": [_rounded(nearest_area(sites, area, m), 0) for m in range(len(sites))],
        "bounds": _rounded(np.asarray(area).reshape(-1), 0),
        "step_s": simulator.scenario.control.step_s,
    }


def record_step(simulator: Simulator) -> dict[str, Any]:
    """What the last step of network 0 gave, as JSON types.

    Raises:
        RuntimeError: there was no step yet.
    """
    shown, outcome = take_snapshot(simulator), simulator.last_outcome
    if shown.last is None or outcome is None:
        raise RuntimeError("nothing to record before a step; call step() first")
    return {
        "ues": _rounded(np.column_stack([shown.position, shown.slice_of_ue, shown.serving, shown.served]), 0),
        "rbs": ["".join(str(kind + 1) for kind in row) for row in shown.last.rb_kind],
        "qos": _rounded(shown.last.qos),
        "num_ues": shown.last.num_ues.tolist(),
        "reward": _rounded(shown.last.reward),
        "parts": {name: _rounded(getattr(outcome, field)[0]) for name, field in PARTS.items()},
    }


def write_web_page(episodes: Iterable[dict[str, Any]], out: Path) -> Path:
    """Write the page; an episode has ``preset``, ``policy``, the keys of ``record_site``, and ``steps``.

    Raises:
        FilmError: the file does not end in .html, or its directory is not there.
    """
    if out.suffix != ".html":
        raise FilmError(f"output is {out}; allowed: a file ending in .html")
    if not out.parent.is_dir():
        raise FilmError(f"output is {out}, but there is no directory {out.parent}; allowed: an existing directory")
    data = {
        "slices": SLICES,
        "slice_colours": [_css(colour) for colour in SLICE_COLOURS],
        "cell_colours": [_css(colour) for colour in CELL_COLOURS],
        "episodes": list(episodes),
    }
    text = json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")  # nothing in it can end the script
    partial = out.with_name(f".{out.stem}-{os.getpid()}.partial.html")
    try:
        partial.write_text(TEMPLATE.read_text("utf-8").replace(PLACE, text), encoding="utf-8")
        partial.replace(out)
    finally:
        partial.unlink(missing_ok=True)
    return out


def _rounded(values: NDArray[Any], digits: int = 3) -> Any:
    array = np.round(np.asarray(values, dtype=np.float64), digits)
    return (array.astype(np.int64) if digits == 0 else array).tolist()


def _css(colour: Iterable[int]) -> str:
    return "#" + "".join(f"{part:02x}" for part in colour)
