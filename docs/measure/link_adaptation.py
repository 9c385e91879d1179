"""How much arrives, and how many blocks are lost, when the MCS follows a report that is d steps old.

    python -m docs.measure.link_adaptation

plays ``count_rule`` for one episode in each of 16 networks of ``paper`` that nothing else uses, with pedestrians and
with vehicles, whose random draws do not depend on the delay. A fade lasts for a step, or there are so many in it that
only the means are left; prints a Markdown table of the goodput per DU and of the share of blocks that are lost.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from oran_env import Simulator, reference_policies

FIRST_SEED, NETWORKS = 4_100_000, 16
SPEEDS: dict[str, dict[str, Any]] = {
    "pedestrians": {"min_speed_mps": 0.5, "max_speed_mps": 1.5},
    "vehicles": {"min_speed_mps": 25.0, "max_speed_mps": 40.0},
}
FADES: dict[str, dict[str, Any]] = {"one": {}, "averaged out": {"fading": "none"}}
DELAYS = (0, 1, 2, 5, 10)


def play(**overrides: Any) -> tuple[float, float]:
    """Goodput per DU [Mbit/s], and the share of blocks that were lost, mean over the UEs with an RB."""
    simulator = Simulator("paper", NETWORKS, range(FIRST_SEED, FIRST_SEED + NETWORKS), **overrides)
    policy = reference_policies(simulator.scenario)["count_rule"]
    observations = simulator.reset()
    rates, errors = [], []
    for _ in range(simulator.scenario.control.horizon):
        observations = simulator.step(policy(observations)).observations
        outcome = simulator.last_outcome
        assert outcome is not None
        rates.append(outcome.rate.sum() * 1e-6 / (NETWORKS * len(simulator.agents)))
        errors.append(outcome.bler_of_ue[outcome.rate > 0.0].mean())
    return float(np.mean(rates)), float(np.mean(errors))


def main() -> None:
    """Print the table of docs/link_adaptation.md."""
    print("| UEs | fades in a step | delay [steps] | Mbit/s per DU | lost blocks | without outer loop: Mbit/s | lost |")
    print("|---|---|---|---|---|---|---|")
    for ues, speed in SPEEDS.items():
        for fades, fading in FADES.items():
            for delay in DELAYS:
                settings = {**speed, **fading, "link_adaptation": "mcs", "cqi_delay_steps": delay}
                both = play(**settings), play(outer_loop_db=0.0, **settings)
                cells = " | ".join(f"{rate:.1f} | {lost:.1%}" for rate, lost in both)
                print(f"| {ues} | {fades} | {delay} | {cells} |", flush=True)
            rate, _ = play(**speed, **fading, max_spectral_efficiency=7.4063)
            print(f"| {ues} | {fades} | `shannon`, capped at 7.4063 | {rate:.1f} | | | |", flush=True)


if __name__ == "__main__":
    main()
