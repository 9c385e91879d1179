"""Codec `zones` and who owns an RB, against a plain reading; the RIC changes how many a DU owns between episodes."""

from __future__ import annotations

import copy
from typing import Any

import gymnasium
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from oracle import control

import oran_env
from oran_env import ScenarioError, Simulator, make_scenario
from oran_env.adapters.sb3 import SharedPolicyVecEnv
from oran_env.model.mac.codecs.zones import encode_counts
from oran_env.model.mac.ownership import owners
from oran_env.policies.offered import reference_policies
from oran_env.policies.rules import encode

EMBB, MMTC, URLLC = 0, 1, 2


def zones(num_dus: int, num_rbs: int, owned_rbs: int) -> Simulator:
    simulator = Simulator(
        "tiny", 1, seed=2, codec="zones", num_dus=num_dus, num_rbs=num_rbs, rb_bandwidth_hz=18e6 / num_rbs,
        owned_rbs=owned_rbs, num_ues=12, horizon=10**6,
    )  # fmt: skip
    simulator.reset()
    return simulator


def slices(simulator: Simulator, actions: Any) -> NDArray[np.int64]:
    """The slice of each RB (M, K) of one step."""
    simulator.step(np.asarray(actions, dtype=np.float32)[None])
    assert simulator.last_outcome is not None
    granted: NDArray[np.int64] = simulator.last_outcome.slice_of_rb[0]
    return granted


def test_ownership_by_hand() -> None:
    assert owners(10, 3, 2).tolist() == [0, 1, 2, 0, 1, 2, -1, -1, -1, -1]
    assert owners(4, 2, 0).tolist() == [-1] * 4
    assert owners(4, 2, 2).tolist() == [0, 1, 0, 1]
    ours = owners(100, 6, 9)
    for i in range(6):  # as the sentence says it: k = i, i + M, …, i + (P - 1)·M
        assert np.flatnonzero(ours == i).tolist() == [i + 6 * j for j in range(9)]


def test_default_ownership() -> None:
    default = {"paper": 9, "tiny": 2, "table5": 29, "dus_2": 27, "dus_10": 5}
    assert {name: make_scenario(name, codec="zones").owned_rbs for name in default} == default


def test_a_layout_by_hand() -> None:
    """Two DUs own 3 RBs each of 10; the rest is shared, URLLC first."""
    simulator = zones(2, 10, 3)
    actions = [[0.3, 0.4, 0.5, 0.5], [0.0, 0.0, 0.0, 0.99]]  # 1 of 3, 1 of 2, 2 of 4, 1 of 2; all URLLC, all eMBB
    assert slices(simulator, actions).tolist() == [
        [EMBB, -1, MMTC, -1, URLLC, -1, URLLC, URLLC, EMBB, MMTC],
        [-1, URLLC, -1, URLLC, -1, URLLC, EMBB, EMBB, EMBB, EMBB],
    ]


