"""Episodes played by named policies, shared between processes: returns, and how often Q_min was met.

A network's trajectory depends on its own seed alone, so that neither the number of processes nor how the networks are
dealt to them changes a number.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from functools import partial
from multiprocessing import get_context
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oran_env.numerics.jit import Singles
from oran_env.policies.lookahead import LookaheadPolicy
from oran_env.policies.reading_rules import searchable
from oran_env.policies.rules import SEARCHED, Policy
from oran_env.scenario.fields import Scenario
from oran_env.scenario.slices import NUM_SLICES
from oran_env.scoring.playable import checked_actions, policy_on
from oran_env.simulator.simulator import Simulator

Say = Callable[[str], None]


@dataclass(frozen=True)
class Job:
    """A policy by name and the networks it plays for ``steps`` steps."""

    scenario: Scenario
    policy: str
    seeds: tuple[int, ...]
    steps: int
    arguments: Mapping[str, Any] = field(default_factory=dict)  # numbers of a rule, of the search, or of the draws


@dataclass(frozen=True)
class Played:
    """What B networks came to, in the order of the seeds."""

    returns: NDArray[np.float64]  # (B,) mean reward per DU and step
    satisfied: NDArray[np.float64]  # (B, 3) share of DUs and steps with Q̄ >= 0.5, NaN: the slice never had a UE there
    all_satisfied: NDArray[np.float64]  # (B,) share of DUs and steps in which every slice that has UEs has Q̄ >= 0.5
    simulated_steps: int  # in the copies of a search


class RandomActions:
    """Uniform actions; those of a network depend on its seed and ``episode`` alone, not on the rest of the batch."""

    def __init__(self, simulator: Simulator, seeds: Sequence[int], episode: int) -> None:
        self._shape = (len(simulator.agents), simulator.action_size)
        self._generators = [np.random.Generator(np.random.PCG64([seed, episode])) for seed in seeds]

    def __call__(self, observations: Singles) -> Singles:
        """Actions (B, M, A)."""
        return np.stack([rng.random(self._shape, dtype=np.float32) for rng in self._generators])


def made(job: Job, simulator: Simulator) -> Policy:
    """The policy of a job: random by seed and episode, lookahead, a rule with numbers of its own, or a shipped one."""
    if job.policy == "random":
        return RandomActions(simulator, job.seeds, **{"episode": 0, **job.arguments})
    if job.policy == "lookahead":
        return LookaheadPolicy(simulator, **job.arguments)
    if job.arguments:
        return partial({**SEARCHED, **searchable(job.scenario)}[job.policy], scenario=job.scenario, **job.arguments)
    return policy_on(job.policy, simulator)


def play(job: Job) -> Played:
    """Play one job in this process."""
    simulator = Simulator(job.scenario, len(job.seeds), list(job.seeds))
    observations = simulator.reset()
    return watched(made(job, simulator), simulator, observations, job.steps)


def watched(policy: Policy, simulator: Simulator, observations: Singles, steps: int) -> Played:
    """Play so many steps from where the simulator is, and count."""
    networks = simulator.num_networks
    total, every = np.zeros(networks), np.zeros(networks)
    met, present = (np.zeros((networks, NUM_SLICES)) for _ in range(2))
    for _ in range(steps):
        result = simulator.step(checked_actions(policy, observations, simulator))
        observations = result.observations
        total += result.rewards.mean(axis=1, dtype=np.float64)
        has_ues = result.info["num_ues"] > 0
        reached = result.info["qos_normalised"] >= 0.5
        met += (has_ues & reached).sum(axis=1)
        present += has_ues.sum(axis=1)
        every += (reached | ~has_ues).all(axis=2).mean(axis=1)
    share = np.divide(met, present, out=np.full_like(met, np.nan), where=present > 0)
    return Played(total / steps, share, every / steps, getattr(policy, "simulated_steps", 0))


def mean_shares(satisfied: NDArray[np.float64]) -> list[float | None]:
    """Mean share of each slice over the networks (B, 3) that had it; None where none had."""
    known = [column[~np.isnan(column)] for column in satisfied.T]
    return [round(float(column.mean()), 4) if len(column) else None for column in known]


def play_all(jobs: Sequence[Job], workers: int = 1, say: Say | None = None) -> list[Played]:
    """Play the jobs in so many processes; results in the order of the jobs, ``say`` after each network or more."""
    if workers == 1:
        found = []
        for job in jobs:
            found.append(play(job))
            if say is not None:
                say(_line(job, len(found), len(jobs)))
        return found
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        waiting = {pool.submit(play, job): i for i, job in enumerate(jobs)}
        by_number = {}
        for done in as_completed(waiting):
            by_number[waiting[done]] = done.result()
            if say is not None:
                say(_line(jobs[waiting[done]], len(by_number), len(jobs)))
    return [by_number[i] for i in range(len(jobs))]


def _line(job: Job, done: int, jobs: int) -> str:
    return f"{job.scenario.name} {job.policy}: {done} of {jobs} parts played"


def dealt(job: Job, size: int) -> list[Job]:
    """The job in parts of at most ``size`` networks."""
    return [
        Job(job.scenario, job.policy, job.seeds[i : i + size], job.steps, job.arguments)
        for i in range(0, len(job.seeds), size)
    ]


def joined(parts: Sequence[Played]) -> Played:
    """The parts of one job, together again."""
    return Played(
        np.concatenate([part.returns for part in parts]),
        np.concatenate([part.satisfied for part in parts]),
        np.concatenate([part.all_satisfied for part in parts]),
        sum(part.simulated_steps for part in parts),
    )


def play_dealt(jobs: Mapping[str, Job], workers: int, size: int = 1, say: Say | None = None) -> dict[str, Played]:
    """Play named jobs, each dealt in parts: a search network by network, anything else 50 networks at a time."""
    parts = {name: dealt(job, size if job.policy == "lookahead" else 50) for name, job in jobs.items()}
    order = sorted(
        parts, key=lambda name: -_cost(jobs[name])
    )  # the long ones first, so that no worker waits at the end
    played = iter(play_all([part for name in order for part in parts[name]], workers, say))
    together = {name: joined([next(played) for _ in parts[name]]) for name in order}
    return {name: together[name] for name in jobs}


def _cost(job: Job) -> int:
    return int(job.arguments.get("horizon", 1)) if job.policy == "lookahead" else 0
