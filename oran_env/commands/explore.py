"""``oran-env explore``: episodes of some presets and policies as one page, opened in the browser."""

from __future__ import annotations

import argparse
import webbrowser
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from oran_env.commands import CommandError, check_seed
from oran_env.rendering.web_page import record_site, record_step, write_web_page
from oran_env.scoring.playable import PolicyError, checked_actions, policy_on
from oran_env.simulator.simulator import Simulator

HELP = "write a page that shows a network step by step, one for each preset and policy, and open it in the browser"
POLICIES = ("static", "count_rule", "zone_rule")


def register(subparsers: Any) -> None:
    """Add the subcommand."""
    parser: argparse.ArgumentParser = subparsers.add_parser("explore", help=HELP, description=HELP)
    parser.add_argument("presets", nargs="*", default=["tiny", "paper"], help="see oran-env list (default: tiny paper)")
    parser.add_argument(
        "--policy",
        action="append",
        help=f"a policy that oran-env list names; repeatable (default: {' '.join(POLICIES)})",
    )
    parser.add_argument("--seed", type=int, default=0, help="seed of the network, the same for all (default: 0)")
    parser.add_argument("--steps", type=int, help="steps of each (default: one episode)")
    parser.add_argument("--out", type=Path, default=Path("explore.html"), help="the page (default: explore.html)")
    parser.add_argument("--no-open", action="store_true", help="do not open it")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Write the page, and open it.

    Raises:
        CommandError, ScenarioError, FilmError: see there.
    """
    check_seed(options.seed)
    if options.steps is not None and options.steps < 1:
        raise CommandError(f"steps is {options.steps}; allowed: 1 or more")
    write_web_page(episodes(options.presets, options.policy or POLICIES, options.seed, options.steps), options.out)
    print(f"written: {options.out}")
    if not options.no_open:
        webbrowser.open(options.out.resolve().as_uri())


def episodes(presets: Sequence[str], policies: Sequence[str], seed: int, steps: int | None) -> Iterator[dict[str, Any]]:
    """One episode of each policy in each preset, on the same network; at most ``steps`` of it.

    Raises:
        CommandError: no such policy there.
    """
    for preset in dict.fromkeys(presets):
        for name in dict.fromkeys(policies):
            simulator = Simulator(preset, seed=seed)
            try:
                policy = policy_on(name, simulator)
            except PolicyError as error:
                raise CommandError(str(error)) from error
            observations = simulator.reset()
            recorded: list[dict[str, Any]] = []
            while not simulator.truncated.any() and (steps is None or len(recorded) < steps):
                observations = simulator.step(checked_actions(policy, observations, simulator)).observations
                recorded.append(record_step(simulator))
            yield {"preset": preset, "policy": name, **record_site(simulator), "steps": recorded}
