"""The order of one step, for the networks of a batch.

decode → schedule → arrivals of bits → fading, rates, queues → KPIs and QoS → reward → move → sessions, demand → gains →
attach → observe. ``simulator.py`` runs all phases at once, or some at a time where a component of the user's takes the
place of one.
"""

from __future__ import annotations

import numpy as np

from oran_env.model.cell.deployment import draw_mix, draw_slice, hand_over, place_ue, strongest
from oran_env.model.cell.mobility import move
from oran_env.model.demand.traffic import arrivals, latency, vary_demand
from oran_env.model.mac.action_codec import (
    CONTESTED,
    CUSTOM,
    IDLE,
    SLICE_MASK,
    SLICE_SHARE,
    TO_SCHEDULE,
    TWO_BIT,
    UE_GRID,
    count_clipped,
    decode_slice_mask,
    decode_slice_share,
    decode_two_bit,
    decode_ue_grid,
)
from oran_env.model.mac.mac_scheduler import channel_aware, group_ues, round_robin
from oran_env.model.parameters import ROUND_ROBIN, Parameters
from oran_env.model.radio.channel import rates
from oran_env.model.radio.path_loss import draw_link, mean_gains
from oran_env.model.reward.observation import observe
from oran_env.model.reward.qos import normalise, slice_kpis, slice_qos, weighted_kpi
from oran_env.model.reward.reward import min_qos_penalty, qos_reward, resource_penalty
from oran_env.model.state import Outcome, State
from oran_env.numerics.jit import Integers, Singles, kernel
from oran_env.numerics.random_draws import SESSION, draw, uniform
from oran_env.scenario.slices import NUM_SLICES

# Phases of a step, and of a reset.
DECODE, SCHEDULE, TRAFFIC, TRANSMIT, ASSESS, REWARD, MOVE, SESSIONS, DEMAND, GAINS, ATTACH, OBSERVE, TICK = (
    1 << i for i in range(13)
)
BEGIN, SETTLE = 1 << 13, 1 << 14
STEP = (
    DECODE
    | SCHEDULE
    | TRAFFIC
    | TRANSMIT
    | ASSESS
    | REWARD
    | MOVE
    | SESSIONS
    | DEMAND
    | GAINS
    | ATTACH
    | OBSERVE
    | TICK
)
RESET = BEGIN | GAINS | SETTLE | OBSERVE

_AWAY, _COMING = -1, -2  # in place of the serving DU


@kernel
def reset_networks(which: Integers, phases: int, p: Parameters, s: State) -> None:
    """Begin an episode in each network of ``which``."""
    num_networks, num_dus = s.serving.shape[0], p.sites.shape[0]
    no_action = np.empty((num_networks, num_dus, 0), dtype=np.float32)
    no_claims = np.empty((num_networks, num_dus, 0), dtype=np.int64)
    if phases & BEGIN:
        begin(which, p, s)
    if phases & GAINS:
        follow(which, p, s)
    if phases & SETTLE:
        settle(which, p, s)
    if phases & OBSERVE:
        look(which, no_action, no_claims, p, s)


@kernel
def step_networks(which: Integers, phases: int, actions: Singles, p: Parameters, s: State, out: Outcome) -> None:
    """Advance each network of ``which`` by one step with actions (B, M, A); write ``out``.

    Each phase goes over the networks itself: handing it all these arrays costs as much as some phases take.
    """
    if phases & DECODE:
        decode(which, actions, p, s, out)
    if phases & SCHEDULE:
        schedule(which, p, s, out)
    if phases & TRAFFIC:
        arrive(which, p, s, out)
    if phases & TRANSMIT:
        transmit(which, p, s, out)
    if phases & ASSESS:
        assess(which, p, s, out)
    if phases & REWARD:
        pay(which, p, s, out)
    if phases & MOVE:
        for b in which:
            move(s.key[b], p.step_s, p.area, p.turn_cos, p.turn_sin, s.position[b], s.direction[b], s.speed[b])
    if phases & SESSIONS and p.sessions:
        come_and_go(which, p, s, out)
    if phases & DEMAND and p.varying:
        for b in which:
            vary_demand(s.key[b], False, p, s.drift[b], s.burst[b], s.demand[b])
    if phases & GAINS:
        follow(which, p, s)
    if phases & ATTACH:
        attach(which, p, s, out)
    if phases & OBSERVE:
        look(which, actions, out.slice_of_rb, p, s)
    if phases & TICK:
        for b in which:
            s.key[b, 3] += np.uint64(1)


