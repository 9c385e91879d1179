"""The order of one step, for the networks of a batch.

decode → schedule → fading and rates → queues → KPIs, QoS, reward → move, handover → observe.
"""

from __future__ import annotations

import numpy as np

from oran_env.actions import count_clipped, decode_slice_mask, decode_two_bit
from oran_env.channel import mean_gains, rates
from oran_env.kernels import Integers, Singles, kernel
from oran_env.layout import assign_slices, place_ues, serve
from oran_env.mobility import move
from oran_env.observations import observe
from oran_env.parameters import Parameters
from oran_env.qos import normalise, slice_kpis, slice_qos
from oran_env.reward import min_qos_penalty, qos_reward, resource_penalty
from oran_env.scenario import NUM_SLICES
from oran_env.scheduling import group_ues, round_robin
from oran_env.state import Outcome, State
from oran_env.traffic import arrivals, latency


@kernel
def reset_networks(which: Integers, p: Parameters, s: State) -> None:
    """Begin an episode in each network of ``which``."""
    num_dus = p.sites.shape[0]
    arrived = np.empty(num_dus, dtype=np.int64)
    no_action = np.empty((num_dus, 0), dtype=np.float32)
    for b in which:
        key = s.key[b]
        place_ues(key, p.area, p.min_speed, p.max_speed, s.position[b], s.direction[b], s.speed[b])
        mean_gains(s.position[b], p.sites, p.rb_power_mw, p.exponent, p.min_distance, s.gain[b])
        serve(s.gain[b], s.serving[b], arrived)
        assign_slices(key, s.serving[b], num_dus, p.heterogeneous, p.concentration, s.slice_of_ue[b])
        group_ues(s.serving[b], s.slice_of_ue[b], s.first[b], s.members[b])
        s.backlog[b] = 0.0
        s.history[b] = 0
        s.on_time[b] = 0
        s.pointer[b] = 0
        s.normalised[b] = 0.0
        s.load[b] = 0.0
        look(b, no_action, p, s)


@kernel
def step_networks(which: Integers, actions: Singles, p: Parameters, s: State, out: Outcome) -> None:
    """Advance each network of ``which`` by one step with actions (B, M, A); write ``out``."""
    for b in which:
        decode(b, actions[b], p, out)
        schedule(b, p, s, out)
        transmit(b, p, s, out)
        assess(b, p, s, out)
        advance(b, p, s)
        attach(b, p, s, out)
        look(b, actions[b], p, s)
        s.key[b, 3] += np.uint64(1)


@kernel
def decode(b: int, actions: Singles, p: Parameters, out: Outcome) -> None:
    """Read the slice of each RB out of actions (M, A)."""
    for m in range(actions.shape[0]):
        slice_of_rb = out.slice_of_rb[b, m]
        if p.codec == 0:
            out.rbs_claimed[b, m] = decode_two_bit(actions[m], slice_of_rb)
        else:
            out.rbs_claimed[b, m] = decode_slice_mask(actions[m], slice_of_rb)
        out.clipped_actions[b, m] = count_clipped(actions[m])


@kernel
def schedule(b: int, p: Parameters, s: State, out: Outcome) -> None:
    """Choose the UE of each RB inside its slice."""
    for m in range(out.slice_of_rb.shape[1]):
        round_robin(
            out.slice_of_rb[b, m], m, s.first[b], s.members[b], s.pointer[b, m], out.ue_of_rb[b, m],
            out.rbs_granted[b, m],
        )  # fmt: skip


