"""What each choice of the environment does to the return of policies that stay the same.

    python -m docs.measure.decisions [--output docs/results]

plays ``random``, ``static`` and ``count_rule`` for one episode in each of 200 networks of ``paper`` that nothing else
uses, as it is and with one choice changed at a time; prints a Markdown table and writes ``decisions.csv``. The random
draws of a network do not depend on the choices, so that differences are paired by network. The numbers of ``static``
and ``count_rule`` stay those searched on the scenario as it is: none of the policies is tuned to a changed one.
"""

from __future__ import annotations

import argparse
import csv
import dataclasses
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from oran_env import Policy, Simulator, reference_policies
from oran_env.scoring.plays import RandomActions
from tasam_agents.stats.intervals import paired_difference

FIRST_SEED = 4_500_000
POLICIES = ("random", "static", "count_rule")

Overrides = dict[str, Any]
_SHADOWING: Overrides = {"shadowing_los_db": 4.0, "shadowing_nlos_db": 6.0}

# Group, arguments of the scenario, and what the table says instead of them.
CHOICES: tuple[tuple[str, Overrides, str | None], ...] = (
    ("radio", {"interference": "as_printed"}, None),
    ("radio", {"max_spectral_efficiency": 7.4}, None),
    ("radio", {"fading": "none"}, None),
    ("radio", {"fading_blocks": 10}, None),
    ("radio", {"fading_blocks": 4, "rbs_per_fade": 4}, None),
    ("radio", {"fading_blocks": None, "rbs_per_fade": None}, "fades in time and frequency as of TDL-C"),
    ("radio", {"fading": "ergodic"}, None),
    ("radio", {"tx_evm": 0.08}, None),
    ("radio", {"link_adaptation": "mcs", "cqi_delay_steps": 0}, None),
    ("radio", {"link_adaptation": "mcs", "cqi_delay_steps": 2}, None),
    ("radio", {"path_loss_exponent": 3.0}, None),
    ("radio", {"path_loss_exponent": 4.0}, None),
    ("radio", {"shadowing_nlos_db": 8.0}, None),
    ("radio", {"path_loss": "uma"}, None),
    ("radio", {"path_loss": "uma", **_SHADOWING}, None),
    ("radio", {"min_distance_m": 1.0}, None),
    ("radio", {"min_distance_m": 35.0}, None),
    ("radio", {"noise_dbm_per_hz": round(-173.0 - 10.0 * math.log10(200e3), 2)}, "noise -173 dBm in an RB"),
    ("radio", {"noise_dbm_per_hz": -164.0}, "noise figure of 9 dB"),
    ("radio", {"power_dbm": 46.0}, None),
    ("layout", {"site_spacing_m": 250.0, "margin_m": 125.0}, None),
    ("layout", {"site_spacing_m": 1000.0, "margin_m": 500.0}, None),
    ("layout", {"wrap_around": True}, None),
    ("layout", {"sectors": 3, "path_loss": "uma"}, None),
    ("layout", {"slice_mix": "uniform"}, None),
    ("layout", {"mix_concentration": 1}, None),
    ("mobility", {"min_speed_mps": 0.5, "max_speed_mps": 1.5}, None),
    ("mobility", {"min_speed_mps": 25.0, "max_speed_mps": 40.0}, None),
    ("mobility", {"handover_hysteresis_db": 2.0, "time_to_trigger_s": 0.16, "handover_interruption_s": 0.1}, None),
    ("traffic", {"latency": "queue"}, None),
    ("quality", {"latency": "queue", "latency_percentile": 0.95}, None),
    ("quality", {"latency_percentile": 0.95}, None),
    ("traffic", {"tti_s": 1e-3, "harq_rtt_s": 5e-4}, None),
    ("traffic", {"latency": "queue", "packet_size": ("fixed",) * 3}, "queue, packets of fixed size"),
    ("traffic", {"load": 2.0}, None),
    ("traffic", {"load": 4.0}, None),
    ("traffic", {"drift_sigma": 0.5}, None),
    ("traffic", {"burst_factor": 6.0}, None),
    ("traffic", {"session_s": 6.0, "absence_s": 3.0}, None),
    ("traffic", {"traffic": "full_buffer"}, None),
    ("traffic", {"traffic": "coloran"}, None),
    ("traffic", {"traffic": "ftp3"}, None),
    ("traffic", {"latency_cap_s": 0.1}, None),
    ("quality", {"rate_threshold_mbps": (0.5, 0.05, 0.05)}, "λ halved"),
    ("quality", {"rate_threshold_mbps": (2.0, 0.2, 0.2)}, "λ doubled"),
    ("quality", {"q_min": (5.0, 25.0, 4.0)}, "Q_min half as demanding"),
    ("quality", {"q_min": (20.0, 100.0, 1.0)}, "Q_min twice as demanding"),
    ("quality", {"qos": "weighted_kpi"}, None),
    ("quality", {"qos": "weighted_kpi", "availability_window": 1}, None),
    ("reward", {"alpha": "literal"}, None),
    ("reward", {"alpha": "fixed"}, None),
    ("reward", {"alpha_floor": 1.0}, None),
    ("reward", {"zeta": 1.0}, None),
    ("reward", {"zeta": 4.0}, None),
    ("reward", {"priority": (1.0, 1.0, 1.0)}, None),
    ("reward", {"min_normalised_qos": 0.25}, None),
    ("reward", {"reward_sharing": "team"}, None),
    ("control", {"codec": "slice_mask"}, None),
    ("control", {"codec": "ue_grid"}, None),
    ("control", {"codec": "slice_share"}, None),
    ("control", {"codec": "prb_quota"}, None),
    ("control", {"scheduler": "proportional_fair"}, None),
    ("control", {"scheduler": "equal_rate"}, None),
    ("control", {"scheduler": "max_rate"}, None),
    ("control", {"scheduler": "proportional_fair", "csi": "per_rb"}, None),
    ("control", {"scheduler": "equal_rate", "csi": "per_rb"}, None),
    ("control", {"scheduler": "max_rate", "csi": "per_rb"}, None),
    ("control", {"scheduler": "proportional_fair", "fairness_window": 100.0}, None),
    ("control", {"step_s": 0.01}, None),
    ("control", {"horizon": 400}, None),
)


