"""Independent yardsticks: event-driven queues for the latency formulas, closed forms for the mean of eq. (1).

The queues never use the formulas they are there to test. Sizes in bit, rates in bit/s, times in s;
E1 is the exponential integral and f(x) = exp(x) E1(x).
"""

from __future__ import annotations

import math
from collections import deque

import numpy as np
from numpy.typing import NDArray
from scipy import special  # type: ignore[import-untyped, unused-ignore]


def mm1_sojourn_times(
    rng: np.random.Generator,
    *,
    rate_bps: float,
    packet_bits: float,
    offered_bps: float,
    num_packets: int,
    warmup_packets: int = 0,
) -> NDArray[np.float64]:
    """Time (num_packets,) each packet of a first-come-first-served M/M/1 queue spends waiting and in service.

    Poisson arrivals of packets of exponential size (mean packet_bits) carry offered_bps into a server of
    rate_bps. The queue starts empty; the first warmup_packets are simulated and left out.
    """
    total = warmup_packets + num_packets
    gaps = rng.exponential(packet_bits / offered_bps, total).tolist()
    services = (rng.exponential(packet_bits, total) / rate_bps).tolist()
    sojourns = [0.0] * total
    waiting: deque[tuple[int, float]] = deque()  # (packet, arrival time), the one in service first
    arrived = departed = 0
    next_arrival, next_departure = gaps[0], math.inf
    while departed < total:
        if next_arrival < next_departure:
            now = next_arrival
            if not waiting:
                next_departure = now + services[arrived]
            waiting.append((arrived, now))
            arrived += 1
            next_arrival = now + gaps[arrived] if arrived < total else math.inf
        else:
            now = next_departure
            packet, arrival = waiting.popleft()
            sojourns[packet] = now - arrival
            departed += 1
            next_departure = now + services[waiting[0][0]] if waiting else math.inf
    return np.array(sojourns[warmup_packets:])


def scaled_exp1(x: float) -> float:
    """f(x) = exp(x) E1(x) for x > 0, which neither overflows nor vanishes for large x."""
    if x <= 50.0:
        return float(math.exp(x) * special.exp1(x))
    # Asymptotic series sum_n (-1)^n n! / x^(n+1): from x = 50 on, its 21st term is below the rounding error.
    total, term = 0.0, 1.0 / x
    for n in range(1, 22):
        total += term
        term *= -n / x
    return total


def ergodic_rayleigh_rate(mean_snr: float, bandwidth_hz: float) -> float:
    """E[B log2(1 + S X)] in bit/s for X ~ Exp(1): eq. (1) on one RB without interference, S the mean SNR.

    Integrating P(S X > z)/(1 + z) over z gives B f(1/S)/ln 2.
    """
    return bandwidth_hz * scaled_exp1(1.0 / mean_snr) / math.log(2.0)


def ergodic_rayleigh_rate_one_interferer(mean_snr: float, mean_inr: float, bandwidth_hz: float) -> float:
    """E[B log2(1 + S X/(I Y + 1))] in bit/s for independent X, Y ~ Exp(1): eq. (1), one RB, one interferer.

    P(SINR > z) = exp(-z/S)/(1 + z I/S), and partial fractions of the integral of P(SINR > z)/(1 + z) give
    B/ln 2 * S/(S - I) * (f(1/S) - f(1/I)).
    """
    if mean_inr == 0.0:
        return ergodic_rayleigh_rate(mean_snr, bandwidth_hz)
    if abs(mean_snr - mean_inr) < 1e-5 * mean_snr:
        # The difference quotient of g(s) = f(1/s) cancels: take its derivative 1/s - f(1/s)/s^2 half-way.
        middle = 0.5 * (mean_snr + mean_inr)
        slope = (1.0 - scaled_exp1(1.0 / middle) / middle) / middle
    else:
        slope = (scaled_exp1(1.0 / mean_snr) - scaled_exp1(1.0 / mean_inr)) / (mean_snr - mean_inr)
    return bandwidth_hz * mean_snr * slope / math.log(2.0)
