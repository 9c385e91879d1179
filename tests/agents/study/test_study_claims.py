"""The claims on invented results in which they hold, do not hold, or cannot be decided."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tasam_agents.study import claims
from tasam_agents.study.arms import arms_of, at_radius, with_dus
from tasam_agents.study.budgets import BUDGETS
from tasam_agents.study.measurement import SLICES
from tasam_agents.study.page.page import Finding
from tasam_agents.study.report import Report, nothing_judged
from tasam_agents.study.results import Results

BUDGET = BUDGETS["quick"]
NETWORKS = 6
POINTS = np.logspace(-2, 2, 41)


def invented(levels: Mapping[str, float], noise: float = 0.002, **columns: Mapping[str, float]) -> Results:
    """Results of every arm of `quick`: return and Q̄ at the arm's level (1 unless given); columns: of runs.csv."""
    rng = np.random.default_rng(0)
    tables: dict[str, list[dict[str, Any]]] = {name: [] for name in ("returns", "runs", "curves", "shares", "times")}
    for arm in arms_of(BUDGET):
        level = levels.get(arm.name, 1.0)
        for seed in arm.seeds:
            who: dict[str, Any] = {"arm": arm.name, "seed": seed}
            for network in range(NETWORKS):
                value = level + noise * rng.standard_normal()
                quality = {f"{what} {name}": value for what in ("quality", "satisfied") for name in SLICES}
                tables["returns"].append(who | {"network": network, "return": value} | quality)
            run = {"best_validation_return": level, "gradient_evaluations": 100, "difficulty_correlation": None}
            run |= {f"lambda_max {kind}": 1.0 for kind in ("critic", "actor", "actor without entropy")}
            tables["runs"].append(who | run | {name: of.get(arm.name, run.get(name)) for name, of in columns.items()})
            tables["curves"] += [
                who | {"iteration": i, "updates": 10 * i, "validation_return": level * min(1.0, i / 5)}
                for i in range(1, 11)
            ]
            tables["shares"] += [
                who | {"kind": kind, "slice": name, "x": x, "share": x / (x + level)}
                for kind in ("qos", "ue_throughput")
                for name in SLICES
                for x in POINTS.tolist()
            ]
            tables["times"].append(who | {"wall_time_s": 1.0})
    return Results({name: tuple(rows) for name, rows in tables.items()})


def verdicts(findings: list[Finding]) -> dict[str, str]:
    return {finding.claim: finding.verdict for finding in findings}


AS_PRINTED = {"no_sam": 1.0, "l2": 1.14, "actor_sam": 1.16, "critic_sam": 1.18, "both_sam": 1.22}


def test_the_order_of_figure_7() -> None:
    found = verdicts(claims.returns(invented(AS_PRINTED), BUDGET))
    assert found["both-SAM > critic-SAM > actor-SAM > L2 > no SAM"] == "supported"
    assert found["TA-SAM returns up to 22 % more than SAC without SAM"] == "supported"
    assert found["TA-SAM returns up to 7 % more than SAC with L2"] == "supported"
    swapped = AS_PRINTED | {"critic_sam": 1.16, "actor_sam": 1.18}
    found = verdicts(claims.returns(invented(swapped), BUDGET))
    assert found["both-SAM > critic-SAM > actor-SAM > L2 > no SAM"] == "not supported"
    assert found["critic-SAM returns more than no SAM"] == "supported"


def test_no_effect_and_much_noise() -> None:
    same = verdicts(claims.returns(invented({}), BUDGET))
    assert same["both-SAM returns more than no SAM"] == "not supported"  # surely less than the margin
    loud = verdicts(claims.returns(invented({"both_sam": 1.02}, noise=0.3), BUDGET))
    assert loud["both-SAM returns more than no SAM"] == "inconclusive"
    small = verdicts(claims.returns(invented({"both_sam": 1.05}), BUDGET))
    assert small["TA-SAM returns up to 22 % more than SAC without SAM"] == "not supported"


def test_bursty_reads_its_own_arms() -> None:
    bursty = {f"bursty_{name}": level for name, level in AS_PRINTED.items()}
    found = verdicts(claims.returns(invented(bursty), BUDGET, "bursty_"))
    assert found["both-SAM > critic-SAM > actor-SAM > L2 > no SAM, on bursty"] == "supported"
    assert verdicts(claims.returns(invented(bursty), BUDGET))["both-SAM returns more than no SAM"] == "not supported"


