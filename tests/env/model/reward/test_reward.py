"""Eq. (8): monotone in every Q̄ under the defaults, not so when α is read literally; symmetries of the network."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from oracle import equations as ref
from support.networks import STANDING, random_actions

from oran_env import Simulator, make_scenario
from oran_env.model.reward.qos import normalise, slice_qos
from oran_env.model.reward.reward import ALPHAS, min_qos_penalty, qos_reward, resource_penalty, reward_of

REWARD = make_scenario("paper").reward
OF_ALPHA = {alpha: reward_of(make_scenario("paper", alpha=alpha)) for alpha in ALPHAS}
QUALITY = st.lists(st.floats(0, 1), min_size=3, max_size=3)


def total(quality: list[float], alpha: str = "adaptive", penalties: bool = True) -> float:
    """Eq. (8) with the default numbers, nothing claimed beyond K."""
    q = np.array(quality)
    r = qos_reward(q, OF_ALPHA[alpha])
    return r + (min_qos_penalty(q, REWARD.min_normalised_qos, REWARD.zeta) if penalties else 0.0)


@given(QUALITY, st.integers(0, 2), st.floats(1e-6, 1))
@settings(max_examples=500)
def test_reward_strictly_increases_in_every_quality(quality: list[float], i: int, gain: float) -> None:
    better = quality.copy()
    better[i] = min(1.0, better[i] + gain)
    assume(better[i] - quality[i] >= 1e-6)
    assert total(better) - total(quality) > 0.04 * (better[i] - quality[i])


def test_reward_strictly_increases_on_a_grid() -> None:
    """The same without chance: the least slope between neighbours of a 21 x 21 x 21 grid."""
    axis = np.linspace(0, 1, 21)
    values = np.array([[[total([x, y, z]) for z in axis] for y in axis] for x in axis])
    least = min(float(np.diff(values, axis=i).min()) for i in range(3)) / (axis[1] - axis[0])
    assert least > 0.04


def test_without_penalty_one_slope_in_six_is_negative() -> None:
    """Why zeta = 0 is warned of: raising a Q̄ lowers the sum of sigmoids in 17 % of the cases."""
    points = np.random.default_rng(0).random((300, 3))
    before = [total(list(q), penalties=False) for q in points]
    falls = [
        [total(list(q + 1e-6 * np.eye(3)[i]), penalties=False) < r for q, r in zip(points, before, strict=True)]
        for i in range(3)
    ]
    assert 0.13 < np.mean(falls) < 0.21  # four standard errors, and some more as three slopes share a point


def test_literal_alpha_is_not_monotone() -> None:
    """Without floor and penalties, raising a poor slice can lower the reward: why the default is not literal."""
    poor, better = [0.0, 0.5, 0.0], [0.0, 0.5, 0.1]
    assert total(better, "literal", penalties=False) < total(poor, "literal", penalties=False) - 0.01
    assert total(better) > total(poor)


@given(QUALITY, st.sampled_from(list(ALPHAS)))
@settings(max_examples=300)
def test_parts_against_the_reference(quality: list[float], alpha: ref.Alpha) -> None:
    want = ref.reward(
        qos_normalised=np.array(quality),
        claimed=0,
        num_rbs=100,
        weights=np.array(REWARD.priority),
        zeta=REWARD.zeta,
        alpha=alpha,
        alpha_floor=REWARD.alpha_floor,
        alpha_fixed=np.array(REWARD.fixed_alpha),
    )
    assert total(quality, alpha, penalties=False) == pytest.approx(want.qos, rel=1e-12)
    assert total(quality, alpha) == pytest.approx(want.total, rel=1e-12)


def test_known_values() -> None:
    """By hand: full quality, and none at all."""
    slopes = np.array([3.0, 1.5, 6.0]) / 3.5
    assert total([1, 1, 1]) == pytest.approx(float((1 / (1 + np.exp(-slopes))).sum()), rel=1e-12)
    assert total([0, 0, 0]) == pytest.approx(3 * 0.5 - 2.0 * 1.5, rel=1e-12)


def test_resource_penalty() -> None:
    assert [resource_penalty(c, 100, 2.0) for c in (0, 100, 101, 150, 300)] == pytest.approx([0, 0, -0.02, -1, -4])


@given(st.floats(0, 1e4), st.floats(0, 1e4), st.integers(0, 2))
@settings(max_examples=100)
def test_scaling_is_monotone_and_halves_at_the_threshold(a: float, b: float, i: int) -> None:
    low, high = sorted((a, b))
    q_min = make_scenario("paper").quality.q_min[i]
    first, second = normalise(i, low, q_min, 3), normalise(i, high, q_min, 3)
    assert 0 <= first <= 1
    assert (second >= first) if i != 2 else (second <= first)
    assert normalise(i, q_min, q_min, 3) == 0.5
    assert normalise(i, a, q_min, 0) == 1.0


def test_quality_units() -> None:
    """eMBB [Mbit/s], mMTC [Mbit/s] times density, URLLC [ms]."""
    assert slice_qos(0, 0.1, 2e6, 0.5, 4) == pytest.approx(8.0)
    assert slice_qos(1, 0.1, 2e6, 0.5, 4) == pytest.approx(4.0)
    assert slice_qos(2, 0.1, 2e6, 0.5, 4) == pytest.approx(100.0)


def test_permuting_dus_permutes_rewards() -> None:
    """Sites, actions and everything kept per DU in another order: the same network, the rewards in that order."""
    order = np.array([4, 0, 5, 2, 1, 3])  # new DU m is old DU order[m]
    new_index = np.argsort(order)
    plain, permuted = (Simulator("paper", 3, seed=1, fading="none", step_s=2.0) for _ in range(2))
    permuted.parameters = plain.parameters._replace(
        path_loss=plain.parameters.path_loss._replace(sites=plain.parameters.path_loss.sites[order].copy())
    )
    plain.reset()
    permuted.reset()
    state = plain.get_state()
    state["serving"] = new_index[state["serving"]]
    for name in ("pointer", "normalised", "load", "observation"):
        state[name] = state[name][:, order]
    state["gain"] = state["gain"][..., order]
    permuted.set_state(state)
    rng = np.random.default_rng(2)
    handovers = 0
    for _ in range(10):
        actions = random_actions(plain, rng)
        first, second = plain.step(actions), permuted.step(np.ascontiguousarray(actions[:, order]))
        np.testing.assert_allclose(second.rewards, first.rewards[:, order], rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(second.observations, first.observations[:, order], rtol=1e-5, atol=1e-6)
        for name, array in first.info.items():
            np.testing.assert_allclose(second.info[name], array[:, order], rtol=1e-9, atol=1e-12, err_msg=name)
        handovers += int(first.info["handovers"].sum())
    assert handovers > 20


def test_relabelling_ues_changes_nothing_but_labels() -> None:
    """UEs shuffled, but within each (DU, slice) in their old order, so that the round robin deals alike."""
    plain, relabelled = (Simulator("paper", 1, seed=3, fading="none", **STANDING) for _ in range(2))
    plain.reset()
    relabelled.reset()
    state = plain.get_state()
    group = 3 * state["serving"][0] + state["slice_of_ue"][0]
    shuffled = np.random.default_rng(4).permutation(200)
    order = np.empty(200, dtype=np.int64)  # new UE u is old UE order[u]
    for g in range(18):
        places = np.flatnonzero(group[shuffled] == g)
        order[places] = np.sort(shuffled[places])
    assert (np.sort(order) == np.arange(200)).all()
    assert (order != np.arange(200)).mean() > 0.9
    for name, array in state.items():
        if array.shape[:2] == (1, 200):
            state[name] = array[:, order]
    relabelled.set_state(state)
    rng = np.random.default_rng(5)
    for _ in range(5):
        actions = random_actions(plain, rng)
        first, second = plain.step(actions), relabelled.step(actions)
        np.testing.assert_allclose(second.rewards, first.rewards, rtol=1e-6)
        np.testing.assert_allclose(second.observations, first.observations, rtol=1e-6)
        assert plain.last_outcome is not None
        assert relabelled.last_outcome is not None
        np.testing.assert_allclose(relabelled.last_outcome.rate, plain.last_outcome.rate[:, order], rtol=1e-10)
        np.testing.assert_allclose(relabelled.last_outcome.tau, plain.last_outcome.tau[:, order], rtol=1e-10)


def test_reward_is_the_sum_of_its_parts_and_bounded() -> None:
    simulator = Simulator("tiny", 8, seed=6, codec="slice_mask")
    simulator.reset()
    rng = np.random.default_rng(7)
    for _ in range(10):
        result = simulator.step(random_actions(simulator, rng))
        parts: NDArray[np.float64] = sum(  # type: ignore[assignment]
            result.info[name] for name in ("reward_qos", "penalty_resource", "penalty_min_qos", "penalty_energy")
        )
        np.testing.assert_allclose(result.rewards, parts, rtol=1e-6)
        assert (result.info["reward_qos"] >= 1.5).all()
        assert (result.info["reward_qos"] <= 3 / (1 + math.exp(-3))).all()
        assert (result.info["penalty_resource"] <= 0).all()
        assert (result.info["penalty_min_qos"] <= 0).all()
        expected = np.where(result.info["num_ues"] > 0, result.info["qos_normalised"] >= 0.5, np.nan)
        np.testing.assert_array_equal(result.info["satisfied"], expected)
