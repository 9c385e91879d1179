"""The page of the certificates, and their table: what each preset leaves to learn."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import oran_env
from generator.docstrings import HEAD, table
from oran_env.scoring.certificate import LEAST_MET, MOST_MET, NUMBERS, levels_of, stored_certificate, verdict

COUNTS_RULE = "best rule that reads the numbers of UEs alone"
TOLD = {  # title, better, worse, what it says
    "foresight": (
        "foresight", "lookahead, horizon 5", "lookahead, horizon 1",
        "what an action costs or gains later is worth seeing; without it the preset is a contextual bandit",
    ),
    "reading": (
        "reading", "best rule that reads the state", "best fixed split of the RBs",
        "an agent must look at its observation",
    ),
    "reading_backlog": (
        "… beyond counts", "`backlog_rule`", COUNTS_RULE, "the numbers of UEs do not say it all",
    ),
    "coordination": (
        "coordination", "lookahead", "best rule without a reuse plan",
        "more than a rule at full reuse can do: who uses which RB, or what the true state tells",
    ),
    "rule_over_random": ("rule − random", "best rule", "random actions", "it is not hopeless"),
    "lookahead_over_rule": ("lookahead − rule", "lookahead", "best rule", "it is not solved by a rule"),
}  # fmt: skip
INTRODUCTION = """# Certificates: what a preset leaves to learn

    oran-env certify dynamic --workers 2

plays rules and lookahead in networks of a preset (seeds 4,000,000 and up, or from `--first-seed`, which no search of a
rule and no training uses) and compares them, network by network. No learner is involved. A number holds when the *lower
end* of its 95 % interval (Student's, of the paired differences over the networks) is at least what is needed.

{numbers}

The last column of the table is the share of DU states (networks, DUs, steps) in which the policy that does so most
often meets every Q_min of its slices that have UEs; wanted are 50 to 80 %. Of several rules that qualify the one with
the largest mean counts; lookahead is the best of its horizons, 1, 5, and where a backlog is seen also 10. Numbers of
the rules are those of `policies/rules.json`, searched on validation networks; where a preset has none they are searched
on 8 of these first, and the certificate says so.

Lookahead ([scoring.md](scoring.md)) tries candidates for the coming step in copies of the true state; with horizon h
the copies then follow `backlog_rule` for h − 1 steps more, or where no backlog is seen, the plan as it stands. All
horizons try the same kinds of candidates on futures of their own, none of them the true one. So the difference is
foresight; but it is that of *this* search, and no upper bound.

With "coordination" two things are weighed together: that lookahead may leave RBs to others, and that it sees the true
state. In `dynamic` it is the second: `python -m docs.measure.lookahead` finds 0.7 % of the RBs idle there
([scoring.md](scoring.md#lookahead-search-in-copies-of-the-simulator)). Much of what it gains so
can be learnt from what a DU sees ([results.md](results.md#where-queues-fill-dynamic)).
"""


def _cell(row: dict[str, Any]) -> str:
    if row["mean"] is None:
        return "nothing to read"
    told = f"{row['mean']:+.3f} ({row['low']:+.3f} to {row['high']:+.3f})"
    return f"**{told}**" if row["holds"] else told


def certificates_table() -> str:
    """Table of all presets that have a certificate; bold: it holds."""
    found = {name: stored_certificate(name) for name in oran_env.PRESETS}

    def rows() -> Iterator[tuple[str, ...]]:
        for name, certificate in found.items():
            if certificate is None:
                continue
            met = certificate["all_met"]
            share = f"{100 * met['share']:.0f} %"
            cells = (_cell(row) for row in certificate["numbers"])
            yield f"`{name}`", *cells, f"**{share}**" if met["holds"] else share

    header = (
        "preset",
        *(TOLD[number.name][0] for number in NUMBERS),
        f"all Q_min met, {LEAST_MET:.0%} to {MOST_MET:.0%}",
    )
    if not any(found.values()):
        return "No preset has a certificate yet."
    return table(header, rows()) + "\n\nBold: it holds. With 95 % intervals."


def certificates_page() -> str:
    """The whole page: what the numbers are, the table, and what was printed for each preset."""
    explained = ((*TOLD[n.name][:3], f"{n.least:.2f}", TOLD[n.name][3]) for n in NUMBERS)
    numbers = table(("number", "better", "worse", "needed", "says"), explained)
    parts = [HEAD, INTRODUCTION.format(numbers=numbers), f"## Table\n\n{certificates_table()}\n"]
    for name in oran_env.PRESETS:
        certificate = stored_certificate(name)
        if certificate is not None:
            lines = [*levels_of(certificate), "", *verdict(certificate)]
            shown = "\n".join(line.rstrip() for line in lines)
            parts.append(f"## {name}\n\n```console\n$ {certificate['command']}\n{shown}\n```\n")
    return "\n".join(parts)
