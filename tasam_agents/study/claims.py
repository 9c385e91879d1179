"""The claims of the paper, each with the numbers that decide it. Margins come from the budget, fixed in plan.json."""

from __future__ import annotations

import itertools

import numpy as np

from oran_env.scenario.presets import make_scenario
from tasam_agents.study.arms import GEOMETRIES, PLACEMENTS, SCALED, at_radius, scenario_layout, with_dus
from tasam_agents.study.budgets import Budget
from tasam_agents.study.measurement import SLICES
from tasam_agents.study.page.page import Finding
from tasam_agents.study.results import RETURN, Array, Results
from tasam_agents.study.verdict import Effect, above, all_of, as_large_as, gap, over_runs, spread_ratio

PAPER_TABLE_2 = {
    "both_sam": (23.67, 11.19, 42.1),
    "no_selective": (21.32, 9.81, 38.6),
    "static_rho": (18.4, 7.7, 32.06),
    "no_sam": (13.9, 5.87, 25.1),
}
"""Gain over a single centralised agent [%], as printed."""
PAPER_TABLE_3 = {
    "plastic": (15.1, 5.9, 18.5),
    "l2": (1.81, 0.73, 4.8),
    "dropout": (0.67, 0.4, 2.1),
    "spectral_norm": (3.1, 1.13, 7.3),
}
"""As printed; PLASTIC over a centralised agent, the others over SAC-MARL: on one base they would contradict Fig. 7."""
BASE_OF = {"plastic": "centralised", "l2": "no_sam", "dropout": "no_sam", "spectral_norm": "no_sam"}
ORDER = ("both_sam", "critic_sam", "actor_sam", "l2", "no_sam")
"""Of Fig. 7, the best first."""


def gap_of(results: Results, better: str, worse: str, column: str = RETURN) -> Effect:
    """Difference of two arms on the same networks, over the training seeds they have in common."""
    seeds = results.common(better, worse)
    return gap(results.on_networks(better, column, seeds), results.on_networks(worse, column, seeds))


def relative_gain(results: Results, arm: str, base: str, column: str = RETURN) -> Effect:
    """100·(mean of arm / mean of base − 1) [%], per seed, with the interval over seeds."""
    seeds = results.common(arm, base)
    own, other = (results.on_networks(name, column, seeds).mean(axis=1) for name in (arm, base))
    return over_runs(100.0 * (own - other) / np.abs(other))


def present(results: Results, *arms: str) -> bool:
    """Whether all of these have results in common."""
    return bool(results.common(*arms))


def returns(results: Results, budget: Budget, prefix: str = "") -> list[Finding]:
    """How much SAM gains, and in which order the variants come (Figs. 5 and 7, section VII); prefix: of the arms."""
    order = [prefix + name for name in ORDER]
    if not present(results, *order):
        return []
    both, critic, actor, l2, none = order
    where = ", on bursty" if prefix else ""
    findings = []
    for base, name, claimed in ((none, "SAC without SAM", 22.0), (l2, "SAC with L2", 7.0)):
        effect = relative_gain(results, both, base)
        margin = 100.0 * budget.margin / abs(float(results.on_networks(base).mean()))
        findings.append(
            Finding(
                f"TA-SAM returns up to {claimed:g} % more than {name}{where}",
                "abstract, VII",
                as_large_as(effect, claimed, margin),
                f"{effect.text(1, ' %')}; margin {margin:.1f} %",
            )
        )
    steps = [gap_of(results, first, second) for first, second in itertools.pairwise(order)]
    told = "; ".join(
        f"{first} − {second} {step.text()}"
        for (first, second), step in zip(itertools.pairwise(ORDER), steps, strict=True)
    )
    findings.append(
        Finding(
            f"both-SAM > critic-SAM > actor-SAM > L2 > no SAM{where}",
            "Fig. 7",
            all_of(above(step, budget.margin) for step in steps),
            told,
        )
    )
    for name, arm in (("both-SAM", both), ("critic-SAM", critic), ("actor-SAM", actor)):
        effect = gap_of(results, arm, none)
        claim = f"{name} returns more than no SAM{where}"
        findings.append(Finding(claim, "Figs. 5, 7", above(effect, budget.margin), f"return {effect.text()}"))
    return findings


