"""Memory over many steps and many iterations, measured and drawn."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from oran_env import Simulator
from tasam_agents.config.variants import VARIANTS
from tasam_agents.plotting.style import BLUE, RED, new_figure, save_picture
from tasam_agents.training.trainer import train
from trust.part import KEPT, NotRun, Part

STEPS, ITERATIONS = 200_000, 1500
LONG = replace(VARIANTS["tiny"], iterations=ITERATIONS, checkpoint_every_s=1.0)
MOST_MIB = 12.0  # what may be added after the first fifth, in which caches and the replay fill
Row = dict[str, Any]  # what, count, resident_mib


def resident_mib() -> float:
    """Of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def step(rows: list[Row]) -> None:
    """One network through episode after episode."""
    simulator = Simulator("tiny", 1, seed=0)
    simulator.reset()
    actions = np.full((1, len(simulator.agents), simulator.action_size), 0.7, np.float32)
    for number in range(1, STEPS + 1):
        simulator.step(actions)
        simulator.reset_done()
        if number % (STEPS // 100) == 0:
            rows.append({"what": "steps", "count": number, "resident_mib": round(resident_mib(), 2)})


def learn(rows: list[Row], place: Path) -> None:
    """A training that saves every second, measured at each validation."""
    counted = iter(range(LONG.evaluate_every, ITERATIONS + 1, LONG.evaluate_every))

    def watch(_: float) -> None:
        rows.append({"what": "iterations", "count": next(counted), "resident_mib": round(resident_mib(), 2)})

    train(LONG, place / "run", quiet=True, watch=watch)


def growth(rows: list[Row], what: str) -> float:
    """What the last fifth holds more than the second, by their medians [MiB]."""
    sizes = [row["resident_mib"] for row in rows if row["what"] == what]
    fifth = len(sizes) // 5
    return float(np.median(sizes[-fifth:]) - np.median(sizes[fifth : 2 * fifth]))


def draw(rows: list[Row], picture: Path) -> None:
    """Resident memory over steps and over iterations, one panel each."""
    figure, axes = new_figure(1, 2, (9.5, 3.4))
    for axis, what, colour in zip(axes, ("steps", "iterations"), (BLUE, RED), strict=True):
        chosen = [row for row in rows if row["what"] == what]
        axis.plot([row["count"] for row in chosen], [row["resident_mib"] for row in chosen], color=colour, lw=1.6)
        axis.set_ylim(0, 1.15 * max(row["resident_mib"] for row in chosen))
        axis.locator_params(axis="x", nbins=5)
        axis.set_xlabel(f"{what} of tiny")
        axis.set_title(f"{growth(rows, what):+.1f} MiB from the second to the last fifth", fontsize=9)
    axes[0].set_ylabel("resident memory [MiB]")
    save_picture(figure, picture, rows)


def soak(place: Path, is_quick: bool) -> str:
    """Steps first, then iterations, in this one process."""
    if is_quick:
        raise NotRun("only at length")
    if not Path("/proc/self/statm").is_file():
        raise NotRun("this system does not tell the memory of a process in /proc")
    rows: list[Row] = []
    step(rows)
    learn(rows, place)
    KEPT.mkdir(parents=True, exist_ok=True)
    draw(rows, KEPT / "soak.png")
    grown = {what: growth(rows, what) for what in ("steps", "iterations")}
    assert max(grown.values()) < MOST_MIB, grown
    return (
        f"{grown['steps']:+.1f} MiB over {STEPS:,} steps, {grown['iterations']:+.1f} MiB over {ITERATIONS:,} "
        "iterations, from the second to the last fifth"
    )


SOAK = {"soak": Part("memory over 200,000 steps and 1,500 iterations of tiny", soak)}
