"""Short trainings that several tests share, and one that stops in between."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tasam_agents.config import GateConfig, TrainConfig
from tasam_agents.config.variants import VARIANTS
from tasam_agents.training.interruption import StopRequest
from tasam_agents.training.progress import Progress
from tasam_agents.training.run_directory import RunDirectory
from tasam_agents.training.trainer import Interrupted, Training

FAKE = replace(
    VARIANTS["tiny"],
    env_id="support.fakes:target_env",
    env_kwargs={},
    num_envs=3,
    iterations=12,
    steps_per_iteration=4,
    updates_per_iteration=2,
    warmup_steps=5,
    replay_capacity=60,  # the ring wraps
    evaluate_every=4,
    validation_envs=2,
    log_every=3,
    learner=replace(VARIANTS["tiny"].learner, input_scaling=(), hidden=(16, 16), gate=GateConfig(calibration=(5, 12))),
)
SPREAD = replace(
    FAKE,
    env_id="mpe2.simple_spread_v3:parallel_env",
    env_kwargs={"continuous_actions": True, "max_cycles": 9},
)
ORAN = replace(VARIANTS["tiny"], iterations=12, evaluate_every=4, log_every=3)


def stop_after(config: TrainConfig, path: Path, iteration: int) -> None:
    """Train until a stop is requested during an iteration, as Ctrl-C does."""
    RunDirectory.create(path, config)
    training = Training(config, RunDirectory(path))
    stop = StopRequest(lambda _: None)
    collect = training.collect

    def watched(steps: int, policy: Any) -> None:
        collect(steps, policy)
        stop.made = training.iteration == iteration

    training.collect = watched  # type: ignore[method-assign]
    with pytest.raises(Interrupted, match=f"saved after iteration {iteration} of .*tasam train --resume {path}"):
        training.run(Progress(config.iterations, quiet=True), stop)
