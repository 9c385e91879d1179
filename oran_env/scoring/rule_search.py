"""Search the numbers of the rules ``static``, ``count_rule`` and ``zone_rule`` on validation networks.

    python -m oran_env.scoring.rule_search [SCENARIO ...]

writes ``policies/rules.json``. Every candidate sees the same networks, those of validation, which neither training nor
the reported evaluation uses (``numerics/seeding.py``); what is searched for a rule, and how, stands in
``rule_spaces.py``.
"""

from __future__ import annotations

import argparse
import json
from functools import partial
from pathlib import Path
from typing import Any

from oran_env.numerics.seeding import validation_networks
from oran_env.policies.rules import SEARCHED
from oran_env.scenario.fields import Scenario
from oran_env.scenario.presets import PRESETS, make_scenario
from oran_env.scoring.playable import returns_of
from oran_env.scoring.rule_spaces import Point, Space, climb, spaces_of
from oran_env.simulator.simulator import Simulator

RESULTS = Path(__file__).parents[1] / "policies" / "rules.json"


def search(scenario: Scenario, num_networks: int) -> dict[str, Any]:
    """Return the best parameters and validation return of each searched policy."""
    networks = validation_networks(num_networks)
    simulator = Simulator(scenario, num_networks, networks)
    found = {}
    for name, space in spaces_of(scenario).items():

        def score(point: Point, name: str = name, space: Space = space) -> float:
            policy = partial(SEARCHED[name], scenario=scenario, **(space.parameters(point) or {}))
            return float(returns_of(policy, simulator, networks).mean())

        point, best = climb(score, space)
        found[name] = {"parameters": space.parameters(point), "validation_return": round(best, 4)}
        print(f"{scenario.name}: {name} {found[name]}", flush=True)
    return found


def main() -> None:
    """Run the search from the command line."""
    parser = argparse.ArgumentParser(description="Search the numbers of the rules on validation networks.")
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
