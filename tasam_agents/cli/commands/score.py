"""`tasam score RUN…`: runs on the held-out networks of a suite, scored like everybody's policies."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import tyro

from tasam_agents.cli.arguments import call
from tasam_agents.errors import UserError


def run(arguments: Sequence[str]) -> None:
    """Run the command."""
    call(score, "tasam score", arguments)


def score(
    runs: tyro.conf.Positional[tuple[Path, ...]],
    suite: str = "oran-v2",
    networks: int | None = None,
    scenarios: tuple[str, ...] = (),
    out: Path | None = None,
    trust_env: tuple[str, ...] = (),
) -> None:
    """Score the best actors of runs on a suite, deterministic, as `oran-env score` does with a policy.

    Each scenario is played by the run that was trained on it, else by the first that fits; what none fits is left out.

    Args:
        runs: run directories, one or more.
        suite: oran-v2, oran-v1, tiny-v1 or tiny-v2.
        networks: only the first so many of each scenario.
        scenarios: only these of the suite; default: all that fit.
        out: write the result to this JSON file.
        trust_env: environment ids with a module that the runs may name; else only a registry's are made.
    """
    from tasam_agents import public

    if not runs:
        raise UserError("no run given; allowed: one or more run directories")
    if out is not None and (out.is_dir() or not out.parent.is_dir()):
        raise UserError(f"out is {out}; allowed: a file in a directory that exists")
    found, players = public.score(runs, suite, networks, trust_env, scenarios)
    print(found.table())
    for path in dict.fromkeys(players.values()):
        print(f"{path} played: {', '.join(name for name, own in players.items() if own == path)}")
    for path in runs:
        if path not in players.values():
            print(f"{path} played nothing: no scenario that fits it was left; to compare runs, score each by itself")
    if out is not None:
        found.save(out)
        print(f"written: {out}")
