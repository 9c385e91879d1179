"""`zone_rule`: what it grants, alike through bits and through `zones`; and the climb that finds the rules' numbers."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest

import oran_env
from oran_env import PRESETS, Simulator, make_scenario
from oran_env.model.mac.ownership import owners
from oran_env.policies.reading_rules import searchable
from oran_env.policies.reuse_plan import colours
from oran_env.policies.rules import SEARCHED, zone_rule
from oran_env.scoring.playable import returns_of
from oran_env.scoring.rule_spaces import Point, Space, climb, spaces_of

EMBB, MMTC, URLLC = 0, 1, 2
NUMBERS: dict[str, Any] = {"owned_rbs": 9, "own_embb": 3, "own_mmtc": 5, "rbs_per_urllc_ue": 2.6, "shared_embb": 0.1}


def played(scenario: str, seed: int, steps: int, numbers: dict[str, Any], **overrides: Any) -> Any:
    """Slices of the RBs (steps, B, M, K), rewards, and the UEs per slice before each step."""
    simulator = Simulator(scenario, 3, seed, **overrides)
    observations = simulator.reset()
    policy: Any = partial(zone_rule, scenario=simulator.scenario, **numbers)
    grids, rewards, ues = [], [], []
    for _ in range(steps):
        result = simulator.step(policy(observations))
        observations = result.observations
        assert simulator.last_outcome is not None
        grids.append(simulator.last_outcome.slice_of_rb)
        ues.append(result.info["num_ues"])
        rewards.append(result.rewards)
    return np.array(grids), np.array(rewards), np.array(ues)


def test_the_same_through_bits_and_through_zones() -> None:
    """Wherever a DU has UEs at all, to the RB; and the same rewards. Without UEs neither transmits."""
    runs = [played("paper", 5, 4, NUMBERS, codec=codec) for codec in ("two_bit", "slice_mask", "zones")]
    for grids, rewards, ues in runs[1:]:
        np.testing.assert_array_equal(rewards, runs[0][1])
        somebody = ues.sum(axis=-1) > 0
        np.testing.assert_array_equal(grids[somebody], runs[0][0][somebody])
        assert somebody.mean() > 0.9


def test_what_it_grants() -> None:
    grids, _, ues = played("paper", 6, 3, NUMBERS)
    whose = owners(100, 6, 9)
    full = 0
    for place in np.ndindex(ues.shape[:-1]):
        grid, n, m = grids[place], ues[place], place[-1]
        assert (grid[(whose >= 0) & (whose != m)] == -1).all()
        assert not any(n[i] == 0 and (grid == i).any() for i in range(3))
        if n.min() > 0:
            full += 1
            urllc = min(int(np.ceil(2.6 * n[URLLC])), 46)
            embb = min(5, 46 - urllc)
            assert [int((grid[whose == m] == i).sum()) for i in range(3)] == [3, 5, 1]
            assert grid[54:].tolist() == [URLLC] * urllc + [EMBB] * embb + [MMTC] * (46 - urllc - embb)
    assert full > 20


def one(ues: list[int], **numbers: Any) -> list[list[int]]:
    """RBs per slice, own and shared, of DU 1 of 6 with these UEs."""
    scenario = make_scenario("paper")
    observations = np.zeros((6, 206), dtype=np.float32)
    observations[:, 3:6] = np.array(ues) * 6 / 200
    action = zone_rule(observations, scenario, **{**NUMBERS, **numbers})[1]
    b, e = action.reshape(2, 100) > 0.5
    grid, whose = np.select([b & e, b, e], [MMTC, URLLC, EMBB], -1), owners(100, 6, 9)
    return [[int((grid[part] == i).sum()) for i in range(3)] for part in (whose == 1, whose == -1)]


@pytest.mark.parametrize(
    ("ues", "expected"),
    [
        ([5, 5, 10], [[3, 5, 1], [5, 15, 26]]),
        ([5, 5, 0], [[3, 6, 0], [5, 41, 0]]),  # what is over goes to mMTC
        ([5, 0, 10], [[3, 0, 6], [20, 0, 26]]),  # without mMTC to eMBB
        ([0, 0, 10], [[0, 0, 9], [0, 0, 46]]),
        ([0, 5, 0], [[0, 9, 0], [0, 46, 0]]),
        ([5, 5, 30], [[3, 5, 1], [0, 0, 46]]),  # URLLC first
        ([0, 0, 0], [[0, 0, 0], [0, 0, 0]]),
    ],
)
def test_slices_without_ues_get_nothing(ues: list[int], expected: list[list[int]]) -> None:
    assert one(ues) == expected


def test_owners_by_colour() -> None:
    """DUs of one colour use the same own RBs, neighbours others."""
    numbers = {**NUMBERS, "owned_rbs": 12, "own_embb": 7, "colours_own": True}
    grids, _, ues = played("paper", 7, 1, numbers)
    colour = colours(Simulator("paper", 1).parameters.path_loss.sites)
    for b, m in np.ndindex(3, 6):
        if ues[0, b, m].min() > 0:
            used = np.flatnonzero(grids[0, b, m, :36] >= 0)
            assert used.tolist() == [k for k in range(36) if k % 3 == colour[m]]


def test_refusals() -> None:
    scenario = make_scenario("paper")
    with pytest.raises(ValueError, match=r"allowed: \(\.\.\., 6, values\), of all 6 DUs"):
        zone_rule(np.zeros((5, 206), dtype=np.float32), scenario, **NUMBERS)
    shares, zones = (make_scenario("paper", codec=codec) for codec in ("slice_share", "zones"))
    with pytest.raises(ValueError, match="codec is 'slice_share'; allowed for a plan"):
        zone_rule(np.zeros((6, 10), dtype=np.float32), shares, **NUMBERS)
    with pytest.raises(ValueError, match="colours_own is True and the codec 'zones'"):
        zone_rule(np.zeros((6, 10), dtype=np.float32), zones, **NUMBERS, colours_own=True)
    with pytest.raises(ValueError, match="owned_rbs is 17; allowed: 0 to 16"):
        zone_rule(np.zeros((6, 206), dtype=np.float32), scenario, **{**NUMBERS, "owned_rbs": 17})


def test_it_beats_the_count_rule_on_paper() -> None:
    """Its searched numbers, on networks that no search has seen, by what it is there for: quiet RBs for eMBB."""
    simulator = Simulator("paper", 12, horizon=50)
    ours, theirs = (returns_of(name, simulator, [500 + i for i in range(12)]) for name in ("zone_rule", "count_rule"))
    assert (ours - theirs).mean() > 0.05


@pytest.mark.parametrize("codec", ["two_bit", "zones"])
def test_other_dus_may_follow_it(codec: str) -> None:
    """With bits it must know who is who, and sees all DUs, the agent's among them."""
    env = oran_env.OranDuEnv("paper", du=2, others="zone_rule", codec=codec)
    env.reset(seed=1)
    action = env.action_space.sample()
    simulator = Simulator("paper", 1, codec=codec)
    observations = simulator.reset([1])
    expected = oran_env.reference_policies(simulator.scenario)["zone_rule"](observations)
    expected[:, 2] = action
    reward = env.step(action)[1]
    assert reward == simulator.step(expected).rewards[0, 2]


