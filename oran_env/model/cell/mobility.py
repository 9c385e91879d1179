"""How UEs move: fixed speed, one of seven turns per step, reflection at the border of the service area."""

from __future__ import annotations

from oran_env.numerics.jit import Floats, Key, kernel
from oran_env.numerics.random_draws import TURN, draw


@kernel
def move(
    key: Key,
    step_s: float,
    area: Floats,
    turn_cos: Floats,
    turn_sin: Floats,
    position: Floats,
    direction: Floats,
    speed: Floats,
) -> None:
    """Turn and advance every UE by one step, in place. Four UEs share one random draw."""
    num_turns = len(turn_cos)
    for block in range((position.shape[0] + 3) // 4):
        words = draw(key, TURN, block, 0)
        for i in range(min(4, position.shape[0] - 4 * block)):
            u = 4 * block + i
            turn = (int(words[i]) * num_turns) >> 32
            x = direction[u, 0] * turn_cos[turn] - direction[u, 1] * turn_sin[turn]
            y = direction[u, 0] * turn_sin[turn] + direction[u, 1] * turn_cos[turn]
            direction[u, 0] = x
            direction[u, 1] = y
            for axis in range(2):
                position[u, axis] += speed[u] * step_s * direction[u, axis]
                # A step may be longer than the area is wide: reflect until inside.
                while position[u, axis] < area[0, axis] or position[u, axis] > area[1, axis]:
                    border = area[0, axis] if position[u, axis] < area[0, axis] else area[1, axis]
                    position[u, axis] = 2.0 * border - position[u, axis]
                    direction[u, axis] = -direction[u, axis]
