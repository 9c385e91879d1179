"""The delay of a queue against an event-driven one on the same packets and closed forms, and what is told of it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from oracle.phases import packets_of
from oracle.traffic import Packet, fifo
from support.networks import STANDING, idle, serve_all

from oran_env import Components, Simulator, make_scenario
from oran_env.model.demand.delay import BEFORE, by_law, evenly, packet_by_packet, room_for
from oran_env.model.demand.trace import trace_of
from oran_env.model.demand.traffic import Traffic, traffic_of

STEP_S, PACKET = 0.1, 256.0
ALONE: dict[str, Any] = {"num_dus": 1, "num_ues": 1, "fading": "none", **STANDING}


def traffic(**overrides: Any) -> Traffic:
    scenario = make_scenario("tiny", latency="queue", **overrides)
    return traffic_of(scenario, trace_of(scenario))


def key_of(step: int, seed: int = 1) -> NDArray[np.uint64]:
    return np.array([seed, 7, 0, step], dtype=np.uint64)


def follow(
    load: float, mean_packets: float, steps: int, fixed: bool, p: Traffic, deadline: float = 0.002, backlog: float = 0.0
) -> NDArray[np.float64]:
    """Step after step of one UE at a constant rate: τ, packets, late ones, bits in, left, oldest (steps, 6)."""
    rate = mean_packets * PACKET / STEP_S / load
    rows = np.empty((steps, 6))
    works = room_for(mean_packets, np.empty(0), p)
    for step in range(steps):
        rows[step] = packet_by_packet(key_of(step), 3, mean_packets, PACKET, fixed, backlog, rate, deadline, p, works)
        backlog = rows[step, 4]
    return rows


@pytest.mark.parametrize("fixed", [False, True])
@pytest.mark.parametrize(("load", "burst"), [(0.1, 0.0), (0.33, 9e4), (0.5, 0.0), (0.8, 3e4), (0.95, 5e4), (1.3, 0.0)])
def test_the_same_packets_in_an_event_driven_queue(load: float, burst: float, fixed: bool) -> None:
    """Over 12 steps, begun behind a burst: every packet's delay, and so mean, late ones, what is left and its age."""
    mean, steps, deadline = 25.0, 12, 0.01
    rate = mean * PACKET / STEP_S / load
    rows = follow(load, mean, steps, fixed, traffic(latency_cap_s=100.0), deadline, burst)
    each = [packets_of(key_of(i), 3, mean, packet_bits=PACKET, fixed=fixed, step_s=STEP_S) for i in range(steps)]
    joined = [Packet(i * STEP_S + p.at, p.bits) for i, packets in enumerate(each) for p in packets]
    delays = fifo(joined, rate_bps=rate, backlog_bits=burst, step_s=steps * STEP_S).delays
    assert len(delays) > 200
    for i, packets in enumerate(each):
        mine, delays = delays[: len(packets)], delays[len(packets) :]
        assert rows[i, 0] == pytest.approx(np.mean(mine), rel=1e-9)
        assert rows[i, 1] == len(mine)
        assert rows[i, 2] == sum(delay > deadline for delay in mine)
        assert rows[i, 3] == pytest.approx(sum(p.bits for p in packets))
        until = [p for p in joined if p.at < (i + 1) * STEP_S]
        left = fifo(until, rate_bps=rate, backlog_bits=burst, step_s=(i + 1) * STEP_S)
        assert rows[i, 4] == pytest.approx(left.left, rel=1e-6, abs=1e-6)
        if left.oldest is not None and left.oldest >= i * STEP_S:
            assert rows[i, 5] == pytest.approx(left.oldest - i * STEP_S)
        elif left.left > 1e-6:
            assert rows[i, 5] == BEFORE


