"""The grid of RBs by slice, one row per DU, and below it how many DUs transmit on each RB."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from oran_env.rendering.canvas import Canvas
from oran_env.rendering.optional import needed
from oran_env.rendering.palette import (
    CELL_COLOURS,
    CONTESTED,
    GREY,
    IDLE,
    INTERFERENCE,
    LIGHT,
    SLICE_COLOURS,
    WHITE,
    pale,
    rgb,
)
from oran_env.rendering.snapshot import CONTESTED as CONTESTED_KIND
from oran_env.rendering.snapshot import UNUSED, Snapshot
from oran_env.scenario.fields import Scenario
from oran_env.scenario.slices import MMTC, URLLC

LEFT, TOP, WIDTH, HEIGHT = 76, 512, 940, 178  # of the grid [pixel]
STRIP_TOP, STRIP_HEIGHT = TOP + HEIGHT + 12, 56
COLUMNS = (1066, 1118, 1176)  # right ends of the numbers beside each row
ROW = 14  # least height of a row with text [pixel]


def cell_centre(scenario: Scenario, m: int, k: int) -> tuple[int, int]:
    """Row and column of the pixel in the middle of the cell of DU m and RB k."""
    row = TOP + (m + 0.5) * HEIGHT / scenario.layout.num_dus
    column = LEFT + (k + 0.5) * WIDTH / scenario.radio.num_rbs
    return int(row), int(column)


class GridPanel:
    """Cells in the colour of the slice; pale where the slice has no UE; dark where several claim the RB."""

    def __init__(self, canvas: Canvas, scenario: Scenario) -> None:
        num_dus, num_rbs = scenario.layout.num_dus, scenario.radio.num_rbs
        canvas.title(24, TOP - 20, "Resource blocks")
        self._legend(canvas)
        self._rows = range(0, num_dus, -(-num_dus * ROW // HEIGHT))
        axes = canvas.axes(LEFT, TOP, WIDTH, HEIGHT)
        self._image = axes.imshow(
            np.empty((num_dus, num_rbs, 3), np.uint8), interpolation="nearest", aspect="auto", animated=True
        )
        for spine in axes.spines.values():
            spine.set_visible(False)
        axes.set_yticks(list(self._rows), [f"DU {m}" for m in self._rows])
        lines = [[(-0.5, m + 0.5), (num_rbs - 0.5, m + 0.5)] for m in range(num_dus - 1)]
        if num_rbs * 7 <= WIDTH:
            lines += [[(k + 0.5, -0.5), (k + 0.5, num_dus - 0.5)] for k in range(num_rbs - 1)]
        widths = [min(2.0, 0.1 * HEIGHT / num_dus)] * (num_dus - 1) + [1.0] * (len(lines) - num_dus + 1)
        self._gaps = needed("matplotlib.collections").LineCollection(
            lines, colors=[rgb(WHITE)], linewidths=widths, animated=True
        )
        axes.add_collection(self._gaps, autolim=False)
        for x, words in zip(COLUMNS, ("RBs used", "Mbit/s", "reward"), strict=True):
            canvas.text(x, TOP - 20, words, colour=GREY, ha="right")
        self._numbers = [
            [
                canvas.text(x, TOP + (m + 0.5) * HEIGHT / num_dus, "", moving=True, ha="right") for x in COLUMNS
            ]
            for m in self._rows
        ]  # fmt: skip
        self._num_rbs = num_rbs
        # A band along the foot of each cell, drawn as one picture: a hatched polygon per cell takes a second.
        y, x = np.mgrid[:HEIGHT, :WIDTH]
        self._row, self._column = y * num_dus // HEIGHT, x * num_rbs // WIDTH
        foot = np.abs(y * num_dus / HEIGHT % 1 - 0.8) < 0.15
        self._textures = {MMTC: foot & ((x + y) % 8 < 3), URLLC: foot & (x % 5 < 2) & (y % 5 < 2)}
        self._texture = np.full((HEIGHT, WIDTH, 4), 255, np.uint8)
        self._hatches = axes.imshow(
            self._texture, extent=self._image.get_extent(), interpolation="nearest", aspect="auto", animated=True
        )
        self._strip(canvas, num_dus, num_rbs)

    def _legend(self, canvas: Canvas) -> None:
        """Squares for what is not a slice."""
        axes = canvas.axes(0, TOP - 30, 1200, 20)
        axes.set(xlim=(0, 1200), ylim=(20, 0))
        x = 204.0
        for colours, words in (
            ([IDLE], "idle"),
            ([pale(colour) for colour in SLICE_COLOURS], "given to a slice without UE"),
            ([CONTESTED], "contested inside the DU"),
        ):
            for colour in colours:
                axes.plot(x, 10, "s", ms=9, mfc=rgb(colour), mec=rgb(LIGHT), mew=0.6)
                x += 14
            canvas.text(x - 2, TOP - 20, words, colour=GREY)
            x += 6.4 * len(words) + 22

    def _strip(self, canvas: Canvas, num_dus: int, num_rbs: int) -> None:
        axes = canvas.axes(LEFT, STRIP_TOP, WIDTH, STRIP_HEIGHT)
        axes.set(xlim=(-0.5, num_rbs - 0.5), ylim=(0, num_dus))
        axes.set_yticks([0, num_dus])
        step = next(n for n in (1, 2, 5, 10, 20, 25, 50, 100, 200, 500, 1000, 5000, 10000) if num_rbs / n <= 22)
        axes.set_xticks(range(0, num_rbs, step))
        axes.axhline(num_dus, color=rgb(LIGHT), lw=0.6)
        axes.axhline(0, color=rgb(LIGHT), lw=0.6)
        edges = np.arange(num_rbs + 1) - 0.5
        look = {"fill": True, "lw": 0, "animated": True}
        self._single = axes.stairs(np.zeros(num_rbs), edges, color=rgb(LIGHT), **look)
        self._several = axes.stairs(np.zeros(num_rbs), edges, color=rgb(INTERFERENCE), **look)
        for line, words in enumerate(("DUs that transmit on", "the RB; in colour: two", "or more, they interfere")):
            canvas.text(LEFT + WIDTH + 10, STRIP_TOP + 12 + 16 * line, words, colour=GREY)
        canvas.text(24, STRIP_TOP + STRIP_HEIGHT + 14, "RB", colour=GREY)

    def update(self, shown: Snapshot) -> Iterable[Any]:
        """Follow the allocation."""
        last = shown.last
        if last is None:
            return ()
        self._image.set_data(CELL_COLOURS[last.rb_kind + 1])
        kinds = last.rb_kind[self._row, self._column]
        hatched = [(kinds % UNUSED == i) & (kinds < CONTESTED_KIND) & where for i, where in self._textures.items()]
        self._texture[..., 3] = 255 * np.any(hatched, axis=0)
        self._hatches.set_data(self._texture)
        several = last.transmitters > 1
        self._single.set_data(np.where(several, 0, last.transmitters))
        self._several.set_data(np.where(several, last.transmitters, 0))
        used = ((last.rb_kind >= 0) & (last.rb_kind < 3)).mean(axis=1)
        texts = []
        for m, row in zip(self._rows, self._numbers, strict=True):
            words = (f"{used[m]:.0%}", f"{last.throughput[m]:.1f}", f"{last.reward[m]:.2f}")
            for text, word in zip(row, words, strict=True):
                text.set_text(word)
                texts.append(text)
        return self._image, self._hatches, self._gaps, self._single, self._several, *texts
