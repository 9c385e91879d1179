"""The map in words: a table per kind of networks, and how much of it chance would make."""

from __future__ import annotations

from collections.abc import Sequence

from tasam_agents.experiments.regimes.judging import KINDS
from tasam_agents.experiments.regimes.plan import NETWORKS, RATIOS
from tasam_agents.experiments.regimes.result import Effect
from tasam_agents.plotting.text_table import text_table
from tasam_agents.stats.intervals import Difference, Interval


def map_text(effects: Sequence[Effect], num_networks: int) -> str:
    """The map: effect of the ρ that is best on validation, with its interval over seeds."""
    parts = []
    for kind in KINDS:
        chosen = {effect.cell: effect for effect in effects if effect.kind == kind and effect.is_chosen}
        rows = [["replay ratio", *(f"{n} network{'s' * (n > 1)}" for n in NETWORKS)]]
        for ratio in RATIOS:
            rows.append([str(ratio), *(_cell(chosen.get((ratio, n))) for n in NETWORKS)])
        parts.append(f"{kind}:\n{text_table(rows)}")
    done = [effect for effect in effects if effect.is_chosen]
    seeds = sorted({effect.seeds for effect in done})
    parts.append(
        "Gain in return on held-out networks of SAM with the ρ that was best on validation networks of the same kind, "
        f"over no SAM at equal updates; [95 % interval over {' or '.join(map(str, seeds))} seeds]; {num_networks} "
        f"networks each.\n{_by_chance(done)}"
    )
    return "\n\n".join(parts)


def closer_text(effects: Sequence[Effect], twice: Sequence[Effect]) -> str:
    """The two cells: every variant with the knob that was best on validation, at equal updates and equal gradients."""
    lines = [["cell", "networks of the test", "variant", "return", "at equal updates", "at equal gradients"]]
    other = {(each.cell, each.kind, each.arm): each for each in twice}
    for each in effects:
        if each.gain is None:
            lines.append([_name(each), each.kind, each.arm, f"{each.held_out:.3f}", "", ""])
            continue
        gain = other[each.cell, each.kind, each.arm].gain
        lines.append([_name(each), each.kind, each.arm, f"{each.held_out:.3f}", _told(each.gain), _told(gain)])
    compared = [each for each in effects if each.gain is not None]
    seeds = sorted({each.seeds for each in effects})
    return (
        f"{text_table(lines, left=3)}\n\n{' or '.join(map(str, seeds))} fresh seeds. Gain over no SAM with as many "
        "updates, and over no SAM with twice as many, on the same data; [95 % interval over seeds].\n"
        f"At equal updates: {_by_chance(compared)}\n"
        f"At equal gradients: {_by_chance([each for each in twice if each.gain is not None])}"
    )


def _name(effect: Effect) -> str:
    return f"ratio {effect.cell[0]}, {effect.cell[1]} network{'s' * (effect.cell[1] > 1)}"


def _cell(effect: Effect | None) -> str:
    return "not run yet" if effect is None else f"{effect.arm.removeprefix('rho_')}: {_told(effect.gain)}"


def _told(gain: Difference | None) -> str:
    if gain is None:
        return ""
    return f"{gain.mean:+.3f}" if gain.over_seeds is None else gain.over_seeds.text("+")


def _by_chance(effects: Sequence[Effect]) -> str:
    known: list[Interval] = [each.gain.over_seeds for each in effects if each.gain and each.gain.over_seeds]
    above, below = sum(interval.low > 0 for interval in known), sum(interval.high < 0 for interval in known)
    return (
        f"{above} of {len(known)} intervals lie above 0 and {below} below; without any effect about "
        f"{0.025 * len(known):.1f} would on each side."
    )
