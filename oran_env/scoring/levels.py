"""Levels: every shipped rule on every network of a suite, beside the stored random and lookahead."""

from __future__ import annotations

from typing import Any

import numpy as np

from oran_env.policies.reading_rules import reading_policies
from oran_env.policies.rules import rules_on_counts
from oran_env.scoring.normalise import Measured, mean_ratio, ratio_interval
from oran_env.scoring.paired import interval
from oran_env.scoring.plays import Job, Say, mean_shares, play_dealt
from oran_env.scoring.suites import Suite, stored_returns

NOT_SHOWN = ("random", "idle")  # random is stored


def shipped_rules(suite: Suite) -> list[str]:
    """The rules of all scenarios of a suite, in the order in which they are listed."""
    names: dict[str, None] = {}
    for name in suite.scenarios:
        scenario = suite.scenario(name)
        names |= dict.fromkeys((*rules_on_counts(scenario), *reading_policies(scenario)))
    return [name for name in names if name not in NOT_SHOWN]


def levels(suite: Suite, num_networks: int | None = None, workers: int = 1, say: Say | None = None) -> dict[str, Any]:
    """Rows by scenario and policy: mean return with its interval, score, shares of satisfied slices; and the numbers.

    A rule that a scenario lacks has no row there, and no number of the suite.

    Raises:
        SuiteError: stored returns are missing or belong to other dynamics.
        ValueError: fewer than 5 networks, or more than there are.
    """
    number = suite.num_networks if num_networks is None else num_networks
    if not 5 <= number <= suite.num_networks:
        raise ValueError(f"networks is {num_networks}; allowed: 5 to {suite.num_networks}")
    seeds = tuple(suite.seeds[:number])
    rows: list[dict[str, Any]] = []
    measured: dict[str, list[Measured]] = {}
    for name in suite.scenarios:
        scenario, stored = suite.scenario(name), stored_returns(suite, name)
        random, lookahead = np.array(stored.random[:number]), np.array(stored.lookahead[:number])
        known = {**rules_on_counts(scenario), **reading_policies(scenario)}
        jobs = {rule: Job(scenario, rule, seeds, scenario.control.horizon) for rule in known if rule not in NOT_SHOWN}
        played = play_dealt(jobs, workers, say=say)
        returns = {"random": random, **{rule: of.returns for rule, of in played.items()}, "lookahead": lookahead}
        shares = {**stored.satisfied, **{rule: mean_shares(of.satisfied) for rule, of in played.items()}}
        for policy, of_networks in returns.items():
            of_policy = Measured(of_networks, random[: len(of_networks)], lookahead)
            measured.setdefault(policy, []).append(of_policy)
            level = interval(of_networks)
            rows.append(
                {
                    "scenario": name,
                    "policy": policy,
                    "networks": len(of_networks),
                    "return": level.mean,
                    "low": level.low,
                    "high": level.high,
                    "score": mean_ratio(of_policy),
                    "satisfied": shares.get(policy, [None] * 3),
                }
            )
    numbers = {}
    for policy, of_scenarios in measured.items():
        if len(of_scenarios) == len(suite.scenarios):
            low, high = ratio_interval(of_scenarios) or (None, None)
            numbers[policy] = {
                "number": float(np.mean([mean_ratio(m) for m in of_scenarios])),
                "low": low,
                "high": high,
            }
    return {"suite": suite.name, "networks": number, "rows": rows, "numbers": numbers}


def table(found: dict[str, Any]) -> str:
    """The rows and the numbers, to be read."""
    head = f"{'scenario':<14}{'policy':<21}{'networks':>8}{'return':>8}{'95 %':>8}{'score':>8}"
    lines = [f"{head}   eMBB  mMTC URLLC (% satisfied)"]
    for row in found["rows"]:
        shares = "".join("     —" if share is None else f"{100 * share:6.0f}" for share in row["satisfied"])
        lines.append(
            f"{row['scenario']:<14}{row['policy']:<21}{row['networks']:>8}{row['return']:>8.3f}"
            f"  ±{row['high'] - row['return']:.3f}{row['score']:>8.3f} {shares}"
        )
    for policy, of in found["numbers"].items():
        between = "" if of["low"] is None else f", 95 % {of['low']:.3f} to {of['high']:.3f}"
        lines.append(f"{found['suite']}: {policy} scores {of['number']:.3f}{between}")
    return "\n".join(lines)
