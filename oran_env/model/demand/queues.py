"""Queues: how long what the UEs want to send waits, and how much of it is sent.

``mm1``: no backlog; the delay of a queue in its long run, τ = L/(C - A). Choose it where an action should matter in its
own step only, and where the state need not show what waits.
``queue``: a backlog is kept, and the delay is that of the packets of the step behind it, as a first-come-first-served
queue has it (``delay.py``). Choose it where traffic is finite or bursts; an observation should then show the backlog.
Without arrivals and backlog τ = 0. Packets are late beyond the deadline of their slice: Q_min of URLLC with
``qos="slice"``, else ``kpi_latency_ms``.

A full-buffer slice has A = 0 and no backlog: τ is the time to send one packet, and that one packet is late or not.

``throughput="served"``: where traffic is finite the KPIs count no more than there was to send: min(C, A) with ``mm1``,
what left the queue with ``queue``. A UE then also counts as having reached λ when all that waited was sent.
"""

from __future__ import annotations

import numpy as np

from oran_env.model.demand.delay import BEFORE, by_law, evenly, packet_by_packet, room_for
from oran_env.model.demand.traffic import Traffic, load
from oran_env.model.outcome import Outcome
from oran_env.model.state import State
from oran_env.numerics.jit import Floats, Integers, kernel, switch
from oran_env.scenario.slices import NUM_SLICES


@kernel
def all_sent(queue: int, backlog: float, rate: float, offered: float) -> bool:
    """Whether a UE has sent all that waited; backlog [bit]: after the step, where there is a queue."""
    return backlog == 0.0 if queue else rate >= offered


@kernel
def age(waited: float, backlog: float, left: float, oldest: float, rate: float, step_s: float) -> float:
    """Age [s] of the oldest bit that waits at the end of the step, from that at its start.

    What was there and is not all sent is taken as having come evenly: exact where nothing was sent, or at a constant
    rate of arrival.
    """
    if left == 0.0:
        return 0.0
    if oldest != BEFORE:
        return step_s - oldest
    return step_s + waited * (1.0 - rate * step_s / backlog)


@kernel
def keep_none(b: int, u: int, works: Floats, p: Traffic, s: State, out: Outcome) -> Floats:
    """No UE has a queue."""
    return works


@kernel
def keep_backlog(b: int, u: int, works: Floats, p: Traffic, s: State, out: Outcome) -> Floats:
    """Follow the queue of UE u of network b through the step; works: see ``delay.room_for``, returned for the next."""
    rate, arrived, packets, late, tau = out.rate[b], out.arrived[b], out.packets[b], out.late[b], out.tau[b]
    i, backlog, waited = s.slice_of_ue[b, u], s.backlog[b, u], s.waited[b]
    if p.constant[i]:
        packets[u] = arrived[u] / p.packet[i]
        tau[u], late[u], left, oldest = evenly(arrived[u], p.packet[i], backlog, rate[u], p.deadline[i], p)
    else:
        mean = arrived[u] / p.packet[i]
        works = room_for(mean, works, p)
        tau[u], packets[u], late[u], arrived[u], left, oldest = packet_by_packet(
            s.key[b], u, mean, p.packet[i], p.fixed_size[i], backlog, rate[u], p.deadline[i], p, works
        )
    if p.served:
        out.served[b, u] = min(rate[u], (backlog + arrived[u] - left) / p.step_s)
    waited[u] = age(waited[u], backlog, left, oldest, rate[u], p.step_s)
    s.backlog[b, u] = left
    return works


_follow = switch("latency", {"mm1": keep_none, "queue": keep_backlog})


@kernel
def update_queues(which: Integers, p: Traffic, s: State, out: Outcome) -> None:
    """Latency, served rate and backlog of every UE; load, late packets and what waits of every slice."""
    works = np.empty(0)  # room for the delays of the packets of a UE
    for b in which:
        rate, served, tau = out.rate[b], out.served[b], out.tau[b]
        packets, late = out.packets[b], out.late[b]
        serving, slices = s.serving[b], s.slice_of_ue[b]
        for u in range(len(rate)):
            m, i = serving[u], slices[u]
            served[u] = 0.0
            tau[u] = 0.0
            packets[u] = 0.0
            late[u] = 0.0
            if m < 0:
                continue
            offered = p.offered[i] * s.demand[b, m, i]
            served[u] = rate[u]
            if not (p.queue and p.finite[i]):
                tau[u], late[u] = by_law(rate[u], offered, p.packet[i], p.deadline[i], p)
                packets[u] = offered * p.step_s / p.packet[i] if p.finite[i] else 1.0
                late[u] *= packets[u]
                if p.served and p.finite[i]:
                    served[u] = min(rate[u], offered)
                continue
            works = _follow(p.queue, b, u, works, p, s, out)
        sum_slices(b, p, s, out)


@kernel
def sum_slices(b: int, p: Traffic, s: State, out: Outcome) -> None:
    """Load, late packets and what waits of every slice of network b."""
    first, members = s.first[b], s.members[b]
    for m in range(s.load.shape[1]):
        for i in range(NUM_SLICES):
            achieved = number = late = waiting = oldest = 0.0
            ues = members[first[NUM_SLICES * m + i] : first[NUM_SLICES * m + i + 1]]
            for u in ues:
                achieved += out.rate[b, u]
                number += out.packets[b, u]
                late += out.late[b, u]
                waiting += s.backlog[b, u]
                oldest = max(oldest, s.waited[b, u])
            s.load[b, m, i] = load(p.offered[i], s.demand[b, m, i], len(ues), achieved)
            out.late_share[b, m, i] = late / number if number > 0.0 else 0.0
            out.backlog_bits[b, m, i] = waiting
            out.head_of_line_s[b, m, i] = oldest
