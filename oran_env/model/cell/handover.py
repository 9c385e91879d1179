"""When a UE changes its DU (event A3 of TS 38.331), how often it goes straight back, and what that costs it.

A UE hands over when the strongest RU has been stronger than its own by the hysteresis for the whole time to trigger,
which begins anew when another RU becomes the strongest. Gains are looked at once a step, so that a time to trigger of
T lasts ⌈T/Δt⌉ steps. With both at 0 the strongest RU serves at once.

Then for ``handover_interruption_s`` it receives nothing: its rate in a step is multiplied by the share of the step that
is left to it, while its RBs are dealt and its queue goes with it (the old DU forwards). A handover in the meantime
begins the interruption anew.

A handover to the DU that was left less than 1 s ago is a ping-pong (TR 36.839, 5.2.2: a time of stay below 1 s).
"""

from __future__ import annotations

import math
from typing import NamedTuple

from oran_env.model.outcome import Outcome
from oran_env.model.state import State
from oran_env.numerics.jit import Floats, Integers, kernel
from oran_env.scenario.fields import Scenario

_SHORT_STAY_S = 1.0  # T_p of TR 36.839
_ROUNDING = 1e-9  # in steps


class Handover(NamedTuple):
    """When a UE hands over, and for how long it is cut off."""

    ratio: float  # of the gains, at least
    patience: int  # steps of the time to trigger
    short_stay: int  # steps, below which a return is a ping-pong
    interruption: float  # [s]
    step_s: float


def handover_of(scenario: Scenario) -> Handover:
    """The handovers of a scenario."""
    mobility, step_s = scenario.mobility, float(scenario.control.step_s)
    return Handover(
        ratio=10 ** (mobility.handover_hysteresis_db / 10),
        patience=math.ceil(mobility.time_to_trigger_s / step_s - _ROUNDING),
        short_stay=math.ceil(_SHORT_STAY_S / step_s - _ROUNDING),
        interruption=float(mobility.handover_interruption_s),
        step_s=step_s,
    )


@kernel
def triggers(u: int, best: int, gain: Floats, m: int, p: Handover, candidate: Integers, waiting: Integers) -> bool:
    """Whether UE u of RU m hands over to the strongest RU, whose gains are (M,).

    candidate, waiting: (N,), or (0,) without a time to trigger: the RU that has been strong enough, for how many steps.
    """
    strong = best != m and gain[best] >= gain[m] * p.ratio
    if p.patience == 0:
        return strong
    waiting[u] = (waiting[u] + 1 if candidate[u] == best else 0) if strong else 0
    candidate[u] = best if strong else -1
    return strong and waiting[u] >= p.patience


@kernel
def settle(u: int, b: int, p: Handover, s: State) -> None:
    """UE u of network b has been attached anew: no RU is a candidate."""
    if p.patience > 0:
        s.candidate[b, u] = -1
        s.waiting[b, u] = 0


@kernel
def record(u: int, b: int, best: int, p: Handover, s: State, out: Outcome) -> None:
    """UE u of network b hands over to DU ``best``: count it there, note where it comes from, cut it off."""
    now = int(s.key[b, 3])
    out.handovers[b, best] += 1
    if s.left[b, u] == best and now - s.left_at[b, u] < p.short_stay:
        out.ping_pongs[b, best] += 1
    s.left[b, u] = s.serving[b, u]
    s.left_at[b, u] = now
    if p.interruption > 0.0:
        s.cut_off[b, u] = p.interruption


@kernel
def interrupt(which: Integers, p: Handover, s: State, out: Outcome) -> None:
    """Take from the rate of each UE what its handover costs it in this step."""
    if p.interruption == 0.0:
        return
    for b in which:
        out.interrupted_ues[b] = 0
        serving, cut_off, rate = s.serving[b], s.cut_off[b], out.rate[b]
        for u in range(len(serving)):
            if serving[u] >= 0 and cut_off[u] > 0.0:
                lost = min(cut_off[u], p.step_s)
                rate[u] *= 1.0 - lost / p.step_s
                cut_off[u] -= lost
                out.interrupted_ues[b, serving[u]] += 1
