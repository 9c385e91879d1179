"""`tasam sharpness RUN`: how sharp the losses of a run are."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import tyro

from tasam_agents.cli.arguments import call, print_paths


def run(arguments: Sequence[str]) -> None:
    """Run the command."""
    call(sharpness, "tasam sharpness", arguments)


def sharpness(
    run: tyro.conf.Positional[Path],
    batches: int = 4,
    batch_size: int | None = None,
    products: int = 30,
    rho: float | None = None,
    double: bool = False,
    json: bool = False,
    trust_env: tuple[str, ...] = (),
) -> None:
    """Largest Hessian eigenvalue and ε-sharpness of every critic and actor of a run, on fixed batches.

    Args:
        run: run directory.
        batches: how many fixed batches.
        batch_size: joint transitions per batch; default: the run's own.
        products: Hessian-vector products per eigenvalue, at least 2.
        rho: radius of the ε-sharpness; default: 0.05.
        double: compute in double precision.
        json: print sharpness.json instead of the table.
        trust_env: environment ids with a module that the run may name; else only a registry's are made.
    """
    from json import dumps

    from tasam_agents.experiments.sharpness.measure import RHO, measure_run
    from tasam_agents.training.run_directory import RunDirectory

    found = measure_run(run, batches, batch_size, products, RHO if rho is None else rho, double, trust_env)
    files = found.write(RunDirectory.open(run))
    if json:
        print(dumps(found.document(), indent=1, allow_nan=False))
        return
    print(f"\n{found.text()}\n")
    print_paths(files)
