"""Who takes part in the study: every arm is the base run of the budget with a few fields changed.

Arms are shared: a run that two figures need is trained once.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from oran_env.model.cell.deployment import hexagonal_sites, service_area
from oran_env.scenario.fields import Layout
from oran_env.scenario.presets import make_scenario
from tasam_agents.config.fields import RadiusConfig, RhoSchedule, SamConfig, Scalar, TrainConfig
from tasam_agents.config.variants import NO_SAM, centralised, plastic, regularised, with_learner
from tasam_agents.experiments.generalisation.scenario_family import ORAN, member
from tasam_agents.study.budgets import Budget

MAIN = ("no_sam", "l2", "actor_sam", "critic_sam", "both_sam")
"""The five of Figs. 5, 7, 9, 10 and 11; `both_sam` with dynamic ρ is TA-SAM."""

PLACEMENTS: Mapping[str, SamConfig] = {
    "actor_sam": SamConfig(critic=False, actors="gated"),
    "critic_sam": SamConfig(critic=True, actors="none"),
    "both_sam": SamConfig(critic=True, actors="gated"),
}

SCALED = ("no_sam", "l2", "both_sam")
"""The three of Fig. 8."""

GEOMETRIES = ("spacing", "area")
"""What stays as it is in Fig. 8 when DUs are added: the distance between sites, or the service area."""

L2_WEIGHT = 1e-2
DROPOUT = 0.1  # the paper's


@dataclass(frozen=True)
class Arm:
    """One configuration of the study; its seed is replaced by each of ``seeds``."""

    name: str
    config: TrainConfig
    seeds: tuple[int, ...]
    figures: tuple[str, ...]
    """Figures and tables that need it."""
    sharpness: bool = False
    """Whether the largest Hessian eigenvalues are measured at the end of a run."""


def arms_of(budget: Budget) -> tuple[Arm, ...]:
    """All arms of a budget, the main comparison first."""
    many = tuple(range(budget.first_seed, budget.first_seed + budget.seeds))
    few = many[: budget.few_seeds]
    home = _main(budget.base)
    arms = [
        Arm(name, config, many, ("fig5", "fig7", "fig8", "fig9", "fig10", "fig11", "table2", "table3"), sharpness=True)
        for name, config in home.items()
    ]
    # Not on bursty: the paper has no such scenario. It is where SAM's motive, a changing world, is present most.
    arms += [Arm(f"bursty_{name}", on(config, "bursty"), many, ("bursty",)) for name, config in home.items()]
    arms += _tables(budget, many)
    arms += _radii(budget, many, few)
    arms += _scaled(budget, few, home)
    return tuple(arms)


def _main(base: TrainConfig) -> dict[str, TrainConfig]:
    placed = {name: with_learner(base, name, sam=replace_sam(base, sam)) for name, sam in PLACEMENTS.items()}
    return {
        "no_sam": with_learner(base, "no_sam", sam=NO_SAM),
        "l2": regularised(base, "l2", l2=L2_WEIGHT),
        **placed,
    }


def replace_sam(base: TrainConfig, placement: SamConfig) -> SamConfig:
    """Where SAM acts is the placement's; how it is computed is the base's."""
    return replace(base.learner.sam, critic=placement.critic, actors=placement.actors)


def _tables(budget: Budget, seeds: tuple[int, ...]) -> list[Arm]:
    base = budget.base
    middle = RadiusConfig(
        *(_constant(schedule.start) for schedule in (base.learner.radius.actor, base.learner.radius.critic))
    )
    of_table_2 = {
        "no_selective": with_learner(base, "no_selective", sam=replace(base.learner.sam, critic=True, actors="all")),
        "static_rho": with_learner(base, "static_rho", radius=middle),
        "centralised": with_learner(centralised(base, "centralised"), "centralised", sam=NO_SAM),
    }
    of_table_3 = {
        "plastic": plastic(base, "plastic", base.learner.radius.actor.start, budget.reset_every),
        "dropout": regularised(base, "dropout", dropout=DROPOUT),
        "spectral_norm": regularised(base, "spectral_norm", spectral_norm=True),
    }
    return [
        *(Arm(name, config, seeds, ("table2", "table3")) for name, config in of_table_2.items()),
        *(Arm(name, config, seeds, ("table3",)) for name, config in of_table_3.items()),
    ]


def _radii(budget: Budget, many: tuple[int, ...], few: tuple[int, ...]) -> list[Arm]:
    """Constant ρ, equal for actors and critics (Figs. 5a and 6), unequal (Fig. 5b), and the paper's own schedule."""
    arms = []
    for radius in budget.radii:
        shown = radius == budget.equal_radius or radius in budget.unequal_radii
        for name, sam in PLACEMENTS.items():
            config = _with_radius(budget.base, at_radius(name, radius), sam, radius, radius)
            figures = ("fig5", "fig6") if shown else ("fig6",)
            arms.append(Arm(config.name, config, many if shown else few, figures))
    actor, critic = budget.unequal_radii
    unequal = _with_radius(budget.base, "both_sam_unequal", PLACEMENTS["both_sam"], actor, critic)
    arms.append(Arm(unequal.name, unequal, many, ("fig5",)))
    printed = RhoSchedule(start=0.5, end=0.01)
    if budget.base.learner.radius.actor != printed:
        paper = with_learner(budget.base, "both_sam_paper_rho", radius=RadiusConfig(printed, printed))
        arms.append(Arm(paper.name, paper, many, ("fig6",)))
    return arms


