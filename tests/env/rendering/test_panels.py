"""The picture shows what happened, and drawing it changes nothing."""

from __future__ import annotations

import copy
import itertools
import pickle
import warnings
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from support.networks import BITS_OF_SLICE, idle, random_actions
from support.pictures import cell, holds, started, stepped

from oran_env import Simulator
from oran_env.rendering import (
    HEIGHT,
    WIDTH,
    Viewer,
    draw,
    take_snapshot,
)
from oran_env.rendering.map_panel import nearest_area
from oran_env.rendering.palette import CONTESTED, IDLE, INTERFERENCE, LIGHT, SLICE_COLOURS, pale
from oran_env.rendering.rb_panel import cell_centre

image = pytest.importorskip("PIL.Image")
pytest.importorskip("matplotlib")

Frame = NDArray[np.uint8]


# What a frame is


@pytest.mark.parametrize(
    "overrides",
    [
        {},
        {"num_dus": 1, "num_ues": 0},
        {"num_dus": 10, "num_ues": 500, "num_rbs": 273, "rb_bandwidth_hz": 360e3, "bandwidth_hz": 100e6},
        {"num_dus": 40, "num_ues": 100, "num_rbs": 1, "rb_bandwidth_hz": 20e6},
    ],
)
def test_a_frame_is_an_image_before_and_after_a_step(overrides: dict[str, Any]) -> None:
    simulator = started(**overrides)
    before = draw(simulator)
    simulator.step(random_actions(simulator, np.random.default_rng(0)))
    after = draw(simulator, mean_reward=1.0)
    for frame in (before, after):
        assert frame.shape == (HEIGHT, WIDTH, 3) == (800, 1200, 3)
        assert frame.dtype == np.uint8
        assert (frame[:5] == 255).all()  # nothing runs out of the picture
        assert (frame[:, :20] == 255).all()
        assert (frame[:, -20:] == 255).all()
    assert (before != after).any()


def test_equal_states_give_equal_frames_and_other_states_others() -> None:
    viewer, rng = Viewer(), np.random.default_rng(0)
    one, two = started(), started()
    frames = [viewer.frame(one)]
    for _ in range(3):
        actions = random_actions(one, rng)
        one.step(actions)
        two.step(actions)
        frames.append(viewer.frame(one, mean_reward=0.5))
        assert (draw(two, mean_reward=0.5) == frames[-1]).all()  # whatever the viewer has drawn before
    assert all((a != b).any() for a, b in itertools.pairwise(frames))
    two.reset(seed=3)
    assert (draw(two) == frames[0]).all()  # nothing of the last episode remains


def test_frames_do_not_share_memory() -> None:
    viewer, simulator = Viewer(), stepped()
    first = viewer.frame(simulator)
    kept = first.copy()
    simulator.step(idle(simulator))
    viewer.frame(simulator)
    assert (first == kept).all()


def test_a_viewer_follows_to_another_scenario_and_another_network() -> None:
    viewer, tiny, three = Viewer(), stepped(batch=2), stepped(num_dus=3)
    viewer.frame(tiny)
    assert (viewer.frame(three) == draw(three)).all()
    assert (viewer.frame(tiny, network=1) == draw(tiny, network=1)).all()
    assert (draw(tiny, network=1) != draw(tiny, network=0)).any()


def test_a_network_of_a_batch_looks_as_it_does_alone() -> None:
    batch, alone = Simulator("tiny", 2, [3, 9]), Simulator("tiny", 1, [9])
    actions = np.random.default_rng(0).random((2, 2, 20), dtype=np.float32)
    for simulator in (batch, alone):
        simulator.reset()
    assert (draw(batch, network=1) == draw(alone)).all()
    batch.step(actions)
    alone.step(actions[1:])
    assert (draw(batch, network=1) == draw(alone)).all()


def test_a_copied_viewer_starts_afresh() -> None:
    viewer, simulator = Viewer(), stepped()
    frame = viewer.frame(simulator)
    for other in (copy.deepcopy(viewer), pickle.loads(pickle.dumps(viewer))):
        assert (other.frame(simulator) == frame).all()


# What it shows


def test_a_cell_has_the_colour_of_its_slice() -> None:
    simulator = started(num_dus=3, num_ues=60)
    rng = np.random.default_rng(1)
    granted = rng.integers(-1, 3, (3, 10))  # -1 idle
    bits = np.where(granted[..., None] >= 0, BITS_OF_SLICE[granted], 0.0).astype(np.float32)  # (3, K, 2)
    simulator.step(bits.transpose(0, 2, 1).reshape(1, 3, 20))
    frame = draw(simulator)
    populated = simulator.last_outcome.num_ues[0] > 0  # type: ignore[union-attr]
    seen = set()
    for m in range(3):
        for k in range(10):
            i = int(granted[m, k])
            colour = IDLE if i < 0 else SLICE_COLOURS[i] if populated[m, i] else pale(SLICE_COLOURS[i])
            assert cell(frame, simulator, m, k) == colour, (m, k)
            seen.add(i)
    assert seen == {-1, 0, 1, 2}