def test_schedules() -> None:
    equal = {at_radius(name, BUDGET.equal_radius): level for name, level in AS_PRINTED.items()}
    found = verdicts(claims.schedules(invented(equal | {"both_sam": 1.3, "both_sam_unequal": 1.0}), BUDGET))
    assert found["With equal ρ both-SAM is best"] == "supported"
    assert found["With unequal ρ both-SAM is best"] == "not supported"
    assert found["Dynamic ρ (0.01 → 0.001) is better than constant ρ = 0.01"] == "supported"
    assert found["With the paper's ρ, 0.5 → 0.01, both-SAM returns more than no SAM"] == "not supported"


def test_the_best_radius_is_chosen_by_validation_and_judged_on_test() -> None:
    """The radius that is best on the test networks but not on validation does not count."""
    lucky, chosen = at_radius("both_sam", BUDGET.radii[0]), at_radius("both_sam", BUDGET.radii[1])
    results = invented({lucky: 1.5}, best_validation_return={lucky: 1.0, chosen: 1.2})
    assert verdicts(claims.best_radius(results, BUDGET))["both_sam at its best ρ returns more than no SAM"] == (
        "not supported"
    )


def test_updates_saved() -> None:
    """A level of 1.25 with the same shape crosses 1 − margin at iteration 4 and not 5: 10 updates earlier."""
    results = invented({"both_sam": 1.25})
    saved = claims.updates_saved(results, "both_sam", "no_sam", BUDGET.margin)
    assert saved.tolist() == [10.0] * BUDGET.seeds
    late = claims.updates_saved(invented({"both_sam": 0.5}), "both_sam", "no_sam", BUDGET.margin)
    assert late.tolist() == [-50.0] * BUDGET.seeds  # never: as if at the end, update 100


def test_a_finding_says_from_where_on_an_effect_counts() -> None:
    found = {finding.claim: finding.counts for finding in claims.returns(invented(AS_PRINTED), BUDGET)}
    assert found["both-SAM returns more than no SAM"] == "above 0.01"
    assert found["TA-SAM returns up to 22 % more than SAC without SAM"] == "above 1.0 %, and up to 22 % at least"


def test_one_number_stands_for_a_claim_of_several_parts() -> None:
    """both > critic > actor > L2 > none, broken between actor-SAM and L2: that part is shown."""
    levels = AS_PRINTED | {"actor_sam": 1.10}
    (order,) = [each for each in claims.returns(invented(levels), BUDGET) if each.source == "Fig. 7"]
    assert order.verdict == "not supported"
    assert order.weighed is not None
    assert order.weighed.part == "actor_sam − l2"
    assert order.weighed.mean == pytest.approx(-0.04, abs=0.01)
    assert order.in_short == f"actor_sam − l2: {order.weighed.text}"
    assert order.in_short.count("[") == 1 < order.measured.count("[")
    (held,) = [each for each in claims.returns(invented(AS_PRINTED), BUDGET) if each.source == "Fig. 7"]
    assert held.weighed is not None
    assert held.verdict == "supported"
    assert held.weighed.mean == pytest.approx(0.02, abs=0.01)  # the narrowest of its steps


def test_a_budget_of_two_seeds_judges_nothing(tmp_path: Path) -> None:
    smoke = BUDGETS["smoke"]
    assert [name for name, budget in BUDGETS.items() if not budget.judges] == ["smoke"]
    few = Report(invented(AS_PRINTED), replace(BUDGET, seeds=2), tmp_path, {}).page()
    assert {finding.verdict for _, finding in few.findings} == {"described"}
    assert few.banner.startswith("NO VERDICTS")
    assert {each.weighed.margin for _, each in few.findings if each.weighed} == {None}  # nothing to beat
    assert "2 seeds" in nothing_judged(smoke)


def test_gradients_saved() -> None:
    results = invented({}, gradient_evaluations={"both_sam": 75, "no_selective": 100})
    finding = claims.speed(results, BUDGET)[-1]
    assert finding.verdict == "supported"
    assert "+25.0" in finding.measured


def test_figure_8() -> None:
    peak = {with_dus("both_sam", dus, "area"): 1.0 for dus in BUDGET.dus} | {"both_sam": 1.2}
    found = verdicts(claims.scale(invented(peak | {with_dus("both_sam", 8, "spacing"): 1.4}), BUDGET))
    assert found["The return is best at 6 DUs, in the same area"] == "supported"
    assert found["The return is best at 6 DUs, at the same distance of sites"] == "not supported"
    assert found["TA-SAM is ahead of L2 and no SAM at every number of DUs, in the same area"] == "not supported"


