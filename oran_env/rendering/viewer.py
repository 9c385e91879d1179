"""The whole picture: a canvas whose fixed parts are drawn once, and panels that follow the network."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from oran_env.rendering.canvas import HEIGHT, WIDTH, Canvas
from oran_env.rendering.header_panel import Header
from oran_env.rendering.map_panel import MapPanel
from oran_env.rendering.qos_panel import QosPanel
from oran_env.rendering.rb_panel import GridPanel
from oran_env.rendering.snapshot import Snapshot, take_snapshot
from oran_env.rendering.window import Window
from oran_env.scenario.fields import Scenario
from oran_env.simulator.simulator import Simulator


class Panel(Protocol):
    """A part of the picture."""

    def update(self, shown: Snapshot) -> Iterable[Any]:
        """Follow the network; return the artists to draw, from back to front."""


class Viewer:
    """Draws networks; keeps its canvas as long as the scenario stays the same, and opens a window when asked to.

    A copy, pickled or not, starts without canvas and window.
    """

    def __init__(self) -> None:
        self._drawn: Scenario | None = None
        self._canvas: Canvas | None = None
        self._panels: list[Panel] = []
        self._window: Window | None = None

    def frame(
        self, simulator: Simulator, network: int = 0, mean_reward: float | None = None, caption: str = ""
    ) -> NDArray[np.uint8]:
        """The picture of one network as it is now, (HEIGHT, WIDTH, 3).

        Args:
            simulator: read only.
            network: index in the batch.
            mean_reward: of the episode so far, per DU and step, for the header; None leaves it out.
            caption: who acts, for the header.

        Raises:
            MissingExtra: the extra ``render`` is not installed.
            ValueError: no such network.
            RuntimeError: before the first reset.
        """
        shown = take_snapshot(simulator, network, mean_reward, caption)
        if self._canvas is None or self._drawn != simulator.scenario:
            self._canvas = Canvas()
            self._panels = [
                MapPanel(self._canvas, simulator),
                QosPanel(self._canvas, simulator.scenario),
                GridPanel(self._canvas, simulator.scenario),
                Header(self._canvas, simulator.scenario),
            ]
            self._drawn = simulator.scenario
        return self._canvas.draw([artist for panel in self._panels for artist in panel.update(shown)])

    def show(
        self,
        simulator: Simulator,
        network: int = 0,
        mean_reward: float | None = None,
        fps: float = 10.0,
        caption: str = "",
    ) -> None:
        """Show the picture in a window, and wait so that there are at most ``fps`` in a second.

        Raises:
            NoDisplay: the machine has no display. Further: see ``frame``.
        """
        picture = self.frame(simulator, network, mean_reward, caption)
        if self._window is None:
            self._window = Window(WIDTH, HEIGHT, f"oran_env: {simulator.scenario.name}")
        self._window.show(picture, fps)

    def close(self) -> None:
        """Close the window, if there is one."""
        if self._window is not None:
            self._window.close()
            self._window = None

    def __reduce__(self) -> tuple[type[Viewer], tuple[()]]:
        return Viewer, ()


def draw(simulator: Simulator, network: int = 0, mean_reward: float | None = None) -> NDArray[np.uint8]:
    """One picture, (HEIGHT, WIDTH, 3); arguments and errors as ``Viewer.frame``, which is faster for several."""
    return Viewer().frame(simulator, network, mean_reward)
