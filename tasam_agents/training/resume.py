"""Going on with a run: what ``checkpoints/latest`` holds, and how a run is put back to where it stood."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from tasam_agents.config.fields import TrainConfig
from tasam_agents.envs.interface import BatchedEnv, NotReproducible, Resumable
from tasam_agents.envs.seeding import training_networks
from tasam_agents.learner.learner import Learner
from tasam_agents.learner.replay import ReplayBuffer
from tasam_agents.training import checkpoint
from tasam_agents.training.checkpoint import CheckpointError
from tasam_agents.training.metric_window import MetricWindow
from tasam_agents.training.run_directory import RunDirectory, RunError, changes


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
    converged: bool
    best_validation_return: float | None
    remark: str
    earlier_s: float

    @property
    def wall_time_s(self) -> float:
        """Time spent on the run, `earlier_s` of it in earlier sessions [s]."""


def existing_run(path: Path, config: TrainConfig) -> RunDirectory:
    """The run to resume.

    Raises:
        RunError: it is none, has nothing saved, or began with another configuration.
    """
    run = RunDirectory.open(path)
    if not checkpoint.exists(run.latest):
        raise RunError(f"{path} cannot be resumed: there is no {run.latest}")
    different = changes(config.to_dict(), run.recorded_config().to_dict())
    if different:
        raise RunError(f"{path} cannot be resumed with another configuration: {different}")
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
        "converged": run.converged,
        "best_validation_return": run.best_validation_return,
        "wall_time_s": run.wall_time_s,
        "window": run.window.state(),
        "learner": run.learner.scalars(),
    }
    checkpoint.save(run.directory.latest, tensors, state)


def restore_latest(run: Resumed) -> None:
    """Go on where ``save_latest`` left off; later lines of metrics.jsonl are dropped and written again.

    Raises:
        CheckpointError: no usable checkpoint.
    """
    saved = checkpoint.load(run.directory.latest)
    where = str(run.directory.latest)
    missing = {"learner", "replay", "trainer"} - saved.tensors.keys()
    if missing:
        raise CheckpointError(f"{where} lacks {', '.join(sorted(missing))}")
    checkpoint.check_fits(saved.tensors["learner"], run.learner.tensors(), where)
    checkpoint.check_fits(saved.tensors["trainer"], {"observations": torch.from_numpy(run.observations)}, where)
    try:
        run.replay.load_tensors(saved.tensors["replay"])
    except (ValueError, KeyError, RuntimeError) as error:
        raise CheckpointError(f"{where}, replay: {error}") from error
    state = saved.state
    run.learner.load_tensors(saved.tensors["learner"])
    run.learner.load_scalars(state["learner"])
    run.iteration, run.env_steps = state["iteration"], state["env_steps"]
    run.converged = state["converged"]
    run.best_validation_return = state["best_validation_return"]
    run.earlier_s = state["wall_time_s"]
    run.window.load_state(state["window"])
    _restore_environment(run, saved)
    run.directory.truncate_metrics(run.iteration)


def _restore_environment(run: Resumed, saved: checkpoint.Checkpoint) -> None:
    """Put the environment back into its episodes, or begin new ones where it cannot be."""
    arrays = {name: tensor.numpy() for name, tensor in saved.tensors.get("environment", {}).items()}
    try:
        if not isinstance(run.env, Resumable) or not arrays:
            raise NotReproducible("the environment offers no state to save")
        run.env.set_state(arrays)
        run.observations = saved.tensors["trainer"]["observations"].numpy()
    except NotReproducible as reason:
        networks = training_networks(run.config.seed, run.config.num_envs, run.iteration)
        run.observations = run.env.reset(seed=networks)
        run.remark = f"resumed with new episodes, not bit for bit: {reason}"
    except (ValueError, KeyError) as error:
        raise CheckpointError(f"{run.directory.latest}, environment: {error}") from error
