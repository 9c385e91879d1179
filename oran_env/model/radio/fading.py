"""Fading: |h_{u,m,k}|² of the links of one step, drawn where it is asked for.

``rayleigh``: |h|² ~ Exp(1), independent from link to link, from one group of RBs to the next, from block to block and
from step to step. ``jakes``: the same law, correlated in time, see ``jakes.py``. ``ergodic``: a step lasts long enough
to meet every fade, so that the rate is its mean, see ``ergodic.py``; ``none``: 1. A channel report shows 1 with both.

``rbs_per_fade`` RBs side by side share a fade, and a step has ``fading_blocks`` of them, see ``coherence.py``.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from oran_env.model.radio.coherence import SPEED_OF_LIGHT, blocks_of, group_of
from oran_env.model.radio.jakes import draw_jakes
from oran_env.numerics.blocks import Choice
from oran_env.numerics.jit import Floats, Integers, Key, kernel, switch
from oran_env.numerics.many_draws import Counters, draw_many, to_exponentials
from oran_env.numerics.random_draws import FADING
from oran_env.scenario.choices import Registry
from oran_env.scenario.fields import Scenario

DRAWN, CORRELATED, MEAN, FLAT = range(4)
FADINGS = Registry("fading", {"rayleigh": DRAWN, "none": FLAT, "jakes": CORRELATED, "ergodic": MEAN})


class Fading(NamedTuple):
    """How |h|² is drawn."""

    kind: Choice  # DRAWN, CORRELATED, MEAN or FLAT
    blocks: int  # draws within a step
    group: int  # RBs that share a draw
    step_s: float
    doppler_per_mps: float  # greatest Doppler frequency of a UE over its speed [1/m]


def fading_of(scenario: Scenario) -> Fading:
    """The fading of a scenario."""
    kind = FADINGS[scenario.radio.fading]
    return Fading(
        kind=kind,
        blocks=blocks_of(scenario) if kind in (DRAWN, CORRELATED) else 1,
        group=group_of(scenario),
        step_s=float(scenario.control.step_s),
        doppler_per_mps=scenario.radio.carrier_ghz * 1e9 / SPEED_OF_LIGHT,
    )


class Room(NamedTuple):
    """Room to draw n fades at a time."""

    ue: Counters  # (n,) words of the counters
    link: Counters  # (n,)
    words: Counters  # (4·n,)
    wave: Floats  # (3·n,)


@kernel
def room_for(n: int) -> Room:
    """Room to draw ``n`` fades."""
    ue, link = np.empty(n, dtype=np.uint64), np.empty(n, dtype=np.uint64)
    return Room(ue, link, np.empty(4 * n, dtype=np.uint64), np.empty(3 * n))


@kernel
def rows(flat: NDArray[Any], number: int, n: int) -> NDArray[Any]:
    """The beginning of room (…,) as an array (number, n), whose rows are contiguous, as vector registers need them."""
    return flat[: number * n].reshape(number, n)


@kernel
def draw_rayleigh(
    key: Key, ues: Integers, groups: Integers, block: int, m: int, speed: Floats, p: Fading, room: Room, power: Floats
) -> None:  # fmt: skip
    """Draw Exp(1) numbers that no other link, group, block or step has. Four RUs share a counter."""
    n, stop = len(ues), m + power.shape[0]
    ue, link, words = room.ue[:n], room.link[:n], rows(room.words, 4, n)
    for i in range(n):
        ue[i] = np.uint64((FADING << 24) | ues[i])
    for quad in range(m // 4, (stop + 3) // 4):
        for i in range(n):
            link[i] = np.uint64((groups[i] << 16) | (block << 8) | quad)
        draw_many(key, key[3], ue, link, words)
        for other in range(max(m, 4 * quad), min(stop, 4 * quad + 4)):
            to_exponentials(words[other % 4], power[other - m])


@kernel
def draw_correlated(
    key: Key, ues: Integers, groups: Integers, block: int, m: int, speed: Floats, p: Fading, room: Room, power: Floats
) -> None:  # fmt: skip
    """The fade in the middle of the block, see ``jakes.py``."""
    time = (float(key[3]) + (block + 0.5) / p.blocks) * p.step_s
    wave = rows(room.wave, 3, len(ues))
    for i in range(len(ues)):
        wave[0, i] = p.doppler_per_mps * time * speed[ues[i]]
    draw_jakes(key, ues, groups, m, room.ue, room.link, rows(room.words, 4, len(ues)), wave, power)


@kernel
def draw_flat(
    key: Key, ues: Integers, groups: Integers, block: int, m: int, speed: Floats, p: Fading, room: Room, power: Floats
) -> None:  # fmt: skip
    """No fade."""
    power[:, :] = 1.0


_draw = switch(
    "fading", {"rayleigh": draw_rayleigh, "jakes": draw_correlated, "ergodic": draw_flat, "none": draw_flat}
)  # in the order of their numbers


@kernel
def draw_fades(
    key: Key, ues: Integers, groups: Integers, block: int, m: int, speed: Floats, p: Fading, room: Room, power: Floats
) -> None:  # fmt: skip
    """Write |h|² of the links from RUs m, m + 1, … to n UEs, each on one group of RBs, into ``power`` (RUs, n).

    ues, groups: (n,); block: within the step; speed: (N,) of all UEs [m/s].
    """
    _draw(p.kind, key, ues, groups, block, m, speed, p, room, power)


@kernel
def draw_fading(key: Key, u: int, k: int, block: int, speed: Floats, p: Fading, power: Floats) -> None:
    """Write |h_{u,m,k}|² of the links from every RU m to UE u on RB k into ``power`` (M,)."""
    ues, groups = np.array([u]), np.array([k // p.group])
    draw_fades(key, ues, groups, block, 0, speed, p, room_for(1), power.reshape(len(power), 1))