@kernel
def follow(which: Integers, p: Parameters, s: State) -> None:
    """The gains of the links where the UEs are now."""
    for b in which:
        mean_gains(s.position[b], s.los_draw[b], s.shadow[b], p, s.gain[b])


@kernel
def begin(which: Integers, p: Parameters, s: State) -> None:
    """Place the UEs, clear what the last episode left."""
    for b in which:
        key = s.key[b]
        share = p.come / (p.come + p.leave)  # of UEs that are present, in the long run
        for u in range(s.speed.shape[1]):
            place_ue(key, u, 0, p.area, p.min_speed, p.max_speed, s.position[b], s.direction[b], s.speed[b])
            draw_link(key, u, 0, s.los_draw[b, u], s.shadow[b, u])
            s.serving[b, u] = 0
            s.slice_of_ue[b, u] = 0
            if p.sessions:
                word, _, _, _ = draw(key, SESSION, u, 0)
                s.serving[b, u] = 0 if uniform(word) < share else _AWAY
        s.backlog[b] = 0.0
        s.average[b] = 0.0
        s.history[b] = 0
        s.on_time[b] = 0
        s.since[b] = 0
        s.pointer[b] = 0
        s.normalised[b] = 0.0
        s.load[b] = 0.0
        draw_mix(key, p.heterogeneous, p.concentration, s.mix[b])
        if p.varying:
            vary_demand(key, True, p, s.drift[b], s.burst[b], s.demand[b])


@kernel
def settle(which: Integers, p: Parameters, s: State) -> None:
    """Attach the UEs and draw their slices, once their gains are known."""
    for b in which:
        for u in range(s.speed.shape[1]):
            if s.serving[b, u] >= 0:
                s.serving[b, u] = strongest(s.gain[b, u])
                s.slice_of_ue[b, u] = draw_slice(s.key[b], u, 0, s.mix[b, s.serving[b, u]])
        group_ues(s.serving[b], s.slice_of_ue[b], s.first[b], s.members[b])


@kernel
def decode(which: Integers, actions: Singles, p: Parameters, s: State, out: Outcome) -> None:
    """Read the slice of each RB, and with ue_grid its UE, out of actions (B, M, A)."""
    for b in which:
        num_dus, num_rbs = out.slice_of_rb.shape[1:]
        for m in range(num_dus):
            slice_of_rb, ue_of_rb = out.slice_of_rb[b, m], out.ue_of_rb[b, m]
            if p.codec == TWO_BIT:
                out.rbs_claimed[b, m] = decode_two_bit(actions[b, m], slice_of_rb)
            elif p.codec == SLICE_MASK:
                out.rbs_claimed[b, m] = decode_slice_mask(actions[b, m], slice_of_rb)
            elif p.codec == SLICE_SHARE:
                out.rbs_claimed[b, m] = decode_slice_share(actions[b, m], slice_of_rb)
            else:
                first = s.first[b, NUM_SLICES * m : NUM_SLICES * (m + 1) + 1]
                out.rbs_claimed[b, m] = decode_ue_grid(actions[b, m], first, s.members[b], slice_of_rb, ue_of_rb)
            contested = 0
            for k in range(num_rbs):
                contested += slice_of_rb[k] == CONTESTED
                if p.codec != UE_GRID:
                    ue_of_rb[k] = TO_SCHEDULE if slice_of_rb[k] >= 0 else IDLE
            out.rbs_contested[b, m] = contested
            out.clipped_actions[b, m] = count_clipped(actions[b, m])


@kernel
def schedule(which: Integers, p: Parameters, s: State, out: Outcome) -> None:
    """Choose the UE of each RB inside its slice."""
    for b in which:
        for m in range(out.slice_of_rb.shape[1]):
            slice_of_rb, ue_of_rb = out.slice_of_rb[b, m], out.ue_of_rb[b, m]
            if p.scheduler == ROUND_ROBIN:
                round_robin(slice_of_rb, p.codec, m, s.first[b], s.members[b], s.pointer[b, m], ue_of_rb)
            else:
                channel_aware(
                    s.key[b], slice_of_rb, m, s.first[b], s.members[b], s.gain[b], s.average[b], p, ue_of_rb
                )  # fmt: skip


