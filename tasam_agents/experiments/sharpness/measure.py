"""`tasam sharpness RUN`: how sharp the losses of a run are at the weights it ended with."""

from __future__ import annotations

import statistics
from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch

from tasam_agents.errors import UserError
from tasam_agents.experiments.sharpness.curvature import Ascent, Eigenvalue, ascent_sharpness, largest_eigenvalue
from tasam_agents.experiments.sharpness.fixed_losses import WITHOUT_ENTROPY, fixed_batches, load_learner, network_losses
from tasam_agents.files.atomic_write import write_json_atomically
from tasam_agents.plotting.style import write_table
from tasam_agents.plotting.text_table import text_table
from tasam_agents.training.progress import counted
from tasam_agents.training.run_directory import RunDirectory

RHO = 0.05
"""Radius of the ε-sharpness: one for all networks and runs, since the increase of the loss grows with it."""


@dataclass(frozen=True)
class Row:
    """One network's loss on every batch."""

    network: str
    kind: str
    eigenvalues: tuple[Eigenvalue, ...]
    ascents: tuple[Ascent, ...]

    def columns(self) -> dict[str, list[float]]:
        """Each measure by name, one value per batch."""
        return {
            "lambda_max": [found.largest for found in self.eigenvalues],
            "lambda_min": [found.smallest for found in self.eigenvalues],
            "residual": [found.residual for found in self.eigenvalues],
            "loss": [ascent.loss for ascent in self.ascents],
            "gradient_norm": [ascent.gradient_norm for ascent in self.ascents],
            "epsilon_sharpness": [ascent.increase for ascent in self.ascents],
        }


@dataclass(frozen=True)
class Sharpness:
    """All losses of a run, and what they were measured on."""

    run: str
    name: str
    training_seed: int
    iteration: int
    batch_size: int
    num_batches: int
    products: int
    double: bool
    rho: float
    rows: tuple[Row, ...]

    def document(self) -> dict[str, Any]:
        """What sharpness.json holds: for each loss the mean, spread and values over batches of every measure."""
        networks = []
        for row in self.rows:
            measures = {name: {**_summary(values), "values": values} for name, values in row.columns().items()}
            converged = [found.converged for found in row.eigenvalues]
            networks.append({"network": row.network, "kind": row.kind, "converged": converged, **measures})
        head = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "rows"}
        return {**head, "mean_lambda_max": self.means(), "losses": networks}

    def means(self) -> dict[str, float]:
        """λ_max averaged over batches and over the networks of each kind."""
        kinds = dict.fromkeys(row.kind for row in self.rows)
        return {
            kind: statistics.fmean(found.largest for row in self.rows if row.kind == kind for found in row.eigenvalues)
            for kind in kinds
        }

    def text(self) -> str:
        """An aligned table and what it rests on."""
        table = [["network", "loss", "λ_max", "± batches", "λ_min", "residual", "ε-sharpness", "± batches"]]
        for row in self.rows:
            columns = {name: _summary(values) for name, values in row.columns().items()}
            worst = max(found.relative_residual for found in row.eigenvalues)
            table.append([
                row.network,
                "without entropy" if row.kind == WITHOUT_ENTROPY else "as trained",
                *(_number(columns["lambda_max"][part]) for part in ("mean", "standard_deviation")),
                _number(columns["lambda_min"]["mean"]),
                f"{worst:.0e}" + ("" if all(found.converged for found in row.eigenvalues) else " !"),
                *(_number(columns["epsilon_sharpness"][part]) for part in ("mean", "standard_deviation")),
            ])  # fmt: skip
        means = ", ".join(f"{kind} {_number(mean)}" for kind, mean in self.means().items())
        noun = "batch" if self.num_batches == 1 else "batches"
        lines = [
            text_table(table, left=2),
            f"\nMean λ_max: {means}.",
            f"{self.name}, training seed {self.training_seed}, iteration {self.iteration}: mean and standard "
            f"deviation over {self.num_batches} fixed {noun} of {self.batch_size} joint transitions, "
            f"{'double' if self.double else 'single'} precision.",
            f"λ: largest and smallest eigenvalue of the Hessian (algebraic), by Lanczos with {self.products} "
            "Hessian-vector products; residual: the largest ‖Hv − λv‖/|λ| of a batch, ! where λ_max has not converged.",
            f"ε-sharpness: L(θ + ρ g/‖g‖) − L(θ) with ρ = {self.rho:g}.",
        ]
        return "\n".join(lines)

    def write(self, run: RunDirectory) -> list[Path]:
        """Write sharpness.json and sharpness.csv (a line per loss and batch); return their paths."""
        document = run.path / "sharpness.json"
        write_json_atomically(document, self.document(), indent=1)
        rows = [
            {"network": row.network, "kind": row.kind, "batch": batch}
            | {name: values[batch] for name, values in row.columns().items()}
            | {"products": found.products, "converged": found.converged}
            for row in self.rows
            for batch, found in enumerate(row.eigenvalues)
        ]
        return [document, write_table(run.path / "sharpness.csv", rows)]


def measure_run(
    path: Path,
    batches: int = 4,
    batch_size: int | None = None,
    products: int = 30,
    rho: float = RHO,
    double: bool = False,
    trusted: Collection[str] = (),
) -> Sharpness:
    """Measure every loss of a run on fixed batches.

    Args:
        path: run directory.
        batches: how many, at least 1.
        batch_size: n, joint transitions per batch; by default the run's own κ.
        products: Hessian-vector products per eigenvalue, at least 2.
        rho: ρ of the ε-sharpness, >= 0.
        double: compute in double precision, on the same batches and noise.
        trusted: environment ids with a module that the user named beside the file.

    Raises:
        UserError: not a run, an argument out of range, or a loss without a finite curvature.
        CheckpointError, EnvironmentRefused: see there.
    """
    run = RunDirectory.open(path)
    config = run.config(trusted)
    n = config.learner.batch_size if batch_size is None else batch_size
    for name, value, least in (("batches", batches, 1), ("batch_size", n, 1), ("products", products, 2)):
        if value < least:
            raise UserError(f"{name} is {value}; allowed: {least} or more")
    if not (np.isfinite(rho) and rho >= 0):
        raise UserError(f"rho is {rho}; allowed: a finite number >= 0")
    learner, iteration = load_learner(run, config)
    samples = fixed_batches(learner, config, batches, n)
    dtype = torch.float64 if double else torch.float32
    per_batch = [network_losses(learner, batch, number, dtype) for number, batch in enumerate(samples)]
    work = [(number, of_batch) for number, batch in enumerate(per_batch) for of_batch in batch]
    found: dict[tuple[str, str], list[tuple[Eigenvalue, Ascent]]] = {}
    for _, each in counted(work, len(work), "loss"):
        try:
            eigenvalue = largest_eigenvalue(each.loss, each.parameters, products)
        except FloatingPointError as error:
            raise UserError(f"{path}, loss of {each.network}: {error}") from error
        ascent = ascent_sharpness(each.loss, each.parameters, rho)
        found.setdefault((each.network, each.kind), []).append((eigenvalue, ascent))
    rows = tuple(
        Row(network, kind, tuple(one for one, _ in pairs), tuple(other for _, other in pairs))
        for (network, kind), pairs in found.items()
    )
    return Sharpness(str(path), config.name, config.seed, iteration, n, batches, products, double, rho, rows)


def _summary(values: Sequence[float]) -> dict[str, float | None]:
    spread = statistics.stdev(values) if len(values) > 1 else None
    return {"mean": statistics.fmean(values), "standard_deviation": spread}


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"
