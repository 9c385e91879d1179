"""``oran-env levels``: every shipped rule on the networks of a suite."""

from __future__ import annotations

import argparse
import json
from functools import partial
from pathlib import Path
from typing import Any

from oran_env.commands import CommandError
from oran_env.scoring.levels import levels, table
from oran_env.scoring.suites import SUITES, SuiteError

HELP = "Play every shipped rule on the networks of a suite, beside the stored random and lookahead."


def register(subparsers: Any) -> None:
    """Add the subcommand."""
    parser: argparse.ArgumentParser = subparsers.add_parser("levels", help=HELP, description=HELP)
    parser.add_argument("--suite", default="oran-v2", choices=list(SUITES))
    parser.add_argument("--networks", type=int, help="only the first so many of each scenario")
    parser.add_argument("--workers", type=int, default=1, help="processes (default: 1); no number depends on it")
    parser.add_argument("--out", type=Path, help="write the rows and numbers to this JSON file")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Print the table, write the file.

    Raises:
        CommandError: an argument out of range, a file that cannot be written, stored returns that are missing.
    """
    if options.workers < 1:
        raise CommandError(f"--workers is {options.workers}; allowed: 1 or more")
    if options.out is not None and (options.out.is_dir() or not options.out.parent.is_dir()):
        raise CommandError(f"--out is {options.out}; allowed: a file in a directory that exists")
    try:
        found = levels(SUITES[options.suite], options.networks, options.workers, partial(print, flush=True))
    except (SuiteError, ValueError) as error:
        raise CommandError(str(error)) from error
    print(table(found))
    if options.out is not None:
        options.out.write_text(json.dumps(found, indent=1) + "\n")
        print(f"written to {options.out}")
