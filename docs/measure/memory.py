"""Does what is done now matter later, and can a miss be foreseen? Prints the tables of docs/memory.md.

    python -m docs.measure.memory

The first table plays ``count_rule``, which reads nothing but numbers of UEs, in two copies of the same networks, one of
which stays idle in the first five steps; both then do the same. The second plays it for whole episodes and counts
URLLC UEs that miss the 2 ms, at all and in the step after they missed them; the last column is the return of the same
rule with two RBs per URLLC UE in place of three. Networks: seeds that nothing else uses.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from oran_env import Simulator, make_scenario, reference_policies
from oran_env.policies.rules import count_rule, searched_parameters
from oran_env.scenario.slices import URLLC
from oran_env.scoring.paired import Interval, interval

FIRST_SEED, NETWORKS, IDLE_STEPS, DEADLINE_S = 4_700_000, 256, 5, 2e-3
WORLDS: dict[str, tuple[str, dict[str, Any]]] = {
    "`paper`": ("paper", {}),
    '`paper`, `latency="queue"`': ("paper", {"latency": "queue"}),
    '`paper`, `traffic="ftp3"`': ("paper", {"traffic": "ftp3"}),
    "`dynamic`": ("dynamic", {}),
}
FADES: dict[str, dict[str, Any]] = {
    "one, the default": {},
    "`fading_blocks=4, rbs_per_fade=4`": {"fading_blocks": 4, "rbs_per_fade": 4},
    "`fading_blocks=16`": {"fading_blocks": 16},
    "as of TDL-C": {"fading_blocks": None, "rbs_per_fade": None},
    "averaged out, `ergodic`": {"fading": "ergodic"},
}


def networks(preset: str, number: int, overrides: dict[str, Any]) -> Simulator:
    """The first networks."""
    return Simulator(preset, number, range(FIRST_SEED, FIRST_SEED + number), **overrides)


def after_idling(preset: str, overrides: dict[str, Any], number: int = NETWORKS) -> Interval:
    """What idle steps change in the reward of the step after them, mean of the DUs, paired by network."""
    rewards: list[NDArray[np.float64]] = []
    for idle in (True, False):
        simulator = networks(preset, number, overrides)
        policy = reference_policies(simulator.scenario)["count_rule"]
        observations = simulator.reset()
        for step in range(IDLE_STEPS + 1):
            actions = policy(observations)
            result = simulator.step(np.zeros_like(actions) if idle and step < IDLE_STEPS else actions)
            observations = result.observations
        rewards.append(result.rewards.mean(axis=1, dtype=np.float64))
    return interval(rewards[0] - rewards[1])


class Misses(NamedTuple):
    """What a rule gets in whole episodes."""

    share: float  # of URLLC UEs and steps that miss the deadline
    again: float  # of those that missed it in the step before; NaN where none did
    mean_return: float


def misses(overrides: dict[str, Any], number: int = NETWORKS, **numbers: float) -> Misses:
    """Play ``count_rule`` with the numbers searched on ``paper``, or with others."""
    simulator = networks("paper", number, overrides)
    numbers = {**searched_parameters(make_scenario("paper"))["count_rule"], **numbers}
    observations, missed, total = simulator.reset(), [], 0.0
    for _ in range(simulator.scenario.control.horizon):
        urllc = simulator.state.slice_of_ue == URLLC
        result = simulator.step(count_rule(observations, simulator.scenario, **numbers))
        observations, outcome = result.observations, simulator.last_outcome
        assert outcome is not None
        missed.append((outcome.tau > DEADLINE_S)[urllc])  # a UE keeps its slice for the episode
        total += float(result.rewards.mean())
    late = np.stack(missed)
    before = int(late[:-1].sum())
    again = float((late[1:] & late[:-1]).sum()) / before if before else float("nan")
    return Misses(float(late.mean()), again, total / len(late))


def main() -> None:
    """Print the tables."""
    print(f"| world | {IDLE_STEPS} idle steps change the reward of the next by |\n|---|---|")
    for name, (preset, overrides) in WORLDS.items():
        mean, low, high = after_idling(preset, overrides)
        print(f"| {name} | {mean:+.3f} ({low:+.3f} to {high:+.3f}) |", flush=True)
    print("\n| fades in a step | URLLC UEs that miss 2 ms | after a miss | `count_rule` | two RBs per URLLC UE |")
    print("|---|---|---|---|---|")
    for name, overrides in FADES.items():
        found, thrifty = misses(overrides), misses(overrides, rbs_per_urllc_ue=2.0)
        again = "–" if np.isnan(found.again) else f"{found.again:.1%}"
        cells = f"{found.share:.2%} | {again} | {found.mean_return:.3f} | {thrifty.mean_return:.3f}"
        print(f"| {name} | {cells} |", flush=True)


if __name__ == "__main__":
    main()
