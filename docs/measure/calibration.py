"""Geometry and handovers of the simulated networks beside published figures; prints the tables of docs/calibration.md.

    python -m docs.measure.calibration [--networks 32] [--output docs/results]

Geometry is the SINR of a UE at full load without fading, g_m / (Σ_{m' ≠ m} g_{m'} + σ²), over UEs that stand anywhere.
Handovers are counted over whole episodes. The third table plays count_rule, with the numbers searched for ``paper``, in
networks as they could be, with their handovers and with these free of charge. Networks: seeds from 5,000,000.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from oran_env import Simulator, make_scenario
from oran_env.scoring.playable import returns_of

Overrides = dict[str, Any]
FIRST_SEED = 5_000_000
CDF = np.arange(5, 100, 5)  # [%]

# Medians over the companies that took part in the calibration of TR 38.901 (R1-165974, R1-165975) for UMa at 6 GHz, at
# 5, 10, … 95 %, as tutorials/calib_3GPP_ref_data.m of github.com/fraunhoferhhi/QuaDRiGa has them.
PUBLISHED = {
    "3GPP, large-scale calibration: geometry": (
        -1.0, 0.1, 1.1, 2.0, 2.9, 3.9, 5.0, 6.0, 7.2, 8.6, 9.9, 11.3, 12.9, 14.7, 16.5, 18.6, 20.9, 23.4, 25.6,
    ),
    "3GPP, full calibration, antennas 1: wideband SINR": (
        -3.1, -1.9, -1.0, -0.2, 0.5, 1.2, 1.9, 2.7, 3.5, 4.4, 5.4, 6.6, 7.8, 9.2, 10.9, 13.0, 15.5, 18.8, 24.5,
    ),
    "3GPP, full calibration, antennas 2: wideband SINR": (
        -3.7, -2.6, -1.8, -1.1, -0.4, 0.2, 0.8, 1.4, 2.1, 2.9, 3.8, 4.6, 5.6, 6.8, 8.1, 9.7, 11.6, 14.2, 18.1,
    ),
}  # fmt: skip

UMA: Overrides = {"path_loss": "uma", "shadowing_los_db": 4.0, "shadowing_nlos_db": 6.0}
GRID: Overrides = {**UMA, "sectors": 3, "wrap_around": True, "num_ues": 2000, "min_distance_m": 35.0}
COLUMN: Overrides = {"vertical_beamwidth_deg": 10.0, "downtilt_deg": 12.0, "antenna_gain_dbi": 14.0}
GEOMETRIES: tuple[tuple[str, str, Overrides], ...] = (
    ("`paper`", "paper", {}),
    ("`paper`, wrap-around", "paper", {"wrap_around": True}),
    ("`paper`, UMa", "paper", UMA),
    ("`paper`, UMa, wrap-around", "paper", {**UMA, "wrap_around": True}),
    ("`table5`", "table5", {}),
    ("`table5`, 6 DUs, wrap-around", "table5", {"num_dus": 6, "wrap_around": True}),
    ("UMa, 16 x 3 sectors, one element", "paper", {**GRID, "num_dus": 48}),
    ("UMa, 16 x 3 sectors, 10° beam tilted 12°", "paper", {**GRID, **COLUMN, "num_dus": 48}),
    ("UMa, 36 x 3 sectors, one element", "paper", {**GRID, "num_dus": 108}),
    ("UMa, 36 x 3 sectors, 10° beam tilted 12°", "paper", {**GRID, **COLUMN, "num_dus": 108}),
)

PATIENT: Overrides = {"handover_hysteresis_db": 2.0, "time_to_trigger_s": 0.16}
COST: Overrides = {"handover_interruption_s": 0.05}
WRAPPED: Overrides = {"wrap_around": True}
FAST: Overrides = {"min_speed_mps": 25.0, "max_speed_mps": 40.0}
ROAD: Overrides = {**FAST, "turns_rad": (-0.05, 0.0, 0.05)}  # no vehicle turns by 60° in 100 ms
SMALL: Overrides = {"site_spacing_m": 200.0, "margin_m": 100.0}
FAMILY: tuple[tuple[str, Overrides], ...] = (
    ("paper", {}),
    ("paper, patient", {**PATIENT, **COST}),
    ("25 to 40 m/s", FAST),
    ("25 to 40 m/s, at once", {**FAST, **COST}),
    ("25 to 40 m/s, patient", {**FAST, **PATIENT, **COST}),
    ("25 to 40 m/s, straight on", ROAD),
    ("25 to 40 m/s, straight on, patient", {**ROAD, **PATIENT, **COST}),
    ("`fast`: straight on, patient, 0.1 s", {**ROAD, **PATIENT, "handover_interruption_s": 0.1}),
    ("200 m", SMALL),
    ("200 m, patient", {**SMALL, **PATIENT, **COST}),
    ("200 m, UMa", {**SMALL, **UMA, **PATIENT, **COST}),
    ("paper, wrap-around", WRAPPED),
    ("`dense`: 200 m, wrap-around", {**SMALL, **WRAPPED}),
    ("200 m, wrap-around, patient", {**SMALL, **WRAPPED, **PATIENT, **COST}),
    ("200 m, UMa, wrap-around, patient", {**SMALL, **UMA, **WRAPPED, **PATIENT, **COST}),
)


class Geometry(NamedTuple):
    """SINR of the UEs [dB], and how the DUs differ."""

    percentiles: NDArray[np.float64]  # at CDF
    above_25_db: float  # share
    inner: float  # median at the DUs with most neighbours at the site spacing
    outer: float  # of those with fewest


def geometry(scenario: str, seeds: list[int], overrides: Overrides) -> Geometry:
    """Look at fresh networks, without a step."""
    simulator = Simulator(scenario, len(seeds), seeds, **overrides)
    simulator.reset()
    gain, serving, p = simulator.state.gain, simulator.state.serving, simulator.parameters
    own = gain.max(axis=-1)
    sinr = 10 * np.log10(own / (gain.sum(axis=-1) - own + p.channel.noise_mw))
    apart = p.path_loss.sites[:, None] - p.path_loss.sites[None]
    if simulator.scenario.layout.wrap_around:
        apart -= p.path_loss.period * np.rint(apart / p.path_loss.period)
    neighbours = np.isclose(np.linalg.norm(apart, axis=-1), simulator.scenario.layout.site_spacing_m).sum(axis=1)
    median = np.array([np.median(sinr[serving == m]) for m in range(len(neighbours))])
    inner, outer = (median[neighbours == number].mean() for number in (neighbours.max(), neighbours.min()))
    return Geometry(np.percentile(sinr, CDF), float((sinr > 25).mean()), float(inner), float(outer))


class Mobility(NamedTuple):
    """Handovers."""

    per_ue_minute: float
    ping_pongs: float  # share of them back to the DU left less than 1 s ago
    straight_back: float  # share of them back to the DU that the UE came from, whenever that was


def handovers(scenario: str, seeds: list[int], overrides: Overrides) -> Mobility:
    """Let whole episodes pass, in which nobody sends."""
    simulator = Simulator(scenario, len(seeds), seeds, **overrides)
    simulator.reset()
    actions = np.zeros((len(seeds), len(simulator.agents), simulator.action_size), dtype=np.float32)
    came_from = np.full(simulator.state.serving.shape, -1)
    total = returns = back = 0
    control = simulator.scenario.control
    for _ in range(control.horizon):
        before = simulator.state.serving.copy()
        info = simulator.step(actions).info
        total += int(info["handovers"].sum())
        returns += int(info["ping_pongs"].sum())
        moved = before != simulator.state.serving
        back += int((moved & (came_from == simulator.state.serving)).sum())
        came_from[moved] = before[moved]
    minutes = came_from.size * control.horizon * control.step_s / 60
    return Mobility(total / minutes, returns / max(total, 1), back / max(total, 1))


def crossings(overrides: Overrides) -> float:
    """Border crossings per UE and minute on an endless lattice, 4·v/(π·d).

    Cells of spacing d have borders of 2/d per area; of UEs that move in all directions alike, (2/π)·v cross one.
    """
    s = make_scenario("paper", **overrides)
    speed = (s.mobility.min_speed_mps + s.mobility.max_speed_mps) / 2
    return 60 * 4 * speed / (np.pi * s.layout.site_spacing_m)


def geometry_table(seeds: list[int]) -> tuple[list[str], dict[str, NDArray[np.float64]]]:
    """The first table, and the curves of the figure."""
    lines = [
        "| network | 5 % | 50 % | 95 % | above 25 dB | DUs with fewest minus most neighbours |",
        "|---|---|---|---|---|---|",
    ]
    curves: dict[str, NDArray[np.float64]] = {}
    for name, scenario, overrides in GEOMETRIES:
        some = seeds[: max(2, 6 * len(seeds) // overrides["num_dus"])] if overrides.get("num_dus", 0) > 6 else seeds
        found = geometry(scenario, some, overrides)
        curves[name] = found.percentiles
        low, middle, high = found.percentiles[[0, 9, 18]]
        step = f"{found.outer - found.inner:+.1f} dB" if found.outer != found.inner else "–"
        lines.append(f"| {name} | {low:.1f} | {middle:.1f} | {high:.1f} | {found.above_25_db:.0%} | {step} |")
    for name, numbers in PUBLISHED.items():
        curves[name] = np.array(numbers)
        above = 1 - np.interp(25.0, numbers, CDF / 100, right=0.95)
        share = f"{above:.0%}" if numbers[-1] > 25 else "less than 5 %"
        lines.append(f"| *{name}* | {numbers[0]:.1f} | {numbers[9]:.1f} | {numbers[18]:.1f} | {share} | – |")
    return lines, curves


def handover_table(seeds: list[int]) -> tuple[list[str], list[tuple[str, float, float, Mobility]]]:
    """The second table, and its numbers."""
    lines = [
        "| preset | hysteresis | time to trigger | handovers per UE and minute | ping-pongs | straight back |",
        "|---|---|---|---|---|---|",
    ]
    rows = []
    for name, overrides in (("paper", {}), ("paper, wrap-around", WRAPPED), ("25 to 40 m/s", FAST), ("200 m", SMALL)):
        endless = crossings(overrides)
        lines.append(f"| *{name}, endless lattice, 4·v/(π·d)* | | | {endless:.2f} | | |")
        rows.append((f"{name}, closed form", 0.0, 0.0, Mobility(endless, np.nan, np.nan)))
        for hysteresis in (0.0, 2.0, 3.0):
            for trigger in (0.0, 0.16, 0.32):
                fields = {**overrides, "handover_hysteresis_db": hysteresis, "time_to_trigger_s": trigger}
                found = handovers("paper", seeds, fields)
                rows.append((name, hysteresis, trigger, found))
                lines.append(
                    f"| {name} | {hysteresis:g} dB | {trigger:g} s | {found.per_ue_minute:.2f} | "
                    f"{found.ping_pongs:.0%} | {found.straight_back:.0%} |"
                )
    return lines, rows


def family_table(seeds: list[int]) -> tuple[list[str], list[tuple[str, str, float]]]:
    """The third table, and its numbers."""
    lines = [
        "| network | 5 % | 50 % | 95 % | handovers / UE / min | ping-pongs | count_rule | cost of the interruption |",
        "|---|---|---|---|---|---|---|---|",
    ]
    rows: list[tuple[str, str, float]] = []
    for name, overrides in FAMILY:
        low, middle, high = geometry("paper", seeds, overrides).percentiles[[0, 9, 18]]
        found = handovers("paper", seeds, overrides)
        played = returns_of("count_rule", Simulator("paper", len(seeds), seeds, **overrides), seeds)
        cost = "–"
        rows += [(name, "count_rule", float(played.mean())), (name, "handovers_per_ue_minute", found.per_ue_minute)]
        if "handover_interruption_s" in overrides:
            free = Simulator("paper", len(seeds), seeds, **{**overrides, "handover_interruption_s": 0.0})
            lost = returns_of("count_rule", free, seeds) - played
            rows.append((name, "cost_of_interruption", float(lost.mean())))
            cost = f"{lost.mean():.3f} ± {2 * lost.std(ddof=1) / np.sqrt(len(seeds)):.3f}"
        lines.append(
            f"| {name} | {low:.1f} | {middle:.1f} | {high:.1f} | {found.per_ue_minute:.2f} | {found.ping_pongs:.0%} | "
            f"{played.mean():.3f} | {cost} |"
        )
    return lines, rows


def draw(path: Path, curves: dict[str, NDArray[np.float64]]) -> None:
    """The CDFs of the geometry."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.subplots()
    for name, percentiles in curves.items():
        axes.plot(percentiles, CDF, "--" if name in PUBLISHED else "-", label=name.replace("`", ""))
    axes.set(xlabel="SINR at full load, without fading [dB]", ylabel="UEs below [%]", ylim=(0, 100))
    axes.grid(alpha=0.3)
    axes.legend(fontsize=7)
    figure.savefig(path, dpi=110)


