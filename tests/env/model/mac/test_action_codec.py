"""The codecs `ue_grid` and `slice_share` on the simulator: who gets each RB, what counts as claimed and contested."""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from oracle import control
from oracle import equations as ref
from support.networks import STANDING, idle

from oran_env import Simulator, parallel_env
from oran_env.scenario.presets import make_scenario

K = 6
CROWD: dict[str, Any] = {"num_dus": 1, "num_rbs": K, "rb_bandwidth_hz": 3e6, "slice_mix": "uniform", **STANDING}
ROWS = ref.NUM_SLICES + control.GRID_COLUMNS

Action = NDArray[np.float32]


def grid_simulator(num_ues: int, **overrides: Any) -> Simulator:
    simulator = Simulator("tiny", 1, seed=2, codec="ue_grid", num_ues=num_ues, **{**CROWD, **overrides})
    simulator.reset()
    return simulator


@cache
def shared_simulator(num_ues: int) -> Simulator:
    return grid_simulator(num_ues, horizon=10**6)


def bits(slices: dict[int, list[int]], columns: dict[int, list[int]]) -> Action:
    """A `ue_grid` action (1, 1, 67·K): the RBs that each slice claims, and that each column is named for."""
    action = np.zeros((ROWS, K), dtype=np.float32)
    for sl, rbs in slices.items():
        action[sl, rbs] = 1.0
    for j, rbs in columns.items():
        action[ref.NUM_SLICES + j, rbs] = 1.0
    return action.reshape(1, 1, -1)


def ues_of(simulator: Simulator, action: Action) -> tuple[list[int], dict[str, Any]]:
    """The UE of each RB and the info of one step of DU 0."""
    info = {name: value[0, 0] for name, value in simulator.step(action).info.items()}
    assert simulator.last_outcome is not None
    return simulator.last_outcome.ue_of_rb[0, 0].tolist(), info


def columns(simulator: Simulator) -> list[int]:
    return control.columns(ue_slice=simulator.state.slice_of_ue[0], serving=simulator.state.serving[0], du=0)


@pytest.mark.parametrize(("codec", "size"), [("ue_grid", 67 * 10), ("slice_share", 4)])
def test_sizes(codec: str, size: int) -> None:
    simulator = Simulator("tiny", 1, codec=codec)
    assert simulator.action_size == size
    layout = simulator.observation_layout["previous_action"]
    assert layout.stop - layout.start == size
    assert make_scenario("tiny", codec=codec).control.codec == codec


@st.composite
def grid_actions(draw: st.DrawFn) -> tuple[int, Action]:
    """A crowd and an action in which each RB has few claims, many of them on real columns."""
    num_ues = draw(st.sampled_from([3, 20, 64, 65, 90]))
    action = np.zeros((ROWS, K), dtype=np.float32)
    for k in range(K):
        for sl in draw(st.lists(st.integers(0, 2), max_size=2, unique=True)):
            action[sl, k] = 1.0
        for j in draw(st.lists(st.integers(0, min(num_ues + 3, 64) - 1), max_size=2, unique=True)):
            action[ref.NUM_SLICES + j, k] = draw(st.sampled_from([0.5, 0.51, 1.0, 3.0]))
    return num_ues, action.reshape(-1)


@given(grid_actions())
@settings(max_examples=150)
def test_ue_grid_against_the_reference(case: tuple[int, Action]) -> None:
    num_ues, action = case
    simulator = shared_simulator(num_ues)
    pointer = simulator.state.pointer[0, 0].copy()
    want = control.decode_ue_grid(
        action, K, ue_slice=simulator.state.slice_of_ue[0], serving=simulator.state.serving[0], du=0
    )
    dealt, after = control.round_robin(want.slice_of_rb, want.surplus, pointer)
    ues, info = ues_of(simulator, action[None, None])
    assert ues == np.where(want.ue_of_rb != ref.NOBODY, want.ue_of_rb, dealt).tolist()
    assert info["rbs_claimed"] == want.claimed
    assert info["rbs_contested"] == want.contested
    assert info["rbs_granted"].sum() + info["rbs_idle"] == K
    np.testing.assert_array_equal(simulator.state.pointer[0, 0], after)


