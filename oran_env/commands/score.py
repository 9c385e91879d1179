"""``oran-env score`` and ``oran-env reference``: score a policy; compute the returns that scores are measured by."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from pathlib import Path
from typing import Any

from oran_env.commands import CommandError
from oran_env.scoring.playable import PolicyError
from oran_env.scoring.suites import SUITES, SuiteError, store_returns


def register(subparsers: Any) -> None:
    """Add both subcommands."""
    text = "Score a policy on the held-out networks of a suite."
    parser: argparse.ArgumentParser = subparsers.add_parser("score", help=text, description=text)
    parser.add_argument(
        "--policy",
        required=True,
        help="a rule (static, count_rule, …), lookahead, or module:function, a function of a Scenario that returns a "
        "callable observations -> actions",
    )
    parser.add_argument("--suite", default="oran-v2", help=f"one of {', '.join(SUITES)} (default: oran-v2)")
    parser.add_argument("--networks", type=int, help="only the first so many of each scenario")
    parser.add_argument("--threads", type=int, default=1, help="threads of the simulator")
    parser.add_argument("--out", type=Path, help="write the result to this JSON file")
    parser.set_defaults(run=run)
    text = "Compute the stored returns of random and lookahead of a suite, after a change of the dynamics."
    reference: argparse.ArgumentParser = subparsers.add_parser("reference", help=text, description=text)
    reference.add_argument("--suite", default="oran-v2", choices=list(SUITES))
    reference.add_argument("--scenario", action="append", help="only this one (may be repeated)")
    reference.add_argument("--workers", type=int, default=1, help="processes (default: 1); no number depends on it")
    reference.add_argument("--force", action="store_true", help="also what is stored and valid")
    reference.set_defaults(run=run_reference)


def run(arguments: argparse.Namespace) -> None:
    """Print the table, write the file."""
    from oran_env.scoring.score import score

    if arguments.out is not None and (arguments.out.is_dir() or not arguments.out.parent.is_dir()):
        raise CommandError(f"--out is {arguments.out}; allowed: a file in a directory that exists")
    named = ":" in arguments.policy
    make = imported(arguments.policy) if named else None
    try:
        result = score(
            None if named else arguments.policy,
            arguments.suite,
            arguments.networks,
            make=make,
            name=arguments.policy,
            num_threads=arguments.threads,
        )
    except (PolicyError, SuiteError, ValueError) as error:
        raise CommandError(str(error)) from error
    except Exception as error:
        if not named:
            raise
        raise CommandError(
            f"policy {arguments.policy} raised {type(error).__name__}: {error}; needed: a function of a Scenario that "
            "returns a callable observations (..., D) -> actions (..., A)"
        ) from error
    print(result.table())
    if arguments.out is not None:
        result.save(arguments.out)
        print(f"written to {arguments.out}")


def run_reference(arguments: argparse.Namespace) -> None:
    """Compute and store, scenario by scenario."""
    suite = SUITES[arguments.suite]
    if arguments.workers < 1:
        raise CommandError(f"--workers is {arguments.workers}; allowed: 1 or more")
    try:
        scenarios = arguments.scenario or list(suite.scenarios)
        store_returns(suite, scenarios, arguments.force, lambda line: print(line, flush=True), arguments.workers)
    except (SuiteError, ValueError) as error:
        raise CommandError(str(error)) from error


def imported(path: str) -> Any:
    """The function that ``module:function`` names; modules of the working directory are found.

    Raises:
        CommandError: no such module or function, or it cannot be imported.
    """
    module_name, _, function = path.partition(":")
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        found = getattr(importlib.import_module(module_name), function)
    except Exception as error:  # whatever importing the user's module raises
        raise CommandError(f"policy {path!r} cannot be imported: {error}; allowed: module:function") from error
    if not callable(found):
        raise CommandError(f"policy {path!r} is a {type(found).__name__}; allowed: a function of a Scenario")
    return found
