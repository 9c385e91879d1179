"""Who takes part in the study: every arm is a variant of the base run of the budget (config.variants).

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
from tasam_agents.config import Scalar, TrainConfig, variant
from tasam_agents.experiments.generalisation.scenario_family import ORAN, member
from tasam_agents.study.budgets import Budget

MAIN = ("no_sam", "l2", "actor_sam", "critic_sam", "both_sam")
"""The five of Figs. 5, 7, 9, 10 and 11; `both_sam` with dynamic ρ is TA-SAM."""

PLACEMENTS = ("actor_sam", "critic_sam", "both_sam")
"""Where SAM acts."""

SCALED = ("no_sam", "l2", "both_sam")
"""The three of Fig. 8."""

GEOMETRIES = ("spacing", "area")
"""What stays as it is in Fig. 8 when DUs are added: the distance between sites, or the service area."""


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
    home = {name: variant(name, budget.base) for name in MAIN}
    arms = [
        _arm(name, config, many, ("fig5", "fig7", "fig8", "fig9", "fig10", "fig11", "table2", "table3"), sharpness=True)
        for name, config in home.items()
    ]
    # Not on bursty: the paper has no such scenario. It is where SAM's motive, a changing world, is present most.
    arms += [_arm(f"bursty_{name}", on(config, "bursty"), many, ("bursty",)) for name, config in home.items()]
    arms += _tables(budget, many)
    arms += _radii(budget, many, few)
    arms += _scaled(budget, few, home)
    return tuple(arms)


def _arm(
    name: str, config: TrainConfig, seeds: tuple[int, ...], figures: tuple[str, ...], sharpness: bool = False
) -> Arm:
    return Arm(name, replace(config, name=name), seeds, figures, sharpness)


def _tables(budget: Budget, seeds: tuple[int, ...]) -> list[Arm]:
    both = {name: variant(name, budget.base) for name in ("no_selective", "static_rho", "centralised")}
    only_table_3 = {
        "plastic": variant("plastic", budget.base, reset_every=budget.reset_every),
        "dropout": variant("dropout", budget.base),
        "spectral_norm": variant("spectral_norm", budget.base),
    }
    return [
        *(_arm(name, config, seeds, ("table2", "table3")) for name, config in both.items()),
        *(_arm(name, config, seeds, ("table3",)) for name, config in only_table_3.items()),
    ]


def _radii(budget: Budget, many: tuple[int, ...], few: tuple[int, ...]) -> list[Arm]:
    """Constant ρ, equal for actors and critics (Figs. 5a and 6), unequal (Fig. 5b), and the paper's own schedule."""
    arms = []
    for radius in budget.radii:
        shown = radius == budget.equal_radius or radius in budget.unequal_radii
        for name in PLACEMENTS:
            config = variant("static_rho", variant(name, budget.base), actor=radius, critic=radius)
            figures = ("fig5", "fig6") if shown else ("fig6",)
            arms.append(_arm(at_radius(name, radius), config, many if shown else few, figures))
    actor, critic = budget.unequal_radii
    unequal = variant("static_rho", variant("both_sam", budget.base), actor=actor, critic=critic)
    arms.append(_arm("both_sam_unequal", unequal, many, ("fig5",)))
    printed = variant("paper_radius", budget.base)
    if printed.learner != budget.base.learner:
        arms.append(_arm("both_sam_paper_rho", printed, many, ("fig6",)))
    return arms


def at_radius(placement: str, radius: float) -> str:
    """Name of the arm with this constant ρ."""
    return f"{placement}_rho_{radius:g}"


def _scaled(budget: Budget, seeds: tuple[int, ...], home: Mapping[str, TrainConfig]) -> list[Arm]:
    """Other numbers of DUs; the base's own number is the main comparison itself."""
    own = scenario_layout(budget.base).num_dus
    return [
        _arm(with_dus(name, dus, geometry), _resized(home[name], dus, geometry), seeds, ("fig8",))
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
