"""Scoring for third parties: one number for a policy, on fixed networks that nobody trains on.

    result = oran_env.scoring.score.score(my_policy, suite="oran-v1")
    print(result.table())

Return: mean reward per DU and step over one whole episode. Score of a network: (return - random) / (lookahead -
random), with the returns of random and lookahead in the same network (``suites.py``); 0 is random, 1 lookahead. The
number: interquartile mean of all these scores, with a 95 % interval of the stratified percentile bootstrap (networks
are resampled within each scenario). One network of each scenario says nothing about others, and has no interval.
"""

from __future__ import annotations

import datetime
import json
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oran_env.scenario.presets import PRESETS, make_scenario
from oran_env.scoring.playable import Maker, PolicyError, Scorable, returns_of
from oran_env.scoring.suites import SuiteError, find_suite, stored_returns
from oran_env.simulator.simulator import Simulator

SCHEMA = 1
RESAMPLES = 5000
Row = dict[str, Any]  # suite, scenario, seed, return, random, reference (the return of lookahead), score


def interquartile_mean(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean over the last axis without its floor(n/4) least and greatest values."""
    cut = scores.shape[-1] // 4
    middle = np.sort(scores, axis=-1)[..., cut : scores.shape[-1] - cut]
    return np.asarray(middle.mean(axis=-1))


def bootstrap_interval(groups: Sequence[NDArray[np.float64]], confidence: float = 0.95) -> tuple[float, float] | None:
    """Percentile interval of the interquartile mean of all scores, resampled within each group.

    None when every group has a single score: nothing can be resampled, and an interval of width 0 would be a lie.
    """
    if all(len(group) == 1 for group in groups):
        return None
    rng = np.random.default_rng(0)
    resampled = [group[rng.integers(0, len(group), (RESAMPLES, len(group)))] for group in groups]
    values = interquartile_mean(np.concatenate(resampled, axis=1))
    low, high = np.quantile(values, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)


@dataclass(frozen=True)
class Score:
    """What a policy reached. ``rows`` is tidy: one per scenario and network."""

    suite: str
    policy: str
    rows: tuple[Row, ...]
    number: float  # interquartile mean of the scores
    low: float | None  # of its 95 % interval; None: one network of each scenario
    high: float | None
    complete: bool  # all networks of the suite
    date: str
    versions: dict[str, str]

    def scenarios(self) -> list[str]:
        """Names in the order of the suite."""
        return list(dict.fromkeys(row["scenario"] for row in self.rows))

    def medians(self) -> list[Row]:
        """Per scenario: number of networks, and medians of return, random, reference and score."""
        table = []
        for name in self.scenarios():
            rows = [row for row in self.rows if row["scenario"] == name]
            columns = ("return", "random", "reference", "score")
            middle = {column: float(np.median([row[column] for row in rows])) for column in columns}
            table.append({"scenario": name, "networks": len(rows), **middle})
        return table

    def table(self) -> str:
        """The medians and the number, to be read."""
        lines = [f"{'scenario':<16}{'networks':>9}{'return':>9}{'random':>9}{'lookahead':>11}{'score':>8}   (medians)"]
        for row in self.medians():
            lines.append(
                f"{row['scenario']:<16}{row['networks']:>9}{row['return']:>9.3f}{row['random']:>9.3f}"
                f"{row['reference']:>11.3f}{row['score']:>8.3f}"
            )
        part = "" if self.complete else "  (only part of the suite's networks: not to be compared)"
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
            "score": {"interquartile_mean": self.number, "low": self.low, "high": self.high, "confidence": 0.95},
            "rows": list(self.rows),
        }

    def save(self, path: str | Path) -> None:
        """Write the result as JSON."""
        Path(path).write_text(json.dumps(self.as_json(), indent=1) + "\n")


def score(
    policy: Scorable = None,
    suite: str = "oran-v1",
    num_networks: int | None = None,
    *,
    make: Maker | None = None,
    name: str | None = None,
    num_threads: int = 1,
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
    lacking = [scenario for scenario in chosen.scenarios if scenario not in PRESETS]
    if lacking:
        raise SuiteError(f"suite {suite} needs presets that this version lacks: {', '.join(lacking)}")
    stored = {scenario: stored_returns(chosen, scenario) for scenario in chosen.scenarios}
    seeds = chosen.seeds[:number]
    rows: list[Row] = []
    groups = []
    for scenario_name in chosen.scenarios:
        scenario = make_scenario(scenario_name)
        simulator = Simulator(scenario, number, seeds, num_threads)
        returns = returns_of(policy if make is None else make(scenario), simulator, seeds)
        of = stored[scenario_name]
        random, lookahead = (np.array(part[:number]) for part in (of.random, of.lookahead))
        scores = (returns - random) / (lookahead - random)
        groups.append(scores)
        measured = {"return": returns, "random": random, "reference": lookahead, "score": scores}
        rows += [
            {"suite": suite, "scenario": scenario_name, "seed": seed}
            | {column: float(values[i]) for column, values in measured.items()}
            for i, seed in enumerate(seeds)
        ]
    low, high = bootstrap_interval(groups) or (None, None)
    return Score(
        suite=suite,
        policy=name or _name_of(policy if make is None else make),
        rows=tuple(rows),
        number=float(interquartile_mean(np.concatenate(groups))),
        low=low,
        high=high,
        complete=number == chosen.num_networks,
        date=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        versions=versions(),
    )


def _name_of(policy: Any) -> str:
    if isinstance(policy, str):
        return policy
    return str(getattr(policy, "__name__", type(policy).__name__))


def versions() -> dict[str, str]:
    """Of what the returns may depend on."""
    from oran_env.version import __version__

    found = {package: metadata.version(package) for package in ("numpy", "numba", "gymnasium", "pettingzoo")}
    return {"oran_env": __version__, "python": platform.python_version(), **found}
