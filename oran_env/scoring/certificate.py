"""The certificate of a preset: does foresight, reading and coordination pay in it, and is it neither won nor hopeless?

    oran-env certify PRESET

No learner is involved: what is compared are rules and lookahead, in the same fresh networks (seeds CERTIFICATE_SEED and
up). ``NUMBERS`` says what each number is and how much its lower end must be. Of several rules that qualify the one with
the largest mean counts. docs/certificates.md explains and shows the results.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple

from oran_env.policies.reading_rules import COUNTING, READING, reading_parameters, reads_backlog, searchable
from oran_env.policies.rules import SEARCHED, searched_parameters
from oran_env.scenario.fields import Scenario
from oran_env.scenario.presets import make_scenario
from oran_env.scoring.paired import interval
from oran_env.scoring.plays import Job, Played, Say, mean_shares, play_dealt
from oran_env.scoring.rule_search import search
from oran_env.scoring.suites import scenario_hash

CERTIFICATE_SEED = 4_000_000
FAR = 5  # steps that foresight sees
FARTHER = 10  # that the lookahead to be reached sees, where there is a backlog
SEARCH: dict[str, Any] = {"rounds": 1, "draws": 32, "interval": 5}  # of both lookaheads: a plan lasts
SEARCH_WITH_QUEUE: dict[str, Any] = {"rounds": 1, "draws": 8, "interval": 1}  # it is good for a step
QUICK_SEARCH = 8  # validation networks on which a rule's numbers are searched, where none are stored
READS_NOTHING = ("static", "equal_shares")
READS_COUNTS = ("count_rule", "demand_proportional", *COUNTING)
PLANS_REUSE = ("zone_rule", "reuse_3")
RULES = ("equal_shares", "demand_proportional")  # of every preset; beside those with searched numbers
LEAST_MET, MOST_MET = 0.5, 0.8  # share of DU states in which lookahead meets every Q_min

Returns = Mapping[str, Played]
Pick = Callable[[Returns], str | None]  # the policy that takes part in a comparison, None: there is none


class Number(NamedTuple):
    """A difference of returns that must be at least so much."""

    name: str
    better: Pick
    worse: Pick
    least: float
    none: str  # what the verdict says when one of both does not exist, or the difference is smaller


def best_of(returns: Returns, names: tuple[str, ...]) -> str | None:
    """The name with the largest mean return among those that were played."""
    played = [name for name in names if name in returns]
    return max(played, key=lambda name: returns[name].returns.mean()) if played else None


def _lookahead(returns: Returns) -> str | None:
    return best_of(returns, tuple(name for name in returns if name.startswith("lookahead")))


def _rules(returns: Returns, without: tuple[str, ...] = ()) -> str | None:
    left = tuple(n for n in returns if n not in without and n != "random" and not n.startswith("lookahead"))
    return best_of(returns, left)


NUMBERS = (
    Number("foresight", lambda r: f"lookahead-{FAR}", lambda r: "lookahead-1", 0.05, "foresight"),
    Number(
        "reading", lambda r: _rules(r, READS_NOTHING), lambda r: best_of(r, READS_NOTHING), 0.10, "reading the state"
    ),
    Number(
        "reading_backlog", lambda r: best_of(r, tuple(READING)), lambda r: best_of(r, READS_COUNTS), 0.05,
        "reading more than counts",
    ),
    Number("coordination", _lookahead, lambda r: _rules(r, PLANS_REUSE), 0.05, "coordination"),
    Number("rule_over_random", _rules, lambda r: "random", 0.10, "a rule's lead over random"),
    Number("lookahead_over_rule", _lookahead, _rules, 0.10, "what is left above the best rule"),
)  # fmt: skip


def rule_numbers(scenario: Scenario, say: Say) -> tuple[dict[str, dict[str, Any]], list[str]]:
    """The numbers of the searched rules, and which of them had to be searched here."""
    wanted = [*SEARCHED, *searchable(scenario)]
    numbers = {**searched_parameters(scenario), **reading_parameters(scenario)}
    lacking = [name for name in wanted if name not in numbers]
    if lacking:
        say(f"{scenario.name}: no stored numbers of {', '.join(lacking)}; searching")
        found = search(scenario, QUICK_SEARCH, lacking, say)
        numbers |= {name: found[name]["parameters"] for name in lacking}
    return {name: numbers[name] for name in wanted}, lacking


def certify(
    scenario: Scenario,
    networks: int = 16,
    steps: int = 25,
    workers: int = 1,
    say: Say = lambda line: None,
    first_seed: int = CERTIFICATE_SEED,
    **settings: Any,
) -> dict[str, Any]:
    """Play the policies and compare them; ``settings``: of the lookahead, in place of SEARCH.

    ``first_seed``: of the networks. A preset that was chosen with some of them in sight needs others.

    Raises:
        ValueError: fewer than 5 networks, more steps than an episode has, an argument of the search out of range.
    """
    if not 1 <= steps <= scenario.control.horizon:
        raise ValueError(f"steps is {steps}; allowed: 1 to {scenario.control.horizon}, the steps of an episode")
    if networks < 5:
        raise ValueError(f"networks is {networks}; allowed: 5 or more")
    start = time.perf_counter()
    seeds = tuple(first_seed + i for i in range(networks))
    numbers, searched_here = rule_numbers(scenario, say)
    of_search = {**(SEARCH_WITH_QUEUE if scenario.traffic.latency == "queue" else SEARCH), **settings}
    jobs = {"random": Job(scenario, "random", seeds, steps)}
    rules = dict.fromkeys((*RULES, *numbers))
    jobs |= {name: Job(scenario, name, seeds, steps, numbers.get(name, {})) for name in rules}
    for horizon in (1, FAR, FARTHER) if reads_backlog(scenario) else (1, FAR):
        arguments = {**of_search, "horizon": horizon, "successor": numbers.get("backlog_rule")}
        arguments["zones"] = numbers.get("zone_rule")
        jobs[f"lookahead-{horizon}"] = Job(scenario, "lookahead", seeds, steps, arguments)
    returns = play_dealt(jobs, workers, say=say)
    fresh = "" if first_seed == CERTIFICATE_SEED else f" --first-seed {first_seed}"
    return {
        "preset": scenario.name,
        "command": f"oran-env certify {scenario.name} --networks {networks} --steps {steps}{fresh}",
        "scenario_hash": scenario_hash(scenario),
        "networks": networks,
        "steps": steps,
        "first_seed": first_seed,
        "search": of_search,
        "searched_here": {name: numbers[name] for name in searched_here},
        "policies": {name: _told(played) for name, played in returns.items()},
        "numbers": [_compared(number, returns) for number in NUMBERS],
        "all_met": _met(returns),
        "seconds": round(time.perf_counter() - start, 1),
    }


def _told(played: Played) -> dict[str, Any]:
    """Mean, interval and shares of one policy; a share without any such slice is null."""
    mean, low, high = interval(played.returns)
    return {
        "return": round(mean, 4),
        "low": round(low, 4),
        "high": round(high, 4),
        "satisfied": mean_shares(played.satisfied),
        "all_satisfied": round(float(played.all_satisfied.mean()), 4),
    }


def _compared(number: Number, returns: Returns) -> dict[str, Any]:
    """One number with its paired interval and whether it holds."""
    better, worse = number.better(returns), number.worse(returns)
    row: dict[str, Any] = {"name": number.name, "better": better, "worse": worse, "least": number.least}
    if better is None or worse is None:
        return {**row, "mean": None, "low": None, "high": None, "holds": False}
    found = interval(returns[better].returns - returns[worse].returns)
    values = {key: round(value, 4) for key, value in found._asdict().items()}
    return {**row, **values, "holds": found.low >= number.least}


def _met(returns: Returns) -> dict[str, Any]:
    """In how many DU states the policy that does so most often meets every Q_min."""
    best = max(returns, key=lambda name: returns[name].all_satisfied.mean())
    share = float(returns[best].all_satisfied.mean())
    return {"policy": best, "share": round(share, 4), "holds": LEAST_MET <= share <= MOST_MET}


def verdict(certificate: Mapping[str, Any]) -> list[str]:
    """The numbers, one line each, and where this preset has no headroom."""
    lines = []
    missing = []
    for row, number in zip(certificate["numbers"], NUMBERS, strict=True):
        if row["mean"] is None:
            lines.append(f"{row['name']:<20} nothing to compare: no backlog is seen")
        else:
            lines.append(
                f"{row['name']:<20} {row['better']} - {row['worse']}: {row['mean']:+.3f} "
                f"({row['low']:+.3f} to {row['high']:+.3f}), needed {row['least']:.2f}: {_word(row['holds'])}"
            )
        missing += [] if row["holds"] else [number.none]
    met = certificate["all_met"]
    lines.append(
        f"{'all Q_min met':<20} {met['policy']}: {100 * met['share']:.0f} % of DU states, wanted "
        f"{100 * LEAST_MET:.0f} to {100 * MOST_MET:.0f} %: {_word(met['holds'])}"
    )
    if missing:
        lines.append(f"{certificate['preset']}: this preset has no headroom in {', '.join(missing)}")
    if not met["holds"]:
        hard = "hard" if met["share"] < LEAST_MET else "easy"
        lines.append(f"{certificate['preset']}: it is too {hard} to meet every Q_min")
    if not missing and met["holds"]:
        lines.append(f"{certificate['preset']}: all of it holds")
    return lines


def _word(holds: bool) -> str:
    return "holds" if holds else "fails"


def levels_of(certificate: Mapping[str, Any]) -> list[str]:
    """The policies, best first: return, interval, shares."""
    rows = sorted(certificate["policies"].items(), key=lambda item: -item[1]["return"])
    head = f"{'policy':<22}{'return':>8}{'95 %':>18}   satisfied: eMBB mMTC URLLC   all"
    lines = [head]
    for name, row in rows:
        shares = "  ".join("  —" if share is None else f"{100 * share:3.0f}" for share in row["satisfied"])
        between = f"{row['low']:.3f} to {row['high']:.3f}"
        lines.append(f"{name:<22}{row['return']:>8.3f}{between:>18}{shares:>28}   {100 * row['all_satisfied']:3.0f} %")
    return lines


def certificate_path(preset: str) -> Path:
    """Where the certificate of a preset stands."""
    return Path(str(resources.files("oran_env").joinpath("scoring", "certificates", f"{preset}.json")))


def stored_certificate(preset: str) -> dict[str, Any] | None:
    """The certificate of a preset, None if there is none or its fields have changed since."""
    path = certificate_path(preset)
    if not path.exists():
        return None
    found: dict[str, Any] = json.loads(path.read_text())
    return found if found["scenario_hash"] == scenario_hash(make_scenario(preset)) else None
