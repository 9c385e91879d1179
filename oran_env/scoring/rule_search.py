"""Search the numbers of the rules that have any on validation networks.

    python -m oran_env.scoring.rule_search [SCENARIO ...]

writes ``policies/rules.json``. Every candidate sees the same networks, those of validation, which neither training nor
the reported evaluation uses (``numerics/seeding.py``); what is searched for a rule, and how, stands in
``rule_spaces.py``.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from oran_env.numerics.seeding import validation_networks
from oran_env.policies.reading_rules import searchable
from oran_env.policies.rules import SEARCHED
from oran_env.scenario.fields import Scenario
from oran_env.scenario.presets import PRESETS, make_scenario
from oran_env.scoring.playable import returns_of
from oran_env.scoring.rule_spaces import Point, Space, climb, spaces_of
from oran_env.simulator.simulator import Simulator

RESULTS = Path(__file__).parents[1] / "policies" / "rules.json"

Say = Callable[[str], None]


def search(
    scenario: Scenario, num_networks: int, names: Sequence[str] | None = None, say: Say = print
) -> dict[str, Any]:
    """Return the best parameters and validation return of each searched policy, or of those named."""
    networks = validation_networks(num_networks)
    simulator = Simulator(scenario, num_networks, networks)
    rules = {**SEARCHED, **searchable(scenario)}
    spaces, points = spaces_of(scenario), dict[str, Point]()
    found = {}
    for name in rules if names is None else names:
        space = spaces[name]

        def score(point: Point, name: str = name, space: Space = space) -> float:
            policy = partial(rules[name], scenario=scenario, **(space.parameters(point) or {}))
            return float(returns_of(policy, simulator, networks).mean())

        start = () if space.after is None else points.get(space.after, space.unsearched)
        points[name], best = climb(score, space, start)
        found[name] = {"parameters": space.parameters(points[name]), "validation_return": round(best, 4)}
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
        table["scenarios"][name] = {"command": command, "validation_networks": arguments.networks, **found}
        RESULTS.write_text(json.dumps(table, indent=2) + "\n")


if __name__ == "__main__":
    main()
