"""The picture of one network: map, grid of RBs, QoS against its threshold. Needs the extra ``render``.

Any shell around the simulator draws with

* ``draw(simulator, network=0, mean_reward=None) -> uint8 array (HEIGHT, WIDTH, 3)``: one picture, e.g. for a paper;
* ``Viewer()``, which keeps its canvas from frame to frame and is therefore some ten times faster:
  ``frame(simulator, network=0, mean_reward=None) -> uint8 array (HEIGHT, WIDTH, 3)``,
  ``show(simulator, network=0, mean_reward=None)`` in a window, and ``close()``;
* ``write_film(frames, out, fps)``: a GIF, an MP4, or a PNG of the last frame.

``mean_reward`` is the mean reward per DU and step of the episode so far, which the simulator does not keep; without
it the header leaves it out. A frame depends on nothing else but the state and the last outcome of the simulator, and
drawing changes neither. Importing this package imports none of the extra; the first picture does.
"""

from __future__ import annotations

from oran_env.rendering.canvas import HEIGHT, WIDTH
from oran_env.rendering.film import FilmError, check_output, write_film
from oran_env.rendering.optional import MissingExtra
from oran_env.rendering.render_mode import RENDER_FPS, RENDER_MODES, Renderer
from oran_env.rendering.snapshot import Snapshot, take_snapshot
from oran_env.rendering.viewer import Viewer, draw
from oran_env.rendering.window import NoDisplay

__all__ = [
    "HEIGHT",
    "RENDER_FPS",
    "RENDER_MODES",
    "WIDTH",
    "FilmError",
    "MissingExtra",
    "NoDisplay",
    "Renderer",
    "Snapshot",
    "Viewer",
    "check_output",
    "draw",
    "take_snapshot",
    "write_film",
]