def at_radius(placement: str, radius: float) -> str:
    """Name of the arm with this constant ρ."""
    return f"{placement}_rho_{radius:g}"


def _with_radius(base: TrainConfig, name: str, placement: SamConfig, actor: float, critic: float) -> TrainConfig:
    radius = RadiusConfig(_constant(actor), _constant(critic))
    return with_learner(base, name, sam=replace_sam(base, placement), radius=radius)


def _constant(radius: float) -> RhoSchedule:
    return RhoSchedule(start=radius, end=radius, shape="constant", adaptive=False)


def _scaled(budget: Budget, seeds: tuple[int, ...], home: Mapping[str, TrainConfig]) -> list[Arm]:
    """Other numbers of DUs; the base's own number is the main comparison itself."""
    own = scenario_layout(budget.base).num_dus
    return [
        Arm(with_dus(name, dus, geometry), _resized(home[name], dus, geometry), seeds, ("fig8",))
        for dus in budget.dus
        if dus != own
        for geometry in GEOMETRIES
        for name in SCALED
    ]


def with_dus(name: str, dus: int, geometry: str) -> str:
    """Name of the arm with this number of DUs."""
    return f"{name}_dus_{dus}_{geometry}"


def scenario_layout(config: TrainConfig) -> Layout:
    """Where the RUs and UEs of a run stand."""
    arguments: dict[str, Any] = dict(config.env_kwargs)
    return make_scenario(**arguments).layout


def _resized(config: TrainConfig, dus: int, geometry: str) -> TrainConfig:
    arguments: dict[str, Scalar] = {**config.env_kwargs, "num_dus": dus}
    if geometry == "area":
        layout = scenario_layout(config)
        # All lengths scale alike, so the area of a layout goes with the square of the distance between its sites.
        scale = math.sqrt(_area(layout.num_dus, layout) / _area(dus, layout))
        arguments |= {"site_spacing_m": layout.site_spacing_m * scale, "margin_m": layout.margin_m * scale}
    return replace(config, env_kwargs=arguments)


def _area(dus: int, layout: Layout) -> float:
    low, high = service_area(hexagonal_sites(dus, layout.site_spacing_m), layout.margin_m)
    return float((high - low).prod())


def on(config: TrainConfig, scenario: str) -> TrainConfig:
    """The same run in another scenario of the family around its own."""
    return replace(config, env_kwargs=dict(member(scenario, ORAN, config.env_kwargs).arguments))
