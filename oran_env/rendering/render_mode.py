"""``render_mode`` as Gymnasium and PettingZoo mean it, for any environment that is a shell around the simulator."""

from __future__ import annotations

import gymnasium
import numpy as np
from numpy.typing import NDArray

from oran_env.rendering.viewer import Viewer
from oran_env.simulator.simulator import Simulator

RENDER_MODES = ("human", "rgb_array")
RENDER_FPS = 10  # a step is 100 ms by default: the film then runs in real time


class Renderer:
    """Draws one network of a shell's simulator in its render mode.

    A shell calls ``after_reset`` and ``after_step``, and passes ``render`` and ``close`` on.

    Args:
        render_mode: None; "rgb_array": ``render`` returns the picture; "human": a window follows every reset and step.
        network: which network of the batch.

    Raises:
        ValueError: unknown render mode.
    """

    def __init__(self, render_mode: str | None = None, network: int = 0) -> None:
        if render_mode is not None and render_mode not in RENDER_MODES:
            allowed = ", ".join(f"'{mode}'" for mode in RENDER_MODES)
            raise ValueError(f"render_mode is {render_mode!r}; allowed: None, {allowed}")
        self.render_mode = render_mode
        self.caption = ""
        self._network = network
        self._viewer = Viewer()
        self._rewards = 0.0
        self._steps = 0

    def after_reset(self, simulator: Simulator) -> None:
        """A new episode has begun."""
        self._rewards, self._steps = 0.0, 0
        if self.render_mode == "human":
            self.render(simulator)

    def after_step(self, simulator: Simulator) -> None:
        """A step has been taken."""
        if self.render_mode is None:
            return
        assert simulator.last_outcome is not None
        self._rewards += float(simulator.last_outcome.reward[self._network].mean(dtype=np.float64))
        self._steps += 1
        if self.render_mode == "human":
            self.render(simulator)

    def render(self, simulator: Simulator) -> NDArray[np.uint8] | None:
        """The picture as an array (HEIGHT, WIDTH, 3) in mode "rgb_array"; None after showing it in mode "human".

        Raises:
            MissingExtra: the extra ``render`` is not installed.
            NoDisplay: mode "human" on a machine without a display.
            RuntimeError: before the first reset.
        """
        if self.render_mode is None:
            gymnasium.logger.warn(
                "You are calling render() without any render mode, so nothing is drawn. Choose it when making the "
                "environment, e.g. oran_env.parallel_env(..., render_mode='rgb_array')"
            )
            return None
        mean = self._rewards / self._steps if self._steps else None
        if self.render_mode == "rgb_array":
            return self._viewer.frame(simulator, self._network, mean, self.caption)
        self._viewer.show(simulator, self._network, mean, RENDER_FPS, self.caption)
        return None

    def close(self) -> None:
        """Close the window, if there is one; rendering again opens a new one."""
        self._viewer.close()
