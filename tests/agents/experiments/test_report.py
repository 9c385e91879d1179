"""The comparison report: what it says follows from the numbers, and every file holds them."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from support.intervals import known

from tasam_agents.experiments.comparison.report import write_comparison
from tasam_agents.experiments.comparison.result import ComparisonReport, Cost
from tasam_agents.experiments.comparison.text import comparison_text
from tasam_agents.stats.bootstrap import interquartile_mean, probability_of_improvement
from tasam_agents.stats.intervals import difference, over_networks, over_seeds

SEEDS, NETWORKS = (3, 4, 5, 6), tuple(range(2_000_000, 2_000_006))
OURS = Cost(env_steps=640_000, updates=6000, gradient_evaluations=78_000, wall_time_s=610, cpu_time_s=605)
PLAIN = Cost(env_steps=640_000, updates=6000, gradient_evaluations=48_000, wall_time_s=400)


def make_returns() -> dict[str, NDArray[np.float64]]:
    generator = np.random.default_rng(0)
    network = generator.normal(0, 0.2, len(NETWORKS))

    def trained(mean: float) -> NDArray[np.float64]:
        noise: NDArray[np.float64] = generator.normal(0, 0.01, (len(SEEDS), len(NETWORKS)))
        return mean + network + noise

    fixed = 1.6 + network[None]
    return {"none": trained(1.4), "TA-SAM": trained(1.5), "same": trained(1.5), "rule": fixed}


COSTS = {"none": PLAIN, "TA-SAM": OURS, "same": OURS, "rule": Cost()}


def make_report(**changes: Any) -> ComparisonReport:
    fields: dict[str, Any] = {
        "returns": make_returns(), "first": "TA-SAM", "seeds": SEEDS, "networks": NETWORKS, "costs": COSTS
    }  # fmt: skip
    return ComparisonReport(**(fields | changes))


def read(path: Path) -> list[dict[str, str]]:
    with path.open() as file:
        return list(csv.DictReader(file))


def test_lines_are_the_statistics_of_the_returns() -> None:
    returns, report = make_returns(), make_report()
    assert [line.agent for line in report.lines] == ["TA-SAM", "none", "same", "rule"]
    for line in report.lines:
        own = returns[line.agent]
        assert line.mean == pytest.approx(own.mean())
        assert (line.seeds, line.networks) == (over_seeds(own), over_networks(own))
        assert line.iqm == interquartile_mean(own)
        if line.agent != "TA-SAM":
            assert line.difference == difference(returns["TA-SAM"], own)
            assert line.improvement == probability_of_improvement(returns["TA-SAM"], own)
    assert report.lines[0].difference is None


def test_sentences_say_better_worse_and_no_difference() -> None:
    text = comparison_text(make_report())
    sentences = {line.split(" than ")[-1].split(" by ")[0] for line in text.splitlines() if "TA-SAM is " in line}
    assert sentences == {"none", "rule"}
    assert "TA-SAM is better than none by 0.10" in text
    assert "TA-SAM is worse than rule by 0.09" in text or "TA-SAM is worse than rule by 0.10" in text
    assert "TA-SAM and same: no difference found (" in text
    assert "A difference counts only if both of its intervals exclude 0." in text
    assert "With 4 seeds the bootstrap interval of P(…) is too short" in text


@pytest.mark.parametrize(
    ("seed_effects", "network_effects", "verdict", "words"),
    [
        ([0.1, 0.1, 0.1, 0.1], [0.0] * 6, "better", "is better than other by 0.100"),
        ([-0.1, -0.1, -0.1, -0.1], [0.0] * 6, "worse", "is worse than other by 0.100"),
        ([0.4, -0.3, 0.4, -0.1], [0.0] * 6, "no difference", "the interval over seeds ["),
        ([0.1, 0.1, 0.1, 0.1], [0.9, -0.9, 0.5, -0.5, 0.3, -0.3], "no difference", "the interval over networks ["),
        ([0.4, -0.3, 0.4, -0.1], [0.9, -0.9, 0.5, -0.5, 0.3, -0.3], "no difference", "the intervals over seeds ["),
        ([0.0, 0.0, 0.0, 0.0], [0.0] * 6, "no difference", "no difference found (+0.000)"),
    ],
)
def test_a_difference_counts_only_when_both_intervals_exclude_zero(
    seed_effects: list[float], network_effects: list[float], verdict: str, words: str
) -> None:
    other = np.random.default_rng(1).normal(1.5, 0.1, (4, 6))
    first = other + np.array(seed_effects)[:, None] + np.array(network_effects)
    costs = {"A": OURS, "other": OURS}
    report = make_report(returns={"A": first, "other": other}, first="A", costs=costs)
    assert report.verdict(report.lines[1]) == verdict
    assert words in comparison_text(report)


def test_gradients_are_put_in_proportion_where_they_differ() -> None:
    text = comparison_text(make_report())
    assert (
        "TA-SAM takes 1.62 times the gradient evaluations of none (78,000 against 48,000, in 6,000 updates): for the "
        "same number none would have 9,750 updates." in text
    )
    assert "gradient evaluations of same" not in text
    assert "gradient evaluations of rule" not in text
    assert "environment steps" not in text
    fewer = Cost(env_steps=320_000, updates=3000, gradient_evaluations=156_000, wall_time_s=1)
    text = comparison_text(make_report(costs=COSTS | {"none": fewer}))
    assert "(78,000 against 156,000, in 6,000 and 3,000 updates): for the same number none would have 1,500" in text
    assert "TA-SAM has seen 2.00 times the environment steps of none (640,000 against 320,000)." in text


def test_table_is_aligned_and_shows_the_costs() -> None:
    head, rule, *rows = comparison_text(make_report()).splitlines()[:6]
    assert len(rule) == len(head)
    assert head.split("  ")[0] == "agent"
    ours, rule_row = rows[0], rows[3]
    assert ours.endswith("640,000    6,000     78,000    605")
    assert rule_row.split()[0] == "rule"
    assert "not trained" in rule_row
    assert len({row.index(".") for row in rows}) == 1  # the returns stand below each other


def test_one_seed_is_called_one_seed() -> None:
    returns = {name: array[:1] for name, array in make_returns().items()}
    report = make_report(returns=returns, seeds=(3,))
    text = comparison_text(report)
    assert text.splitlines()[2].split()[:4] == ["TA-SAM", f"{returns['TA-SAM'].mean():.3f}", "one", "seed"]
    assert "is better than" not in text
    assert "is worse than" not in text
    assert "TA-SAM minus none: +0.1" in text
    assert "with this one training seed; nothing follows for other seeds." in text
    assert "This is one training seed" in text
    assert [report.verdict(line) for line in report.lines[1:]] == ["one seed", "no difference", "one seed"]


def test_one_network_is_called_one_network() -> None:
    returns = {name: array[:, :1] for name, array in make_returns().items()}
    report = make_report(returns=returns, networks=NETWORKS[:1])
    text = comparison_text(report)
    assert [report.verdict(line) for line in report.lines[1:]] == ["one network", "no difference", "one network"]
    assert text.splitlines()[2].split("]")[1].split()[:2] == ["one", "network"]
    assert "TA-SAM minus none: +0.1" in text
    assert "on this one network; nothing follows for others." in text


def test_policies_that_are_not_trained_need_no_seeds() -> None:
    returns = {"high": make_returns()["rule"], "low": make_returns()["rule"] - 0.2 + np.arange(6) / 100}
    report = make_report(returns=returns, first="high", seeds=(0,), costs={"high": Cost(), "low": Cost()})
    assert report.verdict(report.lines[1]) == "better"
    assert "one seed" not in comparison_text(report).split("\n\n")[0]


def test_files_hold_every_number(tmp_path: Path) -> None:
    returns, report = make_returns(), make_report()
    files = write_comparison(report, tmp_path / "new" / "place")
    assert [path.name for path in files] == [
        "comparison.csv", "comparison_summary.csv", "comparison.json",
        "comparison_intervals.png", "comparison_improvement.png", "comparison_profiles.png",
    ]  # fmt: skip
    for picture in files[3:]:
        assert picture.read_bytes().startswith(b"\x89PNG")
        assert picture.stat().st_size > 10_000

    tidy = read(files[0])
    assert list(tidy[0]) == ["agent", "seed", "network", "return"]
    assert len(tidy) == 3 * 4 * 6 + 6
    found = {(row["agent"], row["seed"], row["network"]): float(row["return"]) for row in tidy}
    assert found["TA-SAM", "5", "2000003"] == returns["TA-SAM"][2, 3]
    assert found["rule", "", "2000005"] == returns["rule"][0, 5]

    summary = {row["agent"]: row for row in read(files[1])}
    gap = difference(returns["TA-SAM"], returns["none"])
    assert gap.over_seeds is not None
    assert float(summary["none"]["difference_over_seeds_low"]) == gap.over_seeds.low
    assert float(summary["none"]["difference_over_networks_high"]) == known(gap.over_networks).high
    assert summary["none"]["verdict"] == "better"
    assert (summary["rule"]["training_seeds"], summary["rule"]["over_seeds_low"]) == ("0", "")
    assert float(summary["TA-SAM"]["gradient_evaluations"]) == 78_000

    document = json.loads(files[2].read_text())
    assert document["seeds"] == list(SEEDS)
    assert document["agents"][0]["returns"] == returns["TA-SAM"].tolist()
    assert document["agents"][3]["cost"]["updates"] == 0

    drawn = {
        (row["agent"], row["measure"], row["over"]): row
        for row in read(tmp_path / "new/place/comparison_intervals.csv")
    }
    assert float(drawn["none", "difference", "seeds"]["high"]) == gap.over_seeds.high
    pairs = {(row["agent"], row["other"]): row for row in read(files[4].with_suffix(".csv"))}
    assert len(pairs) == 12
    assert float(pairs["none", "rule"]["probability"]) == probability_of_improvement(returns["none"], returns["rule"])
    curve = [row for row in read(files[5].with_suffix(".csv")) if row["agent"] == "rule"]
    tau = float(curve[50]["threshold"])
    assert float(curve[50]["share"]) == (returns["rule"] > tau).mean()
    assert curve[50]["low"] == ""


def test_one_seed_and_one_agent_can_be_written(tmp_path: Path) -> None:
    returns = {"TA-SAM": make_returns()["TA-SAM"][:1]}
    numbers = np.array([3]), np.arange(2_000_000, 2_000_006)  # NumPy's integers are as good
    report = make_report(returns=returns, seeds=numbers[0], networks=numbers[1], costs={"TA-SAM": OURS})
    for path in write_comparison(report, tmp_path):
        assert path.stat().st_size > 0
    assert json.loads((tmp_path / "comparison.json").read_text())["agents"][0]["seeds"] is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"first": "tasam"}, "first is 'tasam'; allowed: none, TA-SAM, same, rule"),
        ({"costs": {"TA-SAM": OURS}}, "costs are those of TA-SAM; allowed: of none, TA-SAM"),
        ({"seeds": (3, 4, 5)}, "none: 4 training seeds; allowed: 3"),
        ({"networks": NETWORKS[:5]}, "none: 6 networks; allowed: 5"),
        ({"costs": COSTS | {"rule": OURS}}, "rule: 1 training seeds; allowed: 4"),
        ({"returns": make_returns() | {"rule": np.full((1, 6), np.nan)}}, "rule: returns hold NaN"),
        ({"returns": make_returns() | {"rule": np.ones(6)}}, r"rule: returns have shape \(6,\)"),
    ],
)
def test_what_does_not_fit_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make_report(**changes)


def test_costs_are_numbers() -> None:
    with pytest.raises(ValueError, match=r"Cost.updates is -1; allowed: a finite number >= 0"):
        Cost(updates=-1)
    assert not Cost().trained
    assert Cost(wall_time_s=1).trained