def test_an_rb_of_a_slice_without_ue_is_pale() -> None:
    simulator = started(num_ues=1)
    (u_slice,), (u_du,) = simulator.state.slice_of_ue[0], simulator.state.serving[0]
    actions = np.broadcast_to(BITS_OF_SLICE[u_slice, :, None], (1, 2, 2, 10)).reshape(1, 2, 20)
    simulator.step(actions)
    frame = draw(simulator)
    assert cell(frame, simulator, u_du, 4) == SLICE_COLOURS[u_slice]
    assert cell(frame, simulator, 1 - u_du, 4) == pale(SLICE_COLOURS[u_slice])


def test_a_contested_rb_is_marked_and_an_idle_one_is_not() -> None:
    simulator = started(codec="slice_mask")
    actions = np.zeros((1, 2, 3, 10), np.float32)
    actions[0, 1, :2, 6] = 1.0  # two slices want RB 6 of DU 1
    simulator.step(actions.reshape(1, 2, 30))
    frame = draw(simulator)
    assert cell(frame, simulator, 1, 6) == CONTESTED
    assert cell(frame, simulator, 0, 6) == cell(frame, simulator, 1, 5) == IDLE


def test_the_strip_tells_how_many_dus_transmit() -> None:
    simulator = started()
    busy = simulator.state.serving[0]
    assert set(busy) == {0, 1}
    actions = np.zeros((1, 2, 2, 10), np.float32)
    for m, until in ((0, 6), (1, 3)):  # both on RBs 0-2, DU 0 alone on 3-5
        u = int(np.flatnonzero(busy == m)[0])
        actions[0, m, :, :until] = BITS_OF_SLICE[simulator.state.slice_of_ue[0, u], :, None]
    simulator.step(actions.reshape(1, 2, 20))
    shown = take_snapshot(simulator).last
    assert shown is not None
    assert shown.transmitters.tolist() == [2] * 3 + [1] * 3 + [0] * 4
    frame = draw(simulator)
    columns = [cell_centre(simulator.scenario, 0, k)[1] for k in range(10)]
    foot, top = frame[750, columns].tolist(), frame[708, columns].tolist()
    assert foot == [list(INTERFERENCE)] * 3 + [list(LIGHT)] * 3 + [[255] * 3] * 4
    assert top == [list(INTERFERENCE)] * 3 + [[255] * 3] * 7  # one DU fills half of the strip


def test_bars_stand_as_high_as_the_qos() -> None:
    simulator = stepped(steps=2, num_ues=40)
    outcome = simulator.last_outcome
    assert outcome is not None
    frame = draw(simulator)
    left, top, width, height = 790, 112, 386, 316
    compared = 0
    for m in range(2):
        for i in range(3):
            if outcome.num_ues[0, m, i] == 0:
                continue
            quality = outcome.qos_normalised[0, m, i]
            colour = SLICE_COLOURS[i] if quality >= 0.5 else pale(SLICE_COLOURS[i])
            column = round(left + (m + 0.5 + 0.8 / 3 * (i - 1)) * width / 2)
            beside = frame[top - 5 : top + height, column - 8 : column + 9]  # between the hatches
            filled = (beside == np.array(colour)).all(axis=2).any(axis=1).sum()
            assert filled == pytest.approx(quality * height / 1.02, abs=12)  # the threshold's dash lies over it
            compared += 1
    assert compared >= 4


def test_a_qos_of_nothing_is_drawn() -> None:
    simulator = started(num_ues=40)
    simulator.step(idle(simulator))
    outcome = simulator.last_outcome
    assert outcome is not None
    frame = draw(simulator)
    for i in range(3):
        if outcome.num_ues[0, 0, i] and outcome.qos_normalised[0, 0, i] == 0:
            column = round(790 + (0.5 + 0.8 / 3 * (i - 1)) * 386 / 2)
            assert (frame[422:428, column] != 255).any(axis=1).sum() >= 3


def test_bars_and_rbs_of_different_slices_are_hatched_differently() -> None:
    grey = []
    for i in range(3):
        simulator = started(num_ues=40)
        actions = np.zeros((1, 2, 2, 10), np.float32)
        actions[:] = BITS_OF_SLICE[i, :, None]
        simulator.step(actions.reshape(1, 2, 20))
        row, column = cell_centre(simulator.scenario, 0, 4)
        grey.append(np.ptp(draw(simulator)[row : row + 40, column - 30 : column + 30].mean(axis=2)))
    assert grey[0] < 5 < min(grey[1:])


