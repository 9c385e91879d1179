"""Search the numbers of the rules that have any on validation networks.

    python -m oran_env.scoring.rule_search [SCENARIO ...]

writes ``policies/rules.json``. Every candidate sees the same networks (seeds 1,000,000 and up, which neither
training nor the reported evaluation uses); the search is a coarse grid, then coordinate moves with shrinking steps.
"""

from __future__ import annotations

import argparse
import itertools
import json
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from oran_env.policies.reading_rules import searchable
from oran_env.policies.rules import SEARCHED
from oran_env.scenario.fields import Scenario
from oran_env.scenario.presets import PRESETS, make_scenario
from oran_env.scoring.playable import returns_of
from oran_env.simulator.simulator import Simulator

VALIDATION_SEED = 1_000_000
RESULTS = Path(__file__).parents[1] / "policies" / "rules.json"

Point = tuple[int, ...]
Say = Callable[[str], None]


class Space(NamedTuple):
    """Where the numbers of one rule are searched."""

    parameters_of: Callable[[Point], dict[str, Any] | None]  # None: no such point
    grid: tuple[Point, ...]
    steps: tuple[int, ...]


def _weights(p: Point) -> dict[str, Any]:
    return {"urllc_weight": round(2 ** (p[0] / 4), 3), "embb_weight": round(2 ** (p[1] / 4), 3)}


SPACES = {
    "static": Space(
        lambda p: {"shares": [x / 100 for x in p]} if min(p) >= 0 and sum(p) <= 100 else None,
        tuple(p for p in itertools.product(range(0, 101, 10), repeat=3) if sum(p) <= 100),
        (5, 2, 1),
    ),
    "count_rule": Space(
        lambda p: {"rbs_per_urllc_ue": p[0] / 20, "embb_share": p[1] / 100} if min(p) >= 0 and p[1] <= 100 else None,
        tuple(itertools.product(range(0, 121, 10), range(0, 101, 10))),
        (5, 2, 1),
    ),
    "weighted_counts": Space(_weights, tuple(itertools.product(range(-8, 25, 4), repeat=2)), (2, 1)),
    "backlog_rule": Space(
        lambda p: {**_weights(p[:2]), "gains": [x / 8 for x in p[2:]]} if min(p[2:]) >= 0 else None,
        (),  # from the weights of weighted_counts
        (4, 2, 1),
    ),
}
GAINS = tuple(itertools.product((0, 8, 32), repeat=3))


def climb(score: Callable[[Point], float], grid: Iterable[Point], steps: tuple[int, ...]) -> tuple[Point, float]:
    """Best point of the grid, then moves of one coordinate, or of one against another, while they pay."""
    known: dict[Point, float] = {}

    def value(point: Point) -> float:
        if point not in known:
            known[point] = score(point)
        return known[point]

    best = max(grid, key=value)
    for step in steps:
        improved = True
        while improved:
            unit = range(len(best))
            moves = [(i, j) for i in unit for j in unit]
            around = [
                tuple(x + step * ((k == i) - (k == j and i != j)) * sign for k, x in enumerate(best))
                for i, j in moves
                for sign in (1, -1)
            ]
            leader = max(around, key=value)
            improved = value(leader) > value(best)
            best = leader if improved else best
    return best, value(best)


def search(
    scenario: Scenario, num_networks: int, names: Sequence[str] | None = None, say: Say = print
) -> dict[str, Any]:
    """Return the best parameters and validation return of each searched policy, or of those named."""
    seeds = [VALIDATION_SEED + i for i in range(num_networks)]
    simulator = Simulator(scenario, num_networks, seeds)
    rules = {**SEARCHED, **searchable(scenario)}
    names = list(rules) if names is None else names
    weights: Point = (4, 0)  # where the search of backlog_rule begins
    found = {}
    for name in names:
        space = SPACES[name]

        def score(point: Point, name: str = name, space: Space = space) -> float:
            parameters = space.parameters_of(point)
            if parameters is None:
                return float("-inf")
            policy = partial(rules[name], scenario=scenario, **parameters)
            return float(returns_of(policy, simulator, seeds).mean())

        grid = space.grid or [(*weights, *gains) for gains in GAINS]
        point, best = climb(score, grid, space.steps)
        weights = point[:2] if name == "weighted_counts" else weights
        found[name] = {"parameters": space.parameters_of(point), "validation_return": round(best, 4)}
        say(f"{scenario.name}: {name} {found[name]}")
    return found


def main() -> None:
    """Run the search from the command line."""
    parser = argparse.ArgumentParser(description="Search the numbers of the rules on validation networks.")
    parser.add_argument("scenarios", nargs="*", default=list(PRESETS))
    parser.add_argument("--networks", type=int, default=20)
    arguments = parser.parse_args()
    table: dict[str, Any] = json.loads(RESULTS.read_text()) if RESULTS.exists() else {"scenarios": {}}
    for name in arguments.scenarios:
        found = search(make_scenario(name), arguments.networks, say=partial(print, flush=True))
        command = f"python -m oran_env.scoring.rule_search {name} --networks {arguments.networks}"
        table["scenarios"][name] = {"command": command, "validation_seed": VALIDATION_SEED, **found}
        RESULTS.write_text(json.dumps(table, indent=2) + "\n")


if __name__ == "__main__":
    main()