@pytest.mark.parametrize("fixed", [False, True])
@pytest.mark.parametrize("load", [0.1, 0.33, 0.5, 0.8, 0.95])
def test_pollaczek_khinchine(load: float, fixed: bool) -> None:
    """Mean sojourn of M/G/1, L/C·(1 + ρ·(1 + cv²)/2/(1 - ρ)), within 5 %; M/M/1 has as many late ones as it must."""
    mean = 2_000.0
    rate = mean * PACKET / STEP_S / load
    service = PACKET / rate
    expected = service * (1.0 + load * (0.5 if fixed else 1.0) / (1.0 - load))
    rows = follow(load, mean, 1500, fixed, traffic(), deadline=expected)[20:]
    assert np.average(rows[:, 0], weights=rows[:, 1]) == pytest.approx(expected, rel=0.05)
    if not fixed:
        assert rows[:, 2].sum() / rows[:, 1].sum() == pytest.approx(math.exp(-1.0), rel=0.05)


def test_one_ue_at_four_fifths() -> None:
    """What M/M/1 says, 16 ms, and not the time to empty behind what waits at the start of a step, 39.6."""
    simulator = Simulator("tiny", 1, 1, **ALONE)
    simulator.reset()
    simulator.step(serve_all(simulator, num_rbs=1))
    assert simulator.last_outcome is not None
    rate = float(simulator.last_outcome.rate[0, 0])
    packet = 0.016 * 0.2 * rate
    settings: dict[str, Any] = {**ALONE, "packet_bytes": (packet / 8,) * 3, "offered_bps": (0.8 * rate,) * 3}
    queue = Simulator("tiny", 1, 1, horizon=10**6, latency="queue", **settings)
    queue.reset()
    action = serve_all(queue, num_rbs=1)
    total = number = to_empty = 0.0
    for _ in range(12_000):
        to_empty += (float(queue.state.backlog[0, 0]) + packet) / (0.2 * rate) / 12_000
        queue.step(action)
        assert queue.last_outcome is not None
        assert queue.last_outcome.rate[0, 0] == pytest.approx(rate)
        total += queue.last_outcome.tau[0, 0] * queue.last_outcome.packets[0, 0]
        number += queue.last_outcome.packets[0, 0]
    assert total / number == pytest.approx(0.016, rel=0.05)
    assert to_empty > 0.07
    law = Simulator("tiny", 1, 1, **settings)
    law.reset()
    law.step(serve_all(law, num_rbs=1))
    assert law.last_outcome is not None
    assert law.last_outcome.tau[0, 0] == pytest.approx(0.016)


def test_percentiles_of_the_law() -> None:
    """A mean of 2 ms is 37 % late; 99.999 % within 2 ms need C - A = 11.5·L/2 ms = 1.47 Mbit/s."""
    offered, rate = 64e3, 64e3 + PACKET / 0.002
    tau, late = by_law(rate, offered, PACKET, 0.002, traffic())
    assert tau == pytest.approx(0.002)
    assert late == pytest.approx(math.exp(-1.0))
    p = traffic(latency_percentile=0.99999)
    assert by_law(rate, offered, PACKET, 0.002, p)[0] == pytest.approx(0.002 * math.log(1e5))
    spare = 11.513 * PACKET / 0.002
    assert spare == pytest.approx(1.47e6, rel=5e-3)
    tau, late = by_law(offered + spare, offered, PACKET, 0.002, p)
    assert tau == pytest.approx(0.002, rel=1e-3)
    assert late == pytest.approx(1e-5, rel=1e-2)


@pytest.mark.parametrize(("p", "mean"), [(0.5, 2000.0), (0.95, 2000.0), (0.99999, 25.0), (0.99999, 2000.0)])
@pytest.mark.parametrize("load", [0.33, 0.8])
def test_percentiles_of_packets(load: float, p: float, mean: float) -> None:
    """The mean over steps of the step's percentile against that of M/M/1, within 10 %."""
    rate = mean * PACKET / STEP_S / load
    rows = follow(load, mean, 1500, False, traffic(latency_percentile=p))[20:]
    assert np.average(rows[:, 0], weights=rows[:, 1]) == pytest.approx(
        -math.log(1.0 - p) * PACKET / (rate * (1.0 - load)), rel=0.1
    )


