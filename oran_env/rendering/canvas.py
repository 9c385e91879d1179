"""The canvas: fixed artists are drawn once and kept as a background, moving ones on top of it in every frame."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oran_env.rendering.optional import needed
from oran_env.rendering.palette import GREY, INK, Colour, rgb

WIDTH, HEIGHT = 1200, 800  # [pixel]
DPI = 100
SMALL, NORMAL, TITLE, HEADING = 9.0, 10.0, 11.5, 17.0  # font sizes [pt]
FONT = "DejaVu Sans"  # comes with matplotlib, so that frames look the same everywhere


class Canvas:
    """A figure of WIDTH x HEIGHT pixels; places are given in pixels from its upper left corner."""

    def __init__(self) -> None:
        figure = needed("matplotlib.figure").Figure(figsize=(WIDTH / DPI, HEIGHT / DPI), dpi=DPI, facecolor="white")
        self.figure = figure
        self._agg = needed("matplotlib.backends.backend_agg").FigureCanvasAgg(figure)
        self._background: Any = None

    def axes(self, left: float, top: float, width: float, height: float) -> Any:
        """Axes without frame and ticks."""
        box = (left / WIDTH, 1 - (top + height) / HEIGHT, width / WIDTH, height / HEIGHT)
        axes = self.figure.add_axes(box)
        axes.set_facecolor("none")
        axes.tick_params(length=0, labelsize=SMALL, labelcolor=rgb(INK), labelfontfamily=FONT, pad=4)
        for spine in axes.spines.values():
            spine.set_visible(False)
        axes.set_xticks([])
        axes.set_yticks([])
        return axes

    def text(
        self, x: float, y: float, words: str, size: float = SMALL, colour: Colour = INK, moving: bool = False,
        **look: Any,
    ) -> Any:  # fmt: skip
        """Text with its left end and the middle of its line at a place; ``moving``: it changes from frame to frame."""
        look = {"ha": "left", "va": "center_baseline", "parse_math": False} | look
        return self.figure.text(
            x / WIDTH, 1 - y / HEIGHT, words, fontsize=size, color=rgb(colour), fontfamily=FONT, animated=moving, **look
        )

    def title(self, x: float, y: float, words: str, caption: str = "") -> None:
        """The name of a panel and beside it what is to be known to read it."""
        name = self.text(x, y, words, TITLE, weight="bold")
        width = name.get_window_extent(self._agg.get_renderer()).width
        self.text(x + width + 12, y, caption, SMALL, GREY)

    def draw(self, moving: Sequence[Any]) -> NDArray[np.uint8]:
        """Draw the artists over the background, from back to front; return (HEIGHT, WIDTH, 3)."""
        if self._background is None:
            self._agg.draw()  # leaves out the animated artists
            self._background = self._agg.copy_from_bbox(self.figure.bbox)
        self._agg.restore_region(self._background)
        renderer = self._agg.get_renderer()
        for artist in moving:
            artist.draw(renderer)
        return np.array(self._agg.buffer_rgba())[:, :, :3].copy()
