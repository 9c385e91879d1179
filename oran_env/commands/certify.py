"""``oran-env certify``: does foresight, reading and coordination pay in a preset?"""

from __future__ import annotations

import argparse
import json
from functools import partial
from pathlib import Path
from typing import Any

from oran_env.commands import CommandError, check_seed
from oran_env.commands.watch import fields
from oran_env.scenario.presets import make_scenario
from oran_env.scoring.certificate import CERTIFICATE_SEED, certificate_path, certify, levels_of, verdict

HELP = "Compare rules and lookahead on fresh networks of a preset: what it leaves to learn."


def register(subparsers: Any) -> None:
    """Add the subcommand."""
    parser: argparse.ArgumentParser = subparsers.add_parser("certify", help=HELP, description=HELP)
    parser.add_argument("preset", help="a preset, see oran-env list")
    parser.add_argument("--networks", type=int, default=16, help="fresh networks, 5 or more (default: 16)")
    parser.add_argument("--steps", type=int, default=25, help="of each network (default: 25)")
    parser.add_argument(
        "--first-seed",
        type=int,
        default=CERTIFICATE_SEED,
        help=f"of the networks (default: {CERTIFICATE_SEED}); others where a preset was chosen with those in sight",
    )
    parser.add_argument("--workers", type=int, default=1, help="processes (default: 1); no number depends on it")
    parser.add_argument("--rounds", type=int, help="of the search before each step (default: 1)")
    parser.add_argument("--draws", type=int, help="futures that a candidate is judged on (default: 32, 8 with a queue)")
    parser.add_argument("--out", type=Path, help="file of the result (default: that of the package)")
    parser.add_argument(
        "--env", action="append", default=[], metavar="NAME=VALUE", help="override a field; nothing is then stored"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Print the levels and the verdict, write the file.

    Raises:
        CommandError: an argument out of range, a file that cannot be written.
        ScenarioError: unknown preset or field.
    """
    scenario = make_scenario(options.preset, **fields(options.env))
    check_seed(options.first_seed)
    if options.workers < 1:
        raise CommandError(f"--workers is {options.workers}; allowed: 1 or more")
    out = options.out
    if out is None and not options.env:
        out = certificate_path(options.preset)
        out.parent.mkdir(exist_ok=True)
    if out is not None and (out.is_dir() or not out.parent.is_dir()):
        raise CommandError(f"--out is {out}; allowed: a file in a directory that exists")
    try:
        found = certify(
            scenario,
            options.networks,
            options.steps,
            options.workers,
            partial(print, flush=True),
            options.first_seed,
            **{name: value for name in ("rounds", "draws") if (value := getattr(options, name)) is not None},
        )
    except ValueError as error:
        raise CommandError(str(error)) from error
    print("\n".join([*levels_of(found), *verdict(found)]))
    if out is not None:
        out.write_text(json.dumps(found, indent=1) + "\n")
        print(f"written to {out}")
