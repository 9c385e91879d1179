"""The suites: which scenarios and networks are scored, and the stored returns of random and lookahead on them.

    oran-env reference --suite oran-v1

computes what is missing in ``suites/oran-v1.json``. The stored returns belong to the dynamics they were computed
with: ``stored_returns`` replays two short probes and refuses numbers that the present simulator does not reproduce.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oran_env.numerics.jit import Singles
from oran_env.policies.lookahead import LookaheadPolicy
from oran_env.scenario.fields import Scenario
from oran_env.scenario.presets import make_scenario
from oran_env.scoring.playable import returns_of
from oran_env.simulator.simulator import Simulator

SUITE_SEED = 3_000_000  # listed seeds, kept as they are; training in tasam_agents uses seeds below 1,000,000
RANDOM_EPISODES = 3  # with different actions in the same network; their mean is "random"
TOLERANCE = 1e-6  # of a replayed return; libraries of other machines round differently


class SuiteError(ValueError):
    """No such suite, or its stored numbers are missing or do not belong to the present dynamics."""


@dataclass(frozen=True)
class Suite:
    """Named scenarios and how many held-out networks of each, with seeds SUITE_SEED, SUITE_SEED + 1, …"""

    name: str
    scenarios: tuple[str, ...]
    num_networks: int

    @property
    def seeds(self) -> list[int]:
        """Seeds of the networks, the same in every scenario."""
        return [SUITE_SEED + i for i in range(self.num_networks)]

    @property
    def path(self) -> Path:
        """Where its stored returns stand."""
        return Path(str(resources.files("oran_env").joinpath("scoring", "suites", f"{self.name}.json")))


SUITES = {
    suite.name: suite
    for suite in (
        Suite(
            "oran-v1",
            ("paper", "table5", "calm", "heterogeneous", "bursty", "overload", "fast", "dense", "dus_4", "dus_10"),
            20,
        ),
        Suite("tiny-v1", ("tiny",), 8),  # for tests and examples
    )
}


def find_suite(name: str) -> Suite:
    """Raises SuiteError for an unknown name."""
    if name not in SUITES:
        raise SuiteError(f"unknown suite {name!r}; allowed: {', '.join(SUITES)}")
    return SUITES[name]


@dataclass(frozen=True)
class StoredReturns:
    """What a score is measured by, on the networks of one scenario (num_networks,)."""

    random: tuple[float, ...]
    lookahead: tuple[float, ...]


class RandomActions:
    """Uniform actions; those of a network depend on its seed and ``episode`` alone, not on the rest of the batch."""

    def __init__(self, simulator: Simulator, seeds: list[int], episode: int) -> None:
        self._shape = (len(simulator.agents), simulator.action_size)
        self._generators = [np.random.Generator(np.random.PCG64([seed, episode])) for seed in seeds]

    def __call__(self, observations: Singles) -> Singles:
        """Actions (B, M, A)."""
        return np.stack([rng.random(self._shape, dtype=np.float32) for rng in self._generators])


def random_returns(scenario: Scenario, seeds: list[int]) -> NDArray[np.float64]:
    """Mean return of random actions in each network (B,)."""
    simulator = Simulator(scenario, len(seeds), seeds)
    played = [returns_of(RandomActions(simulator, seeds, e), simulator, seeds) for e in range(RANDOM_EPISODES)]
    return np.asarray(np.mean(played, axis=0))


def probe(scenario: Scenario, seed: int) -> list[float]:
    """Returns of two policies without searched numbers in one network: they change when the dynamics do."""
    even = returns_of("equal_shares", Simulator(scenario, 1, [seed]), [seed])
    return [float(random_returns(scenario, [seed])[0]), float(even[0])]


def scenario_hash(scenario: Scenario) -> str:
    """Of all the fields, for the record."""
    return hashlib.sha256(json.dumps(dataclasses.asdict(scenario), sort_keys=True).encode()).hexdigest()[:16]


def stored_entries(suite: Suite) -> dict[str, Any]:
    """The stored entries by scenario; none if the file is missing."""
    if not suite.path.exists():
        return {}
    table: dict[str, Any] = json.loads(suite.path.read_text())["scenarios"]
    return table


def stored_returns(suite: Suite, name: str) -> StoredReturns:
    """The stored returns of a scenario, if they belong to the present dynamics.

    Raises:
        SuiteError: they are missing, or two replayed returns differ from the stored ones.
    """
    remedy = f"compute them with: oran-env reference --suite {suite.name} --scenario {name}"
    entry = stored_entries(suite).get(name)
    if entry is None or len(entry["random"]) != suite.num_networks:
        raise SuiteError(f"suite {suite.name} has no stored returns for scenario {name}; {remedy}")
    scenario = make_scenario(name)
    now = probe(scenario, suite.seeds[0])
    if not np.allclose(now, [entry["random"][0], entry["equal_shares_of_first"]], rtol=TOLERANCE, atol=TOLERANCE):
        fields = "its fields differ" if scenario_hash(scenario) != entry["scenario_hash"] else "its fields are the same"
        raise SuiteError(
            f"the stored returns of scenario {name} in suite {suite.name} belong to other dynamics (oran_env "
            f"{entry['oran_env']}, {fields}): replayed {now}, stored "
            f"{[entry['random'][0], entry['equal_shares_of_first']]}. "
            f"Install the version the suite was computed with, or {remedy}"
        )
    return StoredReturns(tuple(entry["random"]), tuple(entry["reference"]))


def compute_returns(suite: Suite, name: str, say: Callable[[str], None] = print, **search: Any) -> dict[str, Any]:
    """Play random and lookahead in the networks of one scenario; ``search``: arguments of LookaheadPolicy."""
    from oran_env.version import __version__

    scenario, seeds = make_scenario(name), suite.seeds
    random = random_returns(scenario, seeds)
    simulator = Simulator(scenario, len(seeds), seeds)
    policy = LookaheadPolicy(simulator, **search)
    start = time.perf_counter()
    horizon = scenario.control.horizon

    def progress(step: int) -> None:
        if step in (1, horizon) or step % 10 == 0:
            say(f"{suite.name} {name}: step {step} of {horizon}, {time.perf_counter() - start:.0f} s")

    lookahead = returns_of(policy, simulator, seeds, progress)
    if (lookahead <= random).any():
        raise SuiteError(f"scenario {name}: lookahead does not beat random in every network; no score is defined")
    return {
        "command": f"oran-env reference --suite {suite.name} --scenario {name}",
        "oran_env": __version__,
        "scenario_hash": scenario_hash(scenario),
        "seeds": seeds,
        "reference_policy": {"name": "lookahead", **search},
        "simulated_steps_per_decision": round(policy.simulated_steps / len(seeds) / horizon),
        "seconds": round(time.perf_counter() - start, 1),
        "equal_shares_of_first": probe(scenario, seeds[0])[1],
        "random": random.tolist(),
        "reference": lookahead.tolist(),
    }


def store_returns(
    suite: Suite, scenarios: list[str], force: bool = False, say: Callable[[str], None] = print, **search: Any
) -> None:
    """Compute what is missing or belongs to other dynamics, and write the file after each scenario.

    Raises:
        SuiteError: a scenario that is not in the suite.
    """
    for name in scenarios:
        if name not in suite.scenarios:
            raise SuiteError(f"scenario {name!r} is not in suite {suite.name}; allowed: {', '.join(suite.scenarios)}")
    suite.path.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryFile(dir=suite.path.parent):
        pass  # it can be written: better now than after the search
    for name in scenarios:
        try:
            if not force:
                stored_returns(suite, name)
                say(f"{suite.name} {name}: stored and valid")
                continue
        except SuiteError:
            pass
        table = {**stored_entries(suite), name: compute_returns(suite, name, say, **search)}
        ordered = {key: table[key] for key in suite.scenarios if key in table}
        unfinished = suite.path.with_suffix(".tmp")
        unfinished.write_text(json.dumps({"suite": suite.name, "scenarios": ordered}, indent=1) + "\n")
        unfinished.replace(suite.path)
