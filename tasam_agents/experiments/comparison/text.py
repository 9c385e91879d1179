"""The comparison in words: an aligned table, a sentence per agent, and what both rest on."""

from __future__ import annotations

import math

from tasam_agents.experiments.comparison.result import ComparisonReport, Line
from tasam_agents.plotting.text_table import text_table
from tasam_agents.stats.intervals import LEAST_RUNS

ONE_NETWORK = "one network"  # in place of an interval, as "one seed"
MANY_SEEDS = 10  # from here on a bootstrap interval covers nearly as often as it should: docs/statistics.md


def comparison_text(report: ComparisonReport) -> str:
    """The table, the sentences and the notes below them."""
    sentences = [_sentence(report, line) for line in report.lines[1:]]
    notes = [_basis(report), *(remark for line in report.lines[1:] for remark in _cost_remarks(report, line))]
    return "\n".join([text_table(_table(report)), "", *sentences, "", *notes])


def _table(report: ComparisonReport) -> list[list[str]]:
    has_codecs = any(line.codec for line in report.lines)
    head = [
        "agent",
        *(["codec"] if has_codecs else []),
        "return",
        "over seeds",
        "over networks",
        f"{report.first} minus it",
        "over seeds",
    ]
    head += ["over networks", f"P({report.first} > it)", "steps", "updates", "gradients", "CPU s"]
    rows = [head]
    for line in report.lines:
        trained, gap = line.cost.trained, line.difference
        row = [line.agent, *([line.codec] if has_codecs else []), f"{line.mean:.3f}"]
        row.append(line.seeds.bounds() if line.seeds else "one seed" if trained else "not trained")
        row.append(line.networks.bounds() if line.networks else ONE_NETWORK)
        if gap is None or line.improvement is None:
            row += ["", "", "", ""]
        else:
            fixed = not (trained or report.costs[report.first].trained)
            row.append(f"{gap.mean:+.3f}")
            row.append(gap.over_seeds.bounds("+") if gap.over_seeds else "not trained" if fixed else "one seed")
            row.append(gap.over_networks.bounds("+") if gap.over_networks else ONE_NETWORK)
            bounds = [line.improvement_seeds.bounds(digits=2)] if line.improvement_seeds else []
            row.append(" ".join([f"{line.improvement:.2f}", *bounds]))
        counts = (line.cost.env_steps, line.cost.updates, line.cost.gradient_evaluations)
        row += [f"{count:,.0f}" for count in counts] if trained else ["", "", ""]
        row.append(f"{line.cost.cpu_time_s:,.0f}" if trained else "")
        rows.append(row)
    return rows


def _sentence(report: ComparisonReport, line: Line) -> str:
    gap = line.difference
    assert gap is not None
    found = {"seeds": gap.over_seeds, "networks": gap.over_networks}
    told = {over: f"over {over} {interval.bounds('+')}" for over, interval in found.items() if interval}
    verdict = report.verdict(line)
    if verdict == "no difference":
        empty = [text for over, text in told.items() if (interval := found[over]) and interval.contains_zero]
        what = (
            f"the interval {empty[0]} contains" if len(empty) == 1 else f"the intervals {' and '.join(empty)} contain"
        )
        return f"{report.first} and {line.agent}: no difference found ({gap.mean:+.3f}): {what} 0."
    if verdict == "one seed":
        return (
            f"{report.first} minus {line.agent}: {gap.mean:+.3f} ({told['networks']}) with this one training seed; "
            "nothing follows for other seeds."
        )
    if verdict == "one network":
        return f"{report.first} minus {line.agent}: {gap.mean:+.3f} on this one network; nothing follows for others."
    return f"{report.first} is {verdict} than {line.agent} by {abs(gap.mean):.3f} ({', '.join(told.values())})."


def _basis(report: ComparisonReport) -> str:
    """What the numbers are, and when a difference counts."""
    count, networks = len(report.seeds), report.networks
    text = (
        f"Return: mean reward per agent and step, one episode in each of {len(networks)} held-out networks (numbers "
        f"{networks[0]} to {networks[-1]}), the same for every agent. Training seeds: "
        f"{', '.join(map(str, report.seeds))}.\n"
        "Intervals are 95 %: over seeds and over networks t-intervals of means, differences paired by seed and "
        "network; of P(…) a bootstrap of whole seeds.\n"
        "A difference counts only if both of its intervals exclude 0. "
        f"{len(report.lines) - 1} comparisons are made and the intervals are not widened for that."
    )
    if LEAST_RUNS <= count < MANY_SEEDS:
        text += f"\nWith {count} seeds the bootstrap interval of P(…) is too short; judge by the t-intervals."
    if count == 1:
        text += "\nThis is one training seed: the intervals over networks say nothing about other seeds."
    return text


def _cost_remarks(report: ComparisonReport, line: Line) -> list[str]:
    """Where two trainings did not cost the same: gradients per update, environment steps."""
    own, other = report.costs[report.first], line.cost
    remarks = []
    if own.gradient_evaluations and other.gradient_evaluations and not math.isclose(
        own.gradient_evaluations, other.gradient_evaluations, rel_tol=0.005
    ):  # fmt: skip
        ratio = own.gradient_evaluations / other.gradient_evaluations
        counts = (
            f"{own.updates:,.0f}" if own.updates == other.updates else f"{own.updates:,.0f} and {other.updates:,.0f}"
        )
        remarks.append(
            f"{report.first} takes {ratio:.2f} times the gradient evaluations of {line.agent} "
            f"({own.gradient_evaluations:,.0f} against {other.gradient_evaluations:,.0f}, in {counts} updates): for "
            f"the same number {line.agent} would have {other.updates * ratio:,.0f} updates."
        )
    if own.env_steps and other.env_steps and own.env_steps != other.env_steps:
        remarks.append(
            f"{report.first} has seen {own.env_steps / other.env_steps:.2f} times the environment steps of "
            f"{line.agent} ({own.env_steps:,.0f} against {other.env_steps:,.0f})."
        )
    return remarks
