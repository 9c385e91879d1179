"""The configurations that are no change of another one: what everything else begins from."""

from __future__ import annotations

from dataclasses import replace

from tasam_agents.config.fields import LearnerConfig, TrainConfig
from tasam_agents.config.sam import GateConfig, RadiusConfig, RhoSchedule, SamConfig
from tasam_agents.config.temperature import TemperatureConfig

ORAN_INPUT_SCALING = (("qos", 0.5, 0.0), ("num_ues", 1.0 / 3.0, 12.0), ("previous_action", 0.0, 0.0))
"""Inputs for the O-RAN environment: UE counts around an even mix, spread over ±4, so that an actor can change its mind
between two of them. Of what else a DU sees the next reward depends little where nothing queues."""


def same_radius(schedule: RhoSchedule) -> RadiusConfig:
    """One schedule of ρ for actors and critics."""
    return RadiusConfig(actor=schedule, critic=schedule)


SMALL_RADIUS = same_radius(RhoSchedule(start=0.01, end=0.001))

PAPER = TrainConfig()
"""The paper's printed values, the defaults of the fields: one network, one update per iteration, all observations as
they are, and the exact second gradient of eq. (11). What it leaves open stands in docs/differences.md."""

DEFAULT = TrainConfig(
    name="TA-SAM",
    env_kwargs={"scenario": "paper", "codec": "zones"},
    choose="owned_rbs",
    choices=(6, 9, 12),
    num_envs=64,
    trial_iterations=24,
    iterations=72,
    steps_per_iteration=10,
    updates_per_iteration=60,
    warmup_steps=80,
    replay_capacity=60_000,
    evaluate_every=9,
    validation_envs=64,
    log_every=9,
    learner=LearnerConfig(
        hidden=(64, 64),
        shared_actor=True,
        critic="pooled",
        objective="individual",
        actor_learning_rate=1e-2,
        critic_learning_rate=1e-2,
        final_learning_rate_factor=0.02,
        gamma=0.0,
        input_scaling=ORAN_INPUT_SCALING,
        temperature=TemperatureConfig(initial=0.0245, learning_rate=0.0),
        sam=SamConfig(cross_values="linear"),
        radius=SMALL_RADIUS,
        gate=GateConfig(lambda_td="relative"),
    ),
)
"""What `make train` uses: the paper's policy and algorithm on four values per DU (codec `zones`) in place of 200, and
small networks; docs/learning.md says why each part is there. Warm-up and temperature are those that `tasam tune` has
found for the rival `sac_zones`."""

TINY = replace(
    DEFAULT,
    name="TA-SAM-tiny",
    env_kwargs={"scenario": "tiny", "codec": "zones", "owned_rbs": 3},
    choose="",
    choices=(),
    num_envs=16,
    iterations=50,
    steps_per_iteration=5,
    updates_per_iteration=15,
    warmup_steps=100,
    replay_capacity=5000,
    evaluate_every=10,
    validation_envs=16,
    learner=replace(DEFAULT.learner, hidden=(32, 32), actor_learning_rate=8.6e-3, critic_learning_rate=8.6e-3),
)
"""Two DUs, ten RBs and small networks, a few seconds: for tests and first steps."""

DYNAMIC = replace(
    DEFAULT,
    name="TA-SAM-dynamic",
    env_kwargs={"scenario": "dynamic", "codec": "zones", "owned_rbs": 0, "observation": "kpm"},
    choose="",
    choices=(),
    iterations=216,
    replay_capacity=180_000,
    evaluate_every=27,
    log_every=27,
    learner=replace(
        DEFAULT.learner,
        hidden=(128, 128),
        batch_size=43,
        gamma=0.95,
        polyak=0.05,
        actor_learning_rate=4.4e-3,
        critic_learning_rate=8.4e-3,
        temperature=TemperatureConfig(initial=0.036, learning_rate=0.0),
        input_scaling=(
            ("qos", 0.5, 2.0), ("num_ues", 1.0 / 3.0, 6.0), ("backlog", 0.5, 1.0), ("load", 0.5, 2.0),
            ("delay", 0.5, 2.0), ("cqi", 0.5, 4.0), ("prb_use", 0.3, 2.0), ("interference", 0.5, 2.0),
            ("previous_action", 0.5, 4.0),
        ),
    ),
)  # fmt: skip
"""For the preset `dynamic`, where what waits is seen, and what is done now pays later: all that a DU can report is
read, for three times as long. Chosen on validation networks (docs/learning.md)."""

SIMPLE_SPREAD = TrainConfig(
    name="TA-SAM-simple-spread",
    env_id="mpe2.simple_spread_v3:parallel_env",
    env_kwargs={"continuous_actions": True, "N": 2},
    num_envs=4,
    iterations=60,
    steps_per_iteration=25,
    updates_per_iteration=25,
    warmup_steps=50,
    replay_capacity=10_000,
    evaluate_every=10,
    validation_envs=16,
    log_every=5,
    learner=LearnerConfig(
        hidden=(64, 64),
        actor_learning_rate=1e-3,
        critic_learning_rate=3e-3,
        batch_size=64,
        gamma=0.8,
        polyak=0.05,
        reward_scale=2.0,
        sam=SamConfig(cross_values="linear"),
        radius=same_radius(RhoSchedule(0.05, 0.01)),
        gate=GateConfig(calibration=(10, 20)),
    ),
)
"""Somebody else's environment, half a minute: two agents learn to cover two landmarks."""

GENERAL = TrainConfig(
    name="TA-SAM-general",
    env_id="mpe2.simple_spread_v3:parallel_env",
    env_kwargs={},
    num_envs=8,
    iterations=100,
    steps_per_iteration=25,
    updates_per_iteration=50,
    warmup_steps=100,
    replay_capacity=100_000,
    evaluate_every=10,
    validation_envs=16,
    log_every=5,
    learner=LearnerConfig(
        hidden=(64, 64),
        actor_learning_rate=1e-3,
        critic_learning_rate=1e-3,
        gamma=0.95,
        polyak=0.01,
        temperature=TemperatureConfig(initial=0.01),
        sam=SamConfig(cross_values="linear"),
        radius=SMALL_RADIUS,
        gate=GateConfig(lambda_td="relative"),
    ),
)
"""Usual values for an environment of which nothing is known, tuned for none. What is meant for O-RAN (γ = 0, one DU's
view, inputs, a fixed temperature) is taken back where another environment is asked for: `for_environment`."""

BASES = {
    "default": DEFAULT,
    "paper": PAPER,
    "tiny": TINY,
    "dynamic": DYNAMIC,
    "simple_spread": SIMPLE_SPREAD,
    "general": GENERAL,
}
"""The configurations that are not a change of another one."""
