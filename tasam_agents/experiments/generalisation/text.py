"""The generalisation matrix in words."""

from __future__ import annotations

from tasam_agents.experiments.generalisation.result import Generalisation, Row
from tasam_agents.plotting.text_table import text_table
from tasam_agents.stats.intervals import Difference

SEARCHED = ("static", "count_rule")  # reference policies whose numbers belong to a preset


def generalisation_text(result: Generalisation) -> str:
    """Tables, a sentence per agent, and what they rest on."""
    names = [each.name for each in result.members]
    matrix = [["agent, trained on", "seeds", *names, "elsewhere"]]
    for row in result.rows:
        cells = [_marked(result.advantage(row, name), name == row.trained_on) for name in names]
        matrix.append([row.label, str(len(row.seeds)), *cells, _marked(result.elsewhere(row), False)])
    parts = [f"Return minus that of {result.reference}:", text_table(matrix)]
    if result.has_specialists:
        table = [["agent, trained on", *names]]
        for row in result.rows:
            gaps = [result.gap_to_specialist(row, name) for name in names]
            table.append([row.label, *("" if name == row.trained_on else _marked(gap, False)
                                       for name, gap in zip(names, gaps, strict=True))])  # fmt: skip
        parts += ["\nReturn minus that of the agent trained there:", text_table(table)]
    policies = list(dict.fromkeys(policy for policy, _ in result.references))
    table = [["policy", *names]]
    table += [[policy, *(f"{result.references[policy, name].mean():.3f}" for name in names)] for policy in policies]
    parts += ["\nReturn of the reference policies:", text_table(table), ""]
    parts += [_sentence(result, row) for row in result.rows]
    return "\n".join([*parts, "", _basis(result)])


def _sentence(result: Generalisation, row: Row) -> str:
    home = result.advantage(row, row.trained_on).mean
    text = f"{row.label}: {home:+.3f} against {result.reference} at home"
    elsewhere = result.elsewhere(row)
    if elsewhere is None:
        return f"{text}."
    others = [each.name for each in result.members if each.name != row.trained_on]
    worst = max(others, key=lambda name: result.loss(row, name).mean)
    loss = result.loss(row, worst)
    text += f", {elsewhere.mean:+.3f} on average over the other {len(others)}" if len(others) > 1 else ""
    if loss.mean <= 0:
        return f"{text}; on no other scenario does it do worse against {result.reference}."
    doubt = " (an interval contains 0)" if loss.in_doubt else ""
    networks = f" {loss.over_networks.bounds()} over networks" if loss.over_networks else ""
    return f"{text}; it loses most on {worst}: {loss.mean:.3f}{networks}{doubt}."


def _basis(result: Generalisation) -> str:
    networks, members = result.networks, result.members
    lines = [
        f"Best actors of each run, deterministic; return: mean reward per agent and step in each of {len(networks)} "
        f"held-out networks (numbers {networks[0]} to {networks[-1]}) of each scenario.",
        "*: its own scenario. In brackets: a 95 % interval, over networks or over seeds, contains 0. "
        "Loss: advantage at home minus advantage there.",
    ]
    if all(len(row.seeds) == 1 for row in result.rows):
        lines.append("One training seed per agent: nothing here speaks of other seeds.")
    presets = {each.name: str(each.arguments.get("scenario", "")) for each in members}
    strangers = [name for name, preset in presets.items() if preset and name != preset]
    if result.reference in SEARCHED and strangers:
        lines.append(
            f"{result.reference} has the numbers searched for the preset, here "
            f"{', '.join(sorted(set(presets.values())))}; they were not searched anew for {', '.join(strangers)}."
        )
    return "\n".join(lines)


def _marked(gap: Difference | None, home: bool) -> str:
    if gap is None:
        return ""
    number = f"({gap.mean:+.3f})" if gap.in_doubt else f"{gap.mean:+.3f} "
    return number + ("*" if home else " ")
