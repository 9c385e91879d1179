"""The report of a study: every figure and table of the paper beside its claim, from the tidy tables alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from oran_env.scenario.presets import make_scenario
from oran_env.scenario.slices import SLICES
from tasam_agents.study import claims
from tasam_agents.study import figures as pictures
from tasam_agents.study.arms import GEOMETRIES, MAIN, PLACEMENTS, SCALED, at_radius
from tasam_agents.study.budgets import Budget
from tasam_agents.study.claims import NAMES
from tasam_agents.study.figures import Gain
from tasam_agents.study.page.page import Finding, Page, Picture, Section, Table
from tasam_agents.study.results import Array, NoResults, Results
from tasam_agents.training.progress import duration

TITLES = {
    "fig5": "Fig. 5: return over training",
    "fig6": "Fig. 6: constant ρ",
    "fig7": "Fig. 7: distribution over runs",
    "fig8": "Fig. 8: number of DUs",
    "fig9": "Fig. 9: curvature",
    "fig10": "Fig. 10: QoS of the slices",
    "fig11": "Fig. 11: throughput of the UEs",
    "table2": "Table 2: ablation",
    "table3": "Table 3: baselines",
    "difficulty": "Task difficulty and TD error",
    "bursty": "The main comparison on bursty",
}
"""Of the sections, by their anchors, in their order."""
RETURN = "return: mean reward per DU and step"
DEVIATIONS = (
    "The authors' simulator is not public. Ours follows the paper where it speaks; what it leaves open, and where it "
    "contradicts itself, stands in docs/differences.md.",
    "Return is the mean reward per DU and step, not a sum over an episode; differences and their signs are the same.",
    "QoS gains are gains of the normalised QoS Q̄ of a slice, where more is better in every slice, latency included.",
)


class Report:
    """Draws what the results allow into ``directory`` and says of each claim what came of it."""

    def __init__(self, results: Results, budget: Budget, directory: Path, facts: Mapping[str, str]) -> None:
        self.results, self.budget, self.directory = results, budget, directory
        self.facts = facts

    def page(self) -> Page:
        """All sections; a figure whose runs are not there yet is left out and named."""
        sections, missing = [], []
        for anchor, title in TITLES.items():
            try:
                sections.append(getattr(self, f"_{anchor}")())
            except NoResults:
                missing.append(title)
        if not self.budget.judges:
            sections = [replace(each, findings=tuple(map(_shown_only, each.findings))) for each in sections]
        lead = [
            f"Budget `{self.budget.name}`: every number below comes from runs of `tasam study run --budget "
            f"{self.budget.name}`. Margins were fixed in `plan.json` before the first run: a difference in return "
            f"counts from {self.budget.margin:g} on, one in the QoS of a slice from {self.budget.gain_margin:g} %.",
            "Supported: the whole 95 % interval lies beyond the margin. Not supported: the whole interval lies on the "
            "other side of it. Inconclusive: neither. Intervals of returns reach as far as those over training seeds "
            "and over networks do; all others are over training seeds. They are not widened for the number of claims.",
        ]
        if missing:
            lead.append(f"Not in it yet, because runs are missing: {', '.join(missing)}.")
        basis = Section("What differs from the paper", "deviations", DEVIATIONS)
        banner = "" if self.budget.judges else nothing_judged(self.budget)
        return Page("The paper's evaluation, repeated", tuple(lead), dict(self.facts), (*sections, basis), banner)

    def _picture(self, anchor: str) -> Path:
        return self.directory / f"{anchor}.png"

    def _section(
        self,
        anchor: str,
        caption: str,
        findings: Sequence[Finding] = (),
        paragraphs: tuple[str, ...] = (),
        tables: tuple[Table, ...] = (),
    ) -> Section:
        """A section with the picture that has been drawn for it, and the CSV beside the picture."""
        path = self._picture(anchor)
        shown = Picture(path, caption, path.with_suffix(".csv"))
        return Section(TITLES[anchor], anchor, paragraphs, tuple(findings), (shown,), tables)

    def _fig5(self) -> Section:
        (actor, critic), constant = self.budget.unequal_radii, claims.constant_radii(self.budget)
        panels = {
            f"a: equal ρ = {self.budget.equal_radius:g}": constant["equal"],
            f"b: ρ of actors {actor:g}, of critics {critic:g}": constant["unequal"],
            f"c: dynamic ρ, {self.budget.dynamic_radius}": {name: name for name in PLACEMENTS},
        }
        plain = {name: name for name in MAIN[:2]}
        drawn = {
            title: {NAMES[name]: self.results.curve(arm) for name, arm in (plain | arms).items()}
            for title, arms in panels.items()
        }
        self._curves("fig5", drawn)
        findings = (*claims.schedules(self.results, self.budget), *claims.speed(self.results, self.budget))
        return self._section("fig5", "Mean and 95 % interval over training seeds; deterministic policy.", findings)

    def _curves(self, anchor: str, panels: Mapping[str, pictures.Lines]) -> None:
        pictures.curves(
            picture=self._picture(anchor), panels=panels, x_label="updates", y_label="return on validation networks"
        )

    def _fig6(self) -> Section:
        radii = np.array(self.budget.radii)
        lines = {}
        for name in PLACEMENTS:
            arms = [at_radius(name, radius) for radius in self.budget.radii]
            seeds = self.results.common(*arms)
            columns = [self.results.of_runs(arm, "best_validation_return", seeds) for arm in arms]
            lines[NAMES[name]] = (radii, np.stack(columns))
        pictures.response(
            picture=self._picture("fig6"),
            panels={"": lines},
            levels={NAMES["no_sam"]: self.results.of_runs("no_sam", "best_validation_return")},
            x_label="ρ, constant, equal for actors and critics",
            y_label="best return on validation networks",
            log_x=True,
        )
        caption = "The paper plots the largest reward of a run; the largest of many is flattered by noise, here too."
        return self._section("fig6", caption, claims.best_radius(self.results, self.budget))

    def _fig7(self) -> Section:
        values = {NAMES[name]: self.results.on_networks(name).mean(axis=1) for name in MAIN}
        pictures.distribution(picture=self._picture("fig7"), values=values, y_label=RETURN)
        findings = (*claims.returns(self.results, self.budget), *claims.spread(self.results))
        return self._section("fig7", "A point per training seed: return on the held-out networks.", findings)

    def _fig8(self) -> Section:
        panels = {}
        for geometry, title in zip(GEOMETRIES, ("same distance of sites", "same area"), strict=True):
            lines = {}
            for name in SCALED:
                arms = claims.at_dus(self.budget, name, geometry)
                seeds = self.results.common(*arms.values())
                rows = [self.results.on_networks(arm, seeds=seeds).mean(axis=1) for arm in arms.values()]
                lines[NAMES[name]] = (np.array(list(arms), np.float64), np.stack(rows))
            panels[title] = lines
        pictures.response(
            picture=self._picture("fig8"), panels=panels, levels={}, x_label="DUs", y_label=RETURN, log_x=False
        )
        text = "The number of UEs stays the same. With more DUs in the same area the sites are closer to each other."
        return self._section("fig8", text, claims.scale(self.results, self.budget), (text,))

    def _fig9(self) -> Section:
        panels = {
            title: {NAMES[name]: self.results.of_runs(name, f"lambda_max {kind}") for name in MAIN}
            for title, kind in (("critic", "critic"), ("actors, without the entropy term", "actor without entropy"))
        }
        pictures.strengths(
            picture=self._picture("fig9"), panels=panels, x_label="largest Hessian eigenvalue", log_x=True
        )
        text = "At the end of training, on a fixed batch; docs/sharpness.md says how."
        return self._section("fig9", text, claims.flatness(self.results), (text,))

    def _fig10(self) -> Section:
        labels = ("throughput [Mbit/s]", "quality-weighted capacity [Mbit/s]", "largest latency [ms]")
        self._cdfs("fig10", "qos", labels, make_scenario("paper").quality.q_min, logarithmic=("URLLC",))
        caption = "Share of (network, DU, step) at or below x; the lines are Q_min."
        return self._section("fig10", caption, claims.quality(self.results, self.budget))

    def _fig11(self) -> Section:
        labels = ("UE throughput [Mbit/s]",) * len(SLICES)
        self._cdfs("fig11", "ue_throughput", labels, make_scenario("paper").quality.rate_threshold_mbps, SLICES)
        return self._section(
            "fig11", "Share of (network, UE, step) at or below x; the lines are λ. Findings: with Fig. 10."
        )

    def _cdfs(
        self,
        anchor: str,
        kind: str,
        labels: Sequence[str],
        thresholds: Sequence[float],
        logarithmic: Sequence[str],
    ) -> None:
        pictures.cdfs(
            picture=self._picture(anchor),
            panels={s: {NAMES[n]: self.results.shares(n, kind, s) for n in MAIN} for s in SLICES},
            x_labels=dict(zip(SLICES, labels, strict=True)),
            thresholds=dict(zip(SLICES, thresholds, strict=True)),
            log_x=logarithmic,
        )

    def _table2(self) -> Section:
        bases = dict.fromkeys(claims.PAPER_TABLE_2, "centralised")
        return self._gains("table2", claims.PAPER_TABLE_2, bases, claims.ablation(self.results, self.budget))

    def _table3(self) -> Section:
        return self._gains("table3", claims.PAPER_TABLE_3, claims.BASE_OF, ())

    def _gains(
        self,
        anchor: str,
        printed: Mapping[str, Sequence[float]],
        base_of: Mapping[str, str],
        findings: Sequence[Finding],
    ) -> Section:
        """Ours beside the paper's, per slice, over the base the paper seems to use; the table has the other one too."""
        panels: dict[str, dict[str, Gain]] = {}
        rows = []
        for number, name in enumerate(SLICES):
            column = f"quality {name}"
            panels[name] = {}
            for arm, numbers in printed.items():
                effect = claims.relative_gain(self.results, arm, base_of[arm], column)
                panels[name][arm] = Gain(effect.mean, effect.low, effect.high, numbers[number])
                other = "no_sam" if base_of[arm] == "centralised" else "centralised"
                second = "" if arm == other else claims.relative_gain(self.results, arm, other, column).text(1)
                rows.append((name, arm, base_of[arm], effect.text(1), f"{numbers[number]:+g}", other, second))
        path = pictures.gains(picture=self._picture(anchor), panels=panels, x_label="gain of Q̄ [%]")
        head = ("slice", "variant", "over", "ours [%]", "paper [%]", "also over", "ours [%]")
        table = Table("Gains with 95 % intervals over training seeds", head, tuple(rows), path.with_suffix(".csv"))
        caption = "Ours with 95 % intervals over training seeds, and the paper's printed numbers."
        return self._section(anchor, caption, findings, tables=(table,))

    def _difficulty(self) -> Section:
        findings = tuple(claims.difficulty(self.results))
        if not findings:
            raise NoResults("both_sam has no results")
        return Section(TITLES["difficulty"], "difficulty", findings=findings)

    def _bursty(self) -> Section:
        self._curves("bursty", {"bursty": {NAMES[name]: self.results.curve(f"bursty_{name}") for name in MAIN}})
        text = (
            "On `paper` UEs move some 40 m in an episode and little changes. On `bursty` they come and go, and the "
            "demand of URLLC drifts and bursts: here, if anywhere, a method for changing worlds should pay."
        )
        return self._section("bursty", text, claims.returns(self.results, self.budget, "bursty_"), (text,))


