"""Fading: |h_{u,m,k}|² of the links of one step, drawn where it is asked for.

``rayleigh``: |h|² ~ Exp(1), independent from link to link, RB to RB, block to block and step to step; ``none``: 1.
"""

from __future__ import annotations

from typing import NamedTuple

from oran_env.numerics.jit import Floats, Key, kernel
from oran_env.numerics.random_draws import FADING, draw, exponential
from oran_env.scenario.choices import Registry
from oran_env.scenario.fields import Scenario

FADINGS = Registry("fading", {"rayleigh": True, "none": False})  # whether it is drawn


class Fading(NamedTuple):
    """How |h|² is drawn."""

    rayleigh: bool
    blocks: int  # independent draws within a step


def fading_of(scenario: Scenario) -> Fading:
    """The fading of a scenario."""
    return Fading(rayleigh=FADINGS[scenario.radio.fading], blocks=scenario.radio.fading_blocks)


@kernel
def draw_fading(key: Key, u: int, k: int, block: int, p: Fading, power: Floats) -> None:
    """Write |h_{u,m,k}|² of the links from every RU m to UE u on RB k into ``power`` (M,). Four RUs share a draw.

    block: fading block within the step.
    """
    num_dus = len(power)
    if not p.rayleigh:
        power[:] = 1.0
        return
    for quad in range((num_dus + 3) // 4):
        m = 4 * quad
        w0, w1, w2, w3 = draw(key, FADING, u, (k << 16) | (block << 8) | quad)
        power[m] = exponential(w0)
        if m + 1 < num_dus:
            power[m + 1] = exponential(w1)
        if m + 2 < num_dus:
            power[m + 2] = exponential(w2)
        if m + 3 < num_dus:
            power[m + 3] = exponential(w3)


@kernel
def serving_fading(key: Key, u: int, m: int, k: int, p: Fading) -> float:
    """|h_{u,m,k}|² of one link, in the first fading block: what a channel report tells the scheduler."""
    if not p.rayleigh:
        return 1.0
    words = draw(key, FADING, u, (k << 16) | (m // 4))
    return exponential(words[m % 4])
