"""Latency and backlog against event-driven queues, arrivals against their moments, conservation of bits."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats
from support.events import mm1_sojourn_times
from support.networks import STANDING, idle, random_actions, serve_all

from oran_env import Simulator

ALONE: dict[str, Any] = {"num_dus": 1, "num_ues": 1, "fading": "none", **STANDING}


def alone(seed: int, **overrides: Any) -> tuple[Simulator, float]:
    """One UE, one RU, constant gain; and the rate that one RB gives it [bit/s]."""
    simulator = Simulator("tiny", 1, seed, **{**ALONE, **overrides})
    simulator.reset()
    simulator.step(serve_all(simulator, num_rbs=1))
    assert simulator.last_outcome is not None
    rate = float(simulator.last_outcome.rate[0, 0])
    simulator.reset(seed)
    return simulator, rate


@pytest.mark.parametrize("load", [0.2, 0.6, 0.8])
def test_mm1_latency_is_the_mean_sojourn_time(load: float) -> None:
    _, rate = alone(1)
    packet_bytes = 250.0
    simulator, same = alone(1, offered_bps=(load * rate,) * 3, packet_bytes=(packet_bytes,) * 3)
    assert same == rate
    simulator.step(serve_all(simulator, num_rbs=1))
    assert simulator.last_outcome is not None
    tau = float(simulator.last_outcome.tau[0, 0])
    batches = mm1_sojourn_times(
        np.random.default_rng(2),
        rate_bps=rate,
        packet_bits=8 * packet_bytes,
        offered_bps=load * rate,
        num_packets=200_000,
        warmup_packets=2_000,
    ).reshape(100, -1)
    means = batches.mean(axis=1)  # sojourn times are correlated: the error comes from the means of long batches
    assert abs(means.mean() - tau) < 4 * means.std(ddof=1) / math.sqrt(len(means))


def test_an_unstable_queue_has_the_cap() -> None:
    _, rate = alone(5)
    for load, capped in [(0.999, False), (1.0, True), (1.5, True)]:
        simulator, _ = alone(5, offered_bps=(load * rate,) * 3, packet_bytes=(1.0,) * 3, latency_cap_s=0.25)
        simulator.step(serve_all(simulator, num_rbs=1))
        assert simulator.last_outcome is not None
        assert (simulator.last_outcome.tau[0, 0] == 0.25) == capped
        assert (simulator.last_outcome.late[0, 0] == simulator.last_outcome.packets[0, 0]) == capped
    simulator.step(idle(simulator))
    assert simulator.last_outcome is not None
    assert simulator.last_outcome.tau[0, 0] == 0.25  # no RB at all
    simulator, _ = alone(5, offered_bps=(0.5 * rate,) * 3, packet_bytes=(rate,) * 3)
    simulator.step(serve_all(simulator, num_rbs=1))
    assert simulator.last_outcome is not None
    assert simulator.last_outcome.tau[0, 0] == 1.0  # stable, but a mean packet alone takes 16 s


def waiting_bits(mean_packets: float, packet_bytes: float, networks: int = 40, steps: int = 25) -> NDArray[np.float64]:
    """Bits that arrive per UE and step: the growth of the backlogs of idle networks."""
    simulator = Simulator(
        "tiny",
        networks,
        seed=6,
        latency="queue",
        packet_bytes=(packet_bytes,) * 3,
        offered_bps=(80.0 * packet_bytes * mean_packets,) * 3,
    )
    simulator.reset()
    backlog = [simulator.get_state()["backlog"]]
    for _ in range(steps):
        simulator.step(idle(simulator))
        backlog.append(simulator.get_state()["backlog"])
    return np.diff(backlog, axis=0)


@pytest.mark.parametrize("mean_packets", [0.05, 1.0, 25.0, 75.0])  # 75: drawn in several parts
def test_arrivals_are_poisson_packets_of_exponential_size(mean_packets: float) -> None:
    """Compound Poisson: mean λL, variance 2λL², third central moment 6λL³, empty with probability e^-λ."""
    packet = 8 * 32.0
    bits = waiting_bits(mean_packets, 32.0).ravel() / packet
    n, lam = bits.size, mean_packets
    assert abs(bits.mean() - lam) < 4 * math.sqrt(2 * lam / n)
    squares = (bits - lam) ** 2
    assert abs(squares.mean() - 2 * lam) < 4 * squares.std() / math.sqrt(n)
    cubes = (bits - lam) ** 3
    assert abs(cubes.mean() - 6 * lam) < 4 * cubes.std() / math.sqrt(n)
    empty = math.exp(-lam)
    assert abs((bits < 1e-9).mean() - empty) <= 4 * math.sqrt(empty * (1 - empty) / n)


def test_single_packets_are_exponential() -> None:
    """At λ = 0.05 nearly every arrival is one packet; two make the sample a known mixture of gammas."""
    packet = 8 * 100.0
    bits = waiting_bits(0.05, 100.0).ravel() / packet
    bits = bits[bits > 1e-9]
    weights = stats.poisson.pmf(np.arange(1, 6), 0.05)
    weights /= weights.sum()

    def cdf(x: NDArray[np.float64]) -> NDArray[np.float64]:
        below: NDArray[np.float64] = np.sum([w * stats.gamma.cdf(x, n + 1) for n, w in enumerate(weights)], axis=0)
        return below

    assert stats.kstest(bits, cdf).pvalue > 1e-3


def test_arrivals_of_ues_and_steps_are_uncorrelated() -> None:
    bits = waiting_bits(2.0, 50.0)  # (steps, networks, UEs)
    for axis in range(3):
        here, there = np.delete(bits, 0, axis).ravel(), np.delete(bits, -1, axis).ravel()
        assert abs(np.corrcoef(here, there)[0, 1]) < 5 / math.sqrt(here.size)


def test_bits_are_conserved() -> None:
    """Bits in = bits out + bits waiting, and a server with a backlog at both ends of a step was never idle."""
    settings: dict[str, Any] = {"latency": "queue", "offered_bps": (3e6, 2e6, 1e6), "num_networks": 4, "seed": 7}
    served, silent = Simulator("tiny", **settings), Simulator("tiny", **settings)
    served.reset()
    silent.reset()
    step_s = served.scenario.control.step_s
    rng = np.random.default_rng(8)
    arrived_before = np.zeros((4, 20))
    total_in, total_out = np.zeros((4, 20)), np.zeros((4, 20))
    emptied = waited = 0
    for _ in range(25):
        backlog = served.get_state()["backlog"]
        served.step(random_actions(served, rng))
        silent.step(idle(silent))
        assert served.last_outcome is not None
        offered = served.last_outcome.rate * step_s
        arrivals = silent.state.backlog - arrived_before
        arrived_before = silent.get_state()["backlog"]
        left = backlog + arrivals - served.state.backlog
        assert (left >= -1e-6).all()
        assert (left <= offered * (1 + 1e-12) + 1e-6).all()
        busy = served.state.backlog > 0
        never_idle = backlog > offered
        np.testing.assert_allclose(left[never_idle], offered[never_idle], rtol=1e-9, atol=1e-6)
        assert (left >= np.minimum(backlog, offered) - 1e-6).all()
        emptied += int((~busy & (arrivals > 0)).sum())
        waited += int(busy.sum())
        total_in += arrivals
        total_out += left
    np.testing.assert_allclose(total_in, total_out + served.state.backlog, rtol=1e-12, atol=1e-3)
    assert emptied > 100
    assert waited > 100


def test_mm1_keeps_no_backlog_and_full_buffer_slices_have_none() -> None:
    for latency, has_backlog in [("mm1", False), ("queue", True)]:
        simulator = Simulator("tiny", 4, seed=9, latency=latency)
        simulator.reset()
        for _ in range(3):
            simulator.step(idle(simulator))
        urllc = simulator.state.slice_of_ue == 2
        assert (simulator.state.backlog[~urllc] == 0).all()
        assert (simulator.state.backlog[urllc] > 0).all() == has_backlog
