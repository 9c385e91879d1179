"""Traffic: the bits that arrive at each UE, and the load that they make of what a slice achieves.

A slice with offered rate 0 is full-buffer: its UEs always have something to send. Of the others, with
``latency="queue"``, each UE gets Poisson packets of exponential or fixed size, or bits at a constant rate.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from oran_env.model.outcome import Outcome
from oran_env.model.state import State
from oran_env.numerics.jit import Floats, Integers, Key, kernel
from oran_env.numerics.random_draws import ARRIVALS, draw, exponential, uniform
from oran_env.scenario.choices import Registry
from oran_env.scenario.fields import Scenario

ARRIVAL_LAWS = Registry("arrivals", {"poisson": False, "constant": True})  # whether they are constant
PACKET_SIZES = Registry("packet_size", {"exponential": False, "fixed": True})  # whether they are fixed
LATENCIES = Registry("latency", {"mm1": False, "queue": True})  # whether a backlog is kept
THROUGHPUTS = Registry("throughput", {"achievable": False, "served": True})  # whether KPIs count what was there to send

_CHUNK = 30.0  # a Poisson mean is drawn in parts of at most this, so that e^-mean stays far from underflow


class Traffic(NamedTuple):
    """What the UEs of each slice want to send."""

    queue: bool
    served: bool
    packet: Floats  # (3,) L [bit]
    fixed_size: NDArray[np.bool_]  # (3,)
    offered: Floats  # (3,) A [bit/s], the load multiplied in
    finite: NDArray[np.bool_]  # (3,) not full-buffer: there is a queue
    constant: NDArray[np.bool_]  # (3,) arrivals at a constant rate
    latency_cap: float
    step_s: float


def traffic_of(scenario: Scenario) -> Traffic:
    """The traffic of a scenario."""
    traffic = scenario.traffic
    return Traffic(
        queue=LATENCIES[traffic.latency],
        served=THROUGHPUTS[traffic.throughput],
        packet=8.0 * np.asarray(traffic.packet_bytes, dtype=np.float64),
        fixed_size=np.asarray([PACKET_SIZES[size] for size in traffic.packet_size]),
        offered=traffic.load * np.asarray(traffic.offered_bps, dtype=np.float64),
        finite=np.asarray(traffic.offered_bps) > 0.0,
        constant=np.asarray([ARRIVAL_LAWS[law] for law in traffic.arrivals]),
        latency_cap=float(traffic.latency_cap_s),
        step_s=float(scenario.control.step_s),
    )


@kernel
def draw_arrivals(which: Integers, p: Traffic, s: State, out: Outcome) -> None:
    """Bits that arrive at the queue of each UE in this step."""
    for b in which:
        out.arrived[b] = 0.0
        if not p.queue:
            continue
        for u in range(out.arrived.shape[1]):
            m, i = s.serving[b, u], s.slice_of_ue[b, u]
            if m >= 0 and p.finite[i]:
                bits = p.offered[i] * s.demand[b, m, i] * p.step_s
                if p.constant[i]:
                    out.arrived[b, u] = bits
                else:
                    out.arrived[b, u] = arrivals(s.key[b], u, bits / p.packet[i], p.packet[i], p.fixed_size[i])


@kernel
def arrivals(key: Key, u: int, mean_packets: float, packet: float, fixed_size: bool) -> float:
    """Bits that arrive at UE u in this step: a Poisson number of packets of exponential or fixed size."""
    bits = 0.0
    words = draw(key, ARRIVALS, u, 0)
    block = 1
    position = 0
    remaining = mean_packets
    while remaining > 0.0:
        # Knuth: the number of factors before the product of uniforms falls below e^-mean is Poisson(mean).
        limit = math.exp(-min(remaining, _CHUNK))
        remaining -= _CHUNK
        product = 1.0
        while True:
            if position >= 3:  # two words are used at a time
                words = draw(key, ARRIVALS, u, block)
                block += 1
                position = 0
            product *= uniform(words[position])
            if product < limit:
                position += 2
                break
            bits += packet * (1.0 if fixed_size else exponential(words[position + 1]))
            position += 2
    return bits


@kernel
def load(offered_per_ue: float, demand: float, number: int, achieved: float) -> float:
    """Offered over achieved rate of a slice with ``number`` UEs, in [0, 1]; 1 when full-buffer (0), 0 without UE."""
    if number == 0:
        return 0.0
    offered = offered_per_ue * demand * number
    return 1.0 if offered >= achieved or offered_per_ue == 0.0 else offered / achieved
