"""Scoring for third parties: one number for a policy, on fixed networks that nobody trains on.

    result = oran_env.scoring.score.score(my_policy, suite="oran-v2")
    print(result.table())

Return: mean reward per DU and step over one whole episode. 0 is random, 1 lookahead (``suites.py``).

A suite whose networks all carry lookahead (``oran-v1``, ``tiny-v1``): the score of a network is (return - random) /
(lookahead - random), and the number is the interquartile mean of all these. Any other (``oran-v2``): the score of a
scenario is (mean return - mean random) / (mean lookahead - mean random), and the number is their mean. Both have a 95 %
interval of the stratified percentile bootstrap: networks are resampled within each scenario and keep all their returns.
One network of each scenario says nothing about others, and has no interval.
"""

from __future__ import annotations

import datetime
import json
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from oran_env.scenario.near_miss import did_you_mean
from oran_env.scenario.presets import PRESETS
from oran_env.scoring.normalise import Measured, bootstrap_interval, interquartile_mean, mean_ratio, ratio_interval
from oran_env.scoring.playable import Maker, PolicyError, Scorable, policy_on
from oran_env.scoring.plays import mean_shares, watched
from oran_env.scoring.suites import SuiteError, find_suite, stored_returns
from oran_env.simulator.simulator import Simulator

SCHEMA = 2
INTERFACE = ("codec", "owned_rbs", "observation", "hidden_observations")
"""Fields of a scenario that say how a policy sees and acts, and nothing of the network."""
Row = dict[
    str, Any
]  # suite, scenario, seed, return, random, reference (the return of lookahead), score; None: has none


@dataclass(frozen=True)
class Score:
    """What a policy reached. ``rows`` is tidy: one per scenario and network."""

    suite: str
    policy: str
    rows: tuple[Row, ...]
    number: float
    by_mean: bool  # the mean of the scenarios' scores; else the interquartile mean of the networks'
    satisfied: dict[str, list[float | None]]  # by scenario: share of DUs and steps with Q̄ >= 0.5, of each slice
    low: float | None  # of its 95 % interval; None: one network of each scenario
    high: float | None
    complete: bool  # all networks of the suite
    date: str
    versions: dict[str, str]

    def scenarios(self) -> list[str]:
        """Names in the order of the suite."""
        return list(dict.fromkeys(row["scenario"] for row in self.rows))

    def medians(self) -> list[Row]:
        """Per scenario: networks, and the median (``by_mean``: mean) return, random, reference and score."""
        table = []
        for name in self.scenarios():
            rows = [row for row in self.rows if row["scenario"] == name]
            columns = ("return", "random", "reference", "score")
            known = {column: [row[column] for row in rows if row[column] is not None] for column in columns}
            middle = {
                column: float((np.mean if self.by_mean else np.median)(known[column] or np.nan)) for column in columns
            }
            if self.by_mean:
                middle["score"] = mean_ratio(Measured(*(np.array(known[column]) for column in columns[:3])))
            table.append({"scenario": name, "networks": len(rows), **middle})
        return table

    def table(self) -> str:
        """The middle values and the number, to be read."""
        middle = "(means" if self.by_mean else "(medians"
        lines = [
            f"{'scenario':<14}{'networks':>9}{'return':>8}{'random':>8}{'lookahead':>11}{'score':>7}"
            f"   eMBB  mMTC URLLC {middle}; % satisfied)"
        ]
        for row in self.medians():
            shares = "".join("     —" if x is None else f"{100 * x:6.0f}" for x in self.satisfied[row["scenario"]])
            lines.append(
                f"{row['scenario']:<14}{row['networks']:>9}{row['return']:>8.3f}{row['random']:>8.3f}"
                f"{row['reference']:>11.3f}{row['score']:>7.3f} {shares}"
            )
        part = "" if self.complete else "  (only part of the suite: not to be compared)"
        interval = "— (one network of each scenario says nothing about others)"
        if self.low is not None and self.high is not None:
            interval = f"{self.low:.3f} to {self.high:.3f}"
        lines.append(f"{self.suite}: {self.policy} scores {self.number:.3f}, 95 % {interval}{part}")
        return "\n".join(lines)

    def as_json(self) -> dict[str, Any]:
        """What ``save`` writes; the keys are documented in docs/scoring.md."""
        return {
            "schema": SCHEMA,
            "suite": self.suite,
            "policy": self.policy,
            "date": self.date,
            "versions": self.versions,
            "complete": self.complete,
            "score": {
                "number": self.number,
                "mean_of_scenarios": self.by_mean,
                "low": self.low,
                "high": self.high,
                "confidence": 0.95,
            },
            "satisfied": self.satisfied,
            "rows": list(self.rows),
        }

    def save(self, path: str | Path) -> None:
        """Write the result as JSON."""
        Path(path).write_text(json.dumps(self.as_json(), indent=1) + "\n")


