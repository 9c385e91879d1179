"""Named configurations: each differs from the default by its fields alone."""

from __future__ import annotations

from dataclasses import replace

from tasam_agents.config import (
    GateConfig,
    LearnerConfig,
    RadiusConfig,
    RhoSchedule,
    SamConfig,
    TrainConfig,
)

DEFAULT = TrainConfig(name="TA-SAM")
"""What `make train` uses."""

PAPER = TrainConfig(
    name="TA-SAM-paper",
    num_networks=1,
    iterations=1000,
    steps_per_iteration=10,
    updates_per_iteration=1,
    learner=LearnerConfig(
        actor_learning_rate=1e-4,
        critic_learning_rate=1e-4,
        batch_size=128,
        radius=RadiusConfig(actor=RhoSchedule(0.5, 0.01), critic=RhoSchedule(0.5, 0.01)),
        input_scaling=(),
    ),
)
"""Section VI-A and Table 1 to the letter: one network, one update per iteration, all observations as they are."""

TINY = replace(
    DEFAULT,
    name="TA-SAM-tiny",
    env_kwargs={"scenario": "tiny"},
    num_networks=4,
    iterations=40,
    steps_per_iteration=5,
    updates_per_iteration=2,
    warmup_steps=25,
    replay_capacity=2000,
    evaluate_every=10,
    validation_networks=4,
    log_every=5,
    learner=replace(
        DEFAULT.learner,
        hidden=(32, 32),
        actor_learning_rate=1e-3,
        critic_learning_rate=1e-3,
        batch_size=32,
        gate=GateConfig(calibration=(10, 20)),
    ),
)
"""Two DUs and small networks, a few seconds: for tests and first steps."""

SIMPLE_SPREAD = replace(
    TINY,
    name="TA-SAM-simple-spread",
    env_id="mpe2.simple_spread_v3:parallel_env",
    env_kwargs={"continuous_actions": True, "N": 2},
    iterations=60,
    steps_per_iteration=25,
    updates_per_iteration=25,
    warmup_steps=50,
    replay_capacity=10_000,
    validation_networks=16,
    learner=replace(
        TINY.learner,
        hidden=(64, 64),
        critic_learning_rate=3e-3,
        batch_size=64,
        gamma=0.8,
        polyak=0.05,
        reward_scale=2.0,
        radius=RadiusConfig(actor=RhoSchedule(0.05, 0.01), critic=RhoSchedule(0.05, 0.01)),
        input_scaling=(),
    ),
)
"""Somebody else's environment, half a minute: two agents learn to cover two landmarks."""


def _without_sam(config: TrainConfig, name: str) -> TrainConfig:
    """Plain multi-agent SAC: no second gradient anywhere."""
    sam = SamConfig(critic=False, actors="none")
    return replace(config, name=name, learner=replace(config.learner, sam=sam))


VARIANTS: dict[str, TrainConfig] = {
    "default": DEFAULT,
    "paper": PAPER,
    "no_sam": _without_sam(DEFAULT, "SAC-MARL"),
    "tiny": TINY,
    "tiny_no_sam": _without_sam(TINY, "SAC-MARL-tiny"),
    "simple_spread": SIMPLE_SPREAD,
}
