"""Eq. (6): the QoS as a weighted sum of the four KPIs, and rewards that DUs share."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from oracle import equations as ref
from support.networks import idle, random_actions

from oran_env import Simulator

KPIS = ("latency_s", "throughput_mbps", "availability", "density")
LATENCY_MS = (20.0, 50.0, 2.0)
LAMBDA = (9.0, 6.0, 4.0)


def weights_of(row: int) -> tuple[tuple[float, float, float], ...]:
    """All the weight on one KPI."""
    return tuple((1.0,) * 3 if i == row else (0.0,) * 3 for i in range(4))


def infos(weights: Any, steps: int = 6, **overrides: Any) -> list[dict[str, NDArray[Any]]]:
    """Infos of a few steps with random actions under these weights; some DUs lack a slice."""
    settings = {"num_dus": 4, "num_ues": 15, "kpi_latency_ms": LATENCY_MS, "rate_threshold_mbps": LAMBDA, **overrides}
    simulator = Simulator("tiny", 4, seed=1, qos="weighted_kpi", kpi_weights=weights, **settings)
    simulator.reset()
    rng = np.random.default_rng(2)
    return [dict(simulator.step(random_actions(simulator, rng)).info) for _ in range(steps)]


@pytest.mark.parametrize("row", range(4))
def test_one_kpi_alone(row: int) -> None:
    """With weight 1 on one KPI, Q is that KPI: latency and throughput scaled by twice their reference."""
    varied = 0
    for info in infos(weights_of(row)):
        kpi = info[KPIS[row]]
        if row == 0:
            expected = 1 - np.minimum(1e3 * kpi / (2 * np.array(LATENCY_MS)), 1)
        elif row == 1:
            expected = np.minimum(kpi / (2 * np.array(LAMBDA)), 1)
        else:
            expected = kpi
        np.testing.assert_allclose(info["qos"], expected, rtol=1e-9, atol=1e-12)
        populated = info["num_ues"] > 0
        assert (~populated).any()
        np.testing.assert_allclose(info["qos_normalised"][populated], expected[populated], rtol=1e-9, atol=1e-12)
        assert (info["qos_normalised"][~populated] == 1).all()
        np.testing.assert_array_equal(info["satisfied"], np.where(populated, info["qos_normalised"] >= 0.5, np.nan))
        varied += int(((expected > 0) & (expected < 1) & populated).sum())
    assert varied > 5


def test_weights_are_per_kpi_and_slice() -> None:
    """Q of the weights W is the sum of W times the Qs of each KPI alone."""
    rng = np.random.default_rng(3)
    weights = rng.dirichlet(np.ones(4), 3).T
    alone = [infos(weights_of(row)) for row in range(4)]
    mixed = infos(tuple(tuple(float(w) for w in row) for row in weights))
    for step, info in enumerate(mixed):
        expected = sum(weights[row] * alone[row][step]["qos"] for row in range(4))
        np.testing.assert_allclose(info["qos"], expected, rtol=1e-9, atol=1e-12)
        populated = info["num_ues"] > 0
        clipped = np.where(populated, np.clip(info["qos"], 0, 1), 1.0)
        np.testing.assert_allclose(info["qos_normalised"], clipped, rtol=1e-12)


def test_by_hand() -> None:
    """0.4·(1 - 3/8) + 0.3·(0.5/2) + 0.2·0.9 + 0.1·0.6 = 0.565 for a slice with l = 3 ms of 4, 0.5 Mbit/s of λ = 1."""
    metrics = ref.kpi_metrics(
        latency_s=np.array([3e-3, 0.0, 9.0]),
        throughput_mbps=np.array([0.5, 2.0, 0.0]),
        availability=np.array([0.9, 1.0, 0.0]),
        density=np.array([0.6, 1.0, 0.0]),
        kpi_latency_ms=np.array([4.0, 4.0, 4.0]),
        threshold_mbps=np.array([1.0, 1.0, 1.0]),
    )
    weights = np.array([[0.4] * 3, [0.3] * 3, [0.2] * 3, [0.1] * 3])
    quality = ref.weighted_kpi(metrics=metrics, weights=weights)
    np.testing.assert_allclose(quality, [0.565, 1.0, 0.0], atol=1e-12)
    counts = np.array([3, 1, 0])
    np.testing.assert_allclose(ref.normalised_weighted_kpi(quality=quality, num_ues=counts), [0.565, 1.0, 1.0])


def test_the_served_rate_counts() -> None:
    """With throughput="served" the throughput of eq. (6) is what is served: at most the offered rate."""
    offered = (4e6, 2e6, 1e6)
    seen = 0
    for info in infos(weights_of(1), throughput="served", offered_bps=offered, latency="mm1"):
        bound = np.array(offered) / 1e6 / (2 * np.array(LAMBDA))
        assert (info["qos"] <= bound + 1e-12).all()
        seen += int((np.abs(info["qos"] - bound) < 1e-12).sum())
    assert seen > 5


def test_an_idle_network_is_not_satisfied() -> None:
    for info in infos(((0.25,) * 3,) * 4, steps=1):
        assert info["satisfied"].any()
    simulator = Simulator("tiny", 2, seed=1, qos="weighted_kpi", num_ues=60, latency_cap_s=1.0)
    simulator.reset()
    info = dict(simulator.step(idle(simulator)).info)
    populated = info["num_ues"] > 0
    assert not info["satisfied"][populated].any()
    assert (info["qos"][populated] == 0).all()


def test_the_reward_follows() -> None:
    """Eq. (8) reads Q̄ of eq. (6) as it reads that of section VI-E."""
    s = Simulator("tiny").scenario.reward
    for info in infos(((0.25,) * 3,) * 4, codec="slice_mask"):
        for b, m in np.ndindex(4, 4):
            want = ref.reward(
                qos_normalised=info["qos_normalised"][b, m],
                claimed=int(info["rbs_claimed"][b, m]),
                num_rbs=10,
                weights=np.array(s.priority),
                zeta=s.zeta,
            )
            assert info["reward_qos"][b, m] == pytest.approx(want.qos, rel=1e-9)
            assert info["penalty_min_qos"][b, m] == pytest.approx(want.penalty_min_qos, rel=1e-9)
            assert info["penalty_resource"][b, m] == pytest.approx(want.penalty_resource, rel=1e-9)


def test_a_team_shares_the_mean() -> None:
    settings: dict[str, Any] = {"num_networks": 3, "seed": 4, "num_dus": 3, "codec": "slice_mask"}
    alone, team = Simulator("tiny", **settings), Simulator("tiny", reward_sharing="team", **settings)
    alone.reset()
    team.reset()
    rng = np.random.default_rng(5)
    for _ in range(4):
        actions = random_actions(alone, rng)
        one, other = alone.step(actions), team.step(actions)
        assert np.ptp(one.rewards, axis=1).min() > 0.01
        mean = one.rewards.astype(np.float64).mean(axis=1, keepdims=True)
        np.testing.assert_allclose(other.rewards, np.broadcast_to(mean, (3, 3)), rtol=1e-5, atol=1e-6)
        for name in ("reward_qos", "penalty_resource", "penalty_min_qos", "qos_normalised"):
            np.testing.assert_array_equal(one.info[name], other.info[name])
        np.testing.assert_array_equal(one.observations, other.observations)
