"""Named configurations: each differs from the default by its fields alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tasam_agents.config.fields import (
    ORAN_INPUT_SCALING,
    AnchorConfig,
    GateConfig,
    LearnerConfig,
    NetworkRegularisation,
    PolicyConfig,
    RadiusConfig,
    RegularisationConfig,
    RhoSchedule,
    SamConfig,
    TemperatureConfig,
    TrainConfig,
)

_SMALL_RADIUS = RhoSchedule(start=0.01, end=0.001)

_DEFAULT_INPUTS = (("qos", 0.5, 2.0), ("num_ues", 1.0 / 3.0, 12.0), ("previous_action", 0.0, 0.0))
"""The numbers of UEs spread over ±4: with less, the bits settle before the policy has learnt to follow them."""

DEFAULT = TrainConfig(
    name="TA-SAM",
    num_envs=64,
    iterations=150,
    steps_per_iteration=10,
    updates_per_iteration=6,
    warmup_steps=0,
    replay_capacity=20_000,
    evaluate_every=10,
    validation_envs=16,
    threads=2,
    matmul_precision="medium",
    learner=LearnerConfig(
        critic="resource",
        objective="team",
        actor_learning_rate=1e-3,
        critic_learning_rate=1e-3,
        final_learning_rate_factor=0.02,
        gamma=0.3,
        batch_size=192,
        actor_delay=180,
        input_scaling=_DEFAULT_INPUTS,
        policy=PolicyConfig(
            "bernoulli", reserved_share=0.42, reserved_claim=0.003, final_sharpness=8.0, sharpen_from=0.5
        ),
        temperature=TemperatureConfig(initial=3e-4, target_entropy_per_dim=0.1, final_target_entropy_per_dim=0.01),
        radius=RadiusConfig(actor=_SMALL_RADIUS, critic=_SMALL_RADIUS),
        gate=GateConfig(lambda_td="relative"),
    ),
)
"""What `make train` uses: the paper's networks, and what learnt well in a few minutes on two cores; docs/learning.md
says why each part is there, docs/results/tuning.csv what was tried. Many radio networks side by side give each update
fresh transitions: the noise of the reward is what limits learning."""

PAPER = TrainConfig(
    name="TA-SAM-paper",
    num_envs=1,
    iterations=1000,
    steps_per_iteration=10,
    updates_per_iteration=1,
    learner=LearnerConfig(
        actor_learning_rate=1e-4,
        critic_learning_rate=1e-4,
        batch_size=128,
        radius=RadiusConfig(actor=RhoSchedule(0.5, 0.01), critic=RhoSchedule(0.5, 0.01)),
        sam=SamConfig(cross_values="exact"),
        input_scaling=(),
    ),
)
"""The paper's printed values: one network, one update per iteration, all observations as they are, and the exact second
gradient of eq. (11). What it leaves open stands in docs/differences.md."""


def with_learner(config: TrainConfig, name: str, **fields: Any) -> TrainConfig:
    """The same run with other fields of the learner."""
    return replace(config, name=name, learner=replace(config.learner, **fields))


NO_SAM = SamConfig(critic=False, actors="none")
_PAPER_RADIUS = RhoSchedule(start=0.5, end=0.01)
_STATIC_RADIUS = RhoSchedule(start=0.01, end=0.01, shape="constant", adaptive=False)
_ADAPTIVE_SAM_RADIUS = RhoSchedule(start=0.1, end=0.01)  # in units of the weights, hence larger


_RELAXED: dict[str, Any] = {"policy": PolicyConfig(), "temperature": TemperatureConfig()}
"""The paper's policy: a Gaussian per dimension before the sigmoid."""


def regularised(config: TrainConfig, name: str, **fields: Any) -> TrainConfig:
    """The same run without SAM and with these regularisers on actors and critics alike."""
    networks = NetworkRegularisation(**fields)
    return with_learner(config, name, sam=NO_SAM, regularisation=RegularisationConfig(networks, networks))


_PLASTIC_LAYERS = NetworkRegularisation(layer_norm=True, activation="crelu")


def plastic(config: TrainConfig, name: str, radius: float, reset_every: int) -> TrainConfig:
    """PLASTIC (Lee et al. 2023) carried over to many actors: layer normalisation, CReLU, SAM of a constant radius on
    the encoder of every network, and resets of what follows it. No gate and no adaptive radius: those are TA-SAM's."""
    constant = RhoSchedule(start=radius, end=radius, shape="constant", adaptive=False)
    return with_learner(
        config,
        name,
        sam=SamConfig(critic=True, actors="all", part="encoder"),
        radius=RadiusConfig(constant, constant),
        regularisation=RegularisationConfig(_PLASTIC_LAYERS, _PLASTIC_LAYERS, reset_every=reset_every),
    )


PLASTIC = plastic(DEFAULT, "PLASTIC", radius=0.01, reset_every=400)

_BEST_SNAPSHOT = AnchorConfig(source="best_snapshot")
_TEACHER = AnchorConfig(source="teacher", weighting="fixed", weight=1e-3)

