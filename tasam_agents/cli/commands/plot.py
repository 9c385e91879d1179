"""`tasam plot RUN…`: the figures of runs."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import tyro

from tasam_agents.cli.arguments import call, print_paths
from tasam_agents.errors import UserError
from tasam_agents.training.run_directory import RunDirectory

PICTURES = (".png", ".pdf", ".svg")


def run(arguments: Sequence[str]) -> None:
    """Run the command."""
    call(plot, "tasam plot", arguments)


def plot(runs: tyro.conf.Positional[tuple[Path, ...]], output: Path | None = None) -> None:
    """Draw the figures of each run, and the learning curves of several on one picture.

    Args:
        runs: run directories, one or more.
        output: where the common picture goes; default, for several runs: learning_curves.png beside them.
    """
    from tasam_agents.experiments.run_figures import draw_run, learning_curves

    if not runs:
        raise UserError("no run given; allowed: one or more run directories")
    if output is not None and output.suffix not in PICTURES:
        raise UserError(f"output is {output}; allowed: a file ending in {', '.join(PICTURES)}")
    directories = [RunDirectory.open(path) for path in runs]
    pictures = [picture for run in directories for picture in draw_run(run)]
    if len(directories) > 1 or output is not None:
        beside = Path(os.path.commonpath([path.absolute().parent for path in runs]))
        pictures.append(learning_curves(directories, output or beside / "learning_curves.png"))
    print_paths(pictures)