def main(arguments: list[str] | None = None) -> None:
    """Print the tables, write the numbers and the picture."""
    parser = argparse.ArgumentParser(description="Geometry and handovers beside published figures.")
    parser.add_argument("--networks", type=int, default=32)
    parser.add_argument("--output", type=Path, default=Path("docs/results"))
    given = parser.parse_args(arguments)
    seeds = [FIRST_SEED + i for i in range(given.networks)]
    text, curves = geometry_table(seeds)
    print("\n".join(text), flush=True)
    given.output.mkdir(parents=True, exist_ok=True)
    draw(given.output / "calibration.png", curves)
    text, rows = handover_table(seeds)
    print("\n" + "\n".join(text), flush=True)
    text, family = family_table(seeds)
    print("\n" + "\n".join(text), flush=True)
    with (given.output / "calibration.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("what", "name", "hysteresis_db", "time_to_trigger_s", "quantity", "value"))
        for name, percentiles in curves.items():
            for share, value in zip(CDF, percentiles, strict=True):
                writer.writerow(("geometry", name.replace("`", ""), "", "", f"sinr_db_at_{share}", f"{value:.6f}"))
        for name, hysteresis, trigger, found in rows:
            for quantity, value in found._asdict().items():
                writer.writerow(("handovers", name, hysteresis, trigger, quantity, f"{value:.6f}"))
        for name, quantity, value in family:
            writer.writerow(("family", name, "", "", quantity, f"{value:.6f}"))


if __name__ == "__main__":
    main()
