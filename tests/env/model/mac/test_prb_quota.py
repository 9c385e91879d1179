"""Codec `prb_quota`: quotas hold, dedicated RBs are nobody else's, unused ones of the others are shared by demand."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from oracle import control

import oran_env
from oran_env import Simulator, reference_policies
from oran_env.adapters.sb3 import SharedPolicyVecEnv
from oran_env.model.mac.codecs.codec import Du
from oran_env.model.mac.codecs.prb_quota import decode_prb_quota

EMBB, MMTC, URLLC = 0, 1, 2
NONE = np.empty(0, dtype=np.int64)


def decoded(action: Any, num_rbs: int, sending: list[int]) -> NDArray[np.int64]:
    """Slice of each RB (K,); the number of claims is checked."""
    slice_of_rb = np.empty(num_rbs, dtype=np.int64)
    du = Du(0, 1, 0, NONE, NONE, np.array(sending))
    claimed = decode_prb_quota(np.asarray(action, dtype=np.float32), du, slice_of_rb, NONE)
    assert claimed == (slice_of_rb >= 0).sum()
    return slice_of_rb


def counts(slice_of_rb: NDArray[np.int64]) -> list[int]:
    return [int((slice_of_rb == i).sum()) for i in range(3)]


def ratios(minimum: list[int], maximum: list[int], dedicated: list[int], num_rbs: int = 20) -> list[float]:
    """The action that says these numbers of RBs."""
    return [(n + 0.5) / (num_rbs + 1) for n in (*minimum, *maximum, *dedicated)]


@pytest.mark.parametrize(
    ("quota", "sending", "expected"),
    [
        (([4, 4, 4], [20, 20, 20], [2, 2, 2]), [1, 1, 1], [7, 7, 6]),  # 8 left, ties to the first
        (([4, 4, 4], [20, 20, 20], [2, 2, 2]), [1, 2, 5], [5, 6, 9]),  # 8 left as 1 : 2 : 5
        (([4, 4, 4], [20, 20, 20], [2, 2, 2]), [1, 1, 0], [9, 9, 0]),  # the dedicated two of URLLC stay idle
        (([4, 4, 4], [20, 20, 20], [4, 0, 0]), [0, 1, 0], [0, 16, 0]),
        (([4, 4, 4], [6, 20, 20], [0, 0, 0]), [9, 1, 1], [6, 7, 7]),  # eMBB at its maximum
        (([4, 4, 4], [5, 5, 5], [0, 0, 0]), [1, 1, 1], [5, 5, 5]),  # five RBs idle
        (([9, 0, 0], [6, 3, 0], [20, 20, 20]), [1, 1, 1], [6, 3, 0]),  # minimum lowered to the maximum
        (([20, 10, 10], [20, 20, 20], [20, 0, 0]), [0, 3, 3], [0, 5, 5]),  # 10 : 5 : 5, of which ten are dedicated
        (([0, 0, 0], [20, 20, 20], [0, 0, 0]), [0, 0, 0], [0, 0, 0]),
        (([0, 0, 0], [0, 0, 0], [0, 0, 0]), [1, 1, 1], [0, 0, 0]),
    ],
)
def test_by_hand(quota: tuple[list[int], list[int], list[int]], sending: list[int], expected: list[int]) -> None:
    assert counts(decoded(ratios(*quota), 20, sending)) == expected


VALUE = st.one_of(st.floats(-0.5, 1.5, width=32), st.sampled_from([0.0, 0.25, 0.5, 1.0]))


@given(st.lists(VALUE, min_size=9, max_size=9), st.integers(1, 40), st.lists(st.integers(0, 9), min_size=3, max_size=3))
@settings(max_examples=300)
def test_quotas_hold(action: list[float], num_rbs: int, sending: list[int]) -> None:
    """Against the plain reading, and what TS 28.541 promises each slice."""
    values = np.array(action, dtype=np.float32)
    found = decoded(values, num_rbs, sending)
    assert found.tolist() == control.decode_prb_quota(values, num_rbs, sending).tolist()
    granted, quotas = counts(found), control.quotas_of(values, num_rbs)
    assert sum(q.minimum for q in quotas) <= num_rbs
    unused = 0
    for n, number, quota in zip(granted, sending, quotas, strict=True):
        assert quota.dedicated <= quota.minimum <= quota.maximum
        assert (quota.minimum <= n <= quota.maximum) if number else n == 0
        unused += 0 if number else quota.dedicated
    assert sum(granted) <= num_rbs - unused
    if sum(granted) < num_rbs - unused:  # then everybody who sends is at the maximum
        assert all(n == q.maximum for n, q, number in zip(granted, quotas, sending, strict=True) if number)


@given(st.lists(st.integers(1, 9), min_size=3, max_size=3), st.integers(1, 60))
def test_without_quotas_it_is_in_proportion(sending: list[int], num_rbs: int) -> None:
    granted = counts(decoded([0.0] * 3 + [1.0] * 3 + [0.0] * 3, num_rbs, sending))
    assert sum(granted) == num_rbs
    for n, number in zip(granted, sending, strict=True):
        assert abs(n - num_rbs * number / sum(sending)) < 1.5


def test_an_unused_dedicated_rb_keeps_its_place() -> None:
    """So what others get does not move, and interference does not either."""
    action = ratios([4, 4, 4], [4, 4, 4], [4, 4, 4])
    assert decoded(action, 20, [1, 0, 1]).tolist() == [0] * 4 + [-1] * 4 + [2] * 4 + [-1] * 8


def queued(**overrides: Any) -> Simulator:
    """eMBB alone has a queue, filled by nobody but the test."""
    simulator = Simulator(
        "tiny", 1, seed=3, codec="prb_quota", num_dus=1, latency="queue", offered_bps=(1.0, 0.0, 0.0),
        packet_bytes=(1e9, 125.0, 32.0), slice_mix="uniform", **overrides,
    )  # fmt: skip
    simulator.reset()
    return simulator


def test_who_has_nothing_to_send_does_not_count() -> None:
    simulator = queued(num_ues=12)
    action = np.full((1, 1, 9), 0.0, dtype=np.float32)
    action[..., 3:6] = 1.0
    slices = simulator.state.slice_of_ue[0]
    numbers = np.bincount(slices, minlength=3)
    assert numbers.tolist() == [7, 4, 1]
    assert simulator.step(action).info["rbs_granted"][0, 0, EMBB] == 0
    state = simulator.get_state()
    state["backlog"][0, np.flatnonzero(slices == EMBB)[:1]] = 1e9
    simulator.set_state(state)
    granted = simulator.step(action).info["rbs_granted"][0, 0]
    expected = counts(decoded(action[0, 0], 10, [1, numbers[MMTC], numbers[URLLC]]))
    assert granted.tolist() == expected
    assert granted[EMBB] > 0


def test_arrivals_of_the_step_count() -> None:
    """Who gets a packet in a step can be served in it, though the queue was empty before."""
    simulator = Simulator("tiny", 1, seed=3, codec="prb_quota", latency="queue", offered_bps=(1e6, 1e6, 1e6),
                          arrivals=("constant",) * 3)  # fmt: skip
    simulator.reset()
    action = np.full((1, 2, 9), 0.0, dtype=np.float32)
    action[..., 3:6] = 1.0
    assert (simulator.state.backlog == 0).all()
    assert (simulator.step(action).info["rbs_granted"].sum(axis=-1) == 10).all()


def test_what_is_told_and_seen() -> None:
    simulator = Simulator("tiny", 2, seed=1, codec="prb_quota")
    simulator.reset()
    actions = np.linspace(-0.5, 1.5, 36, dtype=np.float32).reshape(2, 2, 9)
    result = simulator.step(actions)
    shown = result.observations[..., simulator.observation_layout["previous_action"]]
    np.testing.assert_array_equal(shown, np.clip(actions, 0, 1))
    assert (result.info["clipped_actions"] == ((actions < 0) | (actions > 1)).sum(axis=-1)).all()
    assert (result.info["penalty_resource"] == 0).all()
    assert (simulator.step(np.zeros((2, 2, 9))).info["rbs_claimed"] == 0).all()
    with pytest.raises(ValueError, match="allowed with codec 'prb_quota': box"):
        oran_env.parallel_env("tiny", codec="prb_quota", action_type="multi_binary")


@pytest.mark.parametrize("name", ["static", "count_rule", "equal_shares", "demand_proportional", "idle"])
def test_the_rules_are_the_same_as_through_bits(name: str) -> None:
    """A number of RBs is all three quotas: what each slice gets, and so the reward, is that of `two_bit`."""
    rewards = []
    for codec in ("two_bit", "prb_quota"):
        simulator = Simulator("paper", 2, seed=4, codec=codec)
        observations, paid = simulator.reset(), []
        for _ in range(3):
            result = simulator.step(reference_policies(simulator.scenario)[name](observations))
            observations = result.observations
            paid.append(result.rewards)
        rewards.append(np.array(paid))
    np.testing.assert_array_equal(rewards[1], rewards[0])


@pytest.mark.parametrize("codec", ["zones", "prb_quota"])
def test_every_face(codec: str) -> None:
    """The environments of PettingZoo, Gymnasium and stable-baselines3, and delays around them."""
    size = {"zones": 4, "prb_quota": 9}[codec]
    env = oran_env.E2Wrapper(oran_env.parallel_env("tiny", codec=codec), report_delay=1, decision_delay=1)
    oran_env.check_env(oran_env.parallel_env("tiny", codec=codec, horizon=4))
    env.reset(seed=1)
    assert env.action_space("du_0").shape == (size,)
    for _ in range(3):
        env.step({agent: env.action_space(agent).sample() for agent in env.agents})
    batch = gymnasium.make_vec("oran/ORAN-joint-v1", num_envs=2, scenario="tiny", codec=codec)
    batch.reset(seed=1)
    rewards = batch.step(batch.action_space.sample())[1]
    assert np.isfinite(rewards).all()
    shared = SharedPolicyVecEnv("tiny", num_networks=2, codec=codec)
    assert shared.action_space.shape == (size,)
    shared.reset()
    assert shared.step(np.full((4, size), 0.5, dtype=np.float32))[0].shape == (4, 6 + size)
