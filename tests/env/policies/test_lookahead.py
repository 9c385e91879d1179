"""The search in copies of the simulator: what it may know, that it repeats, that it beats the rule it starts from."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import equations as ref

from oran_env import Simulator, make_scenario
from oran_env.model.cell.deployment import hexagonal_sites
from oran_env.policies.lookahead import AT_ONCE, LookaheadPolicy, as_plan
from oran_env.policies.offered import reference_policies
from oran_env.policies.reading_rules import UNSEARCHED_BACKLOG, backlog_rule
from oran_env.policies.reuse_plan import ALL, ONE, THREE, Plan, colours, encode_slices, lay_out
from oran_env.policies.rules import attached_ues, searched_parameters, zone_rule
from oran_env.scoring.playable import returns_of

CHEAP: dict[str, Any] = {"rounds": 1, "draws": 32, "interval": 5}
GROUPS = {ALL: np.zeros(6, dtype=np.int64), THREE: colours(hexagonal_sites(6, 500.0)), ONE: np.arange(6)}


@pytest.mark.parametrize("codec", ["two_bit", "slice_mask"])
def test_encode_slices(codec: str) -> None:
    grid = np.random.default_rng(0).integers(-1, 3, (4, 10))
    actions = encode_slices(grid, make_scenario("tiny", codec=codec))
    decode = ref.decode_two_bit if codec == "two_bit" else lambda action: ref.decode_slice_mask(action)[0]
    assert actions.dtype == np.float32
    for row, action in zip(grid, actions, strict=True):
        np.testing.assert_array_equal(decode(action), row)


@pytest.mark.parametrize("num_dus", [1, 2, 6, 10, 12])
def test_neighbours_have_different_colours(num_dus: int) -> None:
    sites = hexagonal_sites(num_dus, 500.0)
    chosen = colours(sites)
    assert set(chosen) <= {0, 1, 2}
    for m in range(num_dus):
        for j in range(m):
            if np.linalg.norm(sites[m] - sites[j]) < 501.0:
                assert chosen[m] != chosen[j]


def test_the_plan_of_zone_rule() -> None:
    """It gives every slice of every DU as many RBs as the rule does, and eMBB's to nobody else."""
    scenario = make_scenario("paper")
    zones = searched_parameters(scenario)["zone_rule"]
    assert (zones["own_embb"] > 0, zones["colours_own"], zones["shared_embb"]) == (True, False, 0.0)
    observations = Simulator(scenario, 8, 7).reset()
    grids = [ref.decode_two_bit(a) for a in zone_rule(observations, scenario, **zones).reshape(48, -1)]
    ues = attached_ues(observations, scenario)
    plan = as_plan(zones, 6, 100)
    everyone = [b for b in range(8) if ues[b].min() > 0]  # the plan owns nothing for a slice without UE
    assert len(everyone) > 1
    for b in everyone:
        grid = lay_out(plan, ues[b], GROUPS, 100)
        for m in range(6):
            rule = np.asarray(grids[6 * b + m])
            assert [(grid[m] == i).sum() for i in range(3)] == [(rule == i).sum() for i in range(3)]
        assert ((grid == 0).sum(axis=0) <= 1).all()


plans = st.builds(
    Plan,
    reuse=st.tuples(st.sampled_from([ALL, THREE, ONE]), st.sampled_from([ALL, THREE, ONE])),
    rbs_per_urllc_ue=st.floats(0.0, 4.0),
    embb_rbs=st.integers(0, 40),
    own_mmtc_rbs=st.integers(0, 8),
    corrections=st.tuples(*[st.tuples(st.integers(-20, 20), st.integers(-20, 20))] * 6),
)
attached = st.lists(st.lists(st.integers(0, 12), min_size=3, max_size=3), min_size=6, max_size=6).map(np.array)


@given(plans, attached)
@settings(max_examples=200)
def test_who_shares_an_rb(plan: Plan, ues: Any) -> None:
    """RBs of one's own are nobody else's, those of reuse 3 only of the same colour; no RB for a slice without UE."""
    grid = lay_out(plan, ues.astype(np.float64), GROUPS, 100)
    assert grid.shape == (6, 100)
    for m in range(6):
        for i in range(3):
            assert ues[m, i] > 0 or not (grid[m] == i).any()
        if ues[m].sum() == 0:
            assert (grid[m] == -1).all()
    for i, reuse in ((2, plan.reuse[0]), (0, plan.reuse[1])):
        if ues[:, i].min() == 0 or ues[:, 1].min() == 0 or reuse == ALL:
            continue  # another slice fills what is left
        for k in range(100):
            users = np.flatnonzero(grid[:, k] >= 0)
            if (grid[:, k] == i).any():
                assert len(set(GROUPS[reuse][users])) == 1


