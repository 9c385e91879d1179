"""The order of one step, and of a reset, for the networks of a batch.

Each phase is a kernel in the file of its concept that goes over the networks itself: handing it all these arrays costs
as much as some phases take. ``simulator.py`` runs them all in one call, or up to where a component of the user's takes
the place of one.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from oran_env.model.cell.association import attach, attach_all
from oran_env.model.cell.handover import interrupt
from oran_env.model.cell.mobility import move
from oran_env.model.cell.sessions import start_episode, update_sessions
from oran_env.model.demand.queues import update_queues
from oran_env.model.demand.trace import follow_trace
from oran_env.model.demand.traffic import offer
from oran_env.model.demand.variation import update_demand
from oran_env.model.mac.action_codec import decode
from oran_env.model.mac.mac_scheduler import schedule, track_service
from oran_env.model.outcome import Outcome
from oran_env.model.parameters import unpacked
from oran_env.model.radio.channel import compute_rates
from oran_env.model.radio.link_adaptation import adapt_links
from oran_env.model.radio.path_loss import update_gains
from oran_env.model.reward.energy import measure_energy
from oran_env.model.reward.kpi import compute_kpis
from oran_env.model.reward.observation import write_observations
from oran_env.model.reward.reward import compute_rewards
from oran_env.model.state import State
from oran_env.numerics.jit import Integers, Singles, kernel

# The phases of a step, numbered in their order.
ORDER = (
    ARRIVALS, DECODE, SCHEDULE, RATES, LINKS, QUEUES, SERVICE, ENERGY, KPIS, REWARDS, MOVE, SESSIONS, DEMAND, GAINS,
    ATTACH, FOLLOW, OBSERVE, TICK,
) = tuple(range(18))  # fmt: skip
START, START_DEMAND, ATTACH_ALL, START_TRACE = range(18, 22)
RESET = (START, START_DEMAND, GAINS, ATTACH_ALL, START_TRACE, OBSERVE)


@kernel
def run_phases(which: Integers, phases: Integers, actions: Singles, packed: Any, s: State, out: Outcome) -> None:
    """Run some phases of a step, or of a reset, one after the other in each network of ``which``.

    actions: (B, M, A), (B, M, 0) at a reset, which writes nothing into ``out``; packed: the parameters, see ``packed``.
    """
    p = unpacked(packed)
    for phase in phases:
        if phase == ARRIVALS:
            offer(which, p.traffic, s, out)
        elif phase == DECODE:
            decode(which, actions, p.decoding, p.traffic, s, out)
        elif phase == SCHEDULE:
            schedule(which, p.scheduling, p.channel, s, out)
        elif phase == RATES:
            compute_rates(which, p.channel, s, out)
        elif phase == LINKS:
            adapt_links(which, p.links, p.channel, s, out)
            interrupt(which, p.handover, s, out)
        elif phase == QUEUES:
            update_queues(which, p.traffic, s, out)
        elif phase == SERVICE:
            track_service(which, p.scheduling, s, out)
        elif phase == ENERGY:
            measure_energy(which, p.energy, out)
        elif phase == KPIS:
            compute_kpis(which, p.kpi, p.qos, p.traffic, s, out)
        elif phase == REWARDS:
            compute_rewards(which, p.reward, s, out)
        elif phase == MOVE:
            move(which, p.mobility, s)
        elif phase == SESSIONS:
            update_sessions(which, p.mobility, p.sessions, s, out)
        elif phase == DEMAND:
            update_demand(which, False, p.variation, s)
        elif phase == GAINS:
            update_gains(which, p.path_loss, s)
        elif phase == ATTACH:
            attach(which, p.handover, s, out)
        elif phase == FOLLOW:
            follow_trace(which, 1, p.trace, s)
        elif phase == OBSERVE:
            write_observations(which, actions, p.observation, p.traffic, p.links, p.channel, s, out)
        elif phase == TICK:
            for b in which:
                s.key[b, 3] += np.uint64(1)
        elif phase == START:
            start_episode(which, p.deployment, p.mobility, p.sessions, s)
        elif phase == START_DEMAND:
            update_demand(which, True, p.variation, s)
        elif phase == ATTACH_ALL:
            attach_all(which, s)
        elif phase == START_TRACE:
            follow_trace(which, 0, p.trace, s)
        else:
            raise ValueError("phase: no such branch")
