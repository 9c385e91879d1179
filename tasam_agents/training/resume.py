"""Going on with a run: what ``checkpoints/latest`` holds, and how a run is put back to where it stood."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from tasam_agents.config.fields import TrainConfig
from tasam_agents.envs.interface import BatchedEnv, NotReproducible, Resumable
from tasam_agents.envs.seeding import training_networks
from tasam_agents.files import run_log
from tasam_agents.files.atomic_write import set_aside, write_text_atomically
from tasam_agents.files.provenance import other_versions, versions
from tasam_agents.learner.learner import Learner
from tasam_agents.learner.replay import ReplayBuffer
from tasam_agents.training import checkpoint
from tasam_agents.training.checkpoint import CheckpointError
from tasam_agents.training.metric_window import MetricWindow
from tasam_agents.training.run_directory import RunDamaged, RunDirectory, RunError, changes
from tasam_agents.training.saved_state import check_state


class Resumed(Protocol):
    """What a checkpoint keeps of a training, and what it is put back into."""

    config: TrainConfig
    directory: RunDirectory
    env: BatchedEnv
    learner: Learner
    replay: ReplayBuffer
    window: MetricWindow
    observations: NDArray[np.float32]
    iteration: int
    env_steps: int
    is_reported: bool
    converged: bool
    best_validation_return: float | None
    remark: str
    earlier_s: float
    earlier_cpu_s: float

    @property
    def wall_time_s(self) -> float:
        """Time spent on the run, `earlier_s` of it in earlier sessions [s]."""

    @property
    def cpu_time_s(self) -> float:
        """CPU time spent on the run, `earlier_cpu_s` of it in earlier sessions [s]."""


def existing_run(path: Path, config: TrainConfig, accept_changes: bool = False) -> RunDirectory:
    """The run to resume; it may not have saved yet.

    Args:
        path: run directory.
        config: that the run is to go on with.
        accept_changes: allow another configuration than the checkpoint's, and other versions of what computes.

    Raises:
        RunError: it is none, or began with another configuration or other versions.
        CheckpointError: what it saved is damaged.
    """
    run = RunDirectory.open(path)
    different = changes(config.to_dict(), run.recorded_config().to_dict())
    if different:
        raise RunError(f"{path} cannot be resumed with another configuration: {different}")
    if checkpoint.exists(run.latest) and not accept_changes:
        run.check_unchanged(config)
        different = other_versions(checkpoint.load_state(run.latest).get("versions"))
        if different:
            raise RunError(
                f"{path} cannot be resumed with other versions: {different}; to go on all the same, no longer bit for "
                f"bit: tasam train --resume {path} --accept-changes"
            )
    return run


def save_latest(run: Resumed) -> None:
    """Write ``checkpoints/latest``: everything that ``restore_latest`` needs to go on bit for bit."""
    tensors: dict[str, dict[str, torch.Tensor]] = {
        "learner": run.learner.tensors(),
        "replay": run.replay.tensors(),
        "trainer": {"observations": torch.from_numpy(run.observations)},
    }
    if isinstance(run.env, Resumable):
        tensors["environment"] = {
            name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in run.env.get_state().items()
        }
    state = {
        "iteration": run.iteration,
        "env_steps": run.env_steps,
        "is_reported": run.is_reported,
        "converged": run.converged,
        "best_validation_return": run.best_validation_return,
        "wall_time_s": run.wall_time_s,
        "cpu_time_s": run.cpu_time_s,
        "window": run.window.state(),
        "learner": run.learner.scalars(),
        "log": run_log.seal(run.directory.metrics_file),
        "config": run.config.to_dict(),
        "versions": versions(),
    }
    checkpoint.save(run.directory.latest, tensors, state)


def restore_latest(run: Resumed, accept_changes: bool = False) -> None:
    """Go on where ``save_latest`` left off; later lines of metrics.jsonl are dropped and written again.

    A damaged checkpoint stays, renamed. A damaged log does so with ``accept_changes``.

    Raises:
        CheckpointError: no usable checkpoint.
        RunDamaged: the log is not the one that was saved.
    """
    saved = checkpoint.load(run.directory.latest)
    where = str(run.directory.latest)
    missing = {"learner", "replay", "trainer"} - saved.tensors.keys()
    if missing:
        raise CheckpointError(f"{where} lacks {', '.join(sorted(missing))}")
    checkpoint.check_fits(saved.tensors["learner"], run.learner.tensors(), where)
    checkpoint.check_fits(saved.tensors["trainer"], {"observations": torch.from_numpy(run.observations)}, where)
    state = saved.state
    try:
        check_state(state, run.config, run.learner.scalars(), is_same=not accept_changes)
    except CheckpointError as error:
        raise CheckpointError(f"{where}: {error}") from error
    try:
        run.replay.load_tensors(saved.tensors["replay"])
        run.learner.load_tensors(saved.tensors["learner"])
        run.learner.load_scalars(state["learner"])
    except (ValueError, KeyError, RuntimeError, TypeError) as error:
        raise CheckpointError(f"{where}: {error}") from error
    log, damage = run.directory.metrics_file, run_log.damage(run.directory.metrics_file, state["log"])
    if damage and not accept_changes:
        raise RunDamaged(
            f"{damage}; to go on with the lines that can be read, and keep the damaged log beside them: "
            f"tasam train --resume {run.directory.path} --accept-changes"
        )
    run.iteration, run.env_steps = state["iteration"], state["env_steps"]
    run.is_reported, run.converged = state["is_reported"], state["converged"]
    run.best_validation_return = state["best_validation_return"]
    run.earlier_s, run.earlier_cpu_s = state["wall_time_s"], state["cpu_time_s"]
    run.window.load_state(state["window"])
    _restore_environment(run, saved)
    if saved.passed_over is not None:
        set_aside(saved.passed_over)
    if damage:
        kept = run_log.salvaged(log, run.iteration)
        if os.path.lexists(log):
            set_aside(log)
        write_text_atomically(log, kept)
    else:
        run_log.cut(log, state["log"])


def _restore_environment(run: Resumed, saved: checkpoint.Checkpoint) -> None:
    """Put the environment back into its episodes, or begin new ones where it cannot be."""
    try:
        arrays = {name: tensor.numpy() for name, tensor in saved.tensors.get("environment", {}).items()}
        if not isinstance(run.env, Resumable) or not arrays:
            raise NotReproducible("the environment offers no state to save")
        run.env.set_state(arrays)
        run.observations = saved.tensors["trainer"]["observations"].numpy()
    except NotReproducible as reason:
        networks = training_networks(run.config.seed, run.config.num_envs, run.iteration)
        run.observations = run.env.reset(seed=networks)
        run.remark = f"resumed with new episodes, not bit for bit: {reason}"
    except (ValueError, KeyError, TypeError) as error:  # TypeError: numbers that NumPy does not have
        raise CheckpointError(f"{run.directory.latest}, environment: {error}") from error
