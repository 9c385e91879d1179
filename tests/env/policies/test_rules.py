"""Rules: valid actions for every codec, sensible scores, and stored numbers that reproduce."""

from __future__ import annotations

import json
from functools import partial
from importlib import resources
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from oracle import equations as ref
from support.networks import idle as idle_actions
from support.networks import random_actions

from oran_env import PRESETS, Scenario, Simulator, make_scenario
from oran_env.numerics.seeding import validation_networks
from oran_env.policies.offered import reference_policies
from oran_env.policies.reading_rules import reading_policies, reads_backlog
from oran_env.policies.rules import (
    SEARCHED,
    apportion,
    attached_ues,
    count_rule,
    encode,
    static,
)
from oran_env.scoring.playable import policy_on, returns_of

NAMES = {"random", "idle", "equal_shares", "demand_proportional"}
CODECS = ["two_bit", "slice_mask"]
STORED = json.loads(resources.files("oran_env").joinpath("policies", "rules.json").read_text())["scenarios"]
KNOWN = [name for name in PRESETS if name in STORED]  # presets whose rules have been searched


def granted(actions: NDArray[np.float32], codec: str) -> NDArray[np.int64]:
    """RBs per slice (..., 3) that actions (..., A) give, by the reference's codec."""
    flat = actions.reshape(-1, actions.shape[-1])
    decode = ref.decode_two_bit if codec == "two_bit" else lambda action: ref.decode_slice_mask(action)[0]
    counts = [[int((decode(action) == i).sum()) for i in range(3)] for action in flat]
    return np.array(counts).reshape(*actions.shape[:-1], 3)


@pytest.mark.parametrize("codec", CODECS)
@given(data=st.data())
@settings(max_examples=100)
def test_encode_and_decode(codec: str, data: st.DataObject) -> None:
    """Counts → action → decoder → the same counts, each slice on neighbouring RBs."""
    scenario = make_scenario("tiny", codec=codec)
    stops = sorted(data.draw(st.lists(st.integers(0, 10), min_size=3, max_size=3)))
    counts = np.diff([0, *stops])
    action = encode(counts, scenario)
    assert action.shape == (20 if codec == "two_bit" else 30,)
    assert action.dtype == np.float32
    decoded = ref.decode_two_bit(action) if codec == "two_bit" else ref.decode_slice_mask(action)[0]
    np.testing.assert_array_equal(decoded, np.repeat([0, 1, 2, -1], [*counts, 10 - counts.sum()]))


@pytest.mark.parametrize("counts", [[-1, 2, 3], [5, 5, 1], [11, 0, 0]])
def test_counts_out_of_range(counts: list[int]) -> None:
    with pytest.raises(ValueError, match=r"counts.*allowed.*10"):
        encode(np.array(counts), make_scenario("tiny"))


@given(
    hnp.arrays(np.float64, st.tuples(st.integers(1, 4), st.integers(1, 5)), elements=st.floats(0, 1e6)),
    st.integers(0, 1000),
)
@settings(max_examples=200)
def test_apportion(weights: NDArray[np.float64], total: int) -> None:
    """All RBs are dealt, each share within one of the exact one, nothing for weight zero."""
    weights[weights < 1e-6] = 0.0
    counts = apportion(weights, total)
    assert counts.shape == weights.shape
    assert (counts >= 0).all()
    for row, dealt in zip(weights, counts, strict=True):
        assert dealt.sum() == (total if row.sum() > 0 else 0)
        assert (dealt[row == 0] == 0).all()
        if row.sum() > 0:
            assert (np.abs(dealt - row * total / row.sum()) < 1 + 1e-9).all()