def test_the_caption_is_drawn() -> None:
    simulator, viewer = stepped(), Viewer()
    assert (viewer.frame(simulator) == viewer.frame(simulator, caption="")).all()
    assert (viewer.frame(simulator) != viewer.frame(simulator, caption="policy: static")).any()


def test_ues_without_an_rb_are_hollow_and_those_away_are_not_drawn() -> None:
    simulator = started(num_ues=12)
    all_served = draw(simulator)
    simulator.step(idle(simulator))
    hollow = draw(simulator)
    map_only = (slice(112, 430), slice(24, 700))
    for colour in SLICE_COLOURS:
        assert holds(hollow[map_only], colour) < 0.8 * holds(all_served[map_only], colour)
    simulator.state.serving[0, :] = -1
    shown = take_snapshot(simulator)
    assert len(shown.position) == 0
    assert shown.attached.tolist() == [0, 0]
    empty = draw(simulator)
    assert [holds(empty[map_only], colour) for colour in SLICE_COLOURS] == [0, 0, 0]


def test_a_marker_lies_where_its_ue_stands() -> None:
    simulator = started(num_ues=1, min_speed_mps=0.0, max_speed_mps=0.0)
    (x0, _), (x1, y1) = simulator.parameters.mobility.area
    metres = (x1 - x0) / 696 if (x1 - x0) / 696 > 500 / 328 else 500 / 328
    for x, y in ((100.0, 150.0), (620.0, -130.0)):
        simulator.state.position[0, 0] = x, y
        frame = draw(simulator)
        where = np.argwhere((frame[112:462, 24:724] == SLICE_COLOURS[simulator.state.slice_of_ue[0, 0]]).all(axis=2))
        row, column = where.mean(axis=0)
        assert column == pytest.approx(2 + (x - x0) / metres, abs=3)
        assert row == pytest.approx(2 + (y1 - y) / metres, abs=3)


@pytest.mark.parametrize("num_dus", [1, 2, 6, 10])
def test_areas_are_where_an_ru_is_the_nearest(num_dus: int) -> None:
    p = started(num_dus=num_dus).parameters
    points = np.random.default_rng(0).uniform(p.mobility.area[0], p.mobility.area[1], (300, 2))
    nearest = np.linalg.norm(points[:, None] - p.path_loss.sites, axis=2).argmin(axis=1)
    for m in range(num_dus):
        corners = nearest_area(p.path_loss.sites, p.mobility.area, m)
        edges = np.roll(corners, -1, axis=0) - corners
        to = points[:, None] - corners
        inside = (edges[:, 0] * to[..., 1] - edges[:, 1] * to[..., 0] >= 0).all(axis=1)  # counter-clockwise
        assert (inside == (nearest == m)).all()


def test_slices_differ_for_colour_blind_readers_and_in_grey() -> None:
    linear = (np.array(SLICE_COLOURS) / 255) ** 2.2
    views = {  # Machado, Oliveira and Fernandes 2009, complete deficiency; and luminance alone
        "protanopia": [[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]],
        "deuteranopia": [[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]],
        "grey": [[0.213, 0.715, 0.072]] * 3,
    }
    for name, view in views.items():
        seen = np.clip(linear @ np.array(view).T, 0, 1) ** (1 / 2.2)
        for a, b in ((0, 1), (0, 2), (1, 2)):
            assert np.abs(seen[a] - seen[b]).max() > 0.1, (name, a, b)


# Refusals


def test_a_snapshot_refuses_what_is_not_there() -> None:
    simulator = Simulator("tiny", 2, 0)
    with pytest.raises(RuntimeError, match=r"before reset\(\)"):
        draw(simulator)
    simulator.reset()
    for network in (-1, 2):
        with pytest.raises(ValueError, match=rf"network is {network}; allowed: 0 to 1"):
            draw(simulator, network)
    with pytest.raises(ValueError, match=r"network is 0.5; allowed: an integer"):
        draw(simulator, 0.5)  # type: ignore[arg-type]


def test_a_state_that_was_set_has_no_last_step() -> None:
    played, fresh = stepped(), started()
    fresh.set_state(played.get_state())
    assert take_snapshot(fresh).last is None
    assert take_snapshot(fresh).step == 1
    assert draw(fresh).shape == (HEIGHT, WIDTH, 3)


def test_warnings_are_not_raised_by_a_frame() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        frame = draw(stepped())
    assert frame.any()