def test_flatness_is_about_ratios() -> None:
    flat: dict[str, Any] = {
        "lambda_max critic": {"both_sam": 0.5},
        "lambda_max actor without entropy": {"both_sam": 2.0},
    }
    found = verdicts(claims.flatness(invented({}, **flat)))
    assert found["both-SAM has the smallest largest eigenvalue of the critic loss"] == "supported"
    assert found["both-SAM has the smallest largest eigenvalue of the actor loss"] == "not supported"


def test_tables() -> None:
    levels = {"both_sam": 1.3, "no_selective": 1.2, "static_rho": 1.1, "no_sam": 1.0, "plastic": 1.0}
    found = verdicts(claims.ablation(invented(levels), BUDGET))
    assert found["TA-SAM > without selection > static ρ > without SAM in every slice"] == "supported"
    assert found["TA-SAM is 23.6 % better than PLASTIC in URLLC"] == "supported"
    assert found["Spectral norm > L2 > dropout > nothing in every slice"] == "not supported"


def test_share_of_ues_above_the_threshold() -> None:
    """The invented share at most x is x/(x + level), λ of eMBB 1 Mbit/s: above it are level/(1 + level)."""
    results = invented({"both_sam": 3.0})
    assert claims.share_above(results, "both_sam", "eMBB") == pytest.approx([75.0] * BUDGET.seeds)
    assert claims.share_above(results, "no_sam", "eMBB") == pytest.approx([50.0] * BUDGET.seeds)
    found = verdicts(claims.quality(results, BUDGET))
    assert found["More UEs of eMBB reach λ with both-SAM than with no SAM"] == "supported"
    same = verdicts(claims.quality(invented({}), BUDGET))
    assert same["More UEs of eMBB reach λ with both-SAM than with no SAM"] == "not supported"


def test_runs_that_are_missing_leave_the_seeds_in_common() -> None:
    """A study that goes on has arms of unequal length: what cannot be paired does not count, and nothing breaks."""
    whole = invented(AS_PRINTED)
    last = max(row["seed"] for row in whole.tables["runs"])
    lacking = {("both_sam", last), ("both_sam_paper_rho", last - 1)}
    left = Results(
        {
            name: tuple(row for row in rows if (row["arm"], row["seed"]) not in lacking)
            for name, rows in whole.tables.items()
        }
    )
    assert len(claims.share_above(left, "no_sam", "eMBB")) == len(claims.share_above(left, "both_sam", "eMBB")) + 1
    assert verdicts(claims.quality(left, BUDGET)) == verdicts(claims.quality(whole, BUDGET))
    alone = Results({name: tuple(row for row in rows if row["arm"] != "no_sam") for name, rows in left.tables.items()})
    assert claims.quality(alone, BUDGET) == []
    assert "With the paper's ρ, 0.5 → 0.01, both-SAM returns more than no SAM" not in verdicts(
        claims.schedules(alone, BUDGET)
    )


def test_tables_survive_writing_and_reading(tmp_path: Path) -> None:
    results = invented(AS_PRINTED)
    results.write(tmp_path)
    again = Results.read(tmp_path)
    assert again.tables == results.tables
    assert (again.on_networks("both_sam") == results.on_networks("both_sam")).all()


def test_a_report_needs_the_tables_alone_and_leaves_out_what_is_missing(tmp_path: Path) -> None:
    results = invented(AS_PRINTED)
    whole = Report(results, BUDGET, tmp_path, {}).page()
    assert [section.anchor for section in whole.sections] == [
        "fig5", "fig6", "fig7", "fig8", "fig9", "fig10", "fig11", "table2", "table3", "difficulty", "bursty",
        "deviations",
    ]  # fmt: skip
    assert all(picture.path.is_file() for section in whole.sections for picture in section.pictures)
    some = {name: tuple(row for row in rows if "_dus_" not in row["arm"]) for name, rows in results.tables.items()}
    page = Report(Results(some), BUDGET, tmp_path, {}).page()
    assert "fig8" not in [section.anchor for section in page.sections]
    assert "Fig. 8: number of DUs" in page.lead[-1]