def test_a_percentile_is_one_of_the_delays() -> None:
    packets = packets_of(key_of(0), 3, 200.0, packet_bits=PACKET, fixed=False, step_s=STEP_S)
    rate = 200 * PACKET / STEP_S / 0.7
    delays = sorted(fifo(packets, rate_bps=rate, backlog_bits=0.0, step_s=STEP_S).delays)
    for p in (0.1, 0.5, 0.95):
        tau = follow(0.7, 200.0, 1, False, traffic(latency_percentile=p))[0, 0]
        assert tau == pytest.approx(np.quantile(delays, p, method="inverted_cdf"))


@pytest.mark.parametrize(
    ("backlog", "arrived", "rate"), [(0, 5e3, 1e5), (2e4, 5e3, 1e5), (3e3, 5e3, 1e5), (0, 2e4, 1e5), (5e3, 1e4, 1e5)]
)
def test_evenly_is_the_limit_of_small_packets(backlog: float, arrived: float, rate: float) -> None:
    """Against 20,000 small packets in equal distances, all but the bits of the packet behind."""
    number, packet, deadline = 20_000, 100.0, 0.05
    packets = [Packet((i + 0.5) * STEP_S / number, arrived / number) for i in range(number)]
    found = fifo(packets, rate_bps=rate, backlog_bits=backlog, step_s=STEP_S)
    delays = np.array(found.delays) + (packet - arrived / number) / rate
    for p in (None, 0.9):
        tau, late, left, oldest = evenly(arrived, packet, backlog, rate, deadline, traffic(latency_percentile=p))
        assert tau == pytest.approx(delays.mean() if p is None else np.quantile(delays, p), rel=1e-3)
        assert late / (arrived / packet) == pytest.approx((delays > deadline).mean(), abs=1e-3)
        assert left == pytest.approx(found.left, rel=1e-3, abs=2.0)
        if left > 2.0:
            assert oldest == pytest.approx(BEFORE if found.oldest is None else found.oldest, abs=1e-4)


def test_the_floor_is_added() -> None:
    p, bare = traffic(tti_s=0.001, harq_rtt_s=0.004), traffic()
    assert by_law(1e6, 64e3, PACKET, 0.002, p) == (0.005 + PACKET / (1e6 - 64e3), 1.0)
    assert by_law(1e6, 64e3, PACKET, 0.006, p)[1] == pytest.approx(by_law(1e6, 64e3, PACKET, 0.001, bare)[1])
    floored, without = follow(0.5, 25.0, 5, False, p, 0.006), follow(0.5, 25.0, 5, False, bare, 0.001)
    np.testing.assert_allclose(floored[:, 0], without[:, 0] + 0.005)
    np.testing.assert_array_equal(floored[:, 2:], without[:, 2:])
    assert evenly(1e3, PACKET, 0.0, 1e6, 0.1, p)[0] == pytest.approx(0.005 + PACKET / 1e6)
    assert evenly(0.0, PACKET, 0.0, 1e6, 0.1, p)[0] == 0.0  # nothing is sent


def test_without_arrivals() -> None:
    """What waits still needs so long; nothing waits, nothing is late."""
    p, room = traffic(), np.empty(0)
    assert packet_by_packet(key_of(0), 0, 0.0, PACKET, True, 5e3, 1e5, 0.002, p, room) == (0.05, 0, 0, 0, 0, BEFORE)
    assert packet_by_packet(key_of(0), 0, 0.0, PACKET, True, 0.0, 1e5, 0.002, p, room)[:5] == (0, 0, 0, 0, 0)
    assert packet_by_packet(key_of(0), 0, 0.0, PACKET, True, 5.0, 0.0, 0.002, p, room)[0] == 1.0  # the cap
    assert packet_by_packet(key_of(0), 0, 0.0, PACKET, True, 0.0, 0.0, 0.002, p, room)[0] == 0.0