@kernel
def transmit(b: int, p: Parameters, s: State, out: Outcome) -> None:
    """Fading and rates of eq. (1), then queues, latency, and the window of eq. (4)."""
    key, rate, tau = s.key[b], out.rate[b], out.tau[b]
    rates(
        key, out.ue_of_rb[b], s.gain[b], p.rayleigh, p.physical, p.noise_mw, p.bandwidth, p.cap, rate
    )  # fmt: skip
    for u in range(len(rate)):
        i = s.slice_of_ue[b, u]
        tau[u] = latency(s.backlog[b, u], p.packet[i], rate[u], p.offered[i], p.latency_cap)
        if p.queue and p.offered[i] > 0.0:
            bits = arrivals(key, u, p.offered[i] * p.step_s / p.packet[i], p.packet[i])
            s.backlog[b, u] = max(0.0, s.backlog[b, u] + bits - rate[u] * p.step_s)
        leaving = (s.history[b, u] >> (p.window - 1)) & 1
        reached = 1 if rate[u] >= p.threshold[i] else 0
        s.history[b, u] = ((s.history[b, u] << 1) | reached) & ((1 << p.window) - 1)
        s.on_time[b, u] += reached - leaving


@kernel
def assess(b: int, p: Parameters, s: State, out: Outcome) -> None:
    """KPIs, QoS and reward of every DU."""
    first, members = s.first[b], s.members[b]
    num_dus, num_rbs = out.slice_of_rb.shape[1:]
    window = min(int(s.key[b, 3]) + 1, p.window)
    for m in range(num_dus):
        for i in range(NUM_SLICES):
            ues = members[first[NUM_SLICES * m + i] : first[NUM_SLICES * m + i + 1]]
            number = len(ues)
            slowest, throughput, availability, density, unserved = slice_kpis(
                ues, out.rate[b], out.tau[b], p.threshold[i], s.on_time[b], window
            )
            qos = slice_qos(i, slowest, throughput, density, number)
            normalised = normalise(i, qos, p.q_min[i], number)
            offered = p.offered[i] * number
            achieved = throughput * number
            s.load[b, m, i] = 1.0 if offered >= achieved or p.offered[i] == 0.0 else offered / achieved
            if number == 0:
                s.load[b, m, i] = 0.0
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
        granted = out.rbs_granted[b, m]
        out.rbs_idle[b, m] = num_rbs - granted[0] - granted[1] - granted[2]
        quality = s.normalised[b, m]
        out.reward_qos[b, m] = qos_reward(quality, p.priority, p.alpha_kind, p.alpha_floor, p.fixed_alpha)
        out.penalty_min_qos[b, m] = min_qos_penalty(quality, p.min_normalised, p.zeta)
        out.penalty_resource[b, m] = resource_penalty(out.rbs_claimed[b, m], num_rbs, p.zeta)
        out.reward[b, m] = out.reward_qos[b, m] + out.penalty_resource[b, m] + out.penalty_min_qos[b, m]


@kernel
def advance(b: int, p: Parameters, s: State) -> None:
    """Move the UEs and follow their path loss."""
    move(s.key[b], p.step_s, p.area, p.turn_cos, p.turn_sin, s.position[b], s.direction[b], s.speed[b])
    mean_gains(s.position[b], p.sites, p.rb_power_mw, p.exponent, p.min_distance, s.gain[b])


@kernel
def attach(b: int, p: Parameters, s: State, out: Outcome) -> None:
    """Hand UEs over to the strongest RU, and list them by DU and slice."""
    serve(s.gain[b], s.serving[b], out.handovers[b])
    group_ues(s.serving[b], s.slice_of_ue[b], s.first[b], s.members[b])


@kernel
def look(b: int, actions: Singles, p: Parameters, s: State) -> None:
    """Write what every DU sees; actions (M, A), (M, 0) after a reset."""
    num_dus, num_ues = p.sites.shape[0], s.speed.shape[1]
    for m in range(num_dus):
        observe(
            s.normalised[b, m], s.first[b], m, num_ues, num_dus, p.extended, s.backlog[b], s.load[b, m], s.members[b],
            p.offered * p.step_s, actions[m], s.observation[b, m],
        )  # fmt: skip


@kernel
def regroup(which: Integers, s: State) -> None:
    """List the UEs of each network by DU and slice."""
    for b in which:
        group_ues(s.serving[b], s.slice_of_ue[b], s.first[b], s.members[b])
