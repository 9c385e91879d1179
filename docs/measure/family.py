"""What each preset of the family changes, and that it acts; prints the tables of docs/family.md.

    python -m docs.measure.family [--networks 32] [--output docs/results]

The first table looks at the networks while nobody sends: UEs per DU; how unevenly the slices are spread; how the load
(UEs times demand) of a DU's URLLC slice varies over time; SINR at full load without fading; handovers. The second plays
``count_rule`` and ``zone_rule`` with the numbers searched for ``paper`` and with those searched for the preset: the
loss is paired by network. Networks: seeds from 5,000,000, which no search of a rule
saw; the fields of ``fast`` and ``dense`` were chosen by ``calibration.py``, which looks at the same.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path
from typing import NamedTuple

import numpy as np

from oran_env import Simulator, make_scenario
from oran_env.policies.rules import searched_parameters
from oran_env.scenario.slices import URLLC
from oran_env.scoring.paired import Interval, interval
from oran_env.scoring.plays import Job, play

from .calibration import FIRST_SEED, geometry, handovers

PRESETS = ("paper", "calm", "heterogeneous", "bursty", "overload", "fast", "dense")
RULES = ("count_rule", "zone_rule")


class Load(NamedTuple):
    """How many UEs, where, and when they ask for much."""

    ues: float  # mean number per DU
    uneven: float  # standard deviation over the DUs of the share of UEs that are URLLC
    over_time: float  # coefficient of variation over an episode of the URLLC load of a DU


def load(preset: str, seeds: list[int]) -> Load:
    """Let whole episodes pass, in which nobody sends."""
    simulator = Simulator(preset, len(seeds), seeds)
    simulator.reset()
    actions = np.zeros((len(seeds), len(simulator.agents), simulator.action_size), dtype=np.float32)
    ues, loads = [], []
    for _ in range(simulator.scenario.control.horizon):
        demand = simulator.state.demand[..., URLLC].copy()
        number = simulator.step(actions).info["num_ues"]
        ues.append(number)
        loads.append(number[..., URLLC] * demand)
    counts, asked = np.stack(ues), np.stack(loads)
    totals = counts.sum(axis=-1)
    share = counts[..., URLLC] / np.maximum(totals, 1)
    vary = asked.std(axis=0) / np.maximum(asked.mean(axis=0), 1e-9)
    return Load(float(totals.mean()), float(share.std(axis=-1).mean()), float(vary.mean()))


def loss(preset: str, rule: str, seeds: list[int]) -> tuple[Interval, Interval]:
    """Return of a rule with the numbers of the preset, and how much more that is than with those of ``paper``."""
    scenario = make_scenario(preset)
    steps = scenario.control.horizon
    here, there = (searched_parameters(make_scenario(name))[rule] for name in (preset, "paper"))
    own = play(Job(scenario, rule, tuple(seeds), steps, here)).returns
    foreign = play(Job(scenario, rule, tuple(seeds), steps, there)).returns
    return interval(own), interval(own - foreign)


def cost_of_handovers(preset: str, seeds: list[int]) -> str:
    """What ``zone_rule`` gains when handovers interrupt nothing; – where they do not."""
    scenario = make_scenario(preset)
    if scenario.mobility.handover_interruption_s == 0.0:
        return "–"
    numbers = searched_parameters(scenario)["zone_rule"]
    returns = [
        play(Job(each, "zone_rule", tuple(seeds), scenario.control.horizon, numbers)).returns
        for each in (scenario.with_overrides(handover_interruption_s=0.0), scenario)
    ]
    mean, low, high = interval(returns[0] - returns[1])
    return f"{mean:+.3f} ({low:+.3f} to {high:+.3f})"


def main(arguments: list[str] | None = None) -> None:
    """Print the tables and write their numbers."""
    parser = argparse.ArgumentParser(description="What each preset of the family changes.")
    parser.add_argument("--networks", type=int, default=32)
    parser.add_argument("--output", type=Path, default=Path("docs/results"))
    given = parser.parse_args(arguments)
    seeds = [FIRST_SEED + i for i in range(given.networks)]
    rows: list[tuple[str, str, float]] = []
    print("| preset | UEs per DU | URLLC share, sd over DUs | URLLC load, CV over time | SINR 5, 50, 95 % [dB] |")
    print("|---|---|---|---|---|")
    for preset in PRESETS:
        found, sinr = load(preset, seeds), geometry(preset, seeds, {}).percentiles[[0, 9, 18]]
        rows += [(preset, name, value) for name, value in found._asdict().items()]
        rows += [(preset, f"sinr_{p}", float(value)) for p, value in zip((5, 50, 95), sinr, strict=True)]
        shown = ", ".join(f"{value:.1f}" for value in sinr)
        print(f"| `{preset}` | {found.ues:.1f} | {found.uneven:.3f} | {found.over_time:.2f} | {shown} |", flush=True)
    print("\n| preset | handovers per UE and minute | their cost to `zone_rule` |\n|---|---|---|")
    for preset in PRESETS:
        moved = handovers(preset, seeds, {})
        rows.append((preset, "handovers_per_ue_minute", moved.per_ue_minute))
        print(f"| `{preset}` | {moved.per_ue_minute:.2f} | {cost_of_handovers(preset, seeds)} |", flush=True)
    print("\n| preset | rule | return | lost with the numbers of `paper` |\n|---|---|---|---|")
    for preset in PRESETS:
        for rule in RULES:
            own, lost = loss(preset, rule, seeds)
            rows += [(preset, f"{rule}_return", own.mean), (preset, f"{rule}_loss", lost.mean)]
            between = "–" if preset == "paper" else f"{lost.mean:+.3f} ({lost.low:+.3f} to {lost.high:+.3f})"
            print(f"| `{preset}` | `{rule}` | {own.mean:.3f} | {between} |", flush=True)
    with (given.output / "family.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("preset", "what", "value"))
        writer.writerows(rows)


if __name__ == "__main__":
    main()
