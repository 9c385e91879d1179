"""The map: RUs, the area nearest to each, UEs by slice, and who serves whom."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from oran_env.numerics.jit import Floats
from oran_env.rendering.canvas import SMALL, Canvas
from oran_env.rendering.optional import needed
from oran_env.rendering.palette import GREY, INK, SHADE, SLICE_COLOURS, SLICE_MARKERS, WHITE, rgb
from oran_env.rendering.snapshot import Snapshot
from oran_env.scenario.slices import NUM_SLICES
from oran_env.simulator.simulator import Simulator

LEFT, TOP, WIDTH, HEIGHT = 24, 112, 700, 350  # [pixel]
# Distance of neighbouring RUs [pixel] that the number of UEs, or at least "DU", needs in a label.
ROOM_FOR_COUNT, ROOM_FOR_NAME = 110, 60


class MapPanel:
    """Service areas shaded by the number of UEs attached, lines from UEs to the RU that serves them."""

    def __init__(self, canvas: Canvas, simulator: Simulator) -> None:
        p, layout = simulator.parameters, simulator.scenario.layout
        sites, area = p.path_loss.sites, p.mobility.area
        canvas.title(
            LEFT,
            TOP - 16,
            "Map",
            "lines: who serves whom; darker area: more UEs; hollow: a UE without RB in this step",
        )
        self._sites = sites
        self._even = max(layout.num_ues, 1) / layout.num_dus
        axes = canvas.axes(LEFT, TOP, WIDTH, HEIGHT)
        (x0, y0), (x1, y1) = area
        metres = max((x1 - x0) / (WIDTH - 4), (y1 - y0) / (HEIGHT - 22))  # per pixel; below the map stands its scale
        bottom = y0 - 20 * metres
        axes.set(
            xlim=(x0 - 2 * metres, x0 + (WIDTH - 2) * metres), ylim=(bottom, bottom + HEIGHT * metres)
        )  # fmt: skip
        self._scale(axes, x0, y0 - 9 * metres, metres)
        cells = [nearest_area(sites, area, m) for m in range(layout.num_dus)]
        self._areas = needed("matplotlib.collections").PolyCollection(
            cells, edgecolors=[rgb(WHITE)], linewidths=1.5, animated=True
        )
        axes.add_collection(self._areas, autolim=False)
        (self._links,) = axes.plot([], [], "-", color=rgb(GREY), alpha=0.45, lw=0.6, animated=True)
        size = float(np.clip(75 / np.sqrt(max(layout.num_ues, 1)), 4.0, 8.0))
        self._ues = []
        for colour, marker in zip(SLICE_COLOURS, SLICE_MARKERS, strict=True):
            look: dict[str, Any] = {"ls": "", "marker": marker, "ms": size, "animated": True}
            (without,) = axes.plot([], [], **look, mfc="white", mec=rgb(colour), mew=1.3)
            (served,) = axes.plot([], [], **look, mfc=rgb(colour), mec="white", mew=0.5)
            self._ues.append((served, without))
        spacing = layout.site_spacing_m / metres
        few = spacing >= ROOM_FOR_NAME or layout.num_dus == 1
        (self._rus,) = axes.plot(*sites.T, "^", ms=13 if few else 7, mfc=rgb(INK), mec="white", mew=1.2, animated=True)
        box = {"boxstyle": "round,pad=0.2", "fc": (1, 1, 1, 0.8), "ec": "none"}
        self._labels = [
            axes.annotate(
                "", site, (0, -9 if few else -4), textcoords="offset points", ha="center", va="top", fontsize=SMALL,
                color=rgb(INK), bbox=box if few else None, linespacing=1.15, animated=True, annotation_clip=False,
            )
            for site in sites
        ]  # fmt: skip
        self._label = "DU {}: {} UEs" if spacing >= ROOM_FOR_COUNT or layout.num_dus == 1 else "DU {}" if few else "{}"

    @staticmethod
    def _scale(axes: Any, x: float, y: float, metres: float) -> None:
        """A bar of a round length."""
        length = max((n * 10**e for e in range(6) for n in (1, 2, 5) if n * 10**e <= 160 * metres), default=1)
        axes.plot([x, x + length], [y, y], "-", color=rgb(INK), lw=2, solid_capstyle="butt")
        axes.text(x + length + 6 * metres, y, f"{length} m", fontsize=SMALL, color=rgb(INK), va="center_baseline")

    def update(self, shown: Snapshot) -> Iterable[Any]:
        """Follow the UEs."""
        share = np.minimum(shown.attached / (2 * self._even), 1.0)[:, None]
        self._areas.set_facecolor((1 - share) * rgb(SHADE[0]) + share * rgb(SHADE[1]))
        ends = np.full((len(shown.serving), 3, 2), np.nan)
        ends[:, 0], ends[:, 1] = shown.position, self._sites[shown.serving]
        self._links.set_data(*ends.reshape(-1, 2).T)
        for i in range(NUM_SLICES):
            mine = shown.slice_of_ue == i
            for artist, which in zip(self._ues[i], (mine & shown.served, mine & ~shown.served), strict=True):
                artist.set_data(*shown.position[which].T)
        for m, label in enumerate(self._labels):
            label.set_text(self._label.format(m, shown.attached[m]))
        ues = [artist for pair in self._ues for artist in pair]
        return self._areas, self._links, *ues, self._rus, *self._labels


def nearest_area(sites: Floats, area: Floats, m: int) -> Floats:
    """Corners (n, 2) of the part of the service area that is nearest to RU m: where it is the strongest on average.

    The rectangle ((x_min, y_min), (x_max, y_max)) is cut by the perpendicular bisector towards every other RU.
    """
    (x0, y0), (x1, y1) = area
    corners = np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)])
    for other in np.delete(sites, m, axis=0):
        normal = other - sites[m]
        beyond = (corners - (other + sites[m]) / 2) @ normal  # > 0: nearer to the other RU
        kept: list[Floats] = []
        for i in range(len(corners)):
            a, b, at_a, at_b = corners[i - 1], corners[i], beyond[i - 1], beyond[i]
            if (at_a > 0) != (at_b > 0):
                kept.append(a + (b - a) * at_a / (at_a - at_b))
            if at_b <= 0:
                kept.append(b)
        corners = np.array(kept)
    return corners
