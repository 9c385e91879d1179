"""Named configurations: four to begin from, and named changes that `variant` applies to any of them.

A name means the same change wherever it is asked for: by `tasam train --config`, `compare`, the study and `forget`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from tasam_agents.config.anchor import AnchorConfig
from tasam_agents.config.fields import LearnerConfig, Scalar, TrainConfig
from tasam_agents.config.networks import NetworkRegularisation, RegularisationConfig
from tasam_agents.config.sam import GateConfig, RadiusConfig, RhoSchedule, SamConfig
from tasam_agents.config.temperature import TemperatureConfig
from tasam_agents.errors import not_among

ORAN_INPUT_SCALING = (("qos", 0.5, 0.0), ("num_ues", 1.0 / 3.0, 12.0), ("previous_action", 0.0, 0.0))
"""Inputs for the O-RAN environment: UE counts around an even mix, spread over ±4, so that an actor can change its mind
between two of them. Of what else a DU sees the next reward depends little where nothing queues."""


def _both(schedule: RhoSchedule) -> RadiusConfig:
    return RadiusConfig(actor=schedule, critic=schedule)


_TUNED_TEMPERATURE = TemperatureConfig(initial=0.03, target_entropy_per_dim=-0.3, final_target_entropy_per_dim=-3.0)
"""Close to uniform at first; at the end what is sampled is close to what is executed."""

_SMALL_RADIUS = _both(RhoSchedule(start=0.01, end=0.001))

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
        actor_learning_rate=8.6e-3,
        critic_learning_rate=8.6e-3,
        final_learning_rate_factor=0.02,
        gamma=0.0,
        batch_size=43,
        input_scaling=ORAN_INPUT_SCALING,
        temperature=TemperatureConfig(initial=0.0245, learning_rate=0.0),
        sam=SamConfig(cross_values="linear"),
        radius=_SMALL_RADIUS,
        gate=GateConfig(lambda_td="relative"),
    ),
)
"""What `make train` uses: the paper's policy and algorithm on four values per DU (codec `zones`) in place of 200, and
small networks; docs/learning.md says why each part is there. Learning rate, batch (43 rows of six DUs), warm-up and
temperature are those that `tasam tune` has found for the rival `sac_zones`."""

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
    learner=replace(DEFAULT.learner, hidden=(32, 32), batch_size=128),
)
"""Two DUs, ten RBs and small networks, a few seconds: for tests and first steps."""

DYNAMIC = replace(
    DEFAULT,
    name="TA-SAM-dynamic",
    env_kwargs={"scenario": "dynamic", "codec": "zones"},
    choices=(0, 2, 4),
    learner=replace(
        DEFAULT.learner,
        gamma=0.95,
        input_scaling=(
            ("qos", 0.5, 2.0), ("num_ues", 1.0 / 3.0, 6.0), ("backlog", 0.5, 1.0), ("load", 0.5, 2.0),
            ("previous_action", 0.0, 0.0),
        ),
    ),
)  # fmt: skip
"""For the preset `dynamic`, where what waits is seen, and what is done now pays later. Of five γ (0 to 0.95) and P of 0
and 2, tried with seed 0, the best on validation networks; no search."""

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
        radius=_both(RhoSchedule(0.05, 0.01)),
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
        radius=_SMALL_RADIUS,
        gate=GateConfig(lambda_td="relative"),
    ),
)
"""Usual values for an environment of which nothing is known, tuned for none. What is meant for O-RAN (γ = 0, one DU's
view, inputs, entropy that falls) is taken back where another environment is asked for: `for_environment`."""

BASES = {
    "default": DEFAULT,
    "paper": PAPER,
    "tiny": TINY,
    "dynamic": DYNAMIC,
    "simple_spread": SIMPLE_SPREAD,
    "general": GENERAL,
}
"""The configurations that are not a change of another one."""


def with_learner(config: TrainConfig, **fields: Any) -> TrainConfig:
    """The same run with other fields of the learner."""
    return replace(config, learner=replace(config.learner, **fields))


def _learner(**fields: Any) -> Callable[[TrainConfig], TrainConfig]:
    return lambda config: with_learner(config, **fields)


def _sam(**fields: Any) -> Callable[[TrainConfig], TrainConfig]:
    """Where SAM acts; how it is computed stays as it is."""
    return lambda config: with_learner(config, sam=replace(config.learner.sam, **fields))


def _env(**fields: Scalar) -> Callable[[TrainConfig], TrainConfig]:
    return lambda config: replace(config, env_kwargs={**config.env_kwargs, **fields})


def _run(**fields: Any) -> Callable[[TrainConfig], TrainConfig]:
    """Other counts of Algorithm 1."""
    return lambda config: replace(config, **fields)


def _no_warmup(config: TrainConfig) -> TrainConfig:
    """The same steps, all of them the policy's."""
    iterations = config.iterations + config.warmup_steps // config.steps_per_iteration
    return replace(config, warmup_steps=0, iterations=iterations)