def test_the_climb_finds_a_ridge() -> None:
    """A maximum that only an exchange of two coordinates reaches; every point is asked once, none outside."""
    asked: list[Point] = []

    def score(p: Point) -> float:
        asked.append(p)
        return -abs(p[0] - 17) - 100.0 * abs(p[0] + p[1] - 40)

    def inside(p: Point) -> dict[str, Any] | None:
        return {} if min(p) >= 0 else None

    straight = Space(inside, [(40, 0), (0, 0)], (5, 1))
    assert climb(score, straight)[0] == (40, 0)
    asked.clear()
    ridge = Space(inside, [(40, 0), (0, 0)], (5, 1), ((0, 1),))
    assert climb(score, ridge) == ((17, 23), 0.0)
    assert len(asked) == len(set(asked))
    assert min(min(p) for p in asked) >= 0


@pytest.mark.parametrize("scenario", PRESETS)
def test_every_point_is_a_rule(scenario: str) -> None:
    """The grid of each space lies inside, and its numbers are what the rule takes; one of them is count_rule itself."""
    made = make_scenario(scenario)
    simulator = Simulator(made, 2, seed=1)
    observations = simulator.reset()
    rules = {**SEARCHED, **searchable(made)}
    spaces = spaces_of(made)
    for name, rule in rules.items():
        space = spaces[name]
        grid: list[Point] = [(*space.unsearched, *p) for p in space.grid]
        points = [p for p in grid if space.parameters(p) is not None]
        assert len(points) > 5
        for point in (points[0], points[len(points) // 2], points[-1]):
            actions = rule(observations, scenario=made, **(space.parameters(point) or {}))
            assert actions.shape == (2, len(simulator.agents), simulator.action_size)