@kernel
def arrive(which: Integers, p: Parameters, s: State, out: Outcome) -> None:
    """Bits that arrive at the queue of each UE in this step."""
    for b in which:
        for u in range(out.arrived.shape[1]):
            m, i = s.serving[b, u], s.slice_of_ue[b, u]
            out.arrived[b, u] = 0.0
            if p.queue and m >= 0 and p.finite[i]:
                bits = p.offered[i] * s.demand[b, m, i] * p.step_s
                if p.constant[i]:
                    out.arrived[b, u] = bits
                else:
                    out.arrived[b, u] = arrivals(s.key[b], u, bits / p.packet[i], p.packet[i], p.fixed_size[i])


@kernel
def transmit(which: Integers, p: Parameters, s: State, out: Outcome) -> None:
    """Fading and rates of eq. (1), then queues, latency, and the window of eq. (4)."""
    for b in which:
        rate, served, tau = out.rate[b], out.served[b], out.tau[b]
        rates(s.key[b], out.ue_of_rb[b], s.gain[b], p, rate)
        for u in range(len(rate)):
            m, i = s.serving[b, u], s.slice_of_ue[b, u]
            served[u] = 0.0
            tau[u] = 0.0
            if m < 0:
                continue
            offered = p.offered[i] * s.demand[b, m, i]
            backlog = s.backlog[b, u]
            tau[u] = latency(backlog, p.packet[i], rate[u], offered, p.latency_cap)
            served[u] = rate[u]
            emptied = False
            if p.finite[i]:
                waiting = backlog + out.arrived[b, u]
                if p.queue:
                    s.backlog[b, u] = max(0.0, waiting - rate[u] * p.step_s)
                if p.served:
                    served[u] = min(rate[u], waiting / p.step_s if p.queue else offered)
                    emptied = s.backlog[b, u] == 0.0 if p.queue else rate[u] >= offered
            leaving = (s.history[b, u] >> (p.window - 1)) & 1
            reached = 1 if emptied or served[u] >= p.threshold[i] else 0
            s.history[b, u] = ((s.history[b, u] << 1) | reached) & ((1 << p.window) - 1)
            s.on_time[b, u] += reached - leaving
            s.average[b, u] += (rate[u] - s.average[b, u]) / p.fairness


@kernel
def assess(which: Integers, p: Parameters, s: State, out: Outcome) -> None:
    """KPIs and QoS of every DU and slice."""
    for b in which:
        first, members = s.first[b], s.members[b]
        num_dus, num_rbs = out.slice_of_rb.shape[1:]
        steps = np.minimum(int(s.key[b, 3]) + 1 - s.since[b], p.window)  # that eq. (4) looks back on
        for m in range(num_dus):
            for i in range(NUM_SLICES):
                ues = members[first[NUM_SLICES * m + i] : first[NUM_SLICES * m + i + 1]]
                number = len(ues)
                slowest, throughput, availability, density, unserved = slice_kpis(
                    ues, out.rate[b], out.served[b], out.tau[b], s.history[b], s.on_time[b], steps
                )
                if p.weighted_kpi:
                    qos = weighted_kpi(
                        p.kpi_weights[:, i],
                        slowest,
                        throughput,
                        availability,
                        density,
                        p.kpi_latency[i],
                        p.threshold[i],
                    )
                    normalised = min(max(qos, 0.0), 1.0) if number > 0 else 1.0
                else:
                    qos = slice_qos(i, slowest, throughput, density, number)
                    normalised = normalise(i, qos, p.q_min[i], number)
                s.normalised[b, m, i] = normalised
                out.latency_s[b, m, i] = slowest
                out.throughput_mbps[b, m, i] = throughput * 1e-6
                out.availability[b, m, i] = availability
                out.density[b, m, i] = density
                out.qos[b, m, i] = qos
                out.qos_normalised[b, m, i] = normalised
                out.satisfied[b, m, i] = normalised >= 0.5
                out.num_ues[b, m, i] = number
                out.unserved_ues[b, m, i] = unserved
                achieved = 0.0
                for u in ues:
                    achieved += out.rate[b, u]
                offered = p.offered[i] * s.demand[b, m, i] * number
                s.load[b, m, i] = 1.0 if offered >= achieved or p.offered[i] == 0.0 else offered / achieved
                if number == 0:
                    s.load[b, m, i] = 0.0
            out.rbs_granted[b, m] = 0
            for k in range(num_rbs):
                u = out.ue_of_rb[b, m, k]
                if u >= 0:
                    out.rbs_granted[b, m, s.slice_of_ue[b, u]] += 1
            out.rbs_idle[b, m] = num_rbs - out.rbs_granted[b, m].sum()


