"""Search the numbers of the policies ``static`` and ``count_rule`` on validation networks.

    python -m oran_env.scoring.rule_search [SCENARIO ...]

writes ``policies/rules.json``. Every candidate sees the same networks, those of validation, which neither training nor
the reported evaluation uses (``numerics/seeding.py``); the search is a coarse grid, then coordinate moves with
shrinking steps.
"""

from __future__ import annotations

import argparse
import itertools
import json
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

from oran_env.numerics.seeding import validation_networks
from oran_env.policies.rules import SEARCHED
from oran_env.scenario.fields import Scenario
from oran_env.scenario.presets import PRESETS, make_scenario
from oran_env.scoring.playable import returns_of
from oran_env.simulator.simulator import Simulator

RESULTS = Path(__file__).parents[1] / "policies" / "rules.json"

Point = tuple[int, ...]


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


def search(scenario: Scenario, num_networks: int) -> dict[str, Any]:
    """Return the best parameters and validation return of each searched policy."""
    networks = validation_networks(num_networks)
    simulator = Simulator(scenario, num_networks, networks)
    spaces: dict[str, tuple[Callable[[Point], dict[str, Any] | None], Iterable[Point], tuple[int, ...]]] = {
        "static": (
            lambda p: {"shares": [x / 100 for x in p]} if min(p) >= 0 and sum(p) <= 100 else None,
            (p for p in itertools.product(range(0, 101, 10), repeat=3) if sum(p) <= 100),
            (5, 2, 1),
        ),
        "count_rule": (
            lambda p: (
                {"rbs_per_urllc_ue": p[0] / 20, "embb_share": p[1] / 100} if min(p) >= 0 and p[1] <= 100 else None
            ),
            itertools.product(range(0, 121, 10), range(0, 101, 10)),
            (5, 2, 1),
        ),
    }
    found = {}
    for name, (parameters_of, grid, steps) in spaces.items():

        def score(point: Point, name: str = name, parameters_of: Any = parameters_of) -> float:
            parameters = parameters_of(point)
            if parameters is None:
                return float("-inf")
            policy = partial(SEARCHED[name], scenario=scenario, **parameters)
            return float(returns_of(policy, simulator, networks).mean())

        point, best = climb(score, grid, steps)
        found[name] = {"parameters": parameters_of(point), "validation_return": round(best, 4)}
        print(f"{scenario.name}: {name} {found[name]}", flush=True)
    return found


def main() -> None:
    """Run the search from the command line."""
    parser = argparse.ArgumentParser(description="Search static and count_rule on validation networks.")
    parser.add_argument("scenarios", nargs="*", default=list(PRESETS))
    parser.add_argument("--networks", type=int, default=20)
    arguments = parser.parse_args()
    table: dict[str, Any] = json.loads(RESULTS.read_text()) if RESULTS.exists() else {"scenarios": {}}
    for name in arguments.scenarios:
        found = search(make_scenario(name), arguments.networks)
        command = f"python -m oran_env.scoring.rule_search {name} --networks {arguments.networks}"
        table["scenarios"][name] = {"command": command, "validation_networks": arguments.networks, **found}
        RESULTS.write_text(json.dumps(table, indent=2) + "\n")


if __name__ == "__main__":
    main()
