"""A film of the best policy of a run at work, deterministic, on one network."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oran_env import OranParallelEnv
from oran_env.rendering import RENDER_FPS, check_output, write_film
from tasam_agents.baselines import BaselineConfig
from tasam_agents.config.fields import TrainConfig
from tasam_agents.envs.interface import EnvironmentRefused, ObservationPolicy, ended
from tasam_agents.envs.make import make_env
from tasam_agents.envs.seeding import Seed, checked_seed, held_out_networks
from tasam_agents.envs.sequential import SequentialBatch
from tasam_agents.errors import UserError
from tasam_agents.experiments.any_run import config_of, policy_of
from tasam_agents.training.progress import counted
from tasam_agents.training.run_directory import RunDirectory


def film_run(
    path: Path,
    out: Path | None = None,
    steps: int | None = None,
    seed: int | None = None,
    fps: float = RENDER_FPS,
    trusted: Collection[str] = (),
) -> Path:
    """Film the best policy of a run, our own or a baseline's, deterministic, on one network; return the file.

    Args:
        path: run directory.
        out: .gif, .mp4, or .png for the last frame alone; by default ``figures/watch.gif`` of the run.
        steps: frames, one per step; by default one episode.
        seed: of the network; by default the first of the held-out ones.
        fps: frames per second.
        trusted: environment ids with a module that the user named beside the file.

    Raises:
        UserError: not a run, nothing trained yet, another environment than oran_env's, steps or seed out of range.
        CheckpointError, EnvironmentRefused, FilmError, MissingExtra: see there.
    """
    config = config_of(path, trusted)
    out = RunDirectory(path).figures / "watch.gif" if out is None else out
    check_output(out)
    if steps is not None and steps < 1:
        raise UserError(f"steps is {steps}; allowed: 1 or more")
    try:
        checked_seed(0 if seed is None else seed)
    except ValueError as error:
        raise UserError(str(error)) from error
    policy = policy_of(path, trusted=trusted)
    env = _drawing_env(path, config)
    env.unwrapped.caption = f"policy: {config.name}, trained"
    name: Seed = held_out_networks(1)[0] if seed is None else seed
    batch = SequentialBatch([env], [name])  # steps the very environment that is drawn
    steps = env.unwrapped.scenario.control.horizon if steps is None else steps
    frames = _play(env, batch, policy, name, steps)
    write_film(counted(frames, steps, "frame"), out, fps)
    return out


def _drawing_env(path: Path, config: TrainConfig | BaselineConfig) -> Any:
    """The environment of a run in mode "rgb_array"; refuse another one than oran_env's, whose picture is unknown."""
    env = make_env(config.env_id, config.env_kwargs)
    if not isinstance(env.unwrapped, OranParallelEnv):
        raise UserError(
            f"{path} was trained on {config.env_id!r}, which cannot be watched; "
            "allowed: runs on the environments of oran_env"
        )
    try:
        return make_env(config.env_id, {**config.env_kwargs, "render_mode": "rgb_array"})
    except EnvironmentRefused as error:
        raise UserError(f"{path} cannot be watched: {error}") from error


def _play(
    env: Any, batch: SequentialBatch, policy: ObservationPolicy, name: Seed, steps: int
) -> Iterator[NDArray[np.uint8]]:
    """Frames after each step; episodes follow one another."""
    observations = batch.reset(seed=[name])
    for _ in range(steps):
        step = batch.step(policy(observations))
        yield env.render()
        observations = batch.reset_done() if ended(step).any() else step.observations
