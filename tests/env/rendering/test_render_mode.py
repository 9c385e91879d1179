"""Render modes of the environment, as Gymnasium and PettingZoo mean them."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from support.networks import random_actions
from support.pictures import started

from oran_env import OranParallelEnv, parallel_env
from oran_env.rendering import (
    NoDisplay,
    Renderer,
    draw,
)

image = pytest.importorskip("PIL.Image")
pytest.importorskip("matplotlib")

Frame = NDArray[np.uint8]


def play(env: OranParallelEnv, look: Callable[[], object]) -> list[Any]:
    observations, _ = env.reset(seed=5)
    look()
    trajectory: list[Any] = [observations]
    rng = np.random.default_rng(2)
    while env.agents:
        actions = {agent: rng.random(20, dtype=np.float32) for agent in env.agents}
        trajectory += env.step(actions)
        look()
    return trajectory


def test_drawing_does_not_change_the_trajectory() -> None:
    plain, drawn = (parallel_env("tiny", mode, horizon=4) for mode in (None, "rgb_array"))
    expected = play(plain, lambda: None)
    for a, b in zip(expected, play(drawn, drawn.render), strict=True):
        np.testing.assert_equal(a, b)
    np.testing.assert_equal(plain.simulator.get_state(), drawn.simulator.get_state())


def test_rgb_array_shows_the_mean_reward_of_the_episode() -> None:
    env = parallel_env("tiny", "rgb_array", horizon=4)
    frames: list[Any] = []
    trajectory = play(env, lambda: frames.append(env.render()))
    rewards = [list(step.values()) for step in trajectory[2::5]]
    assert len(rewards) == 4
    assert (frames[-1] == draw(env.simulator, mean_reward=float(np.mean(rewards)))).all()
    assert (frames[-1] != draw(env.simulator, mean_reward=float(np.mean(rewards)) + 0.02)).any()
    env.reset(seed=5)
    assert (frames[0] == env.render()).all()
    _, second, *_ = env.step({agent: np.zeros(20, np.float32) for agent in env.agents})  # the mean begins anew
    np.testing.assert_array_equal(env.render(), draw(env.simulator, mean_reward=float(np.mean(list(second.values())))))


@pytest.mark.parametrize("mode", ["tv", "ansi", "", 3, "RGB_ARRAY"])
def test_unknown_render_mode(mode: Any) -> None:
    with pytest.raises(ValueError, match=r"render_mode is .*allowed: None, 'human', 'rgb_array'"):
        parallel_env("tiny", mode)


def test_render_without_mode_warns_and_draws_nothing() -> None:
    env = parallel_env("tiny")
    env.reset(seed=0)
    with pytest.warns(UserWarning, match="without any render mode"):
        assert env.render() is None


def test_metadata_and_pickling() -> None:
    env = parallel_env("tiny", "rgb_array")
    assert env.metadata["render_modes"] == ["human", "rgb_array"]
    assert env.metadata["render_fps"] > 0
    env.reset(seed=0)
    frame = env.render()
    assert frame is not None
    again = pickle.loads(pickle.dumps(env))
    assert (again.render() == frame).all()


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """pygame with a screen that nobody sees."""
    pygame = pytest.importorskip("pygame")
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    yield pygame
    pygame.display.quit()


def test_human_shows_the_frame_at_reset_and_at_every_step(screen: Any) -> None:
    env = parallel_env("tiny", "human")
    env.reset(seed=5)
    means: list[float] = []
    for _ in range(3):
        shown = screen.surfarray.array3d(screen.display.get_surface()).transpose(1, 0, 2)
        assert (shown == draw(env.simulator, mean_reward=float(np.mean(means)) if means else None)).all()
        _, rewards, *_ = env.step({agent: np.full(20, 0.9, np.float32) for agent in env.agents})
        means.append(float(np.mean(list(rewards.values()))))
    assert env.render() is None
    env.close()
    env.close()
    assert screen.display.get_surface() is None


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_official_render_test(screen: Any) -> None:
    from pettingzoo.test import render_test
    from pettingzoo.utils import parallel_to_aec

    seen = []
    custom = {mode: lambda result: seen.append(result) or True for mode in ("human", "rgb_array")}  # type: ignore[func-returns-value]
    render_test(lambda render_mode: parallel_to_aec(parallel_env("tiny", render_mode)), custom)
    assert len(seen) == 10


def test_human_without_a_display_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pygame")
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SDL_VIDEODRIVER", "x11")
    env = parallel_env("tiny", "human")
    with pytest.raises(NoDisplay, match=r"'human' needs a display.*rgb_array"):
        env.reset(seed=0)
    monkeypatch.delenv("SDL_VIDEODRIVER")
    if sys.platform == "linux":
        with pytest.raises(NoDisplay, match=r"'human' needs a display.*rgb_array"):
            env.reset(seed=0)


def test_a_renderer_serves_any_shell_and_any_network() -> None:
    simulator, renderer = started(batch=2), Renderer("rgb_array", network=1)
    renderer.after_reset(simulator)
    simulator.step(random_actions(simulator, np.random.default_rng(0)))
    renderer.after_step(simulator)
    assert simulator.last_outcome is not None
    mean = float(simulator.last_outcome.reward[1].mean())
    np.testing.assert_array_equal(renderer.render(simulator), draw(simulator, 1, mean))
