"""What several agents reached on the same held-out networks, and what follows from it: data without any rendering."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, field, fields
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tasam_agents.stats.bootstrap import (
    interquartile_mean,
    interquartile_mean_interval,
    probability_of_improvement,
    probability_of_improvement_interval,
)
from tasam_agents.stats.intervals import Difference, Interval, checked_returns, difference, over_networks, over_seeds

Verdict = Literal["better", "worse", "no difference", "one seed", "one network"]


@dataclass(frozen=True)
class Cost:
    """What one training of an agent took, mean over its seeds; all 0 for a policy that is not trained."""

    env_steps: float = 0.0  # summed over the parallel networks
    updates: float = 0.0
    gradient_evaluations: float = 0.0  # gradients of one network each, of the whole training
    wall_time_s: float = 0.0
    cpu_time_s: float = 0.0  # of all threads, validation included

    def __post_init__(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            if not (math.isfinite(value) and value >= 0):
                raise ValueError(f"Cost.{each.name} is {value}; allowed: a finite number >= 0")

    @property
    def trained(self) -> bool:
        """Whether anything was spent at all."""
        return any(astuple(self))


@dataclass(frozen=True)
class Line:
    """One agent of the report."""

    agent: str
    mean: float
    seeds: Interval | None  # None: one seed
    networks: Interval | None  # None: one network
    iqm: float
    iqm_seeds: Interval | None
    difference: Difference | None  # the first agent minus this one; None for the first itself
    improvement: float | None  # P(first > this one)
    improvement_seeds: Interval | None
    cost: Cost
    codec: str


@dataclass(frozen=True)
class ComparisonReport:
    """Returns (S, N) of agents on the same N networks; those that were trained used the same S training seeds.

    Raises:
        ValueError: returns, seeds and costs do not fit together; the message names the agent.
    """

    returns: Mapping[str, NDArray[np.float64]]
    first: str  # the agent that all others are compared with
    seeds: Sequence[int]
    networks: Sequence[int]
    costs: Mapping[str, Cost]
    codecs: Mapping[str, str] = field(default_factory=dict)  # what an agent's actions mean; "": the environment's own

    def __post_init__(self) -> None:
        names = ", ".join(self.returns)
        if self.first not in self.returns:
            raise ValueError(f"first is {self.first!r}; allowed: {names}")
        if set(self.costs) != set(self.returns):
            raise ValueError(f"costs are those of {', '.join(self.costs)}; allowed: of {names}")
        for agent, returns in self.returns.items():
            try:
                num_seeds, num_networks = checked_returns(returns).shape
            except ValueError as error:
                raise ValueError(f"{agent}: {error}") from error
            if num_networks != len(self.networks):
                raise ValueError(f"{agent}: {num_networks} networks; allowed: {len(self.networks)}, as many as numbers")
            counts = {len(self.seeds)} if self.costs[agent].trained else {1, len(self.seeds)}
            if num_seeds not in counts:
                raise ValueError(
                    f"{agent}: {num_seeds} training seeds; allowed: {' or '.join(map(str, sorted(counts)))}"
                )

    @cached_property
    def lines(self) -> tuple[Line, ...]:
        """A line per agent, ``first`` on top and the others in their order."""
        return tuple(
            self._line(agent) for agent in (self.first, *(name for name in self.returns if name != self.first))
        )

    def _line(self, agent: str) -> Line:
        own, first = self.returns[agent], self.returns[self.first]
        other = agent != self.first
        return Line(
            agent=agent,
            mean=float(np.mean(own)),
            seeds=over_seeds(own),
            networks=over_networks(own),
            iqm=interquartile_mean(own),
            iqm_seeds=interquartile_mean_interval(own),
            difference=difference(first, own) if other else None,
            improvement=probability_of_improvement(first, own) if other else None,
            improvement_seeds=probability_of_improvement_interval(first, own) if other else None,
            cost=self.costs[agent],
            codec=self.codecs.get(agent, ""),
        )

    def seed_of(self, agent: str, row: int) -> int | None:
        """The training seed of a row of returns; None for a policy that is not trained."""
        return self.seeds[row] if self.costs[agent].trained else None

    def verdict(self, line: Line) -> Verdict:
        """Whether ``first`` is better or worse: both intervals of the difference exclude 0, or it does not count."""
        gap = line.difference
        if gap is None:
            raise ValueError(f"agent is {line.agent!r}; allowed: another than the first")
        if gap.in_doubt:
            return "no difference"
        if gap.over_networks is None:
            return "one network"
        if gap.over_seeds is None and (line.cost.trained or self.costs[self.first].trained):
            return "one seed"
        return "better" if gap.mean > 0 else "worse"
