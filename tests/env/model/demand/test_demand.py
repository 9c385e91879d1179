"""Demand that drifts and bursts, arrivals and the served rate: their stationary laws and balances."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from oracle import traffic
from scipy import stats
from support.networks import idle, random_actions, within

from oran_env import Simulator

STEP_S = 0.1
LONG: dict[str, Any] = {"num_ues": 1, "horizon": 10**6}

Series = NDArray[np.float64]


def demand_over_time(steps: int, networks: int, every: int = 1, **overrides: Any) -> dict[str, Series]:
    """State of the demand (times, B, M, 3) from a reset on, every few steps."""
    simulator = Simulator("tiny", networks, seed=1, **{**LONG, **overrides})
    simulator.reset()
    actions = idle(simulator)
    series: dict[str, list[Any]] = {"drift": [], "burst": [], "demand": []}
    for step in range(steps):
        if step % every == 0:
            for name, values in series.items():
                values.append(getattr(simulator.state, name).copy())
        simulator.step(actions)
    return {name: np.array(values, dtype=np.float64) for name, values in series.items()}


@pytest.mark.parametrize(("sigma", "drift_s"), [(0.3, 5.0), (0.8, 0.5)])
def test_drift_is_stationary_with_mean_one(sigma: float, drift_s: float) -> None:
    """x is N(0, sigma²) at reset and after many steps, with autocorrelation exp(-t/drift_s); E[demand] = 1."""
    series = demand_over_time(40, 700, drift_sigma=sigma, drift_s=drift_s)
    x, demand = series["drift"], series["demand"]
    np.testing.assert_allclose(demand, np.exp(x - sigma**2 / 2), rtol=1e-12)
    for time in (0, 1, 39):  # 700 networks of 2 DUs and 3 slices: 4,200 independent values
        assert stats.kstest(x[time].ravel() / sigma, "norm").pvalue > 1e-3
        assert within(demand[time].ravel(), 1.0)
    for lag in (1, 5, 20):
        products = x[0] * x[lag] / sigma**2
        assert within(products.ravel(), math.exp(-lag * STEP_S / drift_s))
        assert within((x[15] * x[15 + lag] / sigma**2).ravel(), math.exp(-lag * STEP_S / drift_s))
    innovation = (x[1:] - math.exp(-STEP_S / drift_s) * x[:-1]) / (sigma * math.sqrt(1 - math.exp(-0.2 / drift_s)))
    assert stats.kstest(innovation[::8].ravel(), "norm").pvalue > 1e-3


def test_cells_drift_on_their_own() -> None:
    x = demand_over_time(1, 1500, drift_sigma=1.0)["drift"][0]  # (B, M, 3)
    flat = x.reshape(1500, 6)
    correlation = np.corrcoef(flat.T) - np.eye(6)
    assert np.abs(correlation).max() < 5 / math.sqrt(1500)
    assert abs(np.corrcoef(flat[1:].ravel(), flat[:-1].ravel())[0, 1]) < 5 / math.sqrt(9000)


@pytest.mark.parametrize(("every_s", "lasts_s"), [(2.0, 0.5), (0.3, 0.2), (0.05, 0.4)])
def test_bursts_are_stationary(every_s: float, lasts_s: float) -> None:
    """Share of time, begin and end: the first count is exact at reset, those of the transitions over all steps."""
    series = demand_over_time(60, 300, burst_factor=3.0, burst_every_s=every_s, burst_s=lasts_s)
    on = series["burst"] > 0.5
    np.testing.assert_array_equal(series["demand"], np.where(on, 3.0, 1.0))
    begins, ends = min(1.0, STEP_S / every_s), min(1.0, STEP_S / lasts_s)
    share = traffic.share_of_time(begins=begins, ends=ends)
    for time in (0, 59):
        assert stats.binomtest(int(on[time].sum()), on[time].size, share).pvalue > 1e-3
    quiet, loud = ~on[:-1], on[:-1]
    assert stats.binomtest(int((on[1:] & quiet).sum()), int(quiet.sum()), begins).pvalue > 1e-3
    assert stats.binomtest(int((~on[1:] & loud).sum()), int(loud.sum()), ends).pvalue > 1e-3


def test_bursts_and_drift_multiply() -> None:
    series = demand_over_time(20, 50, burst_factor=5.0, burst_every_s=1.0, burst_s=1.0, drift_sigma=0.5)
    on = series["burst"] > 0.5
    assert 0.3 < on.mean() < 0.7
    np.testing.assert_allclose(series["demand"], np.exp(series["drift"] - 0.125) * np.where(on, 5.0, 1.0), rtol=1e-12)
    correlation = np.corrcoef(series["drift"][0].ravel(), on[0].ravel())[0, 1]
    assert abs(correlation) < 5 / math.sqrt(300)


def arrived(simulator: Simulator, steps: int) -> Series:
    """Bits that arrive per step and UE (steps, B, N) while nobody is served."""
    simulator.reset()
    backlog = [simulator.state.backlog.copy()]
    for _ in range(steps):
        simulator.step(idle(simulator))
        backlog.append(simulator.state.backlog.copy())
    return np.diff(backlog, axis=0)


def queues(networks: int, mean_packets: float, packet_bytes: float = 100.0, **overrides: Any) -> Simulator:
    """A batch in which every UE expects this many packets in a step."""
    offered = (8 * packet_bytes * mean_packets / STEP_S,) * 3
    settings = {"latency": "queue", "offered_bps": offered, "packet_bytes": (packet_bytes,) * 3, **overrides}
    return Simulator("tiny", networks, seed=2, **settings)


def test_constant_arrivals_are_exact() -> None:
    simulator = queues(3, 2.5, arrivals=("constant",) * 3, load=1.5)
    np.testing.assert_allclose(arrived(simulator, 10), 2.5 * 1.5 * 800.0, rtol=1e-9)


@pytest.mark.parametrize("mean_packets", [0.2, 3.0, 45.0])
def test_fixed_packets_are_counted_by_poisson(mean_packets: float) -> None:
    """Whole packets; mean and variance lambda·L and lambda·L², and the law of their number."""
    simulator = queues(30, mean_packets, packet_size=("fixed",) * 3)
    packets = arrived(simulator, 20).ravel() / 800.0
    np.testing.assert_allclose(packets, np.rint(packets), atol=1e-6)
    counts = np.rint(packets)
    assert within(counts, mean_packets)
    assert within((counts - mean_packets) ** 2, mean_packets)
    edges = np.unique(stats.poisson.ppf(np.linspace(0.05, 0.95, 10), mean_packets))
    below = np.array([(counts <= edge).sum() for edge in edges])
    seen = np.diff([0, *below, counts.size])
    chances = np.diff([0, *stats.poisson.cdf(edges, mean_packets), 1])
    assert stats.chisquare(seen, chances * counts.size).pvalue > 1e-3


@pytest.mark.parametrize("load", [0.5, 4.0])
def test_exponential_packets_and_the_load(load: float) -> None:
    """Compound Poisson: mean lambda·L, variance 2·lambda·L², with lambda in proportion to the load."""
    bits = arrived(queues(30, 2.0, load=load), 20).ravel() / 800.0
    assert within(bits, 2.0 * load)
    assert within((bits - 2.0 * load) ** 2, 2 * 2.0 * load)


def test_kinds_of_arrivals_are_per_slice() -> None:
    simulator = queues(
        20, 5.0, arrivals=("constant", "poisson", "poisson"), packet_size=("exponential", "fixed", "exponential")
    )
    packets = arrived(simulator, 10) / 800.0
    embb, mmtc, urllc = (packets[:, simulator.state.slice_of_ue == sl] for sl in range(3))
    np.testing.assert_allclose(embb, 5.0, rtol=1e-9)
    np.testing.assert_allclose(mmtc, np.rint(mmtc), atol=1e-6)
    assert mmtc.std() > 1
    assert (np.abs(urllc - np.rint(urllc)) > 1e-3).mean() > 0.9


def test_arrivals_follow_the_demand() -> None:
    """Constant arrivals make the demand of each DU and slice visible in the backlogs of its UEs."""
    simulator = queues(
        4,
        2.0,
        arrivals=("constant",) * 3,
        burst_factor=4.0,
        burst_every_s=0.5,
        burst_s=0.5,
        drift_sigma=0.7,
        drift_s=1.0,
    )
    simulator.reset()
    for _ in range(10):
        before = simulator.get_state()
        simulator.step(idle(simulator))
        growth = simulator.state.backlog - before["backlog"]
        for b in range(4):
            demand = before["demand"][b, before["serving"][b], before["slice_of_ue"][b]]
            np.testing.assert_allclose(growth[b], demand * 1600.0, rtol=1e-9, atol=1e-6)


@pytest.mark.parametrize("kind", ["poisson", "constant"])
def test_every_bit_is_served_or_waits(kind: str) -> None:
    """Bits in = served rate · step, summed over an episode, + backlog: per slice and network, exactly."""
    simulator = queues(
        4, 400.0, arrivals=(kind,) * 3, throughput="served", num_dus=3, drift_sigma=0.4, load=2.0, packet_bytes=100.0
    )
    silent = Simulator(simulator.scenario, 4, 2)  # the same network, in which nobody is ever served
    silent.reset()
    simulator.reset()
    rng = np.random.default_rng(3)
    out = np.zeros((4, 3))
    busy = emptied = 0
    for _ in range(25):
        result = simulator.step(random_actions(simulator, rng))
        silent.step(idle(silent))
        out += (result.info["throughput_mbps"] * result.info["num_ues"]).sum(axis=1) * 1e6 * STEP_S
        busy += int((simulator.state.backlog > 0).sum())
        emptied += int((simulator.state.backlog == 0).sum())
    for sl in range(3):
        mine = simulator.state.slice_of_ue == sl
        arrived_bits = np.where(mine, silent.state.backlog, 0).sum(axis=1)
        waiting = np.where(mine, simulator.state.backlog, 0).sum(axis=1)
        np.testing.assert_allclose(arrived_bits, out[:, sl] + waiting, rtol=1e-9)
    assert min(busy, emptied) > 100


def test_served_rate_never_exceeds_the_achievable_one() -> None:
    settings: dict[str, Any] = {"offered_bps": (2e6, 0.0, 5e5), "num_networks": 4, "seed": 4}
    for latency in ("mm1", "queue"):
        served = Simulator("tiny", throughput="served", latency=latency, **settings)
        achievable = Simulator("tiny", latency=latency, **settings)
        served.reset()
        achievable.reset()
        rng = np.random.default_rng(5)
        lower = np.zeros(3)
        for _ in range(10):
            actions = random_actions(served, rng)
            mine, theirs = (s.step(actions).info["throughput_mbps"] for s in (served, achievable))
            assert served.last_outcome is not None
            assert achievable.last_outcome is not None
            np.testing.assert_array_equal(served.last_outcome.rate, achievable.last_outcome.rate)
            assert (mine <= theirs * (1 + 1e-12)).all()
            lower += (mine < theirs * (1 - 1e-9)).sum(axis=(0, 1))
            if latency == "mm1":
                assert (mine[..., 0] <= 2 + 1e-12).all()
                assert (mine[..., 2] <= 0.5 + 1e-12).all()
        assert lower[0] > 10
        assert lower[2] > 10
        assert lower[1] == 0  # a full-buffer slice stays at the achievable rate


@pytest.mark.parametrize("latency", ["mm1", "queue"])
def test_who_has_sent_everything_is_satisfied(latency: str) -> None:
    """A served rate of 10 kbit/s stays below λ, but counts as reached by every UE that has sent all it had."""
    simulator = Simulator(
        "tiny", 4, seed=6, throughput="served", latency=latency, arrivals=("constant",) * 3, offered_bps=(1e4,) * 3,
        codec="slice_share", num_ues=16, fading="none", availability_window=1,
    )  # fmt: skip
    simulator.reset()
    everybody = np.ones((4, 2, 4), dtype=np.float32)
    everybody[..., 3] = 0.0
    waited = 0
    for _ in range(6):
        info = simulator.step(everybody).info
        assert simulator.last_outcome is not None
        rate = simulator.last_outcome.rate
        assert (rate[rate > 0] > 1e5).all()  # an RB carries whatever waits
        populated = info["num_ues"] > 0
        share = 1 - info["unserved_ues"][populated] / info["num_ues"][populated]
        np.testing.assert_allclose(info["density"][populated], share)
        np.testing.assert_allclose(info["availability"][populated], share)
        assert (info["throughput_mbps"] < 0.05).all()  # below every λ
        waited += int((share < 1).sum())
    assert waited > 0
    info = simulator.step(np.zeros_like(everybody)).info
    assert (info["density"][info["num_ues"] > 0] == 0).all()


def test_defaults_keep_no_demand() -> None:
    """Without drift, bursts and sessions everybody stays and offers what the scenario says."""
    simulator = Simulator("tiny", 2, seed=1)
    simulator.reset()
    info = simulator.step(idle(simulator)).info
    assert (simulator.state.serving >= 0).all()
    assert (info["arrivals"] == 0).all()
    assert (info["departures"] == 0).all()
    if simulator.state.demand.size:
        assert (simulator.state.demand == 1).all()
