"""The delay of ``latency="queue"`` beside an event-driven queue and beside what queueing theory says.

    python -m docs.measure.delay

A UE is served at a constant rate that is 1/ρ of what is offered. 2,000 packets a step are followed: by the
simulator's kernel, in steps of 100 ms; by an event-driven queue of one server that knows nothing of steps, on packets
of its own; and by Pollaczek-Khinchine, L/C·(1 + ρ·(1 + cv²)/2/(1 - ρ)). The last line begins behind a burst of a
second's worth of bits and is the mean of 40 repetitions. Prints a Markdown table of mean delays.

A second table has rates that are drawn anew for each step (a gamma law with that coefficient of variation), of 50
packets a step. There the event-driven queue serves what outlives a step at the rate of the next; here its delay
counts at the rate of the step in which it came.
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
VARIATIONS, FEW, CHANGES = (0.1, 0.3), 50.0, 10_000


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


def changing_rates(load: float, variation: float) -> tuple[float, float]:
    """Mean delays [s] here and event-driven, at rates of a mean of 1/ρ of what is offered."""
    scenario = make_scenario("tiny", latency="queue", latency_cap_s=100.0)
    p, rng = traffic_of(scenario, trace_of(scenario)), np.random.default_rng(0)
    rates = FEW * PACKET / STEP_S / load * rng.gamma(variation**-2, variation**2, CHANGES)
    backlog, works = 0.0, room_for(FEW, np.empty(0), p)
    delays = packets = 0.0
    for step, rate in enumerate(rates.tolist()):
        key = np.array([12, 0, 0, step], dtype=np.uint64)
        tau, number, _, _, backlog, _ = packet_by_packet(key, 3, FEW, PACKET, False, backlog, rate, 1.0, p, works)
        delays += tau * number
        packets += number
    edges = np.arange(CHANGES + 1) * STEP_S
    could = np.concatenate([[0.0], np.cumsum(rates * STEP_S)])  # have been sent by then
    arrivals = np.cumsum(rng.exponential(STEP_S / FEW, int(FEW * CHANGES)))
    arrivals = arrivals[arrivals < edges[-1] - 10.0]  # the last ones are still sent within the time
    done, sizes = np.interp(arrivals, edges, could), rng.exponential(PACKET, len(arrivals))
    left = np.empty(len(arrivals))
    free = 0.0  # bits that could have been sent when the packet before has left
    for i, (now, own) in enumerate(zip(done.tolist(), sizes.tolist(), strict=True)):
        left[i] = free = max(free, now) + own
    return delays / packets, float((np.interp(left, could, edges) - arrivals).mean())


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
    print("\n| variation of the rate | load ρ | here [ms] | event-driven [ms] | here / event-driven |")
    print("|---|---|---|---|---|")
    for variation in VARIATIONS:
        for load in LOADS[1:4]:
            mine, other = changing_rates(load, variation)
            print(f"| {variation:g} | {load} | {1e3 * mine:.2f} | {1e3 * other:.2f} | {mine / other:.3f} |", flush=True)


if __name__ == "__main__":
    main()