class Played(NamedTuple):
    """One episode of a policy in each network."""

    returns: NDArray[np.float64]  # (B,) mean reward per DU and step
    satisfied: NDArray[np.float64]  # (3,) share of DUs and steps with UEs of the slice in which it was satisfied


class Row(NamedTuple):
    """One line of the table."""

    group: str
    change: str
    random: float
    static: float
    count_rule: float
    difference: float  # of count_rule from "as is", paired by network
    low: float  # of its 95 % t-interval
    high: float
    embb_satisfied: float  # under count_rule
    mmtc_satisfied: float
    urllc_satisfied: float


def play(policy: str, scenario: str, seeds: list[int], overrides: Overrides) -> Played:
    """Play one episode in each network."""
    simulator = Simulator(scenario, len(seeds), **overrides)
    act: Policy
    if policy == "random":
        act = RandomActions(simulator, seeds, episode=0)
    else:
        act = reference_policies(simulator.scenario)[policy]
    observations = simulator.reset(seeds)
    returns, satisfied = np.zeros(len(seeds)), []
    horizon = simulator.scenario.control.horizon
    for _ in range(horizon):
        result = simulator.step(act(observations))
        observations = result.observations
        returns += result.rewards.mean(axis=1, dtype=np.float64) / horizon
        satisfied.append(result.info["satisfied"])
    return Played(returns, np.nanmean(satisfied, axis=(0, 1, 2)))


def label(overrides: Overrides) -> str:
    """The overrides as they are written in a call."""
    return ", ".join(f"{name}={value!r}" for name, value in overrides.items())


def rows(scenario: str, num_networks: int, choices: Iterable[tuple[str, Overrides, str | None]]) -> list[Row]:
    """Play the scenario as it is, then with each change."""
    seeds = [FIRST_SEED + i for i in range(num_networks)]
    table: list[Row] = []
    base: Played | None = None
    for group, overrides, name in (("", {}, "as is"), *choices):
        played = {policy: play(policy, scenario, seeds, overrides) for policy in POLICIES}
        ours = played["count_rule"]
        base = ours if base is None else base
        means = [float(played[policy].returns.mean()) for policy in POLICIES]
        interval = paired_difference(ours.returns, base.returns)
        assert interval is not None  # --networks is 2 or more
        quality = [float(share) for share in ours.satisfied]
        table.append(Row(group, name or label(overrides), *means, *dataclasses.astuple(interval), *quality))
    return table


def signed(number: float) -> str:
    """With three decimals and a sign, which zero does not have."""
    return f"{number:+.3f}" if abs(number) >= 0.0005 else "0.000"


def markdown(table: list[Row]) -> str:
    """The table as it stands in docs/differences.md."""
    lines = [
        "| change | random | static | count_rule | count_rule minus its return as is [95 %] | satisfied |",
        "|---|---|---|---|---|---|",
    ]
    for row in table:
        change = f"`{row.change}`" if "=" in row.change else row.change
        difference = "{} [{}, {}]".format(*map(signed, (row.difference, row.low, row.high))) if row.group else ""
        shares = " / ".join(f"{100 * x:.0f}" for x in (row.embb_satisfied, row.mmtc_satisfied, row.urllc_satisfied))
        returns = f"{row.random:.3f} | {row.static:.3f} | {row.count_rule:.3f}"
        lines.append(f"| {change} | {returns} | {difference} | {shares} % |")
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> None:
    """Print the table and write it."""
    parser = argparse.ArgumentParser(description="What each choice of the environment does to the return.")
    parser.add_argument("--scenario", default="paper", help="a preset")
    parser.add_argument("--networks", type=int, default=200)
    parser.add_argument("--output", type=Path, default=Path("docs/results"))
    given = parser.parse_args(arguments)
    table = rows(given.scenario, given.networks, CHOICES)
    print(markdown(table))
    given.output.mkdir(parents=True, exist_ok=True)
    with (given.output / "decisions.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(Row._fields)
        writer.writerows([f"{x:.6f}" if isinstance(x, float) else x for x in row] for row in table)


if __name__ == "__main__":
    main()
