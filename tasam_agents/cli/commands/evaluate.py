"""`tasam evaluate RUN`: the best actors of a run beside the reference policies, on held-out networks."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

import tyro

from tasam_agents.cli.arguments import call, print_paths

HELD_OUT_NETWORKS = 20


def run(arguments: Sequence[str]) -> None:
    """Run the command."""
    call(evaluate, "tasam evaluate", arguments)


def evaluate(
    run: tyro.conf.Positional[Path], networks: int = HELD_OUT_NETWORKS, trust_env: tuple[str, ...] = ()
) -> None:
    """Compare the best actors of a run with the reference policies on held-out networks.

    Args:
        run: run directory.
        networks: how many held-out networks, at least 2.
        trust_env: environment ids with a module that the run may name; else only a registry's are made.
    """
    evaluate_and_draw(run, networks, trust_env)


def evaluate_and_draw(path: Path, num_networks: int, trusted: Collection[str] = ()) -> None:
    """Print and write the comparison of a run, and draw its figures."""
    from tasam_agents.experiments.run_evaluation import evaluate_run
    from tasam_agents.experiments.run_figures import draw_run
    from tasam_agents.training.run_directory import RunDirectory

    comparison = evaluate_run(path, num_networks, trusted)
    run = RunDirectory.open(path)
    files = comparison.write(run)
    print(f"\n{comparison.text()}\n")
    print_paths([*files, *draw_run(run)])
