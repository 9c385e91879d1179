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

PAIRED = 3  # coordinates at most, for moves of one against another


class Space(NamedTuple):
    """Where the numbers of one rule are searched."""

    parameters_of: Callable[[Point], dict[str, Any] | None]  # None: no such point
    grid: tuple[Point, ...]
    steps: tuple[int, ...]


def _weighted(p: Point) -> dict[str, Any] | None:
    """Weights of URLLC and eMBB in quarters of an octave, against mMTC's 1; powers in eighths."""
    if min(p[2:5]) < 0 or max(p[2:5]) > 12:
        return None
    weights = [round(2 ** (p[1] / 4), 3), 1.0, round(2 ** (p[0] / 4), 3)]
    return {"weights": weights, "powers": [x / 8 for x in p[2:5]]}


def _reading(p: Point) -> dict[str, Any] | None:
    """The same with gains and the tracking in eighths."""
    weighted = _weighted(p)
    if weighted is None or min(p[5:]) < 0 or p[8] > 8:
        return None
    return {**weighted, "gains": [x / 8 for x in p[5:8]], "tracking": p[8] / 8}


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
    "weighted_counts": Space(
        _weighted,
        tuple(
            (*w, *p) for w in itertools.product(range(-8, 17, 4), repeat=2) for p in ((0, 0, 0), (0, 0, 8), (8, 8, 8))
        ),
        (4, 2, 1),
    ),
    "backlog_rule": Space(_reading, (), (4, 2, 1)),  # begins at the numbers of weighted_counts
}
GAINS = tuple((*gains, tracking) for gains in itertools.product((0, 4, 16), repeat=3) for tracking in (0, 4))


def climb(score: Callable[[Point], float], grid: Iterable[Point], steps: tuple[int, ...]) -> tuple[Point, float]:
    """Best point of the grid, then moves of one coordinate (of few: also one against another) while they pay."""
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
            moves = [(i, j) for i in unit for j in unit if i == j or len(best) <= PAIRED]
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
    weighted: Point = (0, 0, 0, 0, 8)  # where the search of backlog_rule begins
    found = {}
    for name in names:
        space = SPACES[name]

        def score(point: Point, name: str = name, space: Space = space) -> float:
            parameters = space.parameters_of(point)
            if parameters is None:
                return float("-inf")
            policy = partial(rules[name], scenario=scenario, **parameters)
            return float(returns_of(policy, simulator, seeds).mean())

        grid = space.grid or [(*weighted, *gains) for gains in GAINS]
        point, best = climb(score, grid, space.steps)
        weighted = point if name == "weighted_counts" else weighted
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
