"""How long packets wait and are sent: three readings of one first-come-first-served queue.

A packet that arrives at t and finds W bits has left after (W + its own bits)/C, at the rate C of the present step. That
is exact while the rate stays; what outlives the step is served at the rate of the next one, but counted at this one.

by_law: Poisson packets of exponential size, mean L, offered rate A, nothing waiting before: sojourn times are
    exponential with mean L/(C - A).
packet_by_packet: Lindley's recursion over the packets that arrive in the step, W ← max(0, W - C·gap) + bits; the gaps
    are drawn, exponential, so that their number is Poisson.
evenly: bits that come at a constant rate, the fluid limit W(t) = max(0, B + (A - C)·t), and a packet of L bits behind.

τ is the mean over the packets of the step, or with ``latency_percentile`` p their p-quantile: by_law -ln(1 - p) times
the mean; packet_by_packet from the n ordered delays where n·(1 - p) >= 1, else by the tail of an exponential law,
-ln(1 - p) times the measured mean (right for M/M/1, too high behind a backlog or with fixed sizes); evenly exact.
Without an arrival it is how long what waits still needs, and 0 where nothing waits. The floor tti_s + harq_rtt_s is
added to the delay of whatever is sent. τ never exceeds ``latency_cap_s``, which also stands for "not at this rate".
"""

from __future__ import annotations

import math

import numpy as np

from oran_env.model.demand.traffic import Traffic
from oran_env.numerics.jit import Floats, Key, kernel
from oran_env.numerics.random_draws import ARRIVALS, draw, quick_exponential

BEFORE = -1.0  # the oldest bit that waits came before this step


@kernel
def by_law(rate: float, offered: float, packet: float, deadline: float, p: Traffic) -> tuple[float, float]:
    """τ [s] and the share of late packets of a queue in its long run, from bits and bit/s."""
    spare = rate - offered
    if spare <= 0.0:
        return p.latency_cap, 1.0
    late = math.exp(-max(deadline - p.floor_s, 0.0) * spare / packet)
    return min(p.floor_s + p.tail * packet / spare, p.latency_cap), late


@kernel
def packet_by_packet(
    key: Key, u: int, mean_packets: float, packet: float, fixed_size: bool, backlog: float, rate: float,
    deadline: float, p: Traffic, works: Floats,
) -> tuple[float, float, float, float, float, float]:  # fmt: skip
    """Draw the packets of UE u in this step and follow the queue through them.

    key: of the network; mean_packets: that are expected; packet: mean size [bit]; works: see ``room_for``, is given
    the bits until each packet has left.

    Returns: τ [s]; packets; of these, late ones; bits that arrived; bits left at the end of the step; arrival time of
    the oldest of these since the start of the step [s], ``BEFORE`` if the backlog was not sent within it.
    """
    words = draw(key, ARRIVALS, u, 0)
    block = 1
    position = 0
    number, late, arrived, total, clock = 0, 0, 0.0, 0.0, 0.0
    work, oldest = backlog, BEFORE
    limit = (deadline - p.floor_s) * rate
    capacity = rate * p.step_s
    mean_gap = p.step_s / mean_packets if mean_packets > 0.0 else math.inf
    while True:
        if position >= 3:  # two words are used at a time: the gap to the next packet, and its size
            words = draw(key, ARRIVALS, u, block)
            block += 1
            position = 0
        gap = mean_gap * quick_exponential(words[position])
        if clock + gap >= p.step_s:
            break
        clock += gap
        bits = packet * (1.0 if fixed_size else quick_exponential(words[position + 1]))
        position += 2
        work = max(0.0, work - rate * gap) + bits
        arrived += bits
        total += work
        late += work > limit
        if oldest == BEFORE and work > capacity - rate * clock and backlog <= capacity:
            oldest = clock
        if number < len(works):
            works[number] = work
        number += 1
    left = max(0.0, work - rate * (p.step_s - clock))
    if number == 0:
        tau = sent_after(backlog, rate, p)
    else:
        ordered = works[: min(number, len(works))]
        above = int(len(ordered) * (1.0 - p.percentile))
        if above > 0:
            rank = len(ordered) - 1 - above
            tau = sent_after(nth_smallest(ordered, rank), rate, p)
        else:
            tau = sent_after(p.tail * total / number, rate, p)
    return tau, float(number), float(late), arrived, left, oldest


@kernel
def nth_smallest(values: Floats, n: int) -> float:
    """The n-th smallest value, from 0, by Hoare's selection; reorders them."""
    low, high = 0, len(values) - 1
    while low < high:
        pivot = values[n]
        i, j = low, high
        while i <= j:
            while values[i] < pivot:
                i += 1
            while pivot < values[j]:
                j -= 1
            if i <= j:
                values[i], values[j] = values[j], values[i]
                i += 1
                j -= 1
        if j < n:
            low = i
        if n < i:
            high = j
    return values[n]  # type: ignore[no-any-return]


@kernel
def any_packet(key: Key, u: int, mean_packets: float) -> bool:
    """Whether ``packet_by_packet`` will draw a packet for UE u: whether the first gap ends within the step."""
    if mean_packets <= 0.0:
        return False
    word, _, _, _ = draw(key, ARRIVALS, u, 0)
    return quick_exponential(word) < mean_packets


@kernel
def room_for(mean_packets: float, works: Floats, p: Traffic) -> Floats:
    """Room for the packets of a step, in ``works`` or longer; more than fit it come less than once in 10^25 steps."""
    needed = int(2.0 * mean_packets) + 64 if p.percentile > 0.0 else 0
    return works if needed <= len(works) else np.empty(needed)


@kernel
def evenly(
    arrived: float, packet: float, backlog: float, rate: float, deadline: float, p: Traffic
) -> tuple[float, float, float, float]:
    """τ, late packets, bits left and arrival time of the oldest of these, as ``packet_by_packet`` has them.

    For ``arrived`` bits, in packets of ``packet`` bits, that come at a constant rate through the step.
    """
    span = p.step_s
    left = max(0.0, backlog + arrived - rate * span)
    if arrived == 0.0:
        return sent_after(backlog, rate, p), 0.0, left, BEFORE
    growth = arrived / span - rate  # of what waits [bit/s]
    if left > 0.0:
        waiting = backlog + 0.5 * growth * span
    else:
        waiting = 0.5 * backlog * backlog / (-growth * span) if growth < 0.0 else 0.0
    if p.percentile > 0.0:
        share = p.percentile if growth > 0.0 else 1.0 - p.percentile
        waiting = max(0.0, backlog + growth * share * span)
    limit = (deadline - p.floor_s) * rate - packet
    if limit < 0.0:
        late = 1.0
    elif growth == 0.0:
        late = 1.0 if backlog > limit else 0.0
    else:
        crossing = min(max((limit - backlog) / (growth * span), 0.0), 1.0)  # as a share of the step
        late = 1.0 - crossing if growth > 0.0 else crossing
    oldest = (rate * span - backlog) * span / arrived if backlog <= rate * span else BEFORE
    return sent_after(waiting + packet, rate, p), late * arrived / packet, left, oldest


@kernel
def sent_after(bits: float, rate: float, p: Traffic) -> float:
    """Time [s] until ``bits`` have been sent, with the floor; 0 for none, never more than the cap."""
    if bits == 0.0:
        return 0.0
    return min(p.floor_s + bits / rate, p.latency_cap) if rate > 0.0 else p.latency_cap
