"""A fair search: of every named change its own knob, and of each the same number of values.

What is compared is then each at its best on validation networks, not one that was tuned beside others that were not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

from tasam_agents.config.fields import TrainConfig
from tasam_agents.config.networks import NetworkRegularisation, RegularisationConfig
from tasam_agents.config.sam import GateConfig, RadiusConfig, RhoSchedule
from tasam_agents.config.variants import variant, with_learner

TRIALS = 4
"""Values of each knob."""

RADII = (0.003, 0.01, 0.03, 0.1)
"""ρ in units of ‖θ‖; 0.003 to 0.05 is what the default's absolute 0.01 and the paper's 0.5 come to, and above."""


def _rate(config: TrainConfig, factor: float) -> TrainConfig:
    """Without SAM what decides how far a critic overfits is how fast it learns."""
    learner = variant("no_sam", config).learner
    rate = factor * learner.critic_learning_rate
    return with_learner(variant("no_sam", config), critic_learning_rate=rate)


def _regularised(config: TrainConfig, value: float, field: str) -> TrainConfig:
    networks = NetworkRegularisation(**{field: value})  # type: ignore[arg-type]
    return with_learner(variant("no_sam", config), regularisation=RegularisationConfig(networks, networks))


def constant_radius(config: TrainConfig, rho: float) -> TrainConfig:
    """SAM everywhere with one ρ for the whole run, in units of ‖θ‖; 0: without SAM."""
    if rho == 0.0:
        return variant("no_sam", config)
    changed = variant("static_rho", variant("no_selective", config), actor=rho, critic=rho)
    return with_learner(changed, sam=replace(changed.learner.sam, relative_radius=True))


def adaptive_radius(config: TrainConfig, rho: float = RADII[-1]) -> TrainConfig:
    """TA-SAM with all that gives it a chance: ρ in units of ‖θ‖, σ²_peak after a tenth of the run, and a gate for DUs
    that differ."""
    schedule = RhoSchedule(start=rho, end=0.1 * rho)
    return with_learner(
        variant("both_sam", config),
        sam=replace(variant("both_sam", config).learner.sam, relative_radius=True),
        radius=RadiusConfig(schedule, schedule, peak_after=config.total_updates // 10),
        gate=GateConfig(lambda_td="separated"),
    )


def _plastic(config: TrainConfig, share: float) -> TrainConfig:
    """Resets after this share of the run; the prior that is kept survives them."""
    changed = variant("plastic", config, reset_every=max(1, round(share * config.total_updates)))
    return with_learner(changed, regularisation=replace(changed.learner.regularisation, reset_keeps_prior=True))


Knob = Callable[[TrainConfig, float], TrainConfig]

KNOBS: Mapping[str, tuple[str, tuple[float, ...], Knob]] = {
    "no_sam": ("critic learning rate, factor", (0.25, 0.5, 1.0, 2.0), _rate),
    "l2": ("λ", (1e-3, 1e-2, 1e-1, 1.0), partial(_regularised, field="l2")),
    "dropout": ("rate", (0.01, 0.03, 0.1, 0.3), partial(_regularised, field="dropout")),
    "sam": ("ρ / ‖θ‖", RADII, constant_radius),
    "ta_sam": ("ρ at the start / ‖θ‖", RADII, adaptive_radius),
    "plastic": ("updates between resets / T", (0.1, 0.2, 0.4, 0.6), _plastic),
}
"""What each knob is, its values, and the configuration with one of them."""


def trials(name: str, config: TrainConfig) -> dict[float, TrainConfig]:
    """The configurations among which a variant is chosen, by the value of its knob."""
    _, values, turn = KNOBS[name]
    return {value: turn(config, value) for value in values}
