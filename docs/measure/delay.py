"""The delay of ``latency="queue"`` beside an event-driven queue and beside what queueing theory says.

    python -m docs.measure.delay

A UE is served at a constant rate that is 1/ρ of what is offered. 2,000 packets a step are followed: by the
simulator's kernel, in steps of 100 ms; by an event-driven queue of one server that knows nothing of steps, on packets
of its own; and by Pollaczek-Khinchine, L/C·(1 + ρ·(1 + cv²)/2/(1 - ρ)). The last line begins behind a burst of a
second's worth of bits and is the mean of 40 repetitions. Prints a Markdown table of mean delays.
"""

from __future__ import annotations

import numpy as np

from oran_env import make_scenario
from oran_env.model.demand.delay import packet_by_packet, room_for
from oran_env.model.demand.trace import trace_of
from oran_env.model.demand.traffic import traffic_of

STEP_S, PACKET, PACKETS, STEPS, WARM_UP = 0.1, 256.0, 2_000.0, 1_500, 20
LOADS = (0.1, 0.33, 0.5, 0.8, 0.95)
BURST_LOAD, BURST_S, BURST_STEPS, REPETITIONS = 0.8, 1.0, 30, 40


def ours(
    load: float, fixed: bool, burst_s: float = 0.0, steps: int = STEPS, skip: int = WARM_UP, seed: int = 0
) -> float:
    """Mean delay of the simulator's packets [s]; ``burst_s``: bits in the queue at first, in seconds of service."""
    scenario = make_scenario("tiny", latency="queue", latency_cap_s=100.0)
    p = traffic_of(scenario, trace_of(scenario))
    rate = PACKETS * PACKET / STEP_S / load
    backlog, works = burst_s * rate, room_for(PACKETS, np.empty(0), p)
    delays = packets = 0.0
    for step in range(steps):
        key = np.array([11, seed, 0, step], dtype=np.uint64)
        tau, number, _, _, backlog, _ = packet_by_packet(key, 3, PACKETS, PACKET, fixed, backlog, rate, 1.0, p, works)
        if step >= skip:
            delays += tau * number
            packets += number
    return delays / packets


def event_driven(
    load: float, fixed: bool, burst_s: float = 0.0, steps: int = STEPS, skip: int = WARM_UP, seed: int = 0
) -> float:
    """Mean delay of as many packets in a queue that goes from arrival to arrival [s]."""
    rng = np.random.default_rng(seed)
    rate = PACKETS * PACKET / STEP_S / load
    number = int(PACKETS * steps)
    gaps = rng.exponential(STEP_S / PACKETS, number)
    service = (np.full(number, PACKET) if fixed else rng.exponential(PACKET, number)) / rate
    free = burst_s  # when the server has done what came before
    delays, now = np.empty(number), 0.0
    for i, (gap, own) in enumerate(zip(gaps, service, strict=True)):
        now += gap
        free = max(now, free) + own
        delays[i] = free - now
    return float(delays[int(PACKETS * skip) :].mean())


def theory(load: float, fixed: bool) -> float:
    """Pollaczek-Khinchine [s]."""
    service = STEP_S * load / PACKETS
    return service * (1.0 + load * (0.5 if fixed else 1.0) / (1.0 - load))


def main() -> None:
    """Print the table of docs/delay.md."""
    print("| packet sizes | load ρ | here [ms] | event-driven [ms] | theory [ms] | here / theory |")
    print("|---|---|---|---|---|---|")
    for fixed, name in ((False, "exponential"), (True, "fixed")):
        for load in LOADS:
            mine, wanted = ours(load, fixed), theory(load, fixed)
            cells = f"{1e3 * mine:.4f} | {1e3 * event_driven(load, fixed):.4f} | {1e3 * wanted:.4f}"
            print(f"| {name} | {load} | {cells} | {mine / wanted:.3f} |", flush=True)
    mine, other = (
        float(np.mean([play(BURST_LOAD, False, BURST_S, BURST_STEPS, 0, seed) for seed in range(REPETITIONS)]))
        for play in (ours, event_driven)
    )
    cells = f"{BURST_LOAD} | {1e3 * mine:.1f} | {1e3 * other:.1f} | | {mine / other:.3f} of event-driven"
    print(f"| exponential, behind a burst of {BURST_S:g} s | {cells} |")


if __name__ == "__main__":
    main()
