"""``oran-env score``: score a policy from the shell. The pair ``add_arguments``, ``run`` is what a parser needs."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from typing import Any

from oran_env.baselines import SUITES, SuiteError
from oran_env.policy_protocol import PolicyError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``score``."""
    parser.description = "Score a policy on the held-out networks of a suite."
    parser.add_argument(
        "--policy",
        required=True,
        help="a reference policy (static, count_rule, …), or module:function, a function of a Scenario that returns a "
        "callable observations -> actions",
    )
    parser.add_argument("--suite", default="oran-v1", choices=list(SUITES))
    parser.add_argument("--networks", type=int, help="only the first so many of each scenario")
    parser.add_argument("--threads", type=int, default=1, help="threads of the simulator")
    parser.add_argument("--out", help="write the result to this JSON file")


def run(arguments: argparse.Namespace) -> int:
    """Print the table, write the file; return the exit status."""
    from oran_env.benchmark import score

    try:
        named = ":" in arguments.policy
        result = score(
            None if named else arguments.policy,
            arguments.suite,
            arguments.networks,
            make=imported(arguments.policy) if named else None,
            name=arguments.policy,
            num_threads=arguments.threads,
        )
    except (PolicyError, SuiteError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(result.table())
    if arguments.out:
        result.save(arguments.out)
        print(f"written to {arguments.out}")
    return 0


def imported(path: str) -> Any:
    """The function that ``module:function`` names; modules of the working directory are found.

    Raises:
        PolicyError: no such module or function.
    """
    module_name, _, function = path.partition(":")
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        found = getattr(importlib.import_module(module_name), function)
    except (ImportError, AttributeError, ValueError) as error:
        raise PolicyError(f"policy {path!r} cannot be imported: {error}; allowed: module:function") from error
    if not callable(found):
        raise PolicyError(f"policy {path!r} is a {type(found).__name__}; allowed: a function of a Scenario")
    return found