def nothing_judged(budget: Budget) -> str:
    """What stands above a report whose runs are too short and too few for a verdict."""
    return (
        f"NO VERDICTS: budget `{budget.name}` tries the machinery out, with {budget.base.total_updates} updates and "
        f"{budget.seeds} seeds per run. Its numbers say nothing of the paper."
    )


def _shown_only(finding: Finding) -> Finding:
    weighed = finding.weighed and finding.weighed._replace(margin=None, claimed=None)
    return replace(finding, verdict="described", counts="", weighed=weighed)


def facts_of(results: Results, budget: Budget, planned: int, machine: str) -> dict[str, str]:
    """What the reader must know of how it came about."""
    base = budget.base
    seeds: Array = np.array(sorted({row["seed"] for row in results.tables["runs"]}))
    return {
        "budget": f"{budget.name}: {base.iterations} iterations × {base.steps_per_iteration} steps × "
        f"{base.num_envs} networks, {base.total_updates} updates, batch {base.learner.batch_size}, "
        f"hidden layers {'/'.join(map(str, base.learner.hidden))}",
        "environment": ", ".join(f"{name} = {value}" for name, value in base.env_kwargs.items()),
        "runs": f"{len(results.tables['runs'])} of {planned}",
        "training seeds": f"{int(seeds.min())} to {int(seeds.max())}" if seeds.size else "none yet",
        "held-out networks": str(budget.networks),
        "dynamic ρ": budget.dynamic_radius,
        "time of all runs, one core each": duration(results.wall_time_s),
        "machine": machine,
    }