def score(
    policy: Scorable = None,
    suite: str = "oran-v2",
    num_networks: int | None = None,
    *,
    make: Maker | None = None,
    name: str | None = None,
    num_threads: int = 1,
    scenarios: Sequence[str] | None = None,
    interface: Callable[[str], Mapping[str, Any]] | Mapping[str, Any] | None = None,
) -> Score:
    """Play the networks of a suite with a policy and compare with random and lookahead.

    Args:
        policy: a callable observations (B, M, D) float32 → actions (B, M, A); the name of a rule, or "lookahead"; a
            stable-baselines3 model; or a mapping from scenario names to these. D, A and M differ between scenarios.
        suite: its name, see ``SUITES``.
        num_networks: only the first so many networks of each scenario; the result is then marked incomplete.
        make: instead of ``policy``, a function called once with each Scenario that returns one of the above.
        name: under which the result is reported.
        num_threads: threads of the simulator.
        scenarios: only these of the suite; the result is then marked incomplete.
        interface: fields of ``INTERFACE`` with other values than the presets', for policies that see or act through
            them, or a function from a scenario's name to such fields. The networks are the same.

    Raises:
        SuiteError: unknown suite, presets that do not exist here, or stored numbers of other dynamics.
        PolicyError: a policy that does not fit a scenario; the message names it and the shapes.
        ValueError: num_networks out of range.
    """
    if (policy is None) == (make is None):
        raise PolicyError("give either policy (observations -> actions) or make (scenario -> policy)")
    chosen = find_suite(suite)
    number = chosen.num_networks if num_networks is None else num_networks
    if not isinstance(number, int) or isinstance(number, bool) or not 1 <= number <= chosen.num_networks:
        raise ValueError(f"num_networks is {num_networks!r}; allowed: 1 to {chosen.num_networks}")
    played_on = chosen.scenarios if scenarios is None else tuple(scenarios)
    for scenario_name in played_on:
        if scenario_name not in chosen.scenarios:
            near = did_you_mean(scenario_name, chosen.scenarios)
            allowed = ", ".join(chosen.scenarios)
            raise SuiteError(f"scenario {scenario_name!r} is not in suite {suite}; {near}allowed: {allowed}")
    faces = {place: interface(place) if callable(interface) else interface or {} for place in played_on}
    for field in (field for face in faces.values() for field in face):
        if field not in INTERFACE:
            raise SuiteError(f"interface has {field!r}, which changes the networks; allowed: {', '.join(INTERFACE)}")
    lacking = [scenario for scenario in chosen.scenarios if scenario not in PRESETS]
    if lacking:
        raise SuiteError(f"suite {suite} needs presets that this version lacks: {', '.join(lacking)}")
    stored = {scenario: stored_returns(chosen, scenario) for scenario in played_on}
    seeds = chosen.seeds[:number]
    by_mean = chosen.num_references is not None
    rows: list[Row] = []
    measured = []
    satisfied = {}
    for scenario_name in played_on:
        scenario = chosen.scenario(scenario_name).with_overrides(**faces[scenario_name])
        simulator = Simulator(scenario, number, seeds, num_threads)
        observations = simulator.reset()
        act = policy_on(policy if make is None else make(scenario.with_overrides(name=scenario_name)), simulator)
        played = watched(act, simulator, observations, scenario.control.horizon)
        of = stored[scenario_name]
        random, lookahead = (np.array(part[:number]) for part in (of.random, of.lookahead))
        measured.append(Measured(played.returns, random, lookahead))
        satisfied[scenario_name] = mean_shares(played.satisfied)
        rows += [
            {
                "suite": suite,
                "scenario": scenario_name,
                "seed": seed,
                "return": float(played.returns[i]),
                "random": float(random[i]),
                "reference": float(lookahead[i]) if i < len(lookahead) else None,
                "score": None if by_mean else float(_score(played.returns[i], random[i], lookahead[i])),
            }
            for i, seed in enumerate(seeds)
        ]
    if by_mean:
        value, between = float(np.mean([mean_ratio(m) for m in measured])), ratio_interval(measured)
    else:
        groups = [_score(*m) for m in measured]
        value, between = float(interquartile_mean(np.concatenate(groups))), bootstrap_interval(groups)
    low, high = between or (None, None)
    return Score(
        suite=suite,
        policy=name or _name_of(policy if make is None else make),
        rows=tuple(rows),
        number=value,
        by_mean=by_mean,
        satisfied=satisfied,
        low=low,
        high=high,
        complete=number == chosen.num_networks and set(played_on) == set(chosen.scenarios),
        date=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        versions=versions(),
    )


def _score(returns: Any, random: Any, lookahead: Any) -> Any:
    """Score of a network, or of each."""
    return (returns - random) / (lookahead - random)


def _name_of(policy: Any) -> str:
    if isinstance(policy, str):
        return policy
    return str(getattr(policy, "__name__", type(policy).__name__))


def versions() -> dict[str, str]:
    """Of what the returns may depend on."""
    from oran_env.version import __version__

    found = {package: metadata.version(package) for package in ("numpy", "numba", "gymnasium", "pettingzoo")}
    return {"oran_env": __version__, "python": platform.python_version(), **found}