@st.composite
def sizes(draw: st.DrawFn) -> tuple[int, int, int]:
    num_dus = draw(st.integers(1, 4))
    num_rbs = draw(st.integers(1, 17))
    return num_dus, num_rbs, draw(st.integers(0, num_rbs // num_dus))


VALUE = st.one_of(st.floats(-0.5, 1.5, width=32), st.sampled_from([0.0, 0.25, 1 / 3, 0.5, 0.75, 1.0, -3.0, 9e30]))


@given(sizes(), st.data())
@settings(max_examples=40)
def test_against_the_plain_reading(size: tuple[int, int, int], data: st.DataObject) -> None:
    """With (7b), (7c) by construction, nobody on what another owns, and every RB of its own or shared claimed."""
    num_dus, num_rbs, owned = size
    simulator = zones(*size)
    actions = np.array(data.draw(st.lists(st.lists(VALUE, min_size=4, max_size=4), min_size=num_dus, max_size=num_dus)),
                       dtype=np.float32)  # fmt: skip
    found = slices(simulator, actions)
    for m in range(num_dus):
        assert found[m].tolist() == control.decode_zones(actions[m], m, num_dus, num_rbs, owned).tolist()
    info = simulator.info
    assert (info["rbs_claimed"] == num_rbs - (num_dus - 1) * owned).all()
    assert (info["rbs_contested"] == 0).all()
    assert (info["penalty_resource"] == 0).all()
    assert (info["clipped_actions"][0] == ((actions < 0) | (actions > 1)).sum(axis=1)).all()
    assert (info["owned_rbs"] == owned).all()
    shown = simulator.observations[0, :, simulator.observation_layout["previous_action"]]
    np.testing.assert_array_equal(shown, np.clip(actions, 0, 1))


@given(sizes(), st.data())
@settings(max_examples=40)
def test_numbers_come_back(size: tuple[int, int, int], data: st.DataObject) -> None:
    """Every split of own and shared RBs can be said, and is executed to the RB."""
    num_dus, num_rbs, owned = size
    rooms = (owned, num_rbs - num_dus * owned)
    stops = [sorted(data.draw(st.lists(st.integers(0, room), min_size=2, max_size=2))) for room in rooms]
    own, shared = (np.diff([0, *stop, room]) for stop, room in zip(stops, rooms, strict=True))
    simulator = zones(*size)
    found = slices(simulator, np.tile(encode_counts(own, shared), (num_dus, 1)))
    whose = owners(num_rbs, num_dus, owned)
    for m in range(num_dus):
        assert [int((found[m][whose == m] == i).sum()) for i in range(3)] == own.tolist()
        assert [int((found[m][whose == -1] == i).sum()) for i in range(3)] == shared.tolist()


def test_every_number_has_the_same_width() -> None:
    """A tenth of the values gives each number of 9 own RBs, from 0 to 9."""
    simulator = zones(1, 9, 9)
    for number in range(10):
        for value in (number / 10 + 0.001, (number + 1) / 10 - 0.001):
            assert int((slices(simulator, [[value, 0, 0, 0]]) == EMBB).sum()) == number


def test_the_count_rules_keep_their_proportions() -> None:
    """Rules that say numbers of RBs split the own and the shared ones alike."""
    scenario = make_scenario("paper", codec="zones")
    simulator = Simulator(scenario, 1, seed=1)
    simulator.reset()
    action = encode(np.array([20, 50, 30]), scenario)
    found = slices(simulator, np.tile(action, (6, 1)))
    whose = owners(100, 6, 9)
    for m in range(6):
        assert [int((found[m][whose == m] == i).sum()) for i in range(3)] == [2, 4, 3]  # 1.8, 4.5, 2.7
        assert [int((found[m][whose == -1] == i).sum()) for i in range(3)] == [9, 23, 14]  # 9.2, 23, 13.8
    assert "idle" not in reference_policies(scenario)
    for policy in reference_policies(scenario).values():
        assert policy(simulator.observations).shape == (1, 6, 4)


@pytest.mark.parametrize(("owned_rbs", "num_dus"), [(6, 2), (4, 3), (10**5, 2), (-1, 2)])
def test_more_than_there_are(owned_rbs: int, num_dus: int) -> None:
    with pytest.raises(ScenarioError, match=rf"owned_rbs is {owned_rbs}; allowed: 0 to"):
        make_scenario("tiny", codec="zones", owned_rbs=owned_rbs, num_dus=num_dus)
    if 0 <= owned_rbs < 2**16:
        make_scenario("tiny", owned_rbs=owned_rbs, num_dus=num_dus)  # where nobody reads it


def run(simulator: Simulator, steps: int = 3) -> NDArray[np.float32]:
    rng = np.random.default_rng(0)
    shape = (simulator.num_networks, len(simulator.agents), simulator.action_size)
    return np.stack([simulator.step(rng.random(shape, dtype=np.float32)).rewards for _ in range(steps)])


def test_the_ric_changes_it_between_episodes() -> None:
    """As if the scenario had said so from the start; it holds until changed, and is a part of the state."""
    told = Simulator("tiny", 2, seed=1, codec="zones")
    told.set_owned_rbs(4)
    told.reset(seed=5)
    asked = Simulator("tiny", 2, seed=5, codec="zones", owned_rbs=4)
    asked.reset()
    np.testing.assert_array_equal(run(told), run(asked))
    told.reset()
    assert (told.reset_info["owned_rbs"] == 4).all()
    other = Simulator("tiny", 2, seed=1, codec="zones")
    other.reset()
    other.set_state(told.get_state())
    np.testing.assert_array_equal(run(copy.deepcopy(told)), run(other))


def test_each_network_has_its_own() -> None:
    batch = Simulator("tiny", 3, codec="zones")
    batch.set_owned_rbs([0, 3, 5])
    batch.reset(seed=[4, 4, 4])
    assert np.asarray(batch.reset_info["owned_rbs"]).tolist() == [[0, 0], [3, 3], [5, 5]]
    actions = np.full((3, 2, 4), 0.4, dtype=np.float32)
    rewards = batch.step(actions).rewards
    for b, owned in enumerate([0, 3, 5]):
        alone = Simulator("tiny", 1, seed=4, codec="zones", owned_rbs=owned)
        alone.reset(seed=[4])
        np.testing.assert_array_equal(alone.step(actions[:1]).rewards[0], rewards[b])
    batch.set_owned_rbs(1, np.array([False, True, False]))
    assert batch.state.owned_rbs.tolist() == [0, 1, 5]


@pytest.mark.parametrize("given", [6, -1, 2.0, True, [1], [1, 2, 3], "many"])
def test_what_the_ric_may_not_say(given: Any) -> None:
    simulator = Simulator("tiny", 2, codec="zones")
    before = simulator.state.owned_rbs.copy()
    with pytest.raises(ValueError, match=r"owned_rbs is .*; allowed: an integer from 0 to 5, or 2 of them"):
        simulator.set_owned_rbs(given)
    np.testing.assert_array_equal(simulator.state.owned_rbs, before)


def test_other_codecs_own_nothing() -> None:
    simulator = Simulator("tiny", 1)
    with pytest.raises(ValueError, match="codec 'two_bit'; allowed: with codec 'zones' only"):
        simulator.set_owned_rbs(1)
    assert "owned_rbs" not in simulator.reset_info
    with pytest.raises(ValueError, match="owned_rbs"):
        oran_env.parallel_env("tiny").reset(seed=1, options={"owned_rbs": 1})


def test_every_face_takes_the_option() -> None:
    """PettingZoo, Gymnasium with all DUs, with one, in a batch, and stable-baselines3: the same P in info."""
    option = {"owned_rbs": 4}
    parallel = oran_env.parallel_env("tiny", codec="zones")
    _, infos = parallel.reset(seed=1, options=option)
    assert {agent: info["owned_rbs"] for agent, info in infos.items()} == {"du_0": 4, "du_1": 4}
    actions = {agent: parallel.action_space(agent).sample() for agent in parallel.agents}
    assert parallel.step(actions)[-1]["du_1"]["owned_rbs"] == 4
    joint = gymnasium.make("oran/ORAN-joint-v1", scenario="tiny", codec="zones")
    assert joint.action_space.shape == (8,)
    assert joint.reset(seed=1, options=option)[1]["owned_rbs"].tolist() == [4, 4]
    single = gymnasium.make("oran/ORAN-du-v1", scenario="tiny", codec="zones")
    assert single.reset(seed=1, options=option)[1]["owned_rbs"] == 4
    single.step(single.action_space.sample())
    batch = gymnasium.make_vec("oran/ORAN-joint-v1", num_envs=3, scenario="tiny", codec="zones")
    batch.reset(seed=1)
    mask = np.array([True, False, True])
    infos = batch.reset(options={"reset_mask": mask, "owned_rbs": [1, 2, 3]})[1]
    assert np.asarray(infos["owned_rbs"]).tolist() == [[1, 1], [0, 0], [3, 3]]  # zero where nothing is told
    assert batch.unwrapped.simulator.state.owned_rbs.tolist() == [1, 2, 3]  # type: ignore[attr-defined]
    shared = SharedPolicyVecEnv("tiny", num_networks=2, codec="zones")
    shared.set_options(option)
    shared.reset()
    assert [info["owned_rbs"] for info in shared.reset_infos] == [4] * 4
    shared.reset()
    assert shared.simulator.state.owned_rbs.tolist() == [4, 4]


def test_bits_are_refused() -> None:
    with pytest.raises(ValueError, match="allowed with codec 'zones': box, discrete"):
        oran_env.parallel_env("tiny", codec="zones", action_type="multi_binary")
    with pytest.raises(ValueError, match="codec is 'zones'; allowed for a plan"):
        oran_env.LookaheadPolicy(Simulator("tiny", 1, codec="zones"))


def test_a_component_in_its_place() -> None:
    """A codec of the user's knows no owners."""

    class Everything:
        action_size = 1

        def __call__(self, network: Any, actions: Any) -> Any:
            return np.zeros((1, 2, 10), dtype=np.int64)

    simulator = Simulator("tiny", 1, seed=1, codec="zones", components=oran_env.Components(codec=Everything()))
    simulator.reset()
    assert "owned_rbs" not in simulator.step(np.full((1, 2, 1), 1.5)).info
    assert simulator.observations[0, 0, -1] == 1.0  # what is seen stays within its bounds
