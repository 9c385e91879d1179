"""Named changes, which `variant` applies to any configuration, and all configurations that have a name.

A name means the same change wherever it is asked for: by `tasam train --config`, `compare`, the study and `forget`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from tasam_agents.config.anchor import AnchorConfig
from tasam_agents.config.bases import BASES, GENERAL, ORAN_INPUT_SCALING, PAPER, same_radius
from tasam_agents.config.fields import Scalar, TrainConfig
from tasam_agents.config.networks import NetworkRegularisation, RegularisationConfig
from tasam_agents.config.sam import GateConfig, RadiusConfig, RhoSchedule
from tasam_agents.config.temperature import TemperatureConfig
from tasam_agents.errors import not_among

_TUNED_TEMPERATURE = TemperatureConfig(initial=0.03, target_entropy_per_dim=-0.3, final_target_entropy_per_dim=-3.0)
"""Close to uniform at first; at the end what is sampled is close to what is executed."""


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


def _without_input(*groups: str) -> Callable[[TrainConfig], TrainConfig]:
    """The networks do not see these groups of observations."""

    def blind(config: TrainConfig) -> TrainConfig:
        others = tuple(entry for entry in config.learner.input_scaling if entry[0] not in groups)
        return with_learner(config, input_scaling=(*others, *((group, 0.0, 0.0) for group in groups)))

    return blind


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
    return with_learner(_sam(scale_invariant=True)(config), radius=same_radius(RhoSchedule(start=0.1, end=0.01)))


def _centralised_ta_sam(config: TrainConfig) -> TrainConfig:
    """One agent for all: its critic reads everything, and there is nobody to coordinate with."""
    return replace(with_learner(config, critic="joint", objective="individual"), centralised=True)


_EXTENDED = ("qos", "num_ues", "backlog", "load", "previous_action")
_KPM = ("delay", "cqi", "prb_use", "interference")
_BLIND = {
    **{f"without_{group}": (f"TA-SAM-without-{group}", _without_input(group)) for group in (*_EXTENDED, *_KPM)},
    "without_kpm": ("TA-SAM-without-KPM", _without_input(*_KPM)),  # what a rule reads
}
"""Of `dynamic`, where all of these are seen."""

CHANGES: dict[str, tuple[str, Callable[..., TrainConfig]]] = {
    "no_sam": ("SAC-MARL", _no_sam),
    "both_sam": ("both-SAM", _sam(critic=True, actors="gated")),
    "actor_sam": ("actor-SAM", _sam(critic=False, actors="gated")),
    "critic_sam": ("critic-SAM", _sam(critic=True, actors="none")),
    "no_selective": ("TA-SAM-no-selective", _sam(critic=True, actors="all")),
    "static_rho": ("TA-SAM-static-rho", _static_rho),
    "paper_radius": ("TA-SAM-0.5", _learner(radius=same_radius(RhoSchedule(start=0.5, end=0.01)))),
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
    **_BLIND,
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
    **{name: variant(name) for name in CHANGES if name not in ("ue_grid", *_BLIND)},  # ue_grid: UEs × RBs actions
    **{f"tiny_{name}": variant(name, "tiny") for name in _OF_TINY},
    **{f"dynamic_{name}": variant(name, "dynamic") for name in ("no_sam", *_BLIND)},
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
