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
from oran_env.model.state import NO_REPORT, State
from oran_env.numerics.jit import Integers, kernel
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
        key, serving = s.key[b], s.serving[b]
        position, direction, speed = s.position[b], s.direction[b], s.speed[b]
        los_draw, shadow = s.los_draw[b], s.shadow[b]
        share = p.come / (p.come + p.leave)  # of UEs that are present, in the long run
        for u in range(len(serving)):
            place_ue(key, u, 0, mobility, position, direction, speed)
            draw_link(key, u, 0, los_draw, shadow)
            serving[u] = 0  # until its gains are known
            if p.some:
                word, _, _, _ = draw(key, SESSION, u, 0)
                serving[u] = 0 if uniform(word) < share else AWAY
        s.slice_of_ue[b] = 0
        s.backlog[b] = 0.0
        s.waited[b] = 0.0
        s.average[b] = 0.0
        s.history[b] = 0
        s.on_time[b] = 0
        s.since[b] = 0
        s.candidate[b] = -1
        s.waiting[b] = 0
        s.left[b] = -1
        s.left_at[b] = 0
        s.cut_off[b] = 0.0
        s.pointer[b] = 0
        s.normalised[b] = 0.0
        s.load[b] = 0.0
        s.reported[b] = NO_REPORT
        s.outer_loop[b] = 0.0
        draw_mix(key, deployment, s.mix[b])


@kernel
def update_sessions(which: Integers, mobility: Mobility, p: Sessions, s: State, out: Outcome) -> None:
    """End the session of some UEs, begin that of others at a new place."""
    if not p.some:
        return
    for b in which:
        key, serving = s.key[b], s.serving[b]
        for u in range(len(serving)):
            word, _, _, _ = draw(key, SESSION, u, 1)
            if serving[u] >= 0:
                if uniform(word) < p.leave:
                    out.departures[b, serving[u]] += 1
                    serving[u] = AWAY
            elif uniform(word) < p.come:
                serving[u] = COMING
                place_ue(key, u, 1, mobility, s.position[b], s.direction[b], s.speed[b])
                draw_link(key, u, 1, s.los_draw[b], s.shadow[b])
                s.backlog[b, u] = 0.0
                s.waited[b, u] = 0.0
                s.average[b, u] = 0.0
                s.history[b, u] = 0
                s.on_time[b, u] = 0
                s.reported[b, u] = NO_REPORT
                s.outer_loop[b, u] = 0.0
                s.since[b, u] = int(key[3]) + 1
                s.left[b, u] = -1
                if s.cut_off.shape[1] > 0:
                    s.cut_off[b, u] = 0.0
