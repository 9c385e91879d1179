"""Eqs. (2)-(5): the KPIs of a slice at a DU.

Latency, the largest of its UEs; throughput, the mean of its UEs; availability, the share of the last T steps (fewer
after a UE's arrival) in which a UE reached λ, mean over the UEs; density, the share of its UEs that reached λ in this
step. A slice without UE at a DU has latency and throughput 0, availability and density 1.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from oran_env.model.demand.queues import all_sent
from oran_env.model.demand.traffic import Traffic
from oran_env.model.outcome import Outcome
from oran_env.model.reward.qos import Qos, rate_qos
from oran_env.model.state import State
from oran_env.numerics.jit import Floats, Integers, kernel
from oran_env.scenario.fields import Scenario
from oran_env.scenario.slices import NUM_SLICES


class Kpi(NamedTuple):
    """What the KPIs are measured by."""

    threshold: Floats  # (3,) λ [bit/s]
    window: int  # T [steps]


def kpi_of(scenario: Scenario) -> Kpi:
    """The KPIs of a scenario."""
    threshold = 1e6 * np.asarray(scenario.quality.rate_threshold_mbps, dtype=np.float64)
    return Kpi(threshold, scenario.quality.availability_window)


@kernel
def compute_kpis(which: Integers, p: Kpi, qos: Qos, traffic: Traffic, s: State, out: Outcome) -> None:
    """KPIs and QoS of every DU and slice."""
    for b in which:
        serving, slices, demand = s.serving[b], s.slice_of_ue[b], s.demand[b]
        rate, served, backlog = out.rate[b], out.served[b], s.backlog[b]
        history, on_time = s.history[b], s.on_time[b]
        for u in range(len(history)):
            m, i = serving[u], slices[u]
            if m < 0:
                continue
            reached = int(served[u] >= p.threshold[i])
            if traffic.served and traffic.finite[i]:
                offered = traffic.offered[i] * demand[m, i]
                reached |= int(all_sent(traffic.queue, backlog[u], rate[u], offered))
            leaving = (history[u] >> (p.window - 1)) & 1
            history[u] = ((history[u] << 1) | reached) & ((1 << p.window) - 1)
            on_time[u] += reached - leaving
        first, members = s.first[b], s.members[b]
        steps = np.minimum(int(s.key[b, 3]) + 1 - s.since[b], p.window)  # that eq. (4) looks back on
        for m in range(s.normalised.shape[1]):
            for i in range(NUM_SLICES):
                ues = members[first[NUM_SLICES * m + i] : first[NUM_SLICES * m + i + 1]]
                latency, throughput, availability, density, unserved = slice_kpis(
                    ues, rate, served, out.tau[b], history, on_time, steps
                )
                value, normalised = rate_qos(
                    qos.kind, i, latency, throughput, availability, density, len(ues), p.threshold[i], qos
                )
                out.latency_s[b, m, i] = latency
                out.throughput_mbps[b, m, i] = throughput * 1e-6
                out.availability[b, m, i] = availability
                out.density[b, m, i] = density
                out.num_ues[b, m, i] = len(ues)
                out.unserved_ues[b, m, i] = unserved
                out.qos[b, m, i] = value
                out.qos_normalised[b, m, i] = s.normalised[b, m, i] = normalised
                out.satisfied[b, m, i] = np.nan if len(ues) == 0 else 1.0 if normalised >= 0.5 else 0.0


@kernel
def slice_kpis(
    ues: Integers, rate: Floats, served: Floats, tau: Floats, history: Integers, on_time: Integers, steps: Integers
) -> tuple[float, float, float, float, int]:
    """KPIs of one slice at one DU: latency [s], throughput [bit/s], availability, density, UEs without any RB.

    ues: indices of its UEs; the rest per UE of the network. Lowest bit of history: the threshold λ was reached in this
    step; on_time: in how many of the last ``steps`` steps.
    """
    number = len(ues)
    if number == 0:
        return 0.0, 0.0, 1.0, 1.0, 0
    latency = 0.0
    total = 0.0
    available = 0.0
    dense = 0
    unserved = 0
    for u in ues:
        latency = max(latency, tau[u])  # eq. (2)
        total += served[u]  # eq. (3)
        available += on_time[u] / steps[u]  # eq. (4)
        dense += history[u] & 1  # eq. (5)
        unserved += rate[u] == 0.0
    return latency, total / number, available / number, dense / number, unserved
