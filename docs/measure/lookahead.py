"""What the search of oran_env.policies.lookahead gains over count_rule, and what it costs, on validation networks.

python -m docs.measure.lookahead                   # the default search on `paper`, 20 networks
python -m docs.measure.lookahead --rounds 0        # searching in the first step of an episode only
python -m docs.measure.lookahead --scenario dynamic --networks 4 --draws 8 --interval 1 --horizon 10

It also prints the share of the RBs that the search leaves idle: without idle RBs it gains by how each DU splits the
band among its slices, and not by who uses which RB.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from oran_env import Simulator
from oran_env.model.mac.codecs.codec import THRESHOLD
from oran_env.numerics.jit import Singles
from oran_env.numerics.seeding import validation_networks
from oran_env.policies.lookahead import LookaheadPolicy
from oran_env.scoring.playable import returns_of


def main() -> None:
    """Print one row of the table in docs/scoring.md."""
    parser = argparse.ArgumentParser(description="Gain and cost of the search.")
    parser.add_argument("--scenario", default="paper")
    parser.add_argument("--networks", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--draws", type=int, default=64)
    parser.add_argument("--interval", type=int, default=5)
    parser.add_argument("--horizon", type=int, default=1)
    parser.add_argument("--clairvoyant", action="store_true")
    given = parser.parse_args()
    seeds = validation_networks(given.networks)
    simulator = Simulator(given.scenario, given.networks, seeds)
    search = LookaheadPolicy(
        simulator, given.rounds, given.draws, given.interval, given.clairvoyant, horizon=given.horizon
    )
    idle: list[float] = []

    def watched(observations: Singles) -> Singles:
        actions = search(observations)
        b, e = np.split(actions > THRESHOLD, [simulator.scenario.radio.num_rbs], axis=-1)
        idle.append(float((~b & ~e).mean()))  # 00 of `two_bit`
        return actions

    start = time.perf_counter()
    ours = returns_of(watched, simulator, seeds)
    seconds = time.perf_counter() - start
    gain = ours - returns_of("count_rule", simulator, seeds)
    chosen = np.random.default_rng(0).integers(0, len(gain), (10_000, len(gain)))
    low, high = np.quantile(gain[chosen].mean(axis=1), [0.025, 0.975])
    decisions = given.networks * simulator.scenario.control.horizon
    print(
        f"{given.scenario}: return {ours.mean():.3f}, {gain.mean():+.3f} ({low:+.3f} to {high:+.3f}) over count_rule; "
        f"{100 * np.mean(idle):.1f} % of the RBs idle; "
        f"{search.simulated_steps / decisions:.0f} simulated steps per decision, {seconds:.0f} s"
    )


if __name__ == "__main__":
    main()
