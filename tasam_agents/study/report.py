"""The report of a study: every figure and table of the paper beside its claim, from the tidy tables alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from oran_env.scenario.presets import make_scenario
from tasam_agents.study import claims
from tasam_agents.study import figures as pictures
from tasam_agents.study.arms import GEOMETRIES, MAIN, PLACEMENTS, SCALED, at_radius, scenario_layout, with_dus
from tasam_agents.study.budgets import Budget
from tasam_agents.study.figures import Gain
from tasam_agents.study.measurement import SLICES
from tasam_agents.study.page.page import Finding, Page, Picture, Section, Table
from tasam_agents.study.results import Array, NoResults, Results
from tasam_agents.training.progress import duration

NAMES = {"no_sam": "no SAM", "l2": "L2", "actor_sam": "actor-SAM", "critic_sam": "critic-SAM", "both_sam": "both-SAM"}
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
        for title, make in self._sections().items():
            try:
                section = make()
            except NoResults:
                section = None
            if section is None:
                missing.append(title)
            else:
                sections.append(section)
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
        return Page("The paper's evaluation, repeated", tuple(lead), dict(self.facts), (*sections, basis))

    def _sections(self) -> dict[str, Callable[[], Section | None]]:
        return {
            "Fig. 5: return over training": self._fig5,
            "Fig. 6: constant ρ": self._fig6,
            "Fig. 7: distribution over runs": self._fig7,
            "Fig. 8: number of DUs": self._fig8,
            "Fig. 9: curvature": self._fig9,
            "Fig. 10: QoS of the slices": self._fig10,
            "Fig. 11: throughput of the UEs": self._fig11,
            "Table 2: ablation": self._table2,
            "Table 3: baselines": self._table3,
            "Task difficulty and TD error": self._difficulty,
            "The main comparison on bursty": self._bursty,
        }

    def _picture(self, name: str) -> Path:
        return self.directory / f"{name}.png"

    @staticmethod
    def _shown(path: Path, caption: str) -> Picture:
        return Picture(path, caption, path.with_suffix(".csv"))

    def _fig5(self) -> Section | None:
        equal, (actor, critic) = self.budget.equal_radius, self.budget.unequal_radii
        panels = {
            f"a: equal ρ = {equal:g}": {name: at_radius(name, equal) for name in PLACEMENTS},
            f"b: ρ of actors {actor:g}, of critics {critic:g}": {
                "actor_sam": at_radius("actor_sam", actor),
                "critic_sam": at_radius("critic_sam", critic),
                "both_sam": "both_sam_unequal",
            },
            f"c: dynamic ρ, {self.budget.dynamic_radius}": {name: name for name in PLACEMENTS},
        }
        drawn = {
            title: {NAMES[name]: self.results.curve(arm) for name, arm in ({n: n for n in MAIN[:2]} | arms).items()}
            for title, arms in panels.items()
        }
        path = pictures.curves(
            picture=self._picture("fig5"), panels=drawn, x_label="updates", y_label="return on validation networks"
        )
        return Section(
            "Fig. 5: return over training",
            "fig5",
            (),
            (
                *claims.schedules(self.results, self.budget),
                *claims.speed(self.results, self.budget),
            ),
            (self._shown(path, "Mean and 95 % interval over training seeds; deterministic policy."),),
        )

    def _fig6(self) -> Section | None:
        radii = np.array(self.budget.radii)
        lines = {}
        for name in PLACEMENTS:
            arms = [at_radius(name, radius) for radius in self.budget.radii]
            seeds = self.results.common(*arms)
            columns = [self.results.of_runs(arm, "best_validation_return", seeds) for arm in arms]
            lines[NAMES[name]] = (radii, np.stack(columns))
        path = pictures.response(
            picture=self._picture("fig6"),
            panels={"": lines},
            levels={NAMES["no_sam"]: self.results.of_runs("no_sam", "best_validation_return")},
            x_label="ρ, constant, equal for actors and critics",
            y_label="best return on validation networks",
            log_x=True,
        )
        caption = "The paper plots the largest reward of a run; the largest of many is flattered by noise, here too."
        findings = tuple(claims.best_radius(self.results, self.budget))
        return Section("Fig. 6: constant ρ", "fig6", (), findings, (self._shown(path, caption),))

    def _fig7(self) -> Section | None:
        values = {NAMES[name]: self.results.on_networks(name).mean(axis=1) for name in MAIN}
        path = pictures.distribution(picture=self._picture("fig7"), values=values, y_label=RETURN)
        caption = "A point per training seed: return on the held-out networks."
        findings = (*claims.returns(self.results, self.budget), *claims.spread(self.results))
        return Section("Fig. 7: distribution over runs", "fig7", (), findings, (self._shown(path, caption),))

    def _fig8(self) -> Section | None:
        own = scenario_layout(self.budget.base).num_dus
        panels = {}
        for geometry, title in zip(GEOMETRIES, ("same distance of sites", "same area"), strict=True):
            lines = {}
            for name in SCALED:
                arms = [name if dus == own else with_dus(name, dus, geometry) for dus in self.budget.dus]
                seeds = self.results.common(*arms)
                rows = [self.results.on_networks(arm, seeds=seeds).mean(axis=1) for arm in arms]
                lines[NAMES[name]] = (np.array(self.budget.dus, np.float64), np.stack(rows))
            panels[title] = lines
        path = pictures.response(
            picture=self._picture("fig8"), panels=panels, levels={}, x_label="DUs", y_label=RETURN, log_x=False
        )
        text = "The number of UEs stays the same. With more DUs in the same area the sites are closer to each other."
        findings = tuple(claims.scale(self.results, self.budget))
        return Section("Fig. 8: number of DUs", "fig8", (text,), findings, (self._shown(path, text),))

    def _fig9(self) -> Section | None:
        panels = {
            title: {NAMES[name]: self.results.of_runs(name, f"lambda_max {kind}") for name in MAIN}
            for title, kind in (("critic", "critic"), ("actors, without the entropy term", "actor without entropy"))
        }
        path = pictures.strengths(
            picture=self._picture("fig9"), panels=panels, x_label="largest Hessian eigenvalue", log_x=True
        )
        text = "At the end of training, on a fixed batch; docs/sharpness.md says how."
        return Section(
            "Fig. 9: curvature", "fig9", (text,), tuple(claims.flatness(self.results)), (self._shown(path, text),)
        )

    def _fig10(self) -> Section | None:
        q_min = make_scenario("paper").quality.q_min
        panels = {s: {NAMES[n]: self.results.shares(n, "qos", s) for n in MAIN} for s in SLICES}
        path = pictures.cdfs(
            picture=self._picture("fig10"),
            panels=panels,
            x_labels={
                "eMBB": "throughput [Mbit/s]",
                "mMTC": "quality-weighted capacity [Mbit/s]",
                "URLLC": "largest latency [ms]",
            },
            thresholds=dict(zip(SLICES, q_min, strict=True)),
            log_x=False,
        )
        caption = "Share of (network, DU, step) at or below x; the lines are Q_min."
        findings = tuple(claims.quality(self.results, self.budget))
        return Section("Fig. 10: QoS of the slices", "fig10", (), findings, (self._shown(path, caption),))

    def _fig11(self) -> Section | None:
        panels = {s: {NAMES[n]: self.results.shares(n, "ue_throughput", s) for n in MAIN} for s in SLICES}
        path = pictures.cdfs(
            picture=self._picture("fig11"),
            panels=panels,
            x_labels=dict.fromkeys(SLICES, "UE throughput [Mbit/s]"),
            thresholds=dict(zip(SLICES, make_scenario("paper").quality.rate_threshold_mbps, strict=True)),
            log_x=True,
        )
        caption = "Share of (network, UE, step) at or below x; the lines are λ. Findings: with Fig. 10."
        return Section("Fig. 11: throughput of the UEs", "fig11", (), (), (self._shown(path, caption),))

    def _table2(self) -> Section | None:
        printed = dict(claims.PAPER_TABLE_2)
        return self._gains(
            "Table 2: ablation",
            "table2",
            printed,
            dict.fromkeys(printed, "centralised"),
            claims.ablation(self.results, self.budget),
        )

    def _table3(self) -> Section | None:
        return self._gains("Table 3: baselines", "table3", claims.PAPER_TABLE_3, claims.BASE_OF, ())

    def _gains(
        self,
        title: str,
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
        shown = self._shown(path, "Ours with 95 % intervals over training seeds, and the paper's printed numbers.")
        return Section(title, anchor, (), tuple(findings), (shown,), (table,))

    def _difficulty(self) -> Section | None:
        findings = tuple(claims.difficulty(self.results))
        return Section("Task difficulty and TD error", "difficulty", (), findings) if findings else None

    def _bursty(self) -> Section | None:
        lines = {NAMES[name]: self.results.curve(f"bursty_{name}") for name in MAIN}
        path = pictures.curves(
            picture=self._picture("bursty"),
            panels={"bursty": lines},
            x_label="updates",
            y_label="return on validation networks",
        )
        text = (
            "On `paper` UEs move some 40 m in an episode and little changes. On `bursty` they come and go, and the "
            "demand of URLLC drifts and bursts: here, if anywhere, a method for changing worlds should pay."
        )
        findings = tuple(claims.returns(self.results, self.budget, "bursty_"))
        return Section("The main comparison on bursty", "bursty", (text,), findings, (self._shown(path, text),))


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