def speed(results: Results, budget: Budget) -> list[Finding]:
    """Updates until a run is as good as no-SAM gets (VI-B), and the gradients that selective SAM saves (V-B)."""
    if not present(results, "both_sam", "no_sam"):
        return []
    saved = over_runs(updates_saved(results, "both_sam", "no_sam", budget.margin))
    findings = [
        Finding(
            "SAM needs fewer iterations for the same return",
            "VI-B",
            above(saved),
            f"updates saved {saved.text(0)} until the best validation return of no SAM less {budget.margin:g}",
            "A run that never gets there counts as if it had at its end, which favours it.",
        )
    ]
    if present(results, "both_sam", "no_selective"):
        seeds = results.common("both_sam", "no_selective")
        count = "gradient_evaluations"
        share = over_runs(
            100.0 * (1.0 - results.of_runs("both_sam", count, seeds) / results.of_runs("no_selective", count, seeds))
        )
        claim = "Selective SAM costs less than SAM on every actor"
        findings.append(Finding(claim, "V-B", above(share), f"{share.text(1, ' %')} fewer gradient evaluations"))
    return findings


def updates_saved(results: Results, arm: str, base: str, margin: float) -> Array:
    """Per common seed, by how many updates ``arm`` is earlier than ``base`` at the best validation return of ``base``
    less the margin; (S,)."""
    (x, ours), (base_x, theirs) = results.curve(arm), results.curve(base)
    saved = []
    for seed in results.common(arm, base):
        own = ours[results.seeds(arm).index(seed)]
        other = theirs[results.seeds(base).index(seed)]
        level = other.max() - margin
        saved.append(_first(base_x, other, level) - _first(x, own, level))
    return np.array(saved)


def _first(x: Array, values: Array, level: float) -> float:
    reached = np.flatnonzero(values >= level)
    return float(x[reached[0]] if reached.size else x[-1])


def spread(results: Results) -> list[Finding]:
    """That both-SAM varies least (Fig. 7)."""
    others = ("critic_sam", "actor_sam", "l2", "no_sam")
    if not present(results, "both_sam", *others):
        return []
    ratios = {
        name: spread_ratio(*(results.on_networks(arm).mean(axis=1) for arm in (name, "both_sam"))) for name in others
    }
    told = "; ".join(f"log sd({name})/sd(both_sam) {ratio.text(2)}" for name, ratio in ratios.items())
    return [Finding("both-SAM varies least from run to run", "Fig. 7", all_of(map(above, ratios.values())), told)]


def schedules(results: Results, budget: Budget) -> list[Finding]:
    """Equal, unequal and dynamic ρ (Fig. 5), and the best constant one (Fig. 6)."""
    equal = {name: at_radius(name, budget.equal_radius) for name in PLACEMENTS}
    actor, critic = budget.unequal_radii
    unequal = {
        "actor_sam": at_radius("actor_sam", actor),
        "critic_sam": at_radius("critic_sam", critic),
        "both_sam": "both_sam_unequal",
    }
    findings = []
    for label, source, arms in (("equal", "Fig. 5a", equal), ("unequal", "Fig. 5b", unequal)):
        if present(results, *arms.values()):
            gaps = {name: gap_of(results, arms["both_sam"], arms[name]) for name in ("actor_sam", "critic_sam")}
            told = "; ".join(f"both-SAM − {name} {effect.text()}" for name, effect in gaps.items())
            verdict = all_of(above(effect, budget.margin) for effect in gaps.values())
            findings.append(Finding(f"With {label} ρ both-SAM is best", source, verdict, told))
    if present(results, "both_sam", equal["both_sam"]):
        effect = gap_of(results, "both_sam", equal["both_sam"])
        claim = f"Dynamic ρ ({budget.dynamic_radius}) is better than constant ρ = {budget.equal_radius:g}"
        findings.append(Finding(claim, "Fig. 5c, VI-B", above(effect, budget.margin), f"return {effect.text()}"))
    if present(results, "both_sam", "both_sam_paper_rho"):
        effect = gap_of(results, "both_sam_paper_rho", "no_sam")
        claim = "With the paper's ρ, 0.5 → 0.01, both-SAM returns more than no SAM"
        findings.append(Finding(claim, "VI-B", above(effect, budget.margin), f"return {effect.text()}"))
    return findings


