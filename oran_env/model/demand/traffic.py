"""Packets, backlogs and latency of one UE, and a demand that drifts and bursts.

``mm1``: Poisson packets of exponential size, mean L, offered rate A, served at C: mean sojourn τ = L/(C - A).
``queue``: with a backlog of B bits at the start of the step, τ = (B + L)/(C - A), the mean time until that backlog
and one packet more have left; then B ← max(0, B + arrivals - C·Δt).

τ is the cap when C does not exceed A. A slice with offered rate 0 is full-buffer: its UEs always have something to
send, and τ = L/C is the time to send one packet.

The offered rate of each DU and slice is multiplied by exp(x - σ²/2)·(burst factor in a burst), of mean 1 but for the
bursts: x an AR(1) process with stationary law N(0, σ²), bursts a two-state Markov chain.

``throughput="served"``: where traffic is finite the KPIs count no more than there was to send: min(C, A) with ``mm1``,
min(C, (backlog + arrivals)/Δt) with ``queue``. A UE then also counts as having reached λ when all that waited was sent.

Sessions (``session_s``): a UE leaves with probability Δt/session_s per step; an absent one returns with probability
Δt/absence_s as a new UE, with another position, speed, slice and empty queue.
"""

from __future__ import annotations

import math

from oran_env.model.parameters import Parameters
from oran_env.numerics.jit import Floats, Integers, Key, kernel
from oran_env.numerics.random_draws import ARRIVALS, DEMAND, draw, exponential, normal, uniform

_CHUNK = 30.0  # a Poisson mean is drawn in parts of at most this, so that e^-mean stays far from underflow


@kernel
def latency(backlog: float, packet: float, capacity: float, offered: float, cap: float) -> float:
    """Eq. (2)'s τ [s] from bits and bit/s; ``cap`` when the queue is unstable (C <= A)."""
    if capacity <= offered:
        return cap
    return min((backlog + packet) / (capacity - offered), cap)


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
def vary_demand(key: Key, begin: bool, p: Parameters, drift: Floats, burst: Integers, demand: Floats) -> None:
    """Draw the demand (M, 3) from its stationary law at the beginning of an episode, else advance it by one step."""
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