def test_files() -> None:
    """0.5 MB every two seconds: a file waits until it has been sent, over many steps, and none is lost."""
    simulator = Simulator("paper", 4, 5, traffic="ftp3", horizon=200)
    simulator.reset()
    embb = simulator.state.slice_of_ue == 0
    files, waited = np.zeros(embb.shape), 0
    for _ in range(60):
        before = simulator.get_state()
        simulator.step(idle(simulator))
        assert simulator.last_outcome is not None
        files += simulator.last_outcome.packets
        np.testing.assert_allclose(simulator.state.backlog[embb], 4e6 * files[embb])
        old = embb & (before["backlog"] > 0)
        np.testing.assert_allclose(simulator.state.waited[old], before["waited"][old] + STEP_S)
        waited += int(old.sum())
    assert files[embb].mean() == pytest.approx(3.0, abs=4 * math.sqrt(3.0 / embb.sum()))
    assert waited > 1000


def test_what_is_told_of_a_slice() -> None:
    """Sums over the UEs that were there: what waits, its age, late packets; the deadline is Q_min of URLLC."""
    simulator = Simulator("tiny", 3, 4, traffic="coloran", horizon=50)
    simulator.reset()
    rng = np.random.default_rng(0)
    seen = 0.0
    for _ in range(12):
        serving = simulator.state.serving.copy()
        info = simulator.step(rng.random((3, 2, 20)).astype(np.float32)).info
        out, state = simulator.last_outcome, simulator.state
        assert out is not None
        for b, m, i in np.ndindex(3, 2, 3):
            mine = (serving[b] == m) & (state.slice_of_ue[b] == i)
            number = out.packets[b, mine].sum()
            assert info["late_share"][b, m, i] == pytest.approx(out.late[b, mine].sum() / number if number else 0.0)
            assert info["backlog_bits"][b, m, i] == pytest.approx(state.backlog[b, mine].sum())
            assert info["head_of_line_s"][b, m, i] == pytest.approx(state.waited[b, mine].max(initial=0.0))
        assert ((info["late_share"] >= 0) & (info["late_share"] <= 1)).all()
        seen += info["head_of_line_s"].sum()
        assert (state.waited[state.backlog == 0] == 0).all()
        assert (state.waited[state.backlog > 0] > 0).all()
    assert seen > 1.0
    np.testing.assert_allclose(traffic(q_min=(1, 1, 3)).deadline, (0.05, 0.5, 0.003))
    np.testing.assert_allclose(traffic(qos="weighted_kpi", kpi_latency_ms=(1, 2, 4)).deadline, (1e-3, 2e-3, 4e-3))


def test_traffic_of_the_users_comes_evenly() -> None:
    components = Components(traffic=lambda network: np.full(network.state.backlog.shape, 1000.0))
    simulator = Simulator("tiny", 1, 1, components=components, **{**ALONE, "latency": "queue"})
    simulator.reset()
    simulator.step(serve_all(simulator, num_rbs=1))
    out, i = simulator.last_outcome, int(simulator.state.slice_of_ue[0, 0])
    assert out is not None
    packet = 8 * simulator.scenario.traffic.packet_bytes[i]
    assert out.tau[0, 0] == pytest.approx(packet / out.rate[0, 0])
    assert out.packets[0, 0] == pytest.approx(1000.0 / packet)


def test_satisfied_leaves_empty_slices_out() -> None:
    """Idle everywhere, no slice with UEs is satisfied, and those without are not counted."""
    simulator = Simulator("table5", 20, 1)
    simulator.reset()
    info = simulator.step(idle(simulator)).info
    empty = info["num_ues"] == 0
    assert empty.any()
    np.testing.assert_array_equal(np.isnan(info["satisfied"]), empty)
    assert np.nanmean(info["satisfied"]) == 0.0
    assert (info["qos_normalised"][empty] == 1.0).all()


def test_rates_that_change_a_little_from_step_to_step() -> None:
    """As those of averaged fading do: docs/delay.md says how far it holds."""
    measured = pytest.importorskip("docs.measure.delay")  # copies of the packages alone lack it
    for load in (0.33, 0.8):
        here, event_driven = measured.changing_rates(load, 0.1)
        assert here == pytest.approx(event_driven, rel=0.05)
