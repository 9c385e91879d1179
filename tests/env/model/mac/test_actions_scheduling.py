"""Codecs hold (7b) and (7c), RBs are conserved, and the round robin goes on where it stopped."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from oracle import equations as ref
from support.networks import BITS_OF_SLICE, STANDING, idle, random_actions

from oran_env import Simulator
from oran_env.model.mac.action_codec import action_size
from oran_env.model.mac.codecs.codec import Du
from oran_env.model.mac.codecs.slice_mask import decode_slice_mask
from oran_env.model.mac.codecs.two_bit import decode_two_bit
from oran_env.scenario.presets import make_scenario

VALUES = st.one_of(
    st.sampled_from([0.0, 0.25, 0.5, float(np.nextafter(np.float32(0.5), np.float32(1))), 0.75, 1.0]),
    st.floats(0, 1, width=32),
)

NONE = np.empty(0, dtype=np.int64)  # for what these codecs do not read
DU = Du(0, 1, 0, NONE, NONE, NONE)


def action_of(factor: int) -> st.SearchStrategy[NDArray[np.float32]]:
    return st.integers(1, 12).flatmap(lambda k: hnp.arrays(np.float32, factor * k, elements=VALUES))


@given(action_of(2))
@settings(max_examples=200)
def test_two_bit(action: NDArray[np.float32]) -> None:
    k = len(action) // 2
    slice_of_rb = np.full(k, 99)
    claimed = decode_two_bit(action, DU, slice_of_rb, NONE)
    np.testing.assert_array_equal(slice_of_rb, ref.decode_two_bit(action))
    # (7b), (7c): one slice per RB at most, so never more RBs than there are, and P_res is 0 by construction.
    assert claimed == (slice_of_rb >= 0).sum() <= k
    assert set(slice_of_rb.tolist()) <= {-1, 0, 1, 2}


@given(action_of(3))
@settings(max_examples=200)
def test_slice_mask(action: NDArray[np.float32]) -> None:
    k = len(action) // 3
    slice_of_rb = np.full(k, 99)
    claimed = decode_slice_mask(action, DU, slice_of_rb, NONE)
    expected, expected_claims = ref.decode_slice_mask(action)
    np.testing.assert_array_equal(np.maximum(slice_of_rb, -1), expected)
    assert claimed == expected_claims == (action > 0.5).sum()
    claims = (action.reshape(3, k) > 0.5).sum(axis=0)
    assert (slice_of_rb[claims == 0] == -1).all()
    assert (slice_of_rb[claims > 1] == -2).all()  # (7c): what two slices claim goes to none
    assert (slice_of_rb[claims == 1] >= 0).all()


def test_code_words() -> None:
    """00 idle, 01 eMBB, 11 mMTC, 10 URLLC, all b before all e."""
    slice_of_rb = np.empty(4, dtype=np.int64)
    action = np.array([0, 0, 1, 1, 0, 1, 1, 0], dtype=np.float32)
    claimed = decode_two_bit(action, DU, slice_of_rb, NONE)
    assert slice_of_rb.tolist() == [-1, 0, 1, 2]
    assert claimed == 3


def test_action_sizes() -> None:
    assert action_size(make_scenario("paper")) == 200
    assert action_size(make_scenario("paper", codec="slice_mask")) == 300
    assert action_size(make_scenario("tiny")) == 20


@pytest.mark.parametrize("codec", ["two_bit", "slice_mask"])
def test_rbs_are_conserved(codec: str) -> None:
    """Granted + idle = K; an RB is granted only if claimed; without UEs in a slice its RBs are idle."""
    simulator = Simulator("paper", 4, seed=1, codec=codec, num_ues=30)
    simulator.reset()
    rng = np.random.default_rng(2)
    penalised = empty = 0
    for _ in range(10):
        bits = rng.random((4, 6, simulator.action_size)) < rng.uniform(0, 1, (4, 6, 1))
        actions = bits.astype(np.float32)
        info = simulator.step(actions).info
        granted, claimed = info["rbs_granted"], info["rbs_claimed"]
        assert (granted >= 0).all()
        assert (granted.sum(axis=-1) + info["rbs_idle"] == 100).all()
        assert (granted.sum(axis=-1) <= np.minimum(claimed, 100)).all()
        assert (granted[info["num_ues"] == 0] == 0).all()
        empty += int((info["num_ues"] == 0).sum())
        excess = np.maximum(claimed - 100, 0) / 100
        np.testing.assert_allclose(info["penalty_resource"], -2.0 * excess, rtol=1e-12)
        penalised += int((excess > 0).sum())
    assert empty > 0
    assert (penalised > 0) == (codec == "slice_mask")


def one_cell(**overrides: Any) -> Simulator:
    """One DU with a few UEs of each slice, without fading: the rate of a UE is in proportion to its RBs."""
    simulator = Simulator(
        "tiny", 1, seed=5, num_dus=1, num_ues=14, slice_mix="uniform", fading="none", **STANDING, **overrides
    )
    simulator.reset()
    return simulator


def rbs_per_ue(simulator: Simulator, actions: NDArray[np.float32]) -> NDArray[np.int64]:
    """How many RBs each UE of a single interference-free cell got, from its rate."""
    gain, p = simulator.state.gain[0, :, 0].copy(), simulator.parameters
    simulator.step(actions)
    assert simulator.last_outcome is not None
    exact = simulator.last_outcome.rate[0] / (p.channel.bandwidth * np.log2(1 + gain / p.channel.noise_mw))
    np.testing.assert_allclose(exact, np.rint(exact), atol=1e-9)
    counts: NDArray[np.int64] = np.rint(exact).astype(np.int64)
    return counts


@pytest.mark.parametrize("slice_index", [0, 1, 2])
def test_round_robin_goes_on_where_it_stopped(slice_index: int) -> None:
    """Over many steps no UE of the slice is ever more than one RB ahead of another; the order is ascending."""
    simulator = one_cell()
    ues = np.flatnonzero(simulator.state.slice_of_ue[0] == slice_index)
    assert ues.size >= 3
    total = np.zeros(14, dtype=np.int64)
    order: list[int] = []
    for step in range(20):
        used = 1 + step % 3
        actions = np.zeros((1, 1, 2, 10), dtype=np.float32)
        actions[0, 0, :, :used] = BITS_OF_SLICE[slice_index][:, None]
        got = rbs_per_ue(simulator, actions.reshape(1, 1, 20))
        assert got.sum() == used
        total += got
        if used == 1:
            order.append(int(got.argmax()))
        assert total[ues].max() - total[ues].min() <= 1
        assert total.sum() == total[ues].sum()
        assert simulator.state.pointer[0, 0, slice_index] == total.sum() % ues.size
    assert order[0] == ues[0]


def test_slices_have_their_own_turn() -> None:
    """Serving one slice does not move the pointer of another."""
    simulator = one_cell()
    actions = np.zeros((1, 1, 2, 10), dtype=np.float32)
    actions[0, 0, :, :2] = BITS_OF_SLICE[0][:, None]
    simulator.step(actions.reshape(1, 1, 20))
    assert simulator.state.pointer[0, 0].tolist() == [2 % int((simulator.state.slice_of_ue == 0).sum()), 0, 0]
    before = simulator.state.pointer.copy()
    simulator.step(idle(simulator))
    assert (simulator.state.pointer == before).all()
    simulator.reset()
    assert (simulator.state.pointer == 0).all()


def test_bits_in_the_observation_are_the_executed_ones() -> None:
    for codec in ("two_bit", "slice_mask"):
        simulator = Simulator("tiny", 3, seed=4, codec=codec)
        simulator.reset()
        rng = np.random.default_rng(5)
        for _ in range(3):
            actions = random_actions(simulator, rng)
            bits = simulator.step(actions).observations[..., simulator.observation_layout["previous_action"]]
            np.testing.assert_array_equal(bits, actions > 0.5)


def test_relaxed_actions_act_as_their_bits() -> None:
    relaxed, rounded = (Simulator("tiny", 3, seed=6) for _ in range(2))
    for simulator in (relaxed, rounded):
        simulator.reset()
    rng = np.random.default_rng(7)
    for _ in range(5):
        actions = random_actions(relaxed, rng)
        first, second = relaxed.step(actions), rounded.step((actions > 0.5).astype(np.float32))
        assert (first.rewards == second.rewards).all()
        assert (first.observations == second.observations).all()


def test_values_outside_the_unit_interval_are_counted() -> None:
    simulator = Simulator("tiny", 1, seed=8)
    simulator.reset()
    actions = idle(simulator)
    actions[0, 0, :3] = [-0.1, 1.5, 7.0]
    actions[0, 1, 0] = np.nextafter(np.float32(1), np.float32(2))
    result = simulator.step(actions)
    assert result.info["clipped_actions"].tolist() == [[3, 1]]
    bits = result.observations[0, 0, simulator.observation_layout["previous_action"]]
    assert bits[:4].tolist() == [0, 1, 1, 0]
    assert simulator.step(np.clip(actions, 0, 1)).info["clipped_actions"].tolist() == [[0, 0]]