@given(plans, attached, st.integers(0, 5), st.sampled_from([-4, 3]))
def test_corrections_of_shared_rbs_leave_the_others_alone(plan: Plan, ues: Any, m: int, change: int) -> None:
    """What lets every DU be corrected at once and judged by its own reward."""
    plan = dataclasses.replace(plan, reuse=(ALL, plan.reuse[1]))
    before, after = (lay_out(p, ues.astype(np.float64), GROUPS, 100) for p in (plan, plan.corrected(m, 0, change)))
    others = np.delete(np.arange(6), m)
    assert (before[others] == after[others]).all()
    if ues[m].any():
        assert ((before[m] >= 0) == (after[m] >= 0)).all()  # and the same interference


def test_the_start_is_count_rule() -> None:
    simulator = Simulator("paper", 3, seed=1)
    policy = LookaheadPolicy(simulator, **CHEAP)
    observations = simulator.reset()
    rule = reference_policies(simulator.scenario)["count_rule"]
    ues = np.rint(observations[..., 3:6].astype(np.float64) * 200 / 6)
    for b in range(3):
        grid = lay_out(policy._rule, ues[b], policy._groups, 100)
        wanted = np.array([ref.decode_two_bit(action) for action in rule(observations[b])])
        for i in range(3):
            assert ((grid == i).sum(axis=1) == (wanted == i).sum(axis=1)).all()


def test_it_beats_the_rule() -> None:
    """On validation networks of the full size; docs/scoring.md has the numbers for whole episodes."""
    seeds = [1_000_000 + i for i in range(6)]
    simulator = Simulator("paper", 6, seeds, horizon=6)
    policy = LookaheadPolicy(simulator, **CHEAP)
    ours = returns_of(policy, simulator, seeds)
    theirs = returns_of("count_rule", simulator, seeds)
    assert (ours - theirs).mean() > 0.05
    assert 6 * 5 * 32 * 32 < policy.simulated_steps < 6 * 12 * 32 * 32


def test_it_leaves_the_simulator_alone_and_repeats() -> None:
    simulator = Simulator("tiny", 3, seed=2)
    observations = simulator.reset()
    before = simulator.get_state()
    first = LookaheadPolicy(simulator, **CHEAP)(observations)
    assert all((array == before[name]).all() for name, array in simulator.get_state().items())
    assert (LookaheadPolicy(simulator, **CHEAP)(observations) == first).all()
    assert set(np.unique(first)) <= {0.0, 1.0}


def test_a_network_does_not_depend_on_the_batch() -> None:
    def episode(seeds: list[int]) -> Any:
        simulator = Simulator("tiny", len(seeds), seeds, horizon=7)
        return returns_of(LookaheadPolicy(simulator, **CHEAP), simulator, seeds)

    assert episode([4, 5, 6])[1] == episode([5])[0]


def test_only_the_clairvoyant_knows_the_coming_fading() -> None:
    """Judged in copies with other key words; with the true ones the judgement is the reward that then comes."""
    for clairvoyant in (True, False):
        simulator = Simulator("tiny", 1, seed=3)
        policy = LookaheadPolicy(simulator, **CHEAP, clairvoyant=clairvoyant)
        observations = simulator.reset()
        seen: list[Any] = []
        judge = policy._copies.step

        def spy(actions: Any, judge: Any = judge, seen: Any = seen, policy: Any = policy) -> Any:
            key = policy._copies.get_state()["key"]
            result = judge(actions)
            seen.append((key, actions, result.rewards))
            return result

        policy._copies.step = spy  # type: ignore
        action = policy(observations)
        true = simulator.get_state()["key"][0]
        reward = simulator.step(action).rewards[0]
        keys = np.concatenate([key for key, _, _ in seen])
        assert (keys[:, 2:] == true[2:]).all()
        assert (keys[:, :2] == true[:2]).all() == clairvoyant
        if clairvoyant:
            judged = [r[i] for _, a, r in seen for i in range(len(a)) if (a[i] == action[0]).all()]
            assert judged
            assert all((r == reward).all() for r in judged)
        else:
            assert len(np.unique(keys[:, 0])) == len(keys) // 32  # one draw serves all 32 candidates
            assert not (keys[:, :2] == true[:2]).any()


