"""What waits for transmission, for ONE network: demand, latency, backlog, served rate; see `equations.py`.

Rates bit/s, backlog and packets bit, times s; offered rates and packets are those of one UE.
"""

from __future__ import annotations

import math


def demand(*, drift: float, sigma: float, in_burst: bool, burst_factor: float) -> float:
    """How many times its usual traffic a slice of a DU offers: exp(x - sigma^2/2), of mean 1, times the burst."""
    return math.exp(drift - 0.5 * sigma**2) * (burst_factor if in_burst else 1.0)


def latency_mm1(*, rate_bps: float, packet_bits: float, offered_bps: float, cap_s: float = 1.0) -> float:
    """tau_i of eq. (2): M/M/1 sojourn time L/(C - A) in s, never above the cap; the cap when C <= A.

    A full-buffer slice has A = 0: the time L/C to send one packet.
    """
    return latency_queue(
        rate_bps=rate_bps, backlog_bits=0.0, packet_bits=packet_bits, offered_bps=offered_bps, cap_s=cap_s
    )


def latency_queue(
    *, rate_bps: float, backlog_bits: float, packet_bits: float, offered_bps: float, cap_s: float = 1.0
) -> float:
    """tau_i of eq. (2) behind a backlog: (B + L)/(C - A) in s, never above the cap; the cap when C <= A."""
    if rate_bps <= offered_bps:
        return cap_s
    return min(cap_s, (backlog_bits + packet_bits) / (rate_bps - offered_bps))


def next_backlog(*, backlog_bits: float, arrived_bits: float, rate_bps: float, step_s: float) -> float:
    """B <- max(0, B + arrivals - C dt) in bit: work left at the end of a step of dt."""
    return max(0.0, backlog_bits + arrived_bits - rate_bps * step_s)


def served_rate_mm1(*, rate_bps: float, offered_bps: float) -> float:
    """What leaves a stable queue in the long run: min(C, A) in bit/s."""
    return min(rate_bps, offered_bps)


def served_rate_queue(*, backlog_bits: float, arrived_bits: float, rate_bps: float, step_s: float) -> float:
    """What leaves a finite queue in one step, per second: min(C, (B + arrivals)/dt) in bit/s."""
    return min(rate_bps, (backlog_bits + arrived_bits) / step_s)


def reached(*, rate_bps: float, threshold_bps: float, all_sent: bool = False) -> bool:
    """Whether a UE counts as served in eqs. (4), (5): its rate reaches lambda, or nothing is left to send."""
    return rate_bps >= threshold_bps or all_sent


def share_of_time(*, begins: float, ends: float) -> float:
    """Stationary probability of a two-state chain to be on, from its probabilities per step to begin and to end."""
    return begins / (begins + ends)
