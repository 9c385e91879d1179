"""Queues: how long what the UEs want to send waits, and how much of it is sent.

``mm1``: Poisson packets of exponential size, mean L, offered rate A, served at C: mean sojourn τ = L/(C - A).
``queue``: with a backlog of B bits at the start of the step, τ = (B + L)/(C - A), the mean time until that backlog
and one packet more have left; then B ← max(0, B + arrivals - C·Δt).

τ is the cap when C does not exceed A; for a full-buffer slice τ = L/C is the time to send one packet.

``throughput="served"``: where traffic is finite the KPIs count no more than there was to send: min(C, A) with ``mm1``,
min(C, (backlog + arrivals)/Δt) with ``queue``. A UE then also counts as having reached λ when all that waited was sent.
"""

from __future__ import annotations

from oran_env.model.demand.traffic import Traffic, load
from oran_env.model.outcome import Outcome
from oran_env.model.state import State
from oran_env.numerics.jit import Integers, kernel
from oran_env.scenario.slices import NUM_SLICES


@kernel
def latency(backlog: float, packet: float, capacity: float, offered: float, cap: float) -> float:
    """τ [s] of eq. (2) from bits and bit/s; ``cap`` when the queue is unstable (C <= A)."""
    if capacity <= offered:
        return cap
    return min((backlog + packet) / (capacity - offered), cap)


@kernel
def all_sent(queue: bool, backlog: float, rate: float, offered: float) -> bool:
    """Whether a UE has sent all that waited; backlog [bit]: after the step, where there is a queue."""
    return backlog == 0.0 if queue else rate >= offered


@kernel
def update_queues(which: Integers, p: Traffic, s: State, out: Outcome) -> None:
    """Latency, served rate and backlog of every UE, and the load of every slice."""
    for b in which:
        rate, served, tau, arrived = out.rate[b], out.served[b], out.tau[b], out.arrived[b]
        serving, slices, backlogs = s.serving[b], s.slice_of_ue[b], s.backlog[b]
        for u in range(len(rate)):
            m, i = serving[u], slices[u]
            served[u] = 0.0
            tau[u] = 0.0
            if m < 0:
                continue
            offered = p.offered[i] * s.demand[b, m, i]
            backlog = backlogs[u]
            tau[u] = latency(backlog, p.packet[i], rate[u], offered, p.latency_cap)
            served[u] = rate[u]
            if p.finite[i]:
                waiting = backlog + arrived[u]
                if p.queue:
                    backlogs[u] = max(0.0, waiting - rate[u] * p.step_s)
                if p.served:
                    served[u] = min(rate[u], waiting / p.step_s if p.queue else offered)
        first, members = s.first[b], s.members[b]
        for m in range(s.load.shape[1]):
            for i in range(NUM_SLICES):
                achieved = 0.0
                ues = members[first[NUM_SLICES * m + i] : first[NUM_SLICES * m + i + 1]]
                for u in ues:
                    achieved += rate[u]
                s.load[b, m, i] = load(p.offered[i], s.demand[b, m, i], len(ues), achieved)
