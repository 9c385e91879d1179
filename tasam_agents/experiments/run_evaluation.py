"""All policies on the same held-out networks: paired differences, a table, evaluation.json and evaluation.csv."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from oran_env.scenario.slices import SLICES
from tasam_agents.baselines import BaselineConfig
from tasam_agents.baselines.training import load_policy
from tasam_agents.config.fields import TrainConfig
from tasam_agents.envs.interface import BatchedEnv, ObservationPolicy
from tasam_agents.envs.make import make_batched, reference_arguments, reference_policies
from tasam_agents.envs.seeding import Seed, held_out_networks
from tasam_agents.errors import Damaged, UserError
from tasam_agents.experiments.any_run import config_of
from tasam_agents.files.atomic_write import write_json_atomically
from tasam_agents.files.form import check_form
from tasam_agents.files.sealed import read_sealed, sealed
from tasam_agents.plotting.style import write_table
from tasam_agents.plotting.text_table import text_table
from tasam_agents.stats.intervals import Interval, mean_interval, paired_difference
from tasam_agents.training import checkpoint
from tasam_agents.training.evaluation import Episodes, evaluate, load_actors, run_policy
from tasam_agents.training.progress import duration
from tasam_agents.training.run_directory import RunDirectory, RunError
from tasam_agents.training.saved_state import entry


@dataclass(frozen=True)
class Row:
    """One policy of the comparison."""

    policy: str
    episodes: Episodes
    mean: Interval  # return over networks
    difference: Interval | None  # return of the first row minus this one's, paired by network


@dataclass(frozen=True)
class Comparison:
    """All policies on the same networks; the first row is the run's own, deterministic."""

    run: str
    config: TrainConfig | BaselineConfig
    iteration: int  # at which the evaluated actors were saved
    training_s: float
    evaluation_s: float
    rows: tuple[Row, ...]
    networks: tuple[int, ...]  # numbers among the held-out ones

    def text(self) -> str:
        """An aligned table and what it rests on."""
        own = self.rows[0].episodes
        slices = SLICES if "satisfied" in own.info and own.info["satisfied"].shape[1:] == (len(SLICES),) else ()
        table = [["policy", "return [95 %]", f"{self.config.name} minus it [95 %]", *slices]]
        for row in self.rows:
            shares = [f"{share:.0%}" for share in _json_mean(row.episodes.info["satisfied"])] if slices else []
            difference = row.difference.text("+") if row.difference else ""
            table.append([row.policy, row.mean.text(), difference, *shares])
        lines = [text_table(table)]
        lines.append(
            f"\nReturn: mean reward per agent and step, one episode in each of {len(self.networks)} held-out networks "
            f"(numbers {self.networks[0]} to {self.networks[-1]}), the same for every policy."
            f"\nDifferences are those of {self.rows[0].policy}, paired by network. Intervals are over networks, "
            f"not over runs: this is one training seed ({self.config.seed})."
        )
        if slices:
            lines.append("eMBB, mMTC, URLLC: share of agents and steps in which the slice reached its Q_min.")
        lines.append(
            f"Actors of iteration {self.iteration} of {self.config.iterations}. Training took "
            f"{duration(self.training_s)}, this evaluation {duration(self.evaluation_s)}."
        )
        return "\n".join(lines)

    def write(self, run: RunDirectory) -> list[Path]:
        """Write evaluation.json (with the return of every network) and evaluation.csv; return their paths.

        An evaluation on more networks is not replaced: then the files are evaluation_N.json and .csv.
        """
        rows = [self._document(row) for row in self.rows]
        document = {
            "run": self.run,
            "name": self.config.name,
            "training_seed": self.config.seed,
            "iteration": self.iteration,
            "num_networks": len(self.networks),
            "networks": list(self.networks),
            "training_wall_time_s": self.training_s,
            "evaluation_wall_time_s": self.evaluation_s,
            "policies": rows,
        }
        file = run.evaluation_file
        if _networks_of(file) > len(self.networks):
            file = file.with_name(f"{file.stem}_{len(self.networks)}{file.suffix}")
        write_json_atomically(file, sealed(document), indent=1)
        return [file, write_table(file.with_suffix(".csv"), map(_flat, rows))]

    @staticmethod
    def _document(row: Row) -> dict[str, Any]:
        return {
            "policy": row.policy,
            "return": asdict(row.mean),
            "difference": None if row.difference is None else asdict(row.difference),
            "info": {name: _json_mean(value) for name, value in row.episodes.info.items()},
            "returns": row.episodes.returns.tolist(),
        }