def best_radius(results: Results, budget: Budget) -> list[Finding]:
    """The best constant ρ of each placement against no SAM (Fig. 6); it is chosen by validation, judged on test."""
    findings = []
    for placement in PLACEMENTS:
        arms = [at_radius(placement, radius) for radius in budget.radii]
        if not present(results, "no_sam", *arms):
            continue
        seeds = results.common("no_sam", *arms)
        best = max(arms, key=lambda arm: float(results.of_runs(arm, "best_validation_return", seeds).mean()))
        effect = gap_of(results, best, "no_sam")
        radius = budget.radii[arms.index(best)]
        claim = f"{placement} at its best ρ returns more than no SAM"
        findings.append(
            Finding(claim, "Fig. 6", above(effect, budget.margin), f"ρ = {radius:g} by validation: {effect.text()}")
        )
    return findings


def scale(results: Results, budget: Budget) -> list[Finding]:
    """That the return is best at 6 DUs, and TA-SAM ahead at every number of them (Fig. 8)."""
    findings = []
    own = scenario_layout(budget.base).num_dus
    for geometry in GEOMETRIES:
        name = {dus: "both_sam" if dus == own else with_dus("both_sam", dus, geometry) for dus in budget.dus}
        where = "at the same distance of sites" if geometry == "spacing" else "in the same area"
        if present(results, *name.values()):
            gaps = {dus: gap_of(results, name[own], arm) for dus, arm in name.items() if dus != own}
            told = "; ".join(f"{own} − {dus} DUs {effect.text()}" for dus, effect in gaps.items())
            verdict = all_of(above(effect, budget.margin) for effect in gaps.values())
            findings.append(Finding(f"The return is best at {own} DUs, {where}", "Fig. 8, VI-D", verdict, told))
        ahead = [
            (dus, base, name[dus], base if dus == own else with_dus(base, dus, geometry))
            for dus in budget.dus
            for base in SCALED
            if base != "both_sam"
        ]
        if all(present(results, ours, theirs) for _, _, ours, theirs in ahead):
            effects = [(dus, base, gap_of(results, ours, theirs)) for dus, base, ours, theirs in ahead]
            told = "; ".join(f"{dus} DUs, minus {base} {effect.text()}" for dus, base, effect in effects)
            verdict = all_of(above(effect, budget.margin) for *_, effect in effects)
            claim = f"TA-SAM is ahead of L2 and no SAM at every number of DUs, {where}"
            findings.append(Finding(claim, "Fig. 8, VI-D", verdict, told))
    return findings


def flatness(results: Results) -> list[Finding]:
    """That both-SAM ends in the flattest place (Fig. 9): log of the ratio of the largest eigenvalues."""
    others = ("critic_sam", "actor_sam", "l2", "no_sam")
    if not present(results, "both_sam", *others):
        return []
    seeds = results.common("both_sam", *others)
    findings = []
    for kind, loss in (("critic", "critic"), ("actor without entropy", "actor")):
        ours = results.of_runs("both_sam", f"lambda_max {kind}", seeds)
        effects = {}
        for name in others:
            theirs = results.of_runs(name, f"lambda_max {kind}", seeds)
            usable = (ours > 0) & (theirs > 0)
            effects[name] = over_runs(np.log(theirs[usable] / ours[usable]))
        told = "; ".join(f"log λ({name})/λ(both_sam) {effect.text(2)}" for name, effect in effects.items())
        verdict = all_of(map(above, effects.values()))
        findings.append(
            Finding(f"both-SAM has the smallest largest eigenvalue of the {loss} loss", "Fig. 9", verdict, told)
        )
    return findings