def _no_sam(config: TrainConfig) -> TrainConfig:
    return _sam(critic=False, actors="none")(config)


def _regularised(**fields: Any) -> Callable[[TrainConfig], TrainConfig]:
    """Without SAM, and with these regularisers on actors and critics alike."""
    networks = NetworkRegularisation(**fields)
    return lambda config: with_learner(_no_sam(config), regularisation=RegularisationConfig(networks, networks))


def _static_rho(config: TrainConfig, actor: float | None = None, critic: float | None = None) -> TrainConfig:
    """Constant ρ, where nothing else is said that at the start of the run."""
    radius = config.learner.radius
    values = (radius.actor.start if actor is None else actor, radius.critic.start if critic is None else critic)
    actors, critics = (RhoSchedule(start=rho, end=rho, shape="constant", adaptive=False) for rho in values)
    return with_learner(config, radius=RadiusConfig(actors, critics))


def _plastic(config: TrainConfig, reset_every: int | None = None) -> TrainConfig:
    """PLASTIC (Lee et al. 2023) carried over to many actors: layer normalisation, CReLU, SAM of a constant radius on
    the encoder of every network, and resets of what follows it, by default after each quarter of the run. No gate and
    no adaptive radius: those are TA-SAM's."""
    reset_every = max(config.total_updates // 4, 1) if reset_every is None else reset_every
    layers = NetworkRegularisation(layer_norm=True, activation="crelu")
    start = config.learner.radius.actor.start
    changed = _sam(critic=True, actors="all", part="encoder")(_static_rho(config, start, start))
    return with_learner(changed, regularisation=RegularisationConfig(layers, layers, reset_every=reset_every))


def _plastic_distilled(config: TrainConfig, reset_every: int | None = None) -> TrainConfig:
    teacher = AnchorConfig(source="teacher", weighting="fixed", weight=1e-3)
    return with_learner(_plastic(config, reset_every), anchor=teacher)


def _anchored(config: TrainConfig) -> TrainConfig:
    """Held near the best actors so far, or near what the configuration names already."""
    own = config.learner.anchor
    return with_learner(config, anchor=own if own.source != "none" else AnchorConfig(source="best_snapshot"))


def _adaptive_sam(config: TrainConfig) -> TrainConfig:
    """ρ is in units of the weights there, hence larger."""
    return with_learner(_sam(scale_invariant=True)(config), radius=_both(RhoSchedule(start=0.1, end=0.01)))


def _centralised_ta_sam(config: TrainConfig) -> TrainConfig:
    """One agent for all: its critic reads everything, and there is nobody to coordinate with."""
    return replace(with_learner(config, critic="joint", objective="individual"), centralised=True)


CHANGES: dict[str, tuple[str, Callable[..., TrainConfig]]] = {
    "no_sam": ("SAC-MARL", _no_sam),
    "both_sam": ("both-SAM", _sam(critic=True, actors="gated")),
    "actor_sam": ("actor-SAM", _sam(critic=False, actors="gated")),
    "critic_sam": ("critic-SAM", _sam(critic=True, actors="none")),
    "no_selective": ("TA-SAM-no-selective", _sam(critic=True, actors="all")),
    "static_rho": ("TA-SAM-static-rho", _static_rho),
    "paper_radius": ("TA-SAM-0.5", _learner(radius=_both(RhoSchedule(start=0.5, end=0.01)))),
    "adaptive_sam": ("TA-ASAM", _adaptive_sam),
    "auto_gate": ("TA-SAM-auto-gate", _learner(gate=GateConfig(calibration=(400, 600)))),
    "mean_field_team": ("TA-SAM-mean-field-team", _learner(critic="mean_field", objective="team")),
    "mean_field_individual": ("TA-SAM-mean-field-individual", _learner(critic="mean_field", objective="individual")),
    "pooled_individual": ("TA-SAM-pooled-individual", _learner(critic="pooled", objective="individual")),
    "joint_team": ("TA-SAM-joint-team", _learner(critic="joint", objective="team")),
    "gamma_0.5": ("TA-SAM-gamma-0.5", _learner(gamma=0.5)),
    "gamma_0.9": ("TA-SAM-gamma-0.9", _learner(gamma=0.9)),
    "separate_actors": ("TA-SAM-separate-actors", _learner(shared_actor=False)),
    "slow": ("TA-SAM-slow", _learner(actor_learning_rate=3e-3, critic_learning_rate=3e-3)),
    "tuned_temperature": ("TA-SAM-tuned-temperature", _learner(temperature=_TUNED_TEMPERATURE)),
    "half_replay": ("TA-SAM-half-replay", _run(updates_per_iteration=30)),
    "double_replay": ("TA-SAM-double-replay", _run(updates_per_iteration=120)),
    "narrow": ("TA-SAM-32", _learner(hidden=(32, 32))),
    "wide": ("TA-SAM-300-400-400", _learner(hidden=PAPER.learner.hidden)),
    "with_qos": ("TA-SAM-with-QoS", _learner(input_scaling=(("qos", 0.5, 2.0), *ORAN_INPUT_SCALING[1:]))),
    "no_warmup": ("TA-SAM-no-warm-up", _no_warmup),
    "no_plan": ("TA-SAM-no-plan", _env(owned_rbs=0)),
    "two_bit": ("TA-SAM-200-bits", _env(codec="two_bit")),
    "slice_share": ("TA-SAM-shares", _env(codec="slice_share")),
    "slice_mask": ("TA-SAM-slice-mask", _env(codec="slice_mask")),
    "ue_grid": ("TA-SAM-UEs", _env(codec="ue_grid")),
    "centralised": ("SAC-centralised", lambda config: _no_sam(_centralised_ta_sam(config))),
    "centralised_ta_sam": ("TA-SAM-centralised", _centralised_ta_sam),
    "l2": ("SAC-MARL-L2", _regularised(l2=1e-2)),
    "l2_in_loss": ("SAC-MARL-L2-in-loss", _regularised(l2=1e-4, l2_kind="in_loss")),
    "dropout": ("SAC-MARL-dropout", _regularised(dropout=0.1)),  # the paper's
    "spectral_norm": ("SAC-MARL-spectral-norm", _regularised(spectral_norm=True)),
    "plastic": ("PLASTIC", _plastic),
    "plastic_distilled": ("PLASTIC-distilled", _plastic_distilled),
    "anchored": ("TA-SAM-anchored", _anchored),
}
"""What each name changes, and what a run with that change is called."""


def variant(name: str, base: str | TrainConfig = "default", **settings: float) -> TrainConfig:
    """A configuration with a named change; the names of `BASES`, which change nothing, are taken too.

    Args:
        name: of `CHANGES`, or of `BASES`.
        base: what is changed: a name of `BASES`, or any configuration.
        settings: numbers of the change itself: `actor` and `critic` (ρ) of `static_rho`, `reset_every` of `plastic`.

    Raises:
        ValueError: an unknown name, or a base that the change does not fit.
    """
    if name in BASES and base == "default":
        return BASES[name]
    if name not in CHANGES:
        raise ValueError(not_among("variant is", name, [*BASES, *CHANGES]))
    if isinstance(base, str) and base not in BASES:
        raise ValueError(not_among("base is", base, BASES, ", or a configuration"))
    label, change = CHANGES[name]
    if isinstance(base, str):
        label, base = (label if base == "default" else f"{label}-{base}"), BASES[base]
    return replace(change(base, **settings), name=label)


_OF_TINY = ("ue_grid", "no_sam", "anchored", "centralised", "centralised_ta_sam")

VARIANTS: dict[str, TrainConfig] = {
    **BASES,
    **{name: variant(name) for name in CHANGES if name != "ue_grid"},  # as many actions as UEs × RBs
    **{f"tiny_{name}": variant(name, "tiny") for name in _OF_TINY},
}
"""The configurations that `tasam train --config NAME` and `tasam compare` know."""

_KEEP = ("paper", "simple_spread", "general")


def for_environment(name: str, env_id: str) -> TrainConfig:
    """A named configuration for another environment than its own.

    What was tuned for O-RAN gives way to `general`: inputs, critic, discount, entropy, learning rates, counts. What the
    name stands for stays: SAM, its radius and gate, regularisers, anchor, one agent for all. `paper`, `simple_spread`
    and `general` keep all they say.
    """
    config = VARIANTS[name]
    if env_id == config.env_id:
        return config
    if name in _KEEP:
        return replace(config, env_id=env_id, env_kwargs={})
    own = config.learner
    kept = {field: getattr(own, field) for field in ("sam", "radius", "gate", "regularisation", "anchor")}
    learner = replace(GENERAL.learner, **kept)
    return replace(GENERAL, name=config.name, env_id=env_id, centralised=config.centralised, learner=learner)
