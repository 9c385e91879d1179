"""Normalised QoS of every slice at every DU, against its threshold."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from oran_env.rendering.canvas import SMALL, Canvas
from oran_env.rendering.optional import needed
from oran_env.rendering.palette import GREY, INK, LIGHT, SLICE_COLOURS, SLICE_HATCHES, WHITE, pale, rgb
from oran_env.rendering.snapshot import Snapshot
from oran_env.scenario.fields import Scenario
from oran_env.scenario.slices import NUM_SLICES

LEFT, TOP, WIDTH, HEIGHT = 790, 112, 386, 316  # [pixel]
LEAST = 4 / HEIGHT  # a bar is at least so high: a QoS of 0 is bad news, and is drawn
THRESHOLD = 0.5  # Q̄ of a slice that just reaches its Q_min, by construction of Q̄


class QosPanel:
    """Three bars per DU. Full colour: the threshold is reached; pale: missed; grey outline: no UE, counts as 1."""

    def __init__(self, canvas: Canvas, scenario: Scenario) -> None:
        canvas.title(LEFT - 30, TOP - 16, "QoS, normalised")
        self._met = canvas.text(LEFT + WIDTH, TOP - 16, "", colour=GREY, moving=True, ha="right")
        num_dus = scenario.layout.num_dus
        axes = canvas.axes(LEFT, TOP, WIDTH, HEIGHT)
        axes.set(xlim=(-0.5, num_dus - 0.5), ylim=(0, 1.02))
        axes.set_yticks([0, 0.25, 0.5, 0.75, 1.0])
        axes.grid(axis="y", color=rgb(LIGHT), lw=0.6)
        axes.set_axisbelow(True)
        every = -(-num_dus * 44 // WIDTH) if num_dus <= 8 else -(-num_dus * 22 // WIDTH)
        shown = range(0, num_dus, every)
        axes.set_xticks(shown, [f"DU {m}" if num_dus <= 8 else f"{m}" for m in shown])
        canvas.text(LEFT + WIDTH, TOP + HEIGHT + 34, "pale: below the threshold; grey: no UE", SMALL, GREY, ha="right")
        width = 0.8 / NUM_SLICES
        middle = np.arange(num_dus)[:, None] + width * (np.arange(NUM_SLICES) - (NUM_SLICES - 1) / 2)
        middle = middle.reshape(-1)
        self._corners = np.zeros((num_dus * NUM_SLICES, 4, 2))  # lower left, lower right, upper right, upper left
        self._corners[:, :, 0] = middle[:, None] + 0.46 * width * np.array([-1, 1, 1, -1])
        self._bars = needed("matplotlib.collections").PolyCollection(self._corners, linewidths=1.0, animated=True)
        axes.add_collection(self._bars, autolim=False)
        self._hatches = [
            needed("matplotlib.collections").PolyCollection(
                [], facecolors="none", edgecolors=[rgb(INK)], linewidths=0.0, hatch=hatch, animated=True
            )
            for hatch in SLICE_HATCHES
            if hatch
        ]
        for hatches in self._hatches:
            axes.add_collection(hatches, autolim=False)
        self._line = axes.axhline(THRESHOLD, color=rgb(INK), lw=1.6, ls=(0, (5, 3)), animated=True)
        colours = np.tile(np.array([rgb(colour) for colour in SLICE_COLOURS]), (num_dus, 1))
        faint = np.tile(np.array([rgb(pale(colour)) for colour in SLICE_COLOURS]), (num_dus, 1))
        self._colours, self._faint = colours, faint

    def update(self, shown: Snapshot) -> Iterable[Any]:
        """Follow the QoS."""
        if shown.last is None:
            self._met.set_text("")
            return self._line, self._met
        quality, populated = shown.last.qos.reshape(-1), shown.last.num_ues.reshape(-1) > 0
        self._corners[:, 2:, 1] = np.maximum(quality, LEAST)[:, None]
        self._bars.set_verts(self._corners)
        hatched = (i for i, hatch in enumerate(SLICE_HATCHES) if hatch)
        for i, hatches in zip(hatched, self._hatches, strict=True):
            hatches.set_verts(self._corners[i::NUM_SLICES][populated[i::NUM_SLICES]])
        reached = (quality >= THRESHOLD)[:, None]
        face = np.where(reached, self._colours, self._faint)
        self._bars.set_facecolor(np.where(populated[:, None], face, rgb(WHITE)))
        self._bars.set_edgecolor(np.where(populated[:, None], self._colours, rgb(LIGHT)))
        met = int((quality[populated] >= THRESHOLD).sum())
        self._met.set_text(f"{met} of {int(populated.sum())} reach the threshold (dashed)")
        return self._bars, *self._hatches, self._line, self._met
