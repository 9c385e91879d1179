"""The files of the map: every effect as CSV, and a heat map per kind of networks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tasam_agents.experiments.regimes.judging import KINDS
from tasam_agents.experiments.regimes.plan import NETWORKS, PLAIN, RATIOS
from tasam_agents.experiments.regimes.result import Effect
from tasam_agents.plotting.style import heat_map, new_figure, save_picture, write_table


def write_map(effects: Sequence[Effect], out: Path) -> list[Path]:
    """Write regimes.csv and regimes_map.png (with its CSV); return the paths."""
    out.mkdir(parents=True, exist_ok=True)
    table = write_table(out / "regimes.csv", [effect.row(PLAIN) for effect in effects])
    return [table, draw_map(effects, out / "regimes_map.png")]


def draw_map(effects: Sequence[Effect], picture: Path) -> Path:
    """Replay ratio × networks: the effect of the ρ that is best on validation, its interval and that ρ."""
    figure, axes = new_figure(2, 2, (11.0, 7.5))
    chosen = [effect for effect in effects if effect.is_chosen and effect.gain is not None]
    reach = max((abs(effect.gain.mean) for effect in chosen if effect.gain), default=0.0) or 0.01
    for axis, kind in zip(axes, KINDS, strict=True):
        values = np.full((len(RATIOS), len(NETWORKS)), np.nan)
        cells = {}
        for effect in chosen:
            if effect.kind == kind and effect.gain:
                place = RATIOS.index(effect.cell[0]), NETWORKS.index(effect.cell[1])
                values[place] = effect.gain.mean
                interval = effect.gain.over_seeds
                bounds = f"\n{interval.bounds('+')}" if interval else ""
                cells[place] = f"{effect.gain.mean:+.3f}{bounds}\nρ: {effect.arm.removeprefix('rho_')}"
        mesh = heat_map(axis, values, map(str, RATIOS), map(str, NETWORKS), middle=0.0, reach=reach, text="+.3f",
                        cells=cells)  # fmt: skip
        axis.set_title(kind, fontsize=10)
        axis.set_xlabel("training networks")
        axis.set_ylabel("uses of each transition")
    figure.colorbar(mesh, ax=axes, label="return: best ρ − no SAM", shrink=0.7)
    return save_picture(figure, picture, [effect.row(PLAIN) for effect in chosen])


def write_closer(effects: Sequence[Effect], twice: Sequence[Effect], against: tuple[str, str], out: Path) -> Path:
    """Write regimes_closer.csv: every variant against no SAM with as many updates, and with twice as many."""
    out.mkdir(parents=True, exist_ok=True)
    rows = [each.row(against[0]) for each in effects] + [each.row(against[1]) for each in twice]
    return write_table(out / "regimes_closer.csv", rows)
