"""``oran-env list``: what there is to choose from."""

from __future__ import annotations

import argparse
import dataclasses
from typing import Any

from oran_env.scenario.fields import FIELD_GROUPS, Scenario
from oran_env.scenario.presets import PRESETS, TRAFFIC_PROFILES, make_scenario
from oran_env.scoring.playable import named_policies
from oran_env.scoring.suites import SUITES

HELP = "List presets, traffic profiles, policies, suites, and every field of a scenario with its value."


def register(subparsers: Any) -> None:
    """Add the subcommand."""
    parser: argparse.ArgumentParser = subparsers.add_parser("list", help=HELP, description=HELP)
    parser.add_argument("--scenario", default="paper", help="a preset, whose fields are shown (default: paper)")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Print it.

    Raises:
        ScenarioError: unknown preset.
    """
    scenario = make_scenario(options.scenario)
    for title, names in (
        ("presets", PRESETS),
        ("traffic profiles", tuple(TRAFFIC_PROFILES)),
        (f"policies of {scenario.name}", (*named_policies(scenario), "lookahead")),
        ("suites", tuple(SUITES)),
    ):
        print(f"{title}: {', '.join(names)}")
    print(f"fields of {scenario.name} (* differs from the default):")
    default = Scenario()
    for group in dict.fromkeys(FIELD_GROUPS.values()):
        for field in dataclasses.fields(getattr(scenario, group)):
            value = getattr(getattr(scenario, group), field.name)
            differs = value != getattr(getattr(default, group), field.name)
            print(f"  {'*' if differs else ' '} {field.name} = {value}")