def compare_with_references(
    policies: Mapping[str, ObservationPolicy],
    env: BatchedEnv,
    env_id: str,
    env_kwargs: Mapping[str, Any],
    names: Sequence[Seed],
) -> tuple[Row, ...]:
    """`compare`, with the reference policies of the environment on the same networks, where they act at their best."""
    offered = reference_policies(env_id, env_kwargs)
    arguments = reference_arguments(env_id, env_kwargs)
    theirs = env if arguments == dict(env_kwargs) else make_batched(env_id, arguments, env.num_envs, names)
    acting = {name: (policy, env) for name, policy in policies.items()}
    return compare(acting | {name: (policy, theirs) for name, policy in offered.items()}, names)


def compare(policies: Mapping[str, tuple[ObservationPolicy, BatchedEnv]], names: Sequence[Seed]) -> tuple[Row, ...]:
    """Evaluate every policy on the same networks; differences are those of the first one minus each other.

    Raises:
        UserError: fewer than two networks, from which no interval follows.
    """
    if len(names) < 2:
        raise UserError(f"networks is {len(names)}; allowed: 2 or more, an interval needs them")
    episodes = {name: evaluate(policy, env, names) for name, (policy, env) in policies.items()}
    own = next(iter(episodes.values()))
    rows = []
    for name, result in episodes.items():
        mean = mean_interval(result.returns)
        assert mean is not None  # there are two networks or more
        difference = None if result is own else paired_difference(own.returns, result.returns)
        rows.append(Row(name, result, mean, difference))
    return tuple(rows)


def evaluate_run(path: Path, num_networks: int = 20, trusted: Collection[str] = ()) -> Comparison:
    """Compare the best actors of a run, deterministic and sampled, with the environment's reference policies.

    Runs of our own and of baselines are evaluated alike.

    Args:
        path: run directory.
        num_networks: held-out networks, at least 2.
        trusted: environment ids with a module that the user named beside the file.

    Raises:
        UserError: see there.
    """
    began = time.perf_counter()
    run = RunDirectory.open(path)
    config = config_of(path, trusted)
    names = held_out_networks(num_networks)
    if not checkpoint.exists(run.best):
        raise RunError(f"{path} has no checkpoint to evaluate yet: there is no {run.best}")
    saved = checkpoint.load(run.best)
    env = make_batched(config.env_id, config.env_kwargs, num_networks, names)
    if isinstance(config, BaselineConfig):
        torch.manual_seed(0)  # the library samples from the global generator
        deterministic, sampled = (load_policy(path, which, trusted) for which in (True, False))
    else:
        learner = load_actors(saved, run.best, config, env)
        deterministic = run_policy(learner, config, env, deterministic=True)
        sampled = run_policy(learner, config, env, deterministic=False)
    policies: dict[str, ObservationPolicy] = {
        f"{config.name} (deterministic)": deterministic,
        f"{config.name} (sampled)": sampled,
    }
    rows = compare_with_references(policies, env, config.env_id, config.env_kwargs, names)
    lines = run.metrics()
    training_s = lines[-1].get("wall_time_s", 0.0) if lines else 0.0
    check_form(training_s, float, f"{run.metrics_file}, wall_time_s")
    return Comparison(
        run=str(path),
        config=config,
        iteration=entry(saved.state, "iteration", 0),
        training_s=training_s,
        evaluation_s=time.perf_counter() - began,
        rows=rows,
        networks=tuple(range(num_networks)),
    )


def read_evaluation(file: Path) -> dict[str, Any]:
    """What ``Comparison.write`` wrote: ``name``, ``num_networks``, and of ``policies`` each ``policy`` and ``return``.

    Raises:
        FileNotFoundError: there is none.
        Damaged: it is not what was written.
    """
    policy = {"policy": str, "return": {"mean": float}}
    return read_sealed(file, "an evaluation", {"name": str, "num_networks": int, "policies": [policy]})


def _networks_of(file: Path) -> int:
    """On how many networks the evaluation in a file was made; 0: there is none that can be read."""
    try:
        return int(read_evaluation(file)["num_networks"]) if file.is_file() else 0
    except Damaged:
        return 0


def _json_mean(value: NDArray[np.float64]) -> Any:
    """Mean over networks, None where no network has a value."""
    finite = np.isfinite(value)
    total, count = np.where(finite, value, 0.0).sum(axis=0), finite.sum(axis=0)
    means = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return [_or_none(x) for x in means] if means.ndim else _or_none(means)


def _or_none(number: Any) -> float | None:
    return None if np.isnan(number) else float(number)


def _flat(row: Mapping[str, Any]) -> dict[str, Any]:
    """One CSV line of a policy: nested names joined by "_", slices by name."""
    flat: dict[str, Any] = {"policy": row["policy"]}
    for group in ("return", "difference"):
        interval = row[group] or {"mean": None, "low": None, "high": None}
        flat |= {f"{group}_{name}": number for name, number in interval.items()}
    for name, value in row["info"].items():
        if isinstance(value, list):
            labels = SLICES if len(value) == len(SLICES) else tuple(map(str, range(len(value))))
            flat |= {f"{name}_{label}": number for label, number in zip(labels, value, strict=True)}
        else:
            flat[name] = value
    return flat