TINY = replace(
    DEFAULT,
    name="TA-SAM-tiny",
    env_kwargs={"scenario": "tiny"},
    num_envs=4,
    iterations=40,
    steps_per_iteration=5,
    updates_per_iteration=2,
    warmup_steps=25,
    replay_capacity=2000,
    evaluate_every=10,
    validation_envs=4,
    log_every=5,
    threads=1,
    matmul_precision="highest",
    learner=LearnerConfig(
        hidden=(32, 32),
        actor_learning_rate=1e-3,
        critic_learning_rate=1e-3,
        batch_size=32,
        input_scaling=ORAN_INPUT_SCALING,
        radius=RadiusConfig(actor=_SMALL_RADIUS, critic=_SMALL_RADIUS),
        gate=GateConfig(calibration=(10, 20)),
    ),
)
"""Two DUs and small networks, a few seconds: for tests and first steps."""


def centralised(config: TrainConfig, name: str) -> TrainConfig:
    """The same run with one agent for all: its critic reads everything, and there is nobody to coordinate with."""
    return replace(with_learner(config, name, critic="joint", objective="individual"), centralised=True)


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
    validation_envs=16,
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


VARIANTS: dict[str, TrainConfig] = {
    "default": DEFAULT,
    "paper": PAPER,
    "no_sam": with_learner(DEFAULT, "SAC-MARL", sam=NO_SAM),
    "paper_radius": with_learner(DEFAULT, "TA-SAM-0.5", radius=RadiusConfig(_PAPER_RADIUS, _PAPER_RADIUS)),
    "resource_individual": with_learner(DEFAULT, "TA-SAM-individual", objective="individual"),
    "mean_field_team": with_learner(DEFAULT, "TA-SAM-mean-field-team", critic="mean_field"),
    "mean_field_individual": with_learner(
        DEFAULT, "TA-SAM-mean-field-individual", critic="mean_field", objective="individual"
    ),
    "pooled_individual": with_learner(DEFAULT, "TA-SAM-pooled-individual", critic="pooled", objective="individual"),
    "joint_team": with_learner(DEFAULT, "TA-SAM-joint-team", critic="joint"),
    "nothing_reserved": with_learner(
        DEFAULT, "TA-SAM-nothing-reserved", policy=replace(DEFAULT.learner.policy, reserved_share=0.0)
    ),
    "gumbel_sigmoid": with_learner(
        DEFAULT, "TA-SAM-gumbel-sigmoid", policy=replace(DEFAULT.learner.policy, gradient="gumbel_sigmoid")
    ),
    "relaxed": with_learner(DEFAULT, "TA-SAM-relaxed", **_RELAXED),
    "relaxed_shared_noise": with_learner(
        DEFAULT, "TA-SAM-shared-noise", **_RELAXED | {"policy": PolicyConfig(shared_noise=0.5)}
    ),
    "relaxed_pooled": with_learner(
        DEFAULT, "TA-SAM-relaxed-pooled", **_RELAXED, critic="pooled", objective="individual", actor_delay=0
    ),
    "slice_mask": replace(DEFAULT, name="TA-SAM-slice-mask", env_kwargs={"scenario": "paper", "codec": "slice_mask"}),
    "auto_gate": with_learner(DEFAULT, "TA-SAM-auto-gate", gate=GateConfig(calibration=(400, 600))),
    "both_sam": with_learner(DEFAULT, "both-SAM", sam=SamConfig(critic=True, actors="gated")),
    "actor_sam": with_learner(DEFAULT, "actor-SAM", sam=SamConfig(critic=False, actors="gated")),
    "critic_sam": with_learner(DEFAULT, "critic-SAM", sam=SamConfig(critic=True, actors="none")),
    "no_selective": with_learner(DEFAULT, "TA-SAM-no-selective", sam=SamConfig(critic=True, actors="all")),
    "static_rho": with_learner(DEFAULT, "TA-SAM-static-rho", radius=RadiusConfig(_STATIC_RADIUS, _STATIC_RADIUS)),
    "adaptive_sam": with_learner(
        DEFAULT,
        "TA-ASAM",
        sam=SamConfig(scale_invariant=True),
        radius=RadiusConfig(_ADAPTIVE_SAM_RADIUS, _ADAPTIVE_SAM_RADIUS),
    ),
    "centralised": centralised(DEFAULT, "TA-SAM-centralised"),
    "centralised_no_sam": with_learner(centralised(DEFAULT, "base"), "SAC-centralised", sam=NO_SAM),
    "l2": regularised(DEFAULT, "SAC-MARL-L2", l2=1e-2),
    "l2_in_loss": regularised(DEFAULT, "SAC-MARL-L2-in-loss", l2=1e-4, l2_kind="in_loss"),
    "dropout": regularised(DEFAULT, "SAC-MARL-dropout", dropout=0.1),
    "spectral_norm": regularised(DEFAULT, "SAC-MARL-spectral-norm", spectral_norm=True),
    "plastic": PLASTIC,
    "plastic_distilled": with_learner(PLASTIC, "PLASTIC-distilled", anchor=_TEACHER),
    "anchored": with_learner(DEFAULT, "TA-SAM-anchored", anchor=_BEST_SNAPSHOT),
    "tiny": TINY,
    "tiny_ue_grid": replace(TINY, name="TA-SAM-tiny-UEs", env_kwargs={"scenario": "tiny", "codec": "ue_grid"}),
    "tiny_no_sam": with_learner(TINY, "SAC-MARL-tiny", sam=NO_SAM),
    "tiny_anchored": with_learner(TINY, "TA-SAM-tiny-anchored", anchor=_BEST_SNAPSHOT),
    "tiny_centralised": centralised(TINY, "TA-SAM-tiny-centralised"),
    "simple_spread": SIMPLE_SPREAD,
}
