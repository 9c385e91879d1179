"""The service area as a torus: the nearest image, the same place for every DU, and UEs that leave and come in."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from support.networks import idle

from oran_env import ScenarioError, Simulator, make_scenario
from oran_env.model.radio.path_loss import update_gains
from oran_env.model.radio.wrapping import nearest_image, wrapped
from oran_env.policies.reuse_plan import colours

LENGTHS = st.floats(-1e5, 1e5)
PERIODS = st.floats(1.0, 1e4)
CLOSED = (4, 6, 8, 16, 20)


@given(LENGTHS, PERIODS)
def test_the_nearest_image_is_the_nearest(offset: float, period: float) -> None:
    found = nearest_image(offset, period)
    around = math.trunc(offset / period)
    images = [offset - n * period for n in range(around - 2, around + 3)]
    assert abs(found) == pytest.approx(min(map(abs, images)), abs=1e-9 * (abs(offset) + period))
    assert abs(nearest_image(-offset, period)) == pytest.approx(abs(found), abs=1e-9 * (abs(offset) + period))


@given(LENGTHS, st.floats(-1e4, 1e4), PERIODS)
def test_who_leaves_comes_in_on_the_other_side(place: float, low: float, period: float) -> None:
    inside = wrapped(place, low, low + period)
    room = 1e-9 * (abs(place) + abs(low) + period)
    assert low - room <= inside <= low + period + room
    around = (inside - place) / period
    assert around == pytest.approx(round(around), abs=1e-6 + room / period)


def torus(num_dus: int, **overrides: Any) -> Simulator:
    simulator = Simulator("tiny", 2, seed=1, num_dus=num_dus, num_ues=60, wrap_around=True, **overrides)
    simulator.reset()
    return simulator


@pytest.mark.parametrize("num_dus", CLOSED)
def test_every_du_has_the_same_neighbourhood(num_dus: int) -> None:
    p = torus(num_dus).parameters.path_loss
    apart = p.sites[:, None] - p.sites[None]
    images = [apart + np.array(n) * p.period for n in itertools.product((-1, 0, 1), repeat=2)]
    distances = np.sort(np.min([np.linalg.norm(image, axis=-1) for image in images], axis=0), axis=1)
    np.testing.assert_allclose(distances, np.broadcast_to(distances[0], distances.shape), atol=1e-6)
    each = np.sort(np.concatenate([np.linalg.norm(image, axis=-1) for image in images], axis=1), axis=1)
    np.testing.assert_allclose(each[:, 1:7], 500.0)  # six images as near as a neighbour on the endless lattice
    assert (each[:, 7] > 800.0).all()


@pytest.mark.parametrize("num_dus", CLOSED)
@pytest.mark.parametrize("sectors", [1, 3])
def test_a_shift_by_the_lattice_permutes_the_dus(num_dus: int, sectors: int) -> None:
    """Moving all UEs by the vector between two sites gives DU by DU the gains that its image had."""
    simulator = torus(num_dus * sectors, sectors=sectors)
    p, which = simulator.parameters.path_loss, np.arange(2)
    before = simulator.state.gain.copy()
    for step in (np.array([500.0, 0.0]), np.array([250.0, 250.0 * math.sqrt(3)]), np.array([-750.0, 250.0 * 3**0.5])):
        moved = p.sites[::sectors] + step
        around = (moved[:, None] - p.sites[None, ::sectors]) / p.period
        onto = np.abs(around - np.rint(around)).sum(axis=-1).argmin(axis=1)
        assert sorted(onto) == list(range(num_dus))
        cells = (onto[:, None] * sectors + np.arange(sectors)).ravel()
        at = simulator.state.position.copy()
        simulator.state.position[...] += step
        update_gains(which, p, simulator.state)
        np.testing.assert_allclose(simulator.state.gain[..., cells], before, rtol=1e-9)
        simulator.state.position[...] = at


def test_the_area_is_that_of_the_cells() -> None:
    p = torus(6).parameters.mobility
    np.testing.assert_allclose(p.area[1] - p.area[0], (1500.0, 500.0 * math.sqrt(3)))
    assert np.prod(p.area[1] - p.area[0]) == pytest.approx(6 * 500.0**2 * math.sqrt(3) / 2)
    # Nothing of the margin is left.
    np.testing.assert_array_equal(p.area, torus(6, margin_m=77.0).parameters.mobility.area)


def test_reuse_3_has_no_seam() -> None:
    """Neighbours across the seam differ in colour where a row holds a multiple of three."""
    p = torus(6).parameters.path_loss
    colour = colours(p.sites)
    apart = p.sites[:, None] - p.sites[None]
    for n in itertools.product((-1, 0, 1), repeat=2):
        near = np.isclose(np.linalg.norm(apart + np.array(n) * p.period, axis=-1), 500.0)
        assert not (near & (colour[:, None] == colour[None])).any()


def test_ues_go_on_straight_across_the_border() -> None:
    simulator = torus(4, min_speed_mps=200.0, max_speed_mps=900.0, turns_rad=(0.0,), site_spacing_m=100.0)
    low, high = simulator.parameters.mobility.area
    crossed = 0
    for _ in range(20):
        before = simulator.get_state()
        simulator.step(idle(simulator))
        after = simulator.get_state()
        np.testing.assert_allclose(after["direction"], before["direction"], rtol=1e-12)
        assert ((low <= after["position"]) & (after["position"] <= high)).all()
        free = before["position"] + 0.1 * before["speed"][..., None] * before["direction"]
        around: NDArray[Any] = (after["position"] - free) / (high - low)
        np.testing.assert_allclose(around, np.rint(around), atol=1e-9)
        crossed += int(np.abs(np.rint(around)).sum())
    assert crossed > 500


@pytest.mark.parametrize("num_dus", [1, 2, 3, 5, 7, 9, 10, 12, 19])
def test_a_lattice_that_does_not_close_is_refused(num_dus: int) -> None:
    with pytest.raises(ScenarioError, match=r"wrap_around is True with \d+ sites.*allowed: an even number of rows"):
        make_scenario("tiny", num_dus=num_dus, wrap_around=True)


def test_what_is_true_is_true() -> None:
    for value in (1, 0, "yes", None):
        with pytest.raises(ScenarioError, match="wrap_around is"):
            make_scenario("tiny", num_dus=4, wrap_around=value)
