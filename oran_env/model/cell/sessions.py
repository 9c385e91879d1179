"""Sessions: how an episode begins, and which UEs come and go in it.

With ``session_s`` a UE leaves with probability Δt/session_s per step; an absent one returns with probability
Δt/absence_s as a new UE, with another position, speed, slice and empty queue. Without, every UE stays.
"""

from __future__ import annotations

from typing import NamedTuple

from oran_env.model.cell.association import AWAY, COMING
from oran_env.model.cell.deployment import Deployment, draw_mix
from oran_env.model.cell.mobility import Mobility, place_ue
from oran_env.model.outcome import Outcome
from oran_env.model.radio.path_loss import draw_link
from oran_env.model.state import State
from oran_env.numerics.jit import Floats, Integers, kernel
from oran_env.numerics.random_draws import SESSION, draw, uniform
from oran_env.scenario.fields import Scenario


class Sessions(NamedTuple):
    """Whether UEs come and go, and with which probabilities per step."""

    some: bool
    leave: float
    come: float


def sessions_of(scenario: Scenario) -> Sessions:
    """The sessions of a scenario."""
    length, step_s = scenario.traffic.session_s, scenario.control.step_s
    return Sessions(
        some=length is not None,
        leave=0.0 if length is None else min(1.0, step_s / length),
        come=min(1.0, step_s / scenario.traffic.absence_s),
    )


@kernel
def start_episode(which: Integers, deployment: Deployment, mobility: Mobility, p: Sessions, s: State) -> None:
    """Place the UEs, draw the mix of slices, clear what the last episode left."""
    for b in which:
        share = p.come / (p.come + p.leave)  # of UEs that are present, in the long run
        for u in range(s.speed.shape[1]):
            place_ue(s.key[b], u, 0, mobility, s.position[b], s.direction[b], s.speed[b])
            draw_link(s.key[b], u, 0, s.los_draw[b, u], s.shadow[b, u])
            forget(u, 0, s.backlog[b], s.average[b], s.history[b], s.on_time[b], s.since[b])
            s.slice_of_ue[b, u] = 0
            s.serving[b, u] = 0  # until its gains are known
            if p.some:
                word, _, _, _ = draw(s.key[b], SESSION, u, 0)
                s.serving[b, u] = 0 if uniform(word) < share else AWAY
        s.pointer[b] = 0
        s.normalised[b] = 0.0
        s.load[b] = 0.0
        draw_mix(s.key[b], deployment, s.mix[b])


@kernel
def update_sessions(which: Integers, mobility: Mobility, p: Sessions, s: State, out: Outcome) -> None:
    """End the session of some UEs, begin that of others at a new place."""
    if not p.some:
        return
    for b in which:
        for u in range(s.speed.shape[1]):
            word, _, _, _ = draw(s.key[b], SESSION, u, 1)
            if s.serving[b, u] >= 0:
                if uniform(word) < p.leave:
                    out.departures[b, s.serving[b, u]] += 1
                    s.serving[b, u] = AWAY
            elif uniform(word) < p.come:
                s.serving[b, u] = COMING
                place_ue(s.key[b], u, 1, mobility, s.position[b], s.direction[b], s.speed[b])
                draw_link(s.key[b], u, 1, s.los_draw[b, u], s.shadow[b, u])
                forget(u, int(s.key[b, 3]) + 1, s.backlog[b], s.average[b], s.history[b], s.on_time[b], s.since[b])


@kernel
def forget(
    u: int, step: int, backlog: Floats, average: Floats, history: Integers, on_time: Integers, since: Integers
) -> None:
    """Leave UE u, whose first step this is, no past; the arrays (N,) are those of the state."""
    backlog[u] = 0.0
    average[u] = 0.0
    history[u] = 0
    on_time[u] = 0
    since[u] = step
