"""Where RUs and UEs stand, how UEs move, who serves them, and which slice they have."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from numpy.typing import NDArray
from oracle import equations as ref
from scipy import stats
from support.networks import idle, random_actions

from oran_env import Simulator
from oran_env.model.cell.deployment import hexagonal_sites, service_area


@pytest.mark.parametrize("num_dus", range(1, 20))
def test_lattice_against_the_reference(num_dus: int) -> None:
    sites = hexagonal_sites(num_dus, 500.0)
    np.testing.assert_allclose(sites, ref.hexagonal_layout(num_dus, 500.0), atol=1e-9)
    if num_dus > 1:
        gaps = np.linalg.norm(sites[:, None] - sites[None], axis=-1)
        gaps[np.diag_indices(num_dus)] = np.inf
        np.testing.assert_allclose(gaps.min(axis=1), 500.0)  # nobody is nearer, and everybody has such a neighbour


def test_six_dus_are_two_rows_of_three() -> None:
    height = 500.0 * math.sqrt(3) / 2
    expected = [(0, 0), (500, 0), (1000, 0), (250, height), (750, height), (1250, height)]
    np.testing.assert_allclose(hexagonal_sites(6, 500.0), expected)
    low, high = service_area(hexagonal_sites(6, 500.0), 250.0)
    np.testing.assert_allclose(low, (-250, -250))
    np.testing.assert_allclose(high, (1500, height + 250))


@pytest.mark.parametrize("num_dus", [1, 3, 7])
def test_the_simulator_uses_this_layout(num_dus: int) -> None:
    simulator = Simulator("tiny", 1, 0, num_dus=num_dus, site_spacing_m=200.0, margin_m=70.0)
    sites = ref.hexagonal_layout(num_dus, 200.0)
    np.testing.assert_allclose(simulator.parameters.path_loss.sites, sites, atol=1e-9)
    np.testing.assert_allclose(simulator.parameters.mobility.area, ref.service_area(sites, 70.0))


@pytest.mark.parametrize("num_dus", range(1, 20))
def test_every_number_of_dus_works(num_dus: int) -> None:
    simulator = Simulator("tiny", 2, seed=num_dus, num_dus=num_dus, num_ues=40)
    assert simulator.reset().shape == (2, num_dus, 26)
    rng = np.random.default_rng(0)
    for _ in range(3):
        result = simulator.step(random_actions(simulator, rng))
        assert result.rewards.shape == (2, num_dus)
        assert np.isfinite(result.rewards).all()
        assert (result.info["num_ues"].sum(axis=(1, 2)) == 40).all()
        low, high = simulator.observation_low, simulator.observation_high
        assert ((result.observations >= low) & (result.observations <= high)).all()


@pytest.fixture(scope="module")
def placed() -> Simulator:
    simulator = Simulator("paper", 64, seed=1)
    simulator.reset()
    return simulator


def test_placement_is_uniform(placed: Simulator) -> None:
    low, high = placed.parameters.mobility.area
    for axis in (0, 1):
        unit = (placed.state.position[..., axis] - low[axis]) / (high[axis] - low[axis])
        assert stats.kstest(unit.ravel(), "uniform").pvalue > 1e-3
    headings = np.arctan2(placed.state.direction[..., 1], placed.state.direction[..., 0])
    assert stats.kstest(headings.ravel() / (2 * math.pi) + 0.5, "uniform").pvalue > 1e-3
    assert stats.kstest((placed.state.speed.ravel() - 10) / 10, "uniform").pvalue > 1e-3


def test_ues_are_served_by_the_nearest_du(placed: Simulator) -> None:
    d = np.linalg.norm(placed.state.position[:, :, None] - placed.parameters.path_loss.sites, axis=-1)
    assert (placed.state.serving == d.argmin(axis=-1)).all()


def test_slice_mix_is_dirichlet_per_du_area(placed: Simulator) -> None:
    """Dirichlet(2, 2, 2) shares have mean 1/3, variance 2/63; with n UEs the sample share adds E[p(1-p)]/n."""
    state = placed.state
    shares, expected_square = [], []
    for b in range(64):
        for m in range(6):
            mine = state.slice_of_ue[b, state.serving[b] == m]
            if mine.size >= 5:
                shares.append(np.bincount(mine, minlength=3) / mine.size)
                expected_square.append(2 / 63 + (1 / 3 - 2 / 63 - 1 / 9) / mine.size)
    sample = np.array(shares)
    assert np.abs(sample.mean(axis=0) - 1 / 3).max() < 4 * math.sqrt(0.05 / len(sample))
    squares = ((sample - 1 / 3) ** 2).mean(axis=1)
    assert abs(squares.mean() - np.mean(expected_square)) < 4 * squares.std() / math.sqrt(len(squares))


def test_uniform_slice_mix() -> None:
    simulator = Simulator("paper", 64, seed=2, slice_mix="uniform")
    simulator.reset()
    assert stats.chisquare(np.bincount(simulator.state.slice_of_ue.ravel(), minlength=3)).pvalue > 1e-3


def test_slices_stay_for_the_episode_and_change_with_it() -> None:
    simulator = Simulator("tiny", 1, seed=3)
    simulator.reset()
    before = simulator.get_state()
    for _ in range(10):
        simulator.step(idle(simulator))
        assert (simulator.state.slice_of_ue == before["slice_of_ue"]).all()
    simulator.reset()
    assert (simulator.state.slice_of_ue != before["slice_of_ue"]).any()
    assert (simulator.state.position != before["position"]).all()


def trajectory(
    simulator: Simulator, steps: int
) -> tuple[list[dict[str, NDArray[np.float64]]], list[NDArray[np.int64]]]:
    """States before and after each step, and the handovers that each step reports."""
    simulator.reset()
    states, handovers = [simulator.get_state()], []
    for _ in range(steps):
        handovers.append(simulator.step(idle(simulator)).info["handovers"])
        states.append(simulator.get_state())
    return states, handovers


def test_movement() -> None:
    """Inside the area, at constant speed, turning by one of the seven angles, reflected at the border."""
    simulator = Simulator("paper", 4, seed=4, step_s=1.0)
    low, high = simulator.parameters.mobility.area
    turns = np.array(simulator.scenario.mobility.turns_rad)
    assert sorted(turns) == pytest.approx([x * math.pi for x in (-1 / 3, -1 / 6, -1 / 12, 0, 1 / 12, 1 / 6, 1 / 3)])
    states, _ = trajectory(simulator, 60)
    seen = np.zeros(7)
    reflected = 0
    for before, after in itertools.pairwise(states):
        assert (after["speed"] == before["speed"]).all()
        assert (after["speed"] >= 10).all()
        assert (after["speed"] <= 20).all()
        assert (low <= after["position"]).all()
        assert (after["position"] <= high).all()
        np.testing.assert_allclose(np.linalg.norm(after["direction"], axis=-1), 1.0, rtol=1e-12)
        # The seven places each UE could have reached on an endless plane.
        angle = np.arctan2(before["direction"][..., 1], before["direction"][..., 0])[..., None] + turns
        heading = np.stack([np.cos(angle), np.sin(angle)], axis=-1)
        free = before["position"][..., None, :] + before["speed"][..., None, None] * heading
        inside = ((low <= free) & (free <= high)).all(axis=-1)
        folded = np.where(free < low, 2 * low - free, np.where(free > high, 2 * high - free, free))
        flip = np.where((free < low) | (free > high), -1.0, 1.0)
        match = np.isclose(folded, after["position"][..., None, :], atol=1e-6).all(axis=-1)
        match &= np.isclose(flip * heading, after["direction"][..., None, :], atol=1e-9).all(axis=-1)
        assert (match.sum(axis=-1) == 1).all()
        seen += match.sum(axis=(0, 1))
        moved = np.linalg.norm(after["position"] - before["position"], axis=-1)
        assert (moved <= before["speed"] * (1 + 1e-9)).all()
        stayed_inside = (match & inside).any(axis=-1)
        np.testing.assert_allclose(moved[stayed_inside], before["speed"][stayed_inside], rtol=1e-9)
        reflected += int((~stayed_inside).sum())
    assert reflected > 50
    assert stats.chisquare(seen).pvalue > 1e-3


def test_turns_of_neighbouring_ues_and_steps_are_independent() -> None:
    states, _ = trajectory(Simulator("paper", 8, seed=5, margin_m=1e5), 20)  # so wide that nobody is reflected
    headings = np.array([np.arctan2(s["direction"][..., 1], s["direction"][..., 0]) for s in states])
    turns = (np.diff(headings, axis=0) + math.pi) % (2 * math.pi) - math.pi  # (steps, networks, UEs)
    for axis in range(3):
        here, there = np.delete(turns, 0, axis).ravel(), np.delete(turns, -1, axis).ravel()
        assert abs(np.corrcoef(here, there)[0, 1]) < 5 / math.sqrt(here.size)


def test_a_step_longer_than_the_area_is_reflected_until_inside() -> None:
    simulator = Simulator(
        "tiny", 4, seed=6, num_dus=1, margin_m=5.0, min_speed_mps=300.0, max_speed_mps=400.0, step_s=1.0
    )
    states, _ = trajectory(simulator, 20)
    low, high = simulator.parameters.mobility.area
    assert all(((low <= s["position"]) & (s["position"] <= high)).all() for s in states)


def test_handovers_are_changes_of_the_serving_du() -> None:
    simulator = Simulator("paper", 2, seed=7, site_spacing_m=60.0, margin_m=30.0)
    states, handovers = trajectory(simulator, 40)
    total = 0
    for before, after, counted in zip(states, states[1:], handovers, strict=False):
        for b in range(2):
            changed = before["serving"][b] != after["serving"][b]
            arrived = np.bincount(after["serving"][b][changed].astype(int), minlength=6)
            np.testing.assert_array_equal(counted[b], arrived)
            total += int(changed.sum())
    assert total > 150


def test_standing_ues_never_hand_over() -> None:
    simulator = Simulator("paper", 2, seed=8, min_speed_mps=0.0, max_speed_mps=0.0)
    states, handovers = trajectory(simulator, 5)
    assert (np.array(handovers) == 0).all()
    assert (states[0]["position"] == states[-1]["position"]).all()
