"""Traffic: the packets that arrive at each UE, and the load that they make of what a slice achieves.

A slice with offered rate 0 is full-buffer: its UEs always have something to send. Of the others, with
``latency="queue"``, each UE gets Poisson packets of exponential or fixed size, or bits at a constant rate.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from oran_env.model.demand.trace import Trace
from oran_env.model.outcome import Outcome
from oran_env.model.state import State
from oran_env.numerics.blocks import Choice
from oran_env.numerics.jit import Floats, Integers, kernel
from oran_env.scenario.choices import Registry
from oran_env.scenario.fields import Scenario
from oran_env.scenario.slices import URLLC

ARRIVAL_LAWS = Registry("arrivals", {"poisson": False, "constant": True})  # whether they are constant
PACKET_SIZES = Registry("packet_size", {"exponential": False, "fixed": True})  # whether they are fixed
LATENCIES = Registry("latency", {"mm1": False, "queue": True})  # whether a backlog is kept
THROUGHPUTS = Registry("throughput", {"achievable": False, "served": True})  # whether KPIs count what was there to send


class Traffic(NamedTuple):
    """What the UEs of each slice want to send."""

    queue: Choice
    served: bool
    packet: Floats  # (3,) L [bit]
    fixed_size: NDArray[np.bool_]  # (3,)
    offered: Floats  # (3,) A [bit/s], the load multiplied in
    finite: NDArray[np.bool_]  # (3,) not full-buffer: there is a queue
    constant: NDArray[np.bool_]  # (3,) arrivals at a constant rate
    latency_cap: float
    step_s: float
    percentile: float  # of the delays of packets that τ is; 0: τ is their mean
    tail: float  # -ln(1 - p), by which that of an exponential law exceeds its mean; 1 for the mean
    floor_s: float  # least delay of a packet, without queue and transmission
    deadline: Floats  # (3,) delay [s] beyond which a packet is late


def traffic_of(scenario: Scenario, trace: Trace) -> Traffic:
    """The traffic of a scenario."""
    traffic, quality = scenario.traffic, scenario.quality
    deadline_ms = np.asarray(quality.kpi_latency_ms, dtype=np.float64)
    if quality.qos == "slice":
        deadline_ms[URLLC] = quality.q_min[URLLC]
    percentile = quality.latency_percentile or 0.0
    return Traffic(
        queue=int(LATENCIES[traffic.latency]),
        served=THROUGHPUTS[traffic.throughput],
        packet=8.0 * np.asarray(traffic.packet_bytes, dtype=np.float64),
        fixed_size=np.asarray([PACKET_SIZES[size] for size in traffic.packet_size]),
        offered=traffic.load * np.where(trace.traced, trace.usual, traffic.offered_bps),
        finite=trace.traced | (np.asarray(traffic.offered_bps) > 0.0),
        constant=np.asarray([ARRIVAL_LAWS[law] for law in traffic.arrivals]),
        latency_cap=float(traffic.latency_cap_s),
        step_s=float(scenario.control.step_s),
        percentile=float(percentile),
        tail=-math.log1p(-percentile) if percentile else 1.0,
        floor_s=float(traffic.tti_s + traffic.harq_rtt_s),
        deadline=1e-3 * deadline_ms,
    )


@kernel
def offer(which: Integers, p: Traffic, s: State, out: Outcome) -> None:
    """Bits that each UE expects in this step where a queue is kept; ``update_queues`` draws packets for them."""
    for b in which:
        out.arrived[b] = 0.0
        if not p.queue:
            continue
        for u in range(out.arrived.shape[1]):
            m, i = s.serving[b, u], s.slice_of_ue[b, u]
            if m >= 0 and p.finite[i]:
                out.arrived[b, u] = p.offered[i] * s.demand[b, m, i] * p.step_s


@kernel
def load(offered_per_ue: float, demand: float, number: int, achieved: float) -> float:
    """Offered over achieved rate of a slice with ``number`` UEs, in [0, 1]; 1 when full-buffer (0), 0 without UE."""
    if number == 0:
        return 0.0
    offered = offered_per_ue * demand * number
    return 1.0 if offered >= achieved or offered_per_ue == 0.0 else offered / achieved
