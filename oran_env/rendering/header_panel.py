"""The header: what is simulated, how far it is, how well it does, and what the colours mean."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from oran_env.rendering.canvas import HEADING, NORMAL, TITLE, WIDTH, Canvas
from oran_env.rendering.palette import GREY, INK, SLICE_COLOURS, SLICE_HATCHES, SLICE_MARKERS, rgb
from oran_env.rendering.snapshot import Snapshot
from oran_env.scenario.fields import Scenario
from oran_env.scenario.slices import SLICES

LEFT, RIGHT, LINE = 24, WIDTH - 24, 30  # [pixel]


class Header:
    """Scenario, step of the horizon, mean reward per DU of the step and of the episode so far; the legend."""

    def __init__(self, canvas: Canvas, scenario: Scenario) -> None:
        s = scenario
        self._horizon = s.control.horizon
        canvas.text(LEFT, LINE, s.name, HEADING, weight="bold")
        canvas.text(
            LEFT, LINE + 22,
            f"{s.layout.num_dus} DUs, {s.layout.num_ues} UEs, {s.radio.num_rbs} RBs of "
            f"{s.radio.rb_bandwidth_hz / 1e3:g} kHz, steps of {1e3 * s.control.step_s:g} ms",
            NORMAL, GREY,
        )  # fmt: skip
        self._step = canvas.text(RIGHT, LINE, "", HEADING, moving=True, ha="right", weight="bold")
        self._reward = canvas.text(RIGHT, LINE + 22, "", NORMAL, moving=True, ha="right")
        self._caption = canvas.text(470, LINE + 22, "", NORMAL, moving=True)
        self._legend(canvas)

    def _legend(self, canvas: Canvas) -> None:
        """Markers of the slices in the middle of the header."""
        axes = canvas.axes(0, 0, WIDTH, 80)
        axes.set(xlim=(0, WIDTH), ylim=(80, 0))
        x = 470
        looks = zip(SLICES, SLICE_COLOURS, SLICE_MARKERS, SLICE_HATCHES, strict=True)
        for name, colour, marker, hatch in looks:
            axes.plot(x, LINE, marker, ms=10, color=rgb(colour), clip_on=False)
            axes.fill_between(
                [x + 12, x + 34], LINE - 7, LINE + 7, facecolor=rgb(colour), edgecolor=rgb(INK), hatch=hatch, lw=0
            )
            canvas.text(x + 40, LINE, name, TITLE, weight="bold")
            x += 124

    def update(self, shown: Snapshot) -> Iterable[Any]:
        """Follow the episode."""
        self._step.set_text(f"step {shown.step} of {self._horizon}")
        words = "before the first step"
        if shown.last is not None:
            words = f"mean reward {shown.last.reward.mean():.2f}"
        if shown.mean_reward is not None:
            words += f", episode so far {shown.mean_reward:.2f}"
        self._reward.set_text(words)
        self._caption.set_text(shown.caption)
        return self._step, self._reward, self._caption