@kernel
def pay(which: Integers, p: Parameters, s: State, out: Outcome) -> None:
    """The reward of every DU, eq. (8)."""
    for b in which:
        num_dus, num_rbs = out.slice_of_rb.shape[1:]
        mean = 0.0
        for m in range(num_dus):
            quality = s.normalised[b, m]
            out.reward_qos[b, m] = qos_reward(quality, p.priority, p.alpha_kind, p.alpha_floor, p.fixed_alpha)
            out.penalty_min_qos[b, m] = min_qos_penalty(quality, p.min_normalised, p.zeta)
            out.penalty_resource[b, m] = resource_penalty(out.rbs_claimed[b, m], num_rbs, p.zeta)
            out.reward[b, m] = out.reward_qos[b, m] + out.penalty_resource[b, m] + out.penalty_min_qos[b, m]
            mean += out.reward_qos[b, m] + out.penalty_resource[b, m] + out.penalty_min_qos[b, m]
        if p.team:
            out.reward[b] = mean / num_dus


@kernel
def come_and_go(which: Integers, p: Parameters, s: State, out: Outcome) -> None:
    """End the session of some UEs, begin that of others at a new place."""
    for b in which:
        key = s.key[b]
        for u in range(s.speed.shape[1]):
            word, _, _, _ = draw(key, SESSION, u, 1)
            if s.serving[b, u] >= 0:
                if uniform(word) < p.leave:
                    out.departures[b, s.serving[b, u]] += 1
                    s.serving[b, u] = _AWAY
            elif uniform(word) < p.come:
                s.serving[b, u] = _COMING
                place_ue(key, u, 1, p.area, p.min_speed, p.max_speed, s.position[b], s.direction[b], s.speed[b])
                draw_link(key, u, 1, s.los_draw[b, u], s.shadow[b, u])
                s.backlog[b, u] = 0.0
                s.average[b, u] = 0.0
                s.history[b, u] = 0
                s.on_time[b, u] = 0
                s.since[b, u] = int(key[3]) + 1


@kernel
def attach(which: Integers, p: Parameters, s: State, out: Outcome) -> None:
    """Hand UEs over to the strongest RU, attach those that come, and list them by DU and slice."""
    for b in which:
        hand_over(s.gain[b], s.serving[b], out.handovers[b])
        if p.sessions:
            for u in range(s.speed.shape[1]):
                if s.serving[b, u] == _COMING:
                    m = strongest(s.gain[b, u])
                    s.serving[b, u] = m
                    s.slice_of_ue[b, u] = draw_slice(s.key[b], u, 1, s.mix[b, m])
                    out.arrivals[b, m] += 1
        group_ues(s.serving[b], s.slice_of_ue[b], s.first[b], s.members[b])


@kernel
def look(which: Integers, actions: Singles, slice_of_rb: Integers, p: Parameters, s: State) -> None:
    """Write what every DU sees; actions (B, M, A), (B, M, 0) after a reset; slice_of_rb (B, M, K)."""
    for b in which:
        num_dus, num_ues = p.sites.shape[0], s.speed.shape[1]
        for m in range(num_dus):
            executed = actions[b, m]
            if p.codec == SLICE_SHARE and len(executed) > 0:
                executed = executed_shares(slice_of_rb[b, m])
            observe(
                s.normalised[b, m], s.first[b], m, num_ues, num_dus, p.extended, s.backlog[b], s.load[b, m],
                s.members[b], p.offered * p.step_s, executed, p.codec != SLICE_SHARE and p.codec != CUSTOM,
                s.observation[b, m],
            )  # fmt: skip


@kernel
def executed_shares(slice_of_rb: Integers) -> Singles:
    """Shares (4,) of the RBs that eMBB, mMTC, URLLC and nobody got."""
    shares = np.zeros(NUM_SLICES + 1, dtype=np.float32)
    for i in slice_of_rb:
        shares[i if i >= 0 else NUM_SLICES] += np.float32(1.0)
    return shares / np.float32(len(slice_of_rb))


@kernel
def regroup(which: Integers, s: State) -> None:
    """List the UEs of each network by DU and slice."""
    for b in which:
        group_ues(s.serving[b], s.slice_of_ue[b], s.first[b], s.members[b])
