"""A demand that drifts and bursts.

The offered rate of each DU and slice is multiplied by exp(x - σ²/2)·(burst factor in a burst), of mean 1 but for the
bursts: x an AR(1) process with stationary law N(0, σ²), bursts a two-state Markov chain.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from oran_env.model.state import State
from oran_env.numerics.jit import Floats, Integers, Key, kernel
from oran_env.numerics.random_draws import DEMAND, draw, normal, uniform
from oran_env.scenario.fields import Scenario


class Variation(NamedTuple):
    """How the demand varies."""

    some: bool
    drift_sigma: float
    drift_keep: float  # autocorrelation of the drift from one step to the next
    burst_factor: float
    burst_begin: float  # probabilities per step
    burst_end: float


def variation_of(scenario: Scenario) -> Variation:
    """How the demand of a scenario varies."""
    traffic, step_s = scenario.traffic, scenario.control.step_s
    return Variation(
        some=traffic.drift_sigma > 0.0 or traffic.burst_factor != 1.0,
        drift_sigma=float(traffic.drift_sigma),
        drift_keep=math.exp(-step_s / traffic.drift_s),
        burst_factor=float(traffic.burst_factor),
        burst_begin=min(1.0, step_s / traffic.burst_every_s),
        burst_end=min(1.0, step_s / traffic.burst_s),
    )


@kernel
def update_demand(which: Integers, begin: bool, p: Variation, s: State) -> None:
    """Draw the demand from its stationary law at the beginning of an episode, else advance it by one step."""
    if p.some:
        for b in which:
            vary_demand(s.key[b], begin, p, s.drift[b], s.burst[b], s.demand[b])


@kernel
def begin_demand(which: Integers, p: Variation, s: State) -> None:
    """Of an episode."""
    update_demand(which, True, p, s)


@kernel
def advance_demand(which: Integers, p: Variation, s: State) -> None:
    """By one step."""
    update_demand(which, False, p, s)


@kernel
def vary_demand(key: Key, begin: bool, p: Variation, drift: Floats, burst: Integers, demand: Floats) -> None:
    """The same for the demand (M, 3) of one network."""
    for m in range(drift.shape[0]):
        for i in range(drift.shape[1]):
            w0, w1, w2, _ = draw(key, DEMAND, m, 2 * i + begin)
            keep = 0.0 if begin else p.drift_keep
            drift[m, i] = keep * drift[m, i] + math.sqrt(1.0 - keep * keep) * p.drift_sigma * normal(w0, w1)
            if begin:
                burst[m, i] = uniform(w2) < p.burst_begin / (p.burst_begin + p.burst_end)
            elif burst[m, i] == 1:
                burst[m, i] = uniform(w2) >= p.burst_end
            else:
                burst[m, i] = uniform(w2) < p.burst_begin
            demand[m, i] = math.exp(drift[m, i] - 0.5 * p.drift_sigma * p.drift_sigma)
            if burst[m, i] == 1:
                demand[m, i] *= p.burst_factor
