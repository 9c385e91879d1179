"""The claims of the paper, each with the numbers that decide it. Margins come from the budget, fixed in plan.json.

Every function gives the findings that the results allow: none where an arm has no run yet.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import numpy as np

from oran_env.scenario.presets import make_scenario
from oran_env.scenario.slices import SLICES
from tasam_agents.study.arms import GEOMETRIES, MAIN, PLACEMENTS, SCALED, at_radius, scenario_layout, with_dus
from tasam_agents.study.budgets import Budget
from tasam_agents.study.page.page import Finding, Weighed
from tasam_agents.study.results import RETURN, Array, Results
from tasam_agents.study.verdict import Effect, above, all_of, as_large_as, decisive, gap, over_runs, spread_ratio

NAMES = {"no_sam": "no SAM", "l2": "L2", "actor_sam": "actor-SAM", "critic_sam": "critic-SAM", "both_sam": "both-SAM"}
"""The arms of the main comparison, for readers."""
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
ORDER = MAIN[::-1]
"""Of Fig. 7, the best first."""
POINTS = " percentage points"


def gap_of(results: Results, better: str, worse: str, column: str = RETURN) -> Effect:
    """Difference of two arms on the same networks, over the training seeds they have in common."""
    seeds = results.common(better, worse)
    own, other = (results.on_networks(name, column, seeds) for name in (better, worse))
    known = np.isfinite(own).all(axis=0) & np.isfinite(other).all(axis=0)  # a slice that a network lacks counts nowhere
    return gap(own[:, known], other[:, known])


def relative_gain(results: Results, arm: str, base: str, column: str = RETURN) -> Effect:
    """100·(mean of arm / mean of base − 1) [%], per seed, with the interval over seeds."""
    seeds = results.common(arm, base)
    own, other = (results.on_networks(name, column, seeds).mean(axis=1) for name in (arm, base))
    return over_runs(100.0 * (own - other) / np.abs(other))


def present(results: Results, *arms: str) -> bool:
    """Whether all of these have results in common."""
    return bool(results.common(*arms))


def judged(
    claim: str,
    source: str,
    effects: Effect | Mapping[str, Effect],
    margin: float = 0.0,
    told: str = "{}",
    digits: int = 3,
    unit: str = "",
    reason: str = "",
) -> Finding:
    """The claim that the effect, or each of several by name, is larger than the margin.

    Args:
        claim: what is said; source: where in the paper.
        effects: what was measured.
        margin: how large an effect must be to count.
        told: how the numbers are put, {} in their place; digits, unit: how they are written.
        reason: what a reader should know of the verdict.
    """
    each = {"": effects} if isinstance(effects, Effect) else effects
    numbers = "; ".join(f"{name} {effect.text(digits, unit)}".lstrip() for name, effect in each.items())
    verdict = all_of(above(effect, margin) for effect in each.values())
    part = decisive(each, margin)
    number = told.format(each[part].text(digits, unit))
    weighed = Weighed(number, *each[part], margin, part=part)
    return Finding(claim, source, verdict, told.format(numbers), reason, f"above {margin:g}{unit}", weighed)


def _of_size(claim: str, source: str, effect: Effect, claimed: float, margin: float) -> Finding:
    """The claim that the effect is as large as printed [%]."""
    counts = f"above {margin:.1f} %, and up to {claimed:g} % at least"
    text = effect.text(1, " %")
    weighed = Weighed(text, *effect, margin, claimed)
    return Finding(claim, source, as_large_as(effect, claimed, margin), text, counts=counts, weighed=weighed)


def returns(results: Results, budget: Budget, prefix: str = "") -> list[Finding]:
    """How much SAM gains, and in which order the variants come (Figs. 5 and 7, section VII); prefix: of the arms."""
    if not present(results, *(prefix + name for name in ORDER)):
        return []
    where = ", on bursty" if prefix else ""
    findings = []
    for base, name, claimed in (("no_sam", "SAC without SAM", 22.0), ("l2", "SAC with L2", 7.0)):
        effect = relative_gain(results, f"{prefix}both_sam", prefix + base)
        margin = 100.0 * budget.margin / abs(float(results.on_networks(prefix + base).mean()))
        claim = f"TA-SAM returns up to {claimed:g} % more than {name}{where}"
        findings.append(_of_size(claim, "abstract, VII", effect, claimed, margin))
    steps = {f"{a} − {b}": gap_of(results, prefix + a, prefix + b) for a, b in itertools.pairwise(ORDER)}
    findings.append(judged(f"{' > '.join(NAMES[name] for name in ORDER)}{where}", "Fig. 7", steps, budget.margin))
    for name in ORDER[:3]:
        effect = gap_of(results, prefix + name, f"{prefix}no_sam")
        claim = f"{NAMES[name]} returns more than no SAM{where}"
        findings.append(judged(claim, "Figs. 5, 7", effect, budget.margin, "return {}"))
    return findings


def speed(results: Results, budget: Budget) -> list[Finding]:
    """Updates until a run is as good as no-SAM gets (VI-B), and the gradients that selective SAM saves (V-B)."""
    if not present(results, "both_sam", "no_sam"):
        return []
    findings = [
        judged(
            "SAM needs fewer iterations for the same return",
            "VI-B",
            over_runs(updates_saved(results, "both_sam", "no_sam", budget.margin)),
            told=f"updates saved {{}} until the best validation return of no SAM less {budget.margin:g}",
            digits=0,
            reason="A run that never gets there counts as if it had at its end, which favours it.",
        )
    ]
    if seeds := results.common("both_sam", "no_selective"):
        ours, all_actors = (results.of_runs(arm, "gradient_evaluations", seeds) for arm in ("both_sam", "no_selective"))
        share = over_runs(100.0 * (1.0 - ours / all_actors))
        told = "{} fewer gradient evaluations"
        findings.append(
            judged("Selective SAM costs less than SAM on every actor", "V-B", share, told=told, digits=1, unit=" %")
        )
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
    if not present(results, *ORDER):
        return []
    sample = {name: results.on_networks(name).mean(axis=1) for name in ORDER}
    ratios = {f"log sd({name})/sd(both_sam)": spread_ratio(sample[name], sample["both_sam"]) for name in ORDER[1:]}
    return [judged("both-SAM varies least from run to run", "Fig. 7", ratios, digits=2)]


def constant_radii(budget: Budget) -> dict[str, dict[str, str]]:
    """The arms of Fig. 5 with a constant ρ, equal or unequal for actors and critics, by where SAM is."""
    actor, critic = budget.unequal_radii
    return {
        "equal": {name: at_radius(name, budget.equal_radius) for name in PLACEMENTS},
        "unequal": {
            "actor_sam": at_radius("actor_sam", actor),
            "critic_sam": at_radius("critic_sam", critic),
            "both_sam": "both_sam_unequal",
        },
    }


def schedules(results: Results, budget: Budget) -> list[Finding]:
    """Equal, unequal and dynamic ρ (Fig. 5)."""
    constant = constant_radii(budget)
    findings = []
    for (label, arms), source in zip(constant.items(), ("Fig. 5a", "Fig. 5b"), strict=True):
        if present(results, *arms.values()):
            gaps = {
                f"both-SAM − {name}": gap_of(results, arms["both_sam"], arms[name])
                for name in ("actor_sam", "critic_sam")
            }
            findings.append(judged(f"With {label} ρ both-SAM is best", source, gaps, budget.margin))
    others = (
        (
            f"Dynamic ρ ({budget.dynamic_radius}) is better than constant ρ = {budget.equal_radius:g}",
            "Fig. 5c, VI-B",
            ("both_sam", constant["equal"]["both_sam"]),
        ),
        (
            "With the paper's ρ, 0.5 → 0.01, both-SAM returns more than no SAM",
            "VI-B",
            ("both_sam_paper_rho", "no_sam"),
        ),
    )
    for claim, source, pair in others:
        if present(results, *pair):
            findings.append(judged(claim, source, gap_of(results, *pair), budget.margin, "return {}"))
    return findings


def best_radius(results: Results, budget: Budget) -> list[Finding]:
    """The best constant ρ of each placement against no SAM (Fig. 6); it is chosen by validation, judged on test."""
    findings = []
    for placement in PLACEMENTS:
        arms = {at_radius(placement, radius): radius for radius in budget.radii}
        if seeds := results.common("no_sam", *arms):
            best = max(arms, key=lambda arm: float(results.of_runs(arm, "best_validation_return", seeds).mean()))
            effect, told = gap_of(results, best, "no_sam"), f"ρ = {arms[best]:g} by validation: {{}}"
            claim = f"{placement} at its best ρ returns more than no SAM"
            findings.append(judged(claim, "Fig. 6", effect, budget.margin, told))
    return findings


def at_dus(budget: Budget, arm: str, geometry: str) -> dict[int, str]:
    """The arm by number of DUs; the one of its own scenario has no other name."""
    own = scenario_layout(budget.base).num_dus
    return {dus: arm if dus == own else with_dus(arm, dus, geometry) for dus in budget.dus}


def scale(results: Results, budget: Budget) -> list[Finding]:
    """That the return is best at 6 DUs, and TA-SAM ahead at every number of them (Fig. 8)."""
    findings = []
    own = scenario_layout(budget.base).num_dus
    for geometry in GEOMETRIES:
        arms = {name: at_dus(budget, name, geometry) for name in SCALED}
        where = "at the same distance of sites" if geometry == "spacing" else "in the same area"
        ours = arms["both_sam"]
        if present(results, *ours.values()):
            gaps = {f"{own} − {dus} DUs": gap_of(results, ours[own], arm) for dus, arm in ours.items() if dus != own}
            findings.append(judged(f"The return is best at {own} DUs, {where}", "Fig. 8, VI-D", gaps, budget.margin))
        ahead = {
            f"{dus} DUs, minus {base}": (ours[dus], arms[base][dus])
            for dus in budget.dus
            for base in SCALED
            if base != "both_sam"
        }
        if all(present(results, *pair) for pair in ahead.values()):
            gaps = {name: gap_of(results, *pair) for name, pair in ahead.items()}
            claim = f"TA-SAM is ahead of L2 and no SAM at every number of DUs, {where}"
            findings.append(judged(claim, "Fig. 8, VI-D", gaps, budget.margin))
    return findings


def flatness(results: Results) -> list[Finding]:
    """That both-SAM ends in the flattest place (Fig. 9): log of the ratio of the largest eigenvalues."""
    seeds = results.common(*ORDER)
    if not seeds:
        return []
    findings = []
    for kind, loss in (("critic", "critic"), ("actor without entropy", "actor")):
        found = {name: results.of_runs(name, f"lambda_max {kind}", seeds) for name in ORDER}
        ours, ratios = found["both_sam"], {}
        for name in ORDER[1:]:
            usable = (ours > 0) & (found[name] > 0)
            ratios[f"log λ({name})/λ(both_sam)"] = over_runs(np.log(found[name][usable] / ours[usable]))
        claim = f"both-SAM has the smallest largest eigenvalue of the {loss} loss"
        findings.append(judged(claim, "Fig. 9", ratios, digits=2))
    return findings


def quality(results: Results, budget: Budget) -> list[Finding]:
    """That both-SAM meets the Q_min of the slices more often (Fig. 10), and gives its UEs more (Fig. 11)."""
    findings = []
    for name in SLICES if (seeds := results.common("both_sam", "no_sam")) else ():
        often = gap_of(results, "both_sam", "no_sam", f"satisfied {name}").times(100)
        ours, theirs = (share_above(results, arm, name, seeds) for arm in ("both_sam", "no_sam"))
        for claim, source, effect, of in (
            (f"both-SAM meets Q_min of {name} more often than no SAM", "Fig. 10", often, "DU"),
            (f"More UEs of {name} reach λ with both-SAM than with no SAM", "Fig. 11", over_runs(ours - theirs), "UE"),
        ):
            findings.append(judged(claim, source, effect, budget.gain_margin, f"share of ({of}, step) {{}}", 1, POINTS))
    return findings


def share_above(results: Results, arm: str, slice_name: str, seeds: Sequence[int] | None = None) -> Array:
    """Share of (UE, step) with a throughput above λ of the slice per seed (S,) [%], read off the grid of Fig. 11.

    Not the median UE: with fewer RBs than UEs it has none in most steps.
    """
    x, share = results.shares(arm, "ue_throughput", slice_name, seeds)
    threshold = make_scenario("paper").quality.rate_threshold_mbps[SLICES.index(slice_name)]
    return np.asarray(100.0 * (1.0 - share[:, int(np.argmin(np.abs(np.log(x / threshold))))]))


def ablation(results: Results, budget: Budget) -> list[Finding]:
    """Tables 2 and 3: order of the components, margins over PLASTIC, gains of the regularisers."""
    findings = _ordered(
        results, budget, tuple(PAPER_TABLE_2), "TA-SAM > without selection > static ρ > without SAM", "Table 2"
    )
    if present(results, "both_sam", "plastic"):
        for name, claimed in zip(SLICES, (8.5, 5.3, 23.6), strict=True):
            effect = relative_gain(results, "both_sam", "plastic", f"quality {name}")
            claim = f"TA-SAM is {claimed:g} % better than PLASTIC in {name}"
            findings.append(_of_size(claim, "VI-G", effect, claimed, budget.gain_margin))
    regularisers = ("spectral_norm", "l2", "dropout", "no_sam")
    return findings + _ordered(results, budget, regularisers, "Spectral norm > L2 > dropout > nothing", "Table 3")


def _ordered(results: Results, budget: Budget, arms: Sequence[str], claim: str, source: str) -> list[Finding]:
    """That each arm has more Q̄ than the next, in every slice [% of the next's]."""
    if not present(results, *arms):
        return []
    steps = {
        f"{name}, {first} − {second}": relative_gain(results, first, second, f"quality {name}")
        for name in SLICES
        for first, second in itertools.pairwise(arms)
    }
    return [judged(f"{claim} in every slice", source, steps, budget.gain_margin, "{} [%]", 1)]


def difficulty(results: Results) -> list[Finding]:
    """That the variance of the TD error shows how hard a DU's task is (IV-D)."""
    if not present(results, "both_sam"):
        return []
    effect = over_runs(results.of_runs("both_sam", "difficulty_correlation"))
    reason = "σ²_i at the end of training against how far DU i stays behind the best DU on held-out networks."
    claim = "σ²_i of the TD error follows how hard the task of DU i is"
    return [judged(claim, "IV-D", effect, told="correlation over the DUs {}", digits=2, reason=reason)]