def quality(results: Results, budget: Budget) -> list[Finding]:
    """That both-SAM meets the Q_min of the slices more often (Fig. 10), and gives its UEs more (Fig. 11)."""
    if not present(results, "both_sam", "no_sam"):
        return []
    findings = []
    for name in SLICES:
        effect = gap_of(results, "both_sam", "no_sam", f"satisfied {name}")
        scaled = _percent(effect)
        findings.append(
            Finding(
                f"both-SAM meets Q_min of {name} more often than no SAM",
                "Fig. 10",
                above(scaled, budget.gain_margin),
                f"share of (DU, step) {scaled.text(1, ' percentage points')}",
            )
        )
        reached = over_runs(share_above(results, "both_sam", name) - share_above(results, "no_sam", name))
        claim = f"More UEs of {name} reach λ with both-SAM than with no SAM"
        told = f"share of (UE, step) {reached.text(1, ' percentage points')}"
        findings.append(Finding(claim, "Fig. 11", above(reached, budget.gain_margin), told))
    return findings


def share_above(results: Results, arm: str, slice_name: str) -> Array:
    """Share of (UE, step) with a throughput above λ of the slice per seed (S,) [%], read off the grid of Fig. 11.

    Not the median UE: with fewer RBs than UEs it has none in most steps.
    """
    x, share = results.shares(arm, "ue_throughput", slice_name)
    threshold = make_scenario("paper").quality.rate_threshold_mbps[SLICES.index(slice_name)]
    return np.asarray(100.0 * (1.0 - share[:, int(np.argmin(np.abs(np.log(x / threshold))))]))


def _percent(effect: Effect) -> Effect:
    return Effect(
        100 * effect.mean,
        None if effect.low is None else 100 * effect.low,
        None if effect.high is None else 100 * effect.high,
    )


def ablation(results: Results, budget: Budget) -> list[Finding]:
    """Tables 2 and 3: order of the components, margins over PLASTIC, gains of the regularisers."""
    findings = []
    if present(results, *PAPER_TABLE_2):
        steps = [
            (name, first, second, _gain_gap(results, first, second, name))
            for name in SLICES
            for first, second in itertools.pairwise(PAPER_TABLE_2)
        ]
        verdict = all_of(above(effect, budget.gain_margin) for *_, effect in steps)
        told = "; ".join(f"{name}, {first} − {second} {effect.text(1)}" for name, first, second, effect in steps)
        claim = "TA-SAM > without selection > static ρ > without SAM in every slice"
        findings.append(Finding(claim, "Table 2", verdict, f"{told} [%]"))
    if present(results, "both_sam", "plastic"):
        for name, claimed in zip(SLICES, (8.5, 5.3, 23.6), strict=True):
            effect = _gain_gap(results, "both_sam", "plastic", name)
            claim = f"TA-SAM is {claimed:g} % better than PLASTIC in {name}"
            verdict = as_large_as(effect, claimed, budget.gain_margin)
            findings.append(Finding(claim, "VI-G", verdict, effect.text(1, " %")))
    regularisers = ("spectral_norm", "l2", "dropout", "no_sam")
    if present(results, *regularisers):
        ordered = [
            (name, first, second, _gain_gap(results, first, second, name))
            for name in SLICES
            for first, second in itertools.pairwise(regularisers)
        ]
        verdict = all_of(above(effect, budget.gain_margin) for *_, effect in ordered)
        told = "; ".join(f"{name}, {first} − {second} {effect.text(1)}" for name, first, second, effect in ordered)
        findings.append(
            Finding("Spectral norm > L2 > dropout > nothing in every slice", "Table 3", verdict, f"{told} [%]")
        )
    return findings


def _gain_gap(results: Results, first: str, second: str, slice_name: str) -> Effect:
    """How much more of Q̄ the first has than the second [% of the second's]."""
    return relative_gain(results, first, second, f"quality {slice_name}")


def difficulty(results: Results) -> list[Finding]:
    """That the variance of the TD error shows how hard a DU's task is (IV-D)."""
    if not present(results, "both_sam"):
        return []
    effect = over_runs(results.of_runs("both_sam", "difficulty_correlation"))
    told = f"correlation over the DUs {effect.text(2)}"
    reason = "σ²_i at the end of training against how far DU i stays behind the best DU on held-out networks."
    return [Finding("σ²_i of the TD error follows how hard the task of DU i is", "IV-D", above(effect), told, reason)]
