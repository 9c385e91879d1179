"""What waits for transmission, for ONE network: demand, latency, backlog, served rate; see `equations.py`.

Rates bit/s, backlog and packets bit, times s; offered rates and packets are those of one UE.
"""

from __future__ import annotations

import itertools
import math
from typing import NamedTuple


def demand(*, drift: float, sigma: float, in_burst: bool, burst_factor: float) -> float:
    """How many times its usual traffic a slice of a DU offers: exp(x - sigma^2/2), of mean 1, times the burst."""
    return math.exp(drift - 0.5 * sigma**2) * (burst_factor if in_burst else 1.0)


def latency_mm1(*, rate_bps: float, packet_bits: float, offered_bps: float, cap_s: float = 1.0) -> float:
    """tau_i of eq. (2): M/M/1 sojourn time L/(C - A) in s, never above the cap; the cap when C <= A.

    A full-buffer slice has A = 0: the time L/C to send one packet.
    """
    if rate_bps <= offered_bps:
        return cap_s
    return min(cap_s, packet_bits / (rate_bps - offered_bps))


def late_mm1(*, rate_bps: float, packet_bits: float, offered_bps: float, deadline_s: float) -> float:
    """Share of packets that stay longer than the deadline: the sojourn time of M/M/1 is exponential."""
    return 1.0 if rate_bps <= offered_bps else math.exp(-(rate_bps - offered_bps) * deadline_s / packet_bits)


class Packet(NamedTuple):
    """A packet of a step."""

    at: float  # s since its beginning
    bits: float


class Queue(NamedTuple):
    """What a first-come-first-served queue makes of a step."""

    delays: list[float]  # s, of the packets of the step, were the rate to stay
    spans: list[float]  # empty, or see ``fluid``
    number: float  # of packets
    left: float  # bit, at the end
    oldest: float | None  # when the oldest bit of it arrived; None: before the step, or nothing is left


def fifo(packets: list[Packet], *, rate_bps: float, backlog_bits: float, step_s: float) -> Queue:
    """Serve job after job, the backlog first: each begins when it is there and the one before has left."""
    leaves, delays, left, oldest = 0.0, [], 0.0, None
    for packet in [Packet(0.0, backlog_bits), *packets]:
        begins = max(leaves, packet.at)
        leaves = begins + packet.bits / rate_bps if rate_bps > 0.0 else math.inf if packet.bits > 0.0 else begins
        delays.append(leaves - packet.at)
        if leaves > step_s:
            left += packet.bits - rate_bps * max(0.0, step_s - begins) if begins < step_s else packet.bits
            if oldest is None:
                oldest = packet.at
    return Queue(delays[1:], [], len(packets), left, None if delays[0] > step_s else oldest)


def fluid(*, arrived_bits: float, packet_bits: float, rate_bps: float, backlog_bits: float, step_s: float) -> Queue:
    """The same for bits at a constant rate: a packet behind what waits, which changes along straight lines.

    ``delays`` are those at the beginning and end of each line, ``spans`` how much of the step it takes.
    """
    growth = arrived_bits / step_s - rate_bps
    empties = backlog_bits / -growth if growth < 0.0 else math.inf
    ends = [0.0, *([empties] if 0.0 < empties < step_s else []), step_s]
    delays, spans = [], []
    for begin, end in itertools.pairwise(ends if arrived_bits > 0.0 else []):
        for at in (begin, end):
            waits = 0.0 if at >= empties else backlog_bits + growth * at
            delays.append((waits + packet_bits) / rate_bps if rate_bps > 0.0 else math.inf)
        spans.append((end - begin) / step_s)
    left = max(0.0, backlog_bits + growth * step_s)
    before = arrived_bits == 0.0 or backlog_bits > rate_bps * step_s or left == 0.0
    oldest = None if before else (rate_bps * step_s - backlog_bits) / (arrived_bits / step_s)
    return Queue(delays, spans, arrived_bits / packet_bits, left, oldest)


def late_packets(queue: Queue, deadline_s: float) -> float:
    """How many packets stay longer than the deadline."""
    if not queue.spans:
        return sum(delay > deadline_s for delay in queue.delays)
    share = 0.0
    for span, first, last in zip(queue.spans, queue.delays[::2], queue.delays[1::2], strict=True):
        low, high = sorted((first, last))
        above = float(low > deadline_s) if low == high else (high - min(max(deadline_s, low), high)) / (high - low)
        share += span * above
    return share * queue.number


def mean_delay(queue: Queue) -> float:
    """Mean over the packets."""
    if not queue.spans:
        return sum(queue.delays) / len(queue.delays)
    return sum(
        span * (first + last) / 2
        for span, first, last in zip(queue.spans, queue.delays[::2], queue.delays[1::2], strict=True)
    )


def latency_queue(queue: Queue, *, rate_bps: float, backlog_bits: float, cap_s: float = 1.0) -> float:
    """tau_i of eq. (2): mean delay of the packets of the step; without any, how long the backlog still needs."""
    if queue.delays:
        return min(cap_s, mean_delay(queue))
    if backlog_bits == 0.0:
        return 0.0
    return min(cap_s, backlog_bits / rate_bps) if rate_bps > 0.0 else cap_s


def age(queue: Queue, *, waited_s: float, rate_bps: float, backlog_bits: float, step_s: float) -> float:
    """Age in s of the oldest bit left; of what is left of the backlog as if that had come evenly."""
    if queue.left == 0.0:
        return 0.0
    if queue.oldest is not None:
        return step_s - queue.oldest
    return step_s + waited_s * (1.0 - rate_bps * step_s / backlog_bits)


def served_rate_mm1(*, rate_bps: float, offered_bps: float) -> float:
    """What leaves a stable queue in the long run: min(C, A) in bit/s."""
    return min(rate_bps, offered_bps)


def served_rate_queue(*, backlog_bits: float, arrived_bits: float, left_bits: float, step_s: float) -> float:
    """What leaves a finite queue in one step, per second, in bit/s."""
    return (backlog_bits + arrived_bits - left_bits) / step_s


def reached(*, rate_bps: float, threshold_bps: float, all_sent: bool = False) -> bool:
    """Whether a UE counts as served in eqs. (4), (5): its rate reaches lambda, or nothing is left to send."""
    return rate_bps >= threshold_bps or all_sent


def share_of_time(*, begins: float, ends: float) -> float:
    """Stationary probability of a two-state chain to be on, from its probabilities per step to begin and to end."""
    return begins / (begins + ends)
