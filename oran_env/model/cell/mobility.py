"""How UEs begin and move: fixed speed, one of some turns per step, reflection at the border of the service area.

With ``wrap_around`` there is no border: who leaves on one side comes in on the other.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from oran_env.model.radio.wrapping import wrapped
from oran_env.model.state import State
from oran_env.numerics.jit import Floats, Integers, Key, kernel
from oran_env.numerics.random_draws import PLACEMENT, TURN, draw, uniform
from oran_env.scenario.fields import Scenario


class Mobility(NamedTuple):
    """Where UEs may be, how fast they are, and how they turn."""

    area: Floats  # (2, 2) corners of the service area [m]
    wraps: bool
    min_speed: float
    max_speed: float
    turn_cos: Floats  # (turns,)
    turn_sin: Floats  # (turns,)
    step_s: float


def mobility_of(scenario: Scenario, area: Floats) -> Mobility:
    """The mobility of a scenario whose service area has the corners (2, 2)."""
    turns = np.asarray(scenario.mobility.turns_rad)
    return Mobility(
        area=area,
        wraps=scenario.layout.wrap_around,
        min_speed=float(scenario.mobility.min_speed_mps),
        max_speed=float(scenario.mobility.max_speed_mps),
        turn_cos=np.cos(turns),
        turn_sin=np.sin(turns),
        step_s=float(scenario.control.step_s),
    )


@kernel
def place_ue(key: Key, u: int, visit: int, p: Mobility, position: Floats, direction: Floats, speed: Floats) -> None:
    """Draw position (N, 2), unit direction (N, 2) and speed (N,) of UE u, uniform over area, circle and range.

    visit: 0 at reset, 1 when the UE arrives later.
    """
    w0, w1, w2, w3 = draw(key, PLACEMENT, u, visit)
    position[u, 0] = p.area[0, 0] + uniform(w0) * (p.area[1, 0] - p.area[0, 0])
    position[u, 1] = p.area[0, 1] + uniform(w1) * (p.area[1, 1] - p.area[0, 1])
    heading = 2.0 * math.pi * uniform(w2)
    direction[u, 0] = math.cos(heading)
    direction[u, 1] = math.sin(heading)
    speed[u] = p.min_speed + uniform(w3) * (p.max_speed - p.min_speed)


@kernel
def move(which: Integers, p: Mobility, s: State) -> None:
    """Turn and advance every UE by one step. Four UEs share one random draw."""
    num_turns = len(p.turn_cos)
    for b in which:
        position, direction, speed = s.position[b], s.direction[b], s.speed[b]
        for block in range((position.shape[0] + 3) // 4):
            words = draw(s.key[b], TURN, block, 0)
            for i in range(min(4, position.shape[0] - 4 * block)):
                u = 4 * block + i
                turn = (int(words[i]) * num_turns) >> 32
                x = direction[u, 0] * p.turn_cos[turn] - direction[u, 1] * p.turn_sin[turn]
                y = direction[u, 0] * p.turn_sin[turn] + direction[u, 1] * p.turn_cos[turn]
                direction[u, 0] = x
                direction[u, 1] = y
                for axis in range(2):
                    position[u, axis] += speed[u] * p.step_s * direction[u, axis]
                    if p.wraps:
                        position[u, axis] = wrapped(position[u, axis], p.area[0, axis], p.area[1, axis])
                        continue
                    # A step may be longer than the area is wide: reflect until inside.
                    while position[u, axis] < p.area[0, axis] or position[u, axis] > p.area[1, axis]:
                        border = p.area[0, axis] if position[u, axis] < p.area[0, axis] else p.area[1, axis]
                        position[u, axis] = 2.0 * border - position[u, axis]
                        direction[u, axis] = -direction[u, axis]
