"""Packets, backlogs and latency of one UE.

``mm1``: Poisson packets of exponential size, mean L, offered rate A, served at C: mean sojourn τ = L/(C - A).
``queue``: with a backlog of B bits at the start of the step, τ = (B + L)/(C - A), the mean time until that backlog
and one packet more have left; then B ← max(0, B + arrivals - C·Δt).
"""

from __future__ import annotations

import math

from oran_env.kernels import Key, kernel
from oran_env.random_draws import ARRIVALS, draw, uniform

_CHUNK = 30.0  # a Poisson mean is drawn in parts of at most this, so that e^-mean stays far from underflow


@kernel
def latency(backlog: float, packet: float, capacity: float, offered: float, cap: float) -> float:
    """Eq. (2)'s τ [s] from bits and bit/s; ``cap`` when the queue is unstable (C <= A)."""
    if capacity <= offered:
        return cap
    return min((backlog + packet) / (capacity - offered), cap)


@kernel
def arrivals(key: Key, u: int, mean_packets: float, packet: float) -> float:
    """Bits that arrive at UE u in this step: a Poisson number of packets, each of exponential size."""
    bits = 0.0
    block = 0
    position = 4
    words = draw(key, ARRIVALS, u, 0)
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
            bits -= packet * math.log(uniform(words[position + 1]))
            position += 2
    return bits