def test_horizon_1_and_the_first_of_5_steps_are_the_candidates() -> None:
    """After the first step the copies follow the backlog rule on what they see, each its own future."""
    simulator = Simulator("tiny", 1, seed=5, latency="queue", observation="extended", offered_bps=(2e6, 0.0, 64e3))
    policy = LookaheadPolicy(simulator, rounds=1, draws=16, interval=1, horizon=3)
    observations = simulator.reset()
    seen: list[Any] = []
    judge = policy._copies.step

    def spy(actions: Any) -> Any:
        before = policy._copies.observations
        result = judge(actions)
        seen.append((policy._copies.get_state()["key"][:, 3].copy(), before, actions.copy(), result.rewards))
        return result

    policy._copies.step = spy  # type: ignore
    action = policy(observations)
    assert policy.simulated_steps == len(seen) * 512
    assert simulator.get_state()["key"][0, 3] == 0
    for i, (step, before, actions, _) in enumerate(seen):
        assert (step == i % 3 + 1).all()
        if i % 3:
            read = backlog_rule(before, simulator.scenario, **UNSEARCHED_BACKLOG)
            assert (actions == read).all()
    tried = np.concatenate([actions for _, _, actions, _ in seen[::3]])
    assert (tried == action[0]).all(axis=2).any(axis=0).all()  # for each DU; what is best for each is put together


def test_the_judgement_is_the_mean_of_the_steps() -> None:
    """Clairvoyant, without a queue: the plan goes on, so that playing it gives what it was judged by."""
    simulator = Simulator("tiny", 1, seed=6)
    policy = LookaheadPolicy(simulator, rounds=0, clairvoyant=True, horizon=3)
    simulator.reset()
    state = {name: array[0] for name, array in simulator.get_state().items()}
    ues = np.zeros((2, 3))
    np.add.at(ues, (state["serving"], state["slice_of_ue"]), 1)
    judged = policy._rewards(state, [policy._rule], ues, 1, np.random.default_rng(0))
    action = encode_slices(policy._grid(policy._rule, ues), simulator.scenario)[None]
    played = np.mean([simulator.step(action).rewards[0] for _ in range(3)], axis=0)
    np.testing.assert_allclose(judged[0, 0], played, rtol=1e-6)


def test_it_looks_beyond_the_end_of_the_episode() -> None:
    simulator = Simulator("tiny", 1, seed=7, horizon=2)
    policy = LookaheadPolicy(simulator, draws=16, interval=1, horizon=5)
    observations = simulator.reset()
    for _ in range(2):
        observations = simulator.step(policy(observations)).observations
    assert simulator.truncated.all()


def test_a_new_episode_is_searched_anew() -> None:
    simulator = Simulator("tiny", 1, seed=4, horizon=2)
    policy = LookaheadPolicy(simulator, **{**CHEAP, "rounds": 0})
    counts = []
    for _ in range(2):
        observations = simulator.reset()
        for _ in range(2):
            observations = simulator.step(policy(observations)).observations
            counts.append(policy.simulated_steps)
    assert counts[0] == counts[1] < counts[2] == counts[3]
    assert counts[2] == 2 * counts[0]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("rounds", -1),
        ("rounds", 1.0),
        ("draws", 0),
        ("draws", AT_ONCE + 1),
        ("interval", 0),
        ("seed", -1),
        ("seed", True),
        ("horizon", 0),
    ],
)
def test_refusals(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=rf"{name} is {value!r}; allowed"):
        LookaheadPolicy(Simulator("tiny", 1, seed=0), **{name: value})


def test_observations_of_another_simulator() -> None:
    policy = LookaheadPolicy(Simulator("tiny", 2, seed=0), **CHEAP)
    with pytest.raises(ValueError, match=r"\(3, 2, 26\); allowed: \(2, 2, 26\)"):
        policy(Simulator("tiny", 3, seed=0).reset())


def test_a_scenario_without_searched_rule() -> None:
    scenario = dataclasses.replace(make_scenario("tiny"), name="mine")
    simulator = Simulator(scenario, 1, seed=0)
    assert LookaheadPolicy(simulator, **CHEAP)(simulator.reset()).shape == (1, 2, 20)


def test_a_coarse_round_tries_every_split_of_the_lattice() -> None:
    """Where a backlog is kept: so many RBs to URLLC and eMBB at every DU, the rest to mMTC."""
    simulator = Simulator("tiny", 1, seed=3, latency="queue", observation="extended")
    simulator.reset()
    policy = LookaheadPolicy(simulator, draws=8)
    ues = np.full((2, 3), 4.0)
    for urllc, embb in policy._splits:
        grid = policy._grid(policy._split(policy._rule, ues, [0, 1], urllc, embb), ues)
        counts = [[int((row == i).sum()) for i in range(3)] for row in grid]
        assert counts == [[embb, 10 - urllc - embb, urllc]] * 2
    assert len(set(policy._splits)) >= 40