def test_apportion_by_largest_remainder() -> None:
    assert apportion(np.array([1.0, 1.0, 1.0]), 100).tolist() == [34, 33, 33]
    assert apportion(np.array([5.0, 3.0, 2.5]), 10).tolist() == [5, 3, 2]  # 4.76, 2.86, 2.38


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("scenario", KNOWN)
def test_every_policy_is_valid(scenario: str, codec: str) -> None:
    """Actions of the right shape and range, without waste: nothing clipped, claimed twice or beyond K."""
    simulator = Simulator(scenario, 4, seed=1, codec=codec)
    policies = reference_policies(simulator.scenario)
    reading = set(reading_policies(simulator.scenario)) if reads_backlog(simulator.scenario) else set()
    assert set(policies) == NAMES | reading | {name for name in SEARCHED if name in STORED.get(scenario, {})}
    for name, policy in policies.items():
        observations = simulator.reset(seed=1)
        for _ in range(2):
            copy = observations.copy()
            actions = policy(observations)
            assert (observations == copy).all()
            assert actions.shape == (4, len(simulator.agents), simulator.action_size)
            assert actions.dtype == np.float32
            if name == "zone_rule":
                continue  # which asks for all DUs
            one = policy(observations[0, 0])
            assert one.shape == (simulator.action_size,)
            if name != "random":
                assert (one == actions[0, 0]).all()
            step = simulator.step(actions)
            assert (step.info["clipped_actions"] == 0).all()
            if name != "random":
                assert (step.info["rbs_claimed"] == granted(actions, codec).sum(axis=-1)).all()
                assert (step.info["penalty_resource"] == 0).all()
            observations = step.observations


def test_attached_ues_can_be_read_from_the_observation() -> None:
    for scenario in ("paper", "tiny"):
        simulator = Simulator(scenario, 3, seed=2)
        observations = simulator.reset()
        rng = np.random.default_rng(3)
        for _ in range(5):
            seen = attached_ues(observations, simulator.scenario)
            step = simulator.step(random_actions(simulator, rng))
            np.testing.assert_array_equal(seen, step.info["num_ues"])
            observations = step.observations


def with_ues(counts: list[int], **overrides: Any) -> tuple[NDArray[np.float32], Any]:
    """An observation (D,) of a DU with these UEs per slice, and the scenario."""
    scenario = make_scenario("paper", **overrides)
    observation = np.zeros(206, dtype=np.float32)
    observation[3:6] = np.array(counts) * 6 / 200
    return observation, scenario


def test_what_the_rules_grant() -> None:
    observation, scenario = with_ues([10, 20, 8])
    policies = reference_policies(scenario)
    assert granted(policies["idle"](observation), "two_bit").tolist() == [0, 0, 0]
    assert granted(policies["equal_shares"](observation), "two_bit").tolist() == [34, 33, 33]
    proportional = granted(policies["demand_proportional"](observation), "two_bit")
    assert proportional.tolist() == [26, 53, 21]  # 26.3, 52.6, 21.1
    shares = granted(static(observation, scenario, [0.2, 0.3, 0.4]), "two_bit")
    assert shares.tolist() == [20, 30, 40]  # a tenth stays idle
    rule = partial(count_rule, scenario=scenario, rbs_per_urllc_ue=2.5, embb_share=0.25)
    assert granted(rule(observation), "two_bit").tolist() == [25, 55, 20]
    for ues, expected in [
        ([10, 0, 8], [80, 0, 20]),  # no mMTC: its rest goes to eMBB
        ([0, 20, 8], [0, 80, 20]),
        ([0, 0, 8], [0, 0, 20]),
        ([10, 20, 0], [25, 75, 0]),
        ([10, 20, 39], [2, 0, 98]),  # 97.5 rounded up; eMBB takes what is left
        ([10, 20, 60], [0, 0, 100]),
        ([0, 0, 0], [0, 0, 0]),
    ]:
        assert granted(rule(with_ues(ues)[0]), "two_bit").tolist() == expected


def test_the_random_policy_is_uniform_and_repeats_with_its_seed() -> None:
    scenario = make_scenario("paper")
    observations = np.zeros((50, 6, 206), dtype=np.float32)
    first, second = (reference_policies(scenario)["random"] for _ in range(2))
    actions = first(observations)
    assert (actions == second(observations)).all()
    assert (actions != first(observations)).any()
    assert ((actions >= 0) & (actions < 1)).all()
    assert abs(actions.mean() - 0.5) < 4 / np.sqrt(12 * actions.size)


