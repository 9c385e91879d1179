"""What was lost, gained and regained, in words: the arms, their paired differences, and what both rest on."""

from __future__ import annotations

from tasam_agents.experiments.forgetting.result import NAMES, SPANS, ForgettingResult, Measure, minus, spoken
from tasam_agents.plotting.text_table import text_table
from tasam_agents.stats.intervals import Interval


def forgetting_text(result: ForgettingResult) -> str:
    """Tables, when half of the loss was made good, and the notes below them."""
    measures, plan = result.measures(), result.plan
    rows = [["arm", *(f"{name} [95 %]" if name in SPANS else name for name in measures)]]
    for arm in plan.arms:
        found = {name: Measure.of(values[arm]) for name, values in measures.items()}
        cells = (_cell(each.networks) if name in SPANS else f"{each.mean:.3f}" for name, each in found.items())
        rows.append([NAMES[arm], *cells])
    lines = [text_table(rows)]
    first, *others = plan.arms
    if others:
        head = [name for name in ("A after B", *SPANS) if name in measures]
        rows = [[f"minus {NAMES[first]}", "over", *head]]
        for arm in others:
            paired = [Measure.of(minus(measures[name], measures[name], first)[arm]) for name in head]
            rows.append([NAMES[arm], "networks", *(_cell(each.networks) for each in paired)])
            if plan.seeds > 1:
                rows.append(["", "seeds", *(_cell(each.seeds) for each in paired)])
        lines += ["", text_table(rows)]
    if plan.back_iterations:
        halves = ", ".join(f"{NAMES[arm]} {_half(result, arm)}" for arm in plan.arms)
        lines += ["", f"Iterations back on A until half of the loss was made good (validation networks): {halves}."]
    return "\n".join([*lines, "", *_basis(result)])


def _basis(result: ForgettingResult) -> list[str]:
    plan, first = result.plan, result.plan.config.seed
    kept = sum(bool(record["returns"]) for record in result.records)
    return [
        f"A: {spoken(plan.first)}. B: {spoken(plan.then)}. {plan.config.iterations} iterations on A, as many on B"
        + (f", {plan.back_iterations} back on A" if plan.back_iterations else "")
        + f"; replay {plan.replay}, anchor from the {plan.anchor_from} on, {plan.anchor_at_switch} at the switch.",
        f"Return: mean reward per agent and step of the last deterministic policy of a phase on {plan.networks} "
        f"held-out networks of each scenario, mean over training seeds {first} to {first + plan.seeds - 1}. "
        "lost = A after A − A after B; gained = B after B − B after A.",
        "Intervals are over networks (mean over the seeds)"
        + (", in the paired differences over seeds too." if plan.seeds > 1 else ", not over runs: one seed each."),
        f"{kept} runs, {sum(record['wall_time_s'] for record in result.records):.0f} s.",
    ]


def _half(result: ForgettingResult, arm: str) -> str:
    half = result.half_regained(arm)
    return str(half) if half is not None else "not reached" if result.was_lost(arm) else "nothing lost"


def _cell(interval: Interval | None) -> str:
    return interval.text("+") if interval else ""
