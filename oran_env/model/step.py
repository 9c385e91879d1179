"""The order of one step, and of a reset, for the networks of a batch.

Each phase is a kernel in the file of its concept that goes over the networks itself, compiled on its own and only where
the scenario has it: see ``numerics/phases.py``. ``simulator.py`` runs them all in one call, or up to where a component
of the user's takes the place of one.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable

import numpy as np

from oran_env.model.cell.association import attach, attach_all
from oran_env.model.cell.handover import interrupt
from oran_env.model.cell.mobility import move
from oran_env.model.cell.sessions import start_episode, update_sessions
from oran_env.model.demand.queues import update_queues
from oran_env.model.demand.trace import advance_trace, begin_trace
from oran_env.model.demand.traffic import offer
from oran_env.model.demand.variation import advance_demand, begin_demand
from oran_env.model.mac.action_codec import decode
from oran_env.model.mac.mac_scheduler import schedule, track_service
from oran_env.model.parameters import Parameters
from oran_env.model.radio.channel import compute_mean_rates, compute_rates
from oran_env.model.radio.fading import MEAN
from oran_env.model.radio.link_adaptation import adapt_links
from oran_env.model.radio.path_loss import update_gains
from oran_env.model.reward.energy import measure_energy
from oran_env.model.reward.kpi import compute_kpis
from oran_env.model.reward.observation import write_observations, write_radio
from oran_env.model.reward.reward import compute_rewards
from oran_env.model.state import State
from oran_env.numerics.blocks import hints
from oran_env.numerics.jit import Integers, kernel

# The phases of a step, numbered in their order.
ORDER = (
    ARRIVALS, DECODE, SCHEDULE, RATES, MEAN_RATES, LINKS, INTERRUPT, QUEUES, SERVICE, ENERGY, KPIS, REWARDS, MOVE,
    SESSIONS, DEMAND, GAINS, ATTACH, FOLLOW, OBSERVE, OBSERVE_RADIO, TICK,
) = tuple(range(21))  # fmt: skip
START, START_DEMAND, ATTACH_ALL, START_TRACE = range(21, 25)
RESET = (START, START_DEMAND, GAINS, ATTACH_ALL, START_TRACE, OBSERVE, OBSERVE_RADIO)


@kernel
def tick(which: Integers, s: State) -> None:
    """The next step begins."""
    for b in which:
        s.key[b, 3] += np.uint64(1)


PHASES: dict[int, Callable[..., None]] = {
    ARRIVALS: offer, DECODE: decode, SCHEDULE: schedule, RATES: compute_rates, MEAN_RATES: compute_mean_rates,
    LINKS: adapt_links, INTERRUPT: interrupt, QUEUES: update_queues, SERVICE: track_service, ENERGY: measure_energy,
    KPIS: compute_kpis, REWARDS: compute_rewards, MOVE: move, SESSIONS: update_sessions, DEMAND: advance_demand,
    GAINS: update_gains, ATTACH: attach, FOLLOW: advance_trace, OBSERVE: write_observations, OBSERVE_RADIO: write_radio,
    TICK: tick, START: start_episode, START_DEMAND: begin_demand, ATTACH_ALL: attach_all, START_TRACE: begin_trace,
}  # fmt: skip
_GROUPS = {annotation: name for name, annotation in hints(Parameters).items()}


def is_on(phase: int, p: Parameters) -> bool:
    """Whether a scenario has the mechanism of a phase; the others change nothing."""
    some = {
        RATES: p.channel.fading.kind != MEAN, MEAN_RATES: p.channel.fading.kind == MEAN, LINKS: p.links.mcs,
        INTERRUPT: p.handover.interruption > 0.0, SESSIONS: p.sessions.some,
        DEMAND: p.variation.some, START_DEMAND: p.variation.some, FOLLOW: len(p.trace.bits) > 0,
        START_TRACE: len(p.trace.bits) > 0, OBSERVE_RADIO: p.observation.radio,
    }  # fmt: skip
    return bool(some.get(phase, True))


def arguments_of(phase: int) -> tuple[str, ...]:
    """What a phase takes after ``which``: "actions", "state", "outcome" or a group of the parameters, by its type."""
    known = {"Singles": "actions", "State": "state", "Outcome": "outcome", **_GROUPS}
    given = list(inspect.signature(getattr(PHASES[phase], "py_func", PHASES[phase])).parameters.values())
    return tuple(known[parameter.annotation] for parameter in given[1:])