def test_each_rule_of_the_grid() -> None:
    """One RB per rule: granted, wrong slice, two UEs, two slices, no UE, no slice."""
    simulator = grid_simulator(12)
    ordered, slice_of_ue = columns(simulator), simulator.state.slice_of_ue[0]
    mine = {sl: [j for j, u in enumerate(ordered) if slice_of_ue[u] == sl] for sl in range(3)}
    assert all(len(group) >= 2 for group in mine.values())
    embb, urllc = mine[0], mine[2]
    action = bits({0: [0, 1, 2, 3, 4], 2: [3]}, {embb[1]: [0, 2, 3, 5], embb[0]: [2], urllc[0]: [1]})
    ues, info = ues_of(simulator, action)
    assert ues == [ordered[embb[1]], -1, -1, -1, -1, -1]
    assert info["rbs_contested"] == 3  # 1: a URLLC UE on an RB of eMBB; 2: two UEs; 3: two slices
    assert info["rbs_claimed"] == 6
    assert info["rbs_granted"].tolist() == [1, 0, 0]
    assert info["rbs_idle"] == 5
    assert info["penalty_resource"] == 0.0
    ues, info = ues_of(simulator, bits({0: list(range(K)), 1: [0, 1]}, {embb[0]: list(range(K))}))
    assert ues == [-1, -1, *[ordered[embb[0]]] * 4]
    assert info["rbs_contested"] == 2
    assert info["rbs_claimed"] == 8
    assert info["penalty_resource"] == pytest.approx(-2.0 * 2 / K)  # P_res counts what is claimed


def test_bits_of_columns_without_a_ue_are_ignored() -> None:
    simulator = grid_simulator(12)
    first = int(simulator.state.slice_of_ue[0, columns(simulator)[0]])
    named = {0: [0, 1], 12: [0], 40: [1, 2], 63: [0, 1]}
    ues, info = ues_of(simulator, bits({first: [0, 1, 2]}, named))
    assert ues == [columns(simulator)[0]] * 2 + [-1] * 4
    assert info["rbs_contested"] == 0


def test_surplus_ues_take_turns() -> None:
    """UEs beyond column 64 get the RBs of their slice that name nobody, and only those."""
    simulator = grid_simulator(90)
    ordered = columns(simulator)
    surplus = ordered[64:]
    assert {int(simulator.state.slice_of_ue[0, u]) for u in surplus} == {ref.URLLC}  # the last slice in the list
    everything = bits({ref.URLLC: list(range(K))}, {63: [2]})
    served: list[int] = []
    for _ in range(6):
        ues, info = ues_of(simulator, everything)
        assert ues[2] == ordered[63]
        served += [u for k, u in enumerate(ues) if k != 2]
        assert info["rbs_idle"] == 0
    assert served == [surplus[i % len(surplus)] for i in range(30)]
    ues, info = ues_of(simulator, bits({ref.EMBB: list(range(K))}, {}))  # every eMBB UE has a column
    assert ues == [-1] * K
    assert info["rbs_idle"] == K
    assert info["rbs_contested"] == 0


def test_the_mask_shows_the_coming_columns() -> None:
    """`ue_mask`: which columns have a UE after the handovers of the step; also in the infos of a reset."""
    env = parallel_env("tiny", codec="ue_grid", num_dus=3, num_ues=100, min_speed_mps=40.0, max_speed_mps=60.0)

    def check(infos: dict[str, dict[str, Any]]) -> list[int]:
        attached = [int((env.simulator.state.serving[0] == m).sum()) for m in range(3)]
        for m, agent in enumerate(env.possible_agents):
            mask = np.asarray(infos[agent]["ue_mask"])
            assert mask.shape == (64,)
            assert mask.dtype == np.bool_
            assert mask.tolist() == [j < attached[m] for j in range(64)]
        return attached

    seen = [check(env.reset(seed=1)[1])]
    for _ in range(6):
        seen.append(check(env.step({a: np.zeros(670, dtype=np.float32) for a in env.agents})[4]))
    assert len({tuple(row) for row in seen}) > 2


@cache
def share_simulator(num_rbs: int) -> Simulator:
    settings = {**CROWD, "num_rbs": num_rbs, "rb_bandwidth_hz": 18e6 / num_rbs, "horizon": 10**6}
    simulator = Simulator("tiny", 1, seed=2, codec="slice_share", num_ues=12, **settings)
    simulator.reset()
    return simulator


def slices_by_share(values: Any, num_rbs: int) -> tuple[list[int], Any, Any]:
    """The slice of each RB, the shares in the observation and the info of one step of DU 0."""
    simulator = share_simulator(num_rbs)
    assert set(simulator.state.slice_of_ue[0].tolist()) == {0, 1, 2}
    result = simulator.step(np.array(values, dtype=np.float32).reshape(1, 1, 4))
    assert simulator.last_outcome is not None
    shown = result.observations[0, 0, simulator.observation_layout["previous_action"]]
    info = {name: value[0, 0] for name, value in result.info.items()}
    return simulator.last_outcome.slice_of_rb[0, 0].tolist(), shown, info


