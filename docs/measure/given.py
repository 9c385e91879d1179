"""What the codec `zones` gives before anything is learnt: fresh actors, and uniformly random actions, on both codecs.

    python -m docs.measure.given [--networks 200] [--seeds 10]

The return of `default` with no training at all, beside random actions on zones and on bits, and what a fixed split of
the same zones reaches. What is above these numbers was learnt; what is below is the action and the reuse plan.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasam_agents.config.bases import DEFAULT
from tasam_agents.envs.make import make_batched, reference_policies
from tasam_agents.envs.seeding import held_out_networks
from tasam_agents.learner.learner import Learner
from tasam_agents.stats.intervals import mean_interval
from tasam_agents.training.evaluation import evaluate, learned_policy, task_of

BITS = {**DEFAULT.env_kwargs, "codec": "two_bit"}


def middle(observations: NDArray[np.float32]) -> NDArray[np.float32]:
    """Every share one half, at every DU and step."""
    return np.full((*observations.shape[:2], 4), 0.5, np.float32)


def random_zones() -> Any:
    """Four uniform shares, drawn anew at every DU and step."""
    generator = np.random.default_rng(0)
    return lambda observations: generator.random((*observations.shape[:2], 4), np.float32)


def untrained(num_networks: int, num_seeds: int) -> dict[str, NDArray[np.float64]]:
    """Returns (num_networks,) by name; those of fresh actors are means over seeds."""
    names = held_out_networks(num_networks)

    def returns(policy: Any, kwargs: Mapping[str, Any]) -> NDArray[np.float64]:
        return evaluate(policy, make_batched(DEFAULT.env_id, kwargs, num_networks, names), names).returns

    env = make_batched(DEFAULT.env_id, DEFAULT.env_kwargs, 1, 0)
    fresh = [Learner(task_of(env), DEFAULT.learner, seed, DEFAULT.total_updates) for seed in range(num_seeds)]
    rules = reference_policies(DEFAULT.env_id, BITS)
    return {
        "random bits": returns(rules["random"], BITS),
        "random zones": returns(random_zones(), DEFAULT.env_kwargs),
        "every share one half": returns(middle, DEFAULT.env_kwargs),
        "fresh actors": np.mean(
            [returns(learned_policy(actors, True), DEFAULT.env_kwargs) for actors in fresh], axis=0
        ),
        "zone_rule": returns(rules["zone_rule"], BITS),
    }


def main() -> None:
    """Print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", type=int, default=200)
    parser.add_argument("--seeds", type=int, default=10)
    given = parser.parse_args()
    for name, returns in untrained(given.networks, given.seeds).items():
        interval = mean_interval(returns)
        print(f"{name:22}{interval.text() if interval else returns.mean()}")


if __name__ == "__main__":
    main()