@pytest.fixture(scope="module")
def held_in() -> dict[str, dict[str, float]]:
    """Return of every policy on ten networks per preset (seeds 500…, neither validation nor test)."""
    seeds = [500 + i for i in range(10)]
    returns = {}
    for scenario in KNOWN:
        simulator = Simulator(scenario, len(seeds), seeds)
        policies = reference_policies(simulator.scenario)
        returns[scenario] = {
            name: float(returns_of(policy, simulator, seeds).mean()) for name, policy in policies.items()
        }
    return returns


@pytest.mark.parametrize("scenario", KNOWN)
def test_order_of_the_policies(held_in: dict[str, dict[str, float]], scenario: str) -> None:
    returns = held_in[scenario]
    if scenario == "dynamic":  # counts alone do not tell what waits there
        assert returns["static"] > max(returns["random"], returns["equal_shares"]) > returns["idle"]
        return
    assert min(returns["count_rule"], returns["static"]) > returns["random"] > returns["idle"]
    assert returns["static"] > returns["equal_shares"]
    assert returns["count_rule"] > returns["demand_proportional"]
    if scenario not in ("overload", "dus_2"):  # where the RBs run out, serving URLLC first does not pay
        assert returns["count_rule"] > returns["static"]


@pytest.mark.parametrize("scenario", KNOWN)
@pytest.mark.parametrize("name", sorted(SEARCHED))
def test_stored_returns_reproduce(scenario: str, name: str) -> None:
    """The number beside the stored parameters is what one evaluation on the 20 validation networks gives."""
    entry = STORED[scenario]
    if name not in entry:
        pytest.skip(f"{name} has not been searched on {scenario}")
    assert entry["command"] == f"python -m oran_env.scoring.rule_search {scenario} --networks 20"
    first = entry.get("validation_seed")  # networks of numbers that were searched before validation had names
    networks = validation_networks(20) if first is None else [first + b for b in range(20)]
    simulator = Simulator(scenario, 20, seed=0)
    policy = partial(SEARCHED[name], scenario=simulator.scenario, **entry[name]["parameters"])
    score = returns_of(policy, simulator, networks).mean()
    assert round(score, 4) == pytest.approx(entry[name]["validation_return"], abs=1.5e-4)


def test_returns_are_the_mean_reward_per_du_and_step() -> None:
    simulator = Simulator("tiny", 2, seed=0)
    policy = reference_policies(simulator.scenario)["equal_shares"]
    score = returns_of(policy, simulator, [3, 4]).mean()
    observations = simulator.reset([3, 4])
    rewards = []
    for _ in range(25):
        step = simulator.step(policy(observations))
        observations = step.observations
        rewards.append(step.rewards)
    assert score == pytest.approx(float(np.mean(rewards)), rel=1e-6)
    assert simulator.truncated.all()
    assert returns_of(policy, simulator, [3, 4]).mean() == score
    assert returns_of(lambda o: idle_actions(simulator), simulator, [3, 4]).mean() < score


def test_a_scenario_of_ones_own_has_the_rules_that_need_no_search() -> None:
    assert set(reference_policies(Scenario(name="mine"))) == {
        "random",
        "idle",
        "equal_shares",
        "demand_proportional",
    }


@pytest.mark.parametrize("num_dus", [1, 2, 4, 6, 10])
def test_reuse_3(num_dus: int) -> None:
    """Neighbouring DUs never meet on an RB; each has a third of them, in even shares."""
    simulator = Simulator("paper", 2, seed=1, num_dus=num_dus)
    policy = policy_on("reuse_3", simulator)
    observations = simulator.reset()
    simulator.step(policy(observations))
    assert simulator.last_outcome is not None
    used = simulator.last_outcome.slice_of_rb[0] >= 0
    sites = simulator.parameters.path_loss.sites
    apart = np.linalg.norm(sites[:, None] - sites, axis=-1)
    for m, n in np.argwhere((apart > 0) & (apart < 501)):
        assert not (used[m] & used[n]).any()
    assert set(used.sum(axis=1)) <= {33, 34}
    for m in range(num_dus):
        counts = np.bincount(simulator.last_outcome.slice_of_rb[0, m][used[m]], minlength=3)
        assert counts.max() - counts.min() <= 1
    with pytest.raises(ValueError, match=rf"allowed: \(\.\.\., {num_dus}, values\), of all {num_dus} DUs"):
        policy(np.concatenate([observations, observations[:, :1]], axis=1))
