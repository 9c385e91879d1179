"""The declared plan: who takes part, in what they differ, and that it cannot change under way."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from oran_env.model.cell.deployment import hexagonal_sites, service_area
from oran_env.scenario.presets import make_scenario
from tasam_agents.errors import UserError
from tasam_agents.study.arms import MAIN, Arm, arms_of, at_radius, scenario_layout
from tasam_agents.study.budgets import BUDGETS, find_budget
from tasam_agents.study.plan import FIGURES, Plan


def flat(tree: Mapping[str, Any], path: str = "") -> dict[str, Any]:
    """Nested dictionaries as one, keys joined by dots."""
    found: dict[str, Any] = {}
    for name, value in tree.items():
        found |= flat(value, f"{path}{name}.") if isinstance(value, Mapping) else {path + name: value}
    return found


def arms(budget: str) -> dict[str, Arm]:
    return {arm.name: arm for arm in arms_of(BUDGETS[budget])}


def changed(one: Arm, other: Arm) -> set[str]:
    """Fields in which two arms differ, their names aside."""
    first, second = flat(one.config.to_dict()), flat(other.config.to_dict())
    return {name for name in first | second if name != "name" and first.get(name) != second.get(name)}


@pytest.mark.parametrize("budget", BUDGETS)
def test_arms_differ_in_what_they_are_named_for(budget: str) -> None:
    found = arms(budget)
    both = found["both_sam"]
    assert changed(both, found["critic_sam"]) == {"learner.sam.actors"}
    assert changed(both, found["actor_sam"]) == {"learner.sam.critic"}
    assert changed(both, found["no_selective"]) == {"learner.sam.actors"}
    assert changed(found["no_sam"], found["l2"]) == {f"learner.regularisation.{who}.l2" for who in ("actor", "critic")}
    assert changed(found["no_sam"], found["dropout"]) == {
        f"learner.regularisation.{who}.dropout" for who in ("actor", "critic")
    }
    assert changed(found["no_sam"], found["centralised"]) <= {"centralised", "learner.critic", "learner.objective"}
    for name in changed(both, found["static_rho"]):
        assert name.startswith("learner.radius.")
    for name in MAIN:
        for field in changed(found[name], found[f"bursty_{name}"]):
            assert field.startswith("env_kwargs.")


@pytest.mark.parametrize("budget", BUDGETS)
def test_every_figure_has_runs_and_every_run_a_figure(budget: str) -> None:
    plan = Plan(BUDGETS[budget], Path("nowhere"))
    jobs = plan.jobs()
    assert len({job.directory for job in jobs}) == len(jobs) == sum(len(arm.seeds) for arm in plan.arms)
    for figure in FIGURES:
        assert plan.jobs([figure])
    needed = {job.directory for figure in FIGURES for job in plan.jobs([figure])}
    assert needed == {job.directory for job in jobs}


def test_budgets_say_what_the_paper_says() -> None:
    paper = find_budget("paper").base
    assert (paper.iterations, paper.steps_per_iteration, paper.num_envs) == (1000, 10, 1)
    assert (paper.learner.batch_size, paper.learner.actor_learning_rate) == (128, 1e-4)
    assert paper.learner.hidden == (300, 400, 400)
    assert (paper.learner.radius.actor.start, paper.learner.radius.actor.end) == (0.5, 0.01)
    assert find_budget("paper").seeds == 10
    assert find_budget("quick").seeds >= 5
    for budget in BUDGETS.values():
        assert {budget.equal_radius, *budget.unequal_radii} <= set(budget.radii)
        assert scenario_layout(budget.base).num_dus in budget.dus
    with pytest.raises(UserError, match="budget is 'cheap'; allowed: smoke, quick"):
        find_budget("cheap")


def test_quick_keeps_the_bandwidth() -> None:
    kwargs = find_budget("quick").base.env_kwargs
    radio = make_scenario("paper").radio
    assert kwargs["num_rbs"] * kwargs["rb_bandwidth_hz"] == radio.num_rbs * radio.rb_bandwidth_hz  # type: ignore[operator]


def test_figure_8_keeps_the_area_or_the_spacing() -> None:
    found = arms("quick")
    layouts = {name: scenario_layout(arm.config) for name, arm in found.items()}
    areas = {}
    for name, layout in layouts.items():
        low, high = service_area(hexagonal_sites(layout.num_dus, layout.site_spacing_m), layout.margin_m)
        areas[name] = float((high - low).prod())
    for dus in (2, 4, 8, 10):
        assert layouts[f"both_sam_dus_{dus}_spacing"].site_spacing_m == layouts["both_sam"].site_spacing_m
        assert areas[f"both_sam_dus_{dus}_area"] == pytest.approx(areas["both_sam"])
        assert layouts[f"l2_dus_{dus}_area"].num_dus == dus
        assert layouts[f"l2_dus_{dus}_area"].num_ues == layouts["both_sam"].num_ues


def test_constant_radii_are_constant() -> None:
    config = arms("quick")[at_radius("both_sam", 0.05)].config.learner.radius
    assert config.actor == config.critic
    assert (config.actor.start, config.actor.shape, config.actor.adaptive) == (0.05, "constant", False)
    unequal = arms("quick")["both_sam_unequal"].config.learner.radius
    assert (unequal.actor.start, unequal.critic.start) == BUDGETS["quick"].unequal_radii


def test_a_plan_is_fixed(tmp_path: Path) -> None:
    plan = Plan(BUDGETS["smoke"], tmp_path)
    path = plan.fix()
    assert json.loads(path.read_text())["budget"]["margin"] == BUDGETS["smoke"].margin
    before = path.read_bytes()
    plan.fix()
    with pytest.raises(UserError, match=r"holds another plan \(it differs in margin\)"):
        Plan(replace(BUDGETS["smoke"], margin=0.5), tmp_path).fix()
    with pytest.raises(UserError, match="holds another plan"):
        Plan(BUDGETS["quick"], tmp_path).fix()
    assert path.read_bytes() == before


def test_unknown_figures_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"figure 'fig12'; did you mean 'fig11'\? allowed: fig5,"):
        Plan(BUDGETS["smoke"], tmp_path).jobs(["fig12"])