VALUES = st.one_of(st.integers(0, 8).map(lambda i: i / 8), st.floats(-0.5, 1.5, width=32))


@given(st.sampled_from([1, 7, 10, 33]), hnp.arrays(np.float32, 4, elements=VALUES))
@settings(max_examples=300)
def test_slice_share_against_the_reference(num_rbs: int, values: Action) -> None:
    rbs = control.shares_of_rbs(values, num_rbs)
    slices, shown, info = slices_by_share(values, num_rbs)
    assert slices == control.decode_slice_share(values, num_rbs).tolist()
    np.testing.assert_allclose(shown, np.array(rbs) / num_rbs, atol=1e-7)
    assert info["rbs_claimed"] == sum(rbs[:3]) == info["rbs_granted"].sum()
    assert info["rbs_idle"] == rbs[3]
    assert info["rbs_contested"] == 0
    assert info["penalty_resource"] == 0.0
    assert info["clipped_actions"] == ((values < 0) | (values > 1)).sum()


@given(hnp.arrays(np.float32, 4, elements=VALUES), st.integers(1, 50))
@settings(max_examples=300)
def test_largest_remainder_is_fair(values: Action, num_rbs: int) -> None:
    """The reference itself: all RBs dealt, nobody a whole RB away from its quota, no more to a smaller value."""
    rbs = control.shares_of_rbs(values, num_rbs)
    clipped = [Fraction(float(v)) for v in np.clip(values, 0, 1)]
    assert sum(rbs) == num_rbs
    if sum(clipped) == 0:
        return
    for count, value in zip(rbs, clipped, strict=True):
        assert abs(count - value * num_rbs / sum(clipped)) < 1
    for i in range(4):
        for j in range(4):
            assert clipped[i] <= clipped[j] or rbs[i] >= rbs[j]


BY_HAND = [
    ([0.0, 0.0, 0.0, 0.0], [0, 0, 0, 10]),
    ([1.0, 0.0, 0.0, 0.0], [10, 0, 0, 0]),
    ([0.3, 0.0, 0.0, 0.0], [10, 0, 0, 0]),  # shares, not amounts
    ([1.0, 1.0, 1.0, 1.0], [3, 3, 2, 2]),  # 2.5 each: ties go to the lower index
    ([1.0, 1.0, 1.0, 0.0], [4, 3, 3, 0]),
    ([0.0, 0.5, 0.5, 1.0], [0, 3, 2, 5]),
    ([-3.0, 0.25, 5.0, 0.0], [0, 2, 8, 0]),  # clipped to 0, 0.25, 1, 0
    ([0.5, 0.375, 0.125, 0.0], [5, 4, 1, 0]),  # 5, 3.75, 1.25
    ([0.16, 0.16, 0.16, 0.52], [2, 2, 1, 5]),  # 1.6, 1.6, 1.6, 5.2: rounding each would deal eleven
]


@pytest.mark.parametrize(("values", "rbs"), BY_HAND)
def test_slice_share_by_hand(values: list[float], rbs: list[int]) -> None:
    slices, shown, _ = slices_by_share(values, 10)
    assert slices == [0] * rbs[0] + [1] * rbs[1] + [2] * rbs[2] + [-1] * rbs[3]
    np.testing.assert_allclose(shown, np.array(rbs) / 10, atol=1e-7)


def test_contested_of_the_other_codecs() -> None:
    mask = Simulator("tiny", 1, seed=4, codec="slice_mask")
    mask.reset()
    action = np.zeros((1, 2, 3, 10), dtype=np.float32)
    action[0, 0, :2, :4] = 1.0  # four RBs claimed twice
    action[0, 1, :, 9] = 1.0  # one claimed three times
    action[0, 1, 0, :3] = 1.0
    info = mask.step(action.reshape(1, 2, 30)).info
    assert info["rbs_contested"].tolist() == [[4, 1]]
    assert info["rbs_claimed"].tolist() == [[8, 6]]
    for codec in ("two_bit", "slice_share"):
        simulator = Simulator("tiny", 1, seed=4, codec=codec)
        simulator.reset()
        assert simulator.step(np.ones_like(idle(simulator))).info["rbs_contested"].tolist() == [[0, 0]]
