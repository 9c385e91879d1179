"""The phases of one step of one network of a `Simulator`, worked out by the `reference*.py` modules.

`step.py` puts them together. ``state``: the arrays of `Simulator.get_state` of one network.
"""

from __future__ import annotations

import itertools
import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from oracle import control, radio, traffic
from oracle import equations as ref
from oran_env import Simulator
from oran_env.numerics.random_draws import ARRIVALS, draw
from oran_env.scenario.fields import Scenario

Array = NDArray[Any]


class FadingOf:
    """|h|² of the coming step of one network, as the simulator answers when asked."""

    def __init__(self, simulator: Simulator, network: int) -> None:
        self._simulator, self._network = simulator, network
        self._known: dict[tuple[int, int, int], Array] = {}

    def __call__(self, u: int, m: int, k: int, j: int) -> float:
        if (u, k, j) not in self._known:
            self._known[u, k, j] = self._simulator.fading_power(self._network, u, k, block=j)
        return float(self._known[u, k, j][m])


def expected_gains(s: Scenario, state: dict[str, Array]) -> Array:
    """Mean received power per RB (N, M) [mW] from where the UEs of one network stand and what its links drew."""
    sites = ref.hexagonal_layout(s.layout.num_dus, s.layout.site_spacing_m)
    power = radio.power_per_rb_mw(s.radio.power_dbm, s.radio.num_rbs)
    los_draw, shadow = state["los_draw"], state["shadow"]
    gains = np.zeros((len(state["position"]), len(sites)))
    for u, position in enumerate(state["position"]):
        for m, site in enumerate(sites):
            gains[u, m] = power * radio.link_gain(
                radio.distance(position, site),
                path_loss=s.radio.path_loss,
                exponent=s.radio.path_loss_exponent,
                min_distance_m=s.radio.min_distance_m,
                carrier_ghz=s.radio.carrier_ghz,
                bs_height_m=s.radio.bs_height_m,
                ue_height_m=s.radio.ue_height_m,
                los_draw=float(los_draw[u, m]) if los_draw.size else 1.0,
                normal=float(shadow[u, m]) if shadow.size else 0.0,
                shadowing_los_db=s.radio.shadowing_los_db,
                shadowing_nlos_db=s.radio.shadowing_nlos_db,
            )
    return gains


def expected_demand(s: Scenario, state: dict[str, Array]) -> Array:
    """How many times its usual traffic each slice of each DU offers (M, 3)."""
    shape = (s.layout.num_dus, ref.NUM_SLICES)
    drift = state["drift"] if state["drift"].size else np.zeros(shape)
    burst = state["burst"] if state["burst"].size else np.zeros(shape)
    factors = np.zeros(shape)
    for m in range(shape[0]):
        for sl in range(shape[1]):
            factors[m, sl] = traffic.demand(
                drift=float(drift[m, sl]),
                sigma=s.traffic.drift_sigma,
                in_burst=bool(burst[m, sl]),
                burst_factor=s.traffic.burst_factor,
            )
    return factors


class Granted(NamedTuple):
    """What the DUs of one network do with their RBs."""

    ue_of_rb: Array  # (M, K)
    pointer: Array  # (M, 3)
    claimed: Array  # (M,)
    contested: Array  # (M,)
    executed: Array  # (M, A)
    power: Array  # (M, K) of each RB, over its even share


def expected_grants(
    s: Scenario, state: dict[str, Array], actions: Array, gains: Array, fading: FadingOf, arrived: Array | None
) -> Granted:
    """Codec and MAC scheduler of every DU, from its action (M, A)."""
    waiting = state["backlog"] + (0.0 if arrived is None else arrived)
    num_dus, num_rbs = s.layout.num_dus, s.radio.num_rbs
    ue_slice, serving = state["slice_of_ue"], state["serving"]
    ue_of_rb = np.full((num_dus, num_rbs), ref.NOBODY)
    pointer = np.zeros((num_dus, 3), dtype=np.int64)
    claimed, contested = np.zeros(num_dus, dtype=np.int64), np.zeros(num_dus, dtype=np.int64)
    executed = np.zeros(actions.shape)
    power = np.ones((num_dus, num_rbs))
    if s.radio.power_range_db > 0:
        actions, set_power = actions[:, :-num_rbs], np.clip(actions[:, -num_rbs:], 0.0, 1.0)
        executed[:, -num_rbs:] = set_power
        for m in range(num_dus):
            for k in range(num_rbs):
                power[m, k] = 10.0 ** (-s.radio.power_range_db * (1.0 - float(set_power[m, k])) / 10.0)
    for m in range(num_dus):
        ues = [ref.members(ue_slice=ue_slice, serving=serving, du=m, slice_=sl) for sl in range(ref.NUM_SLICES)]
        named = np.full(num_rbs, ref.NOBODY)
        executed[m, : actions.shape[1]] = ref.executed_bits(actions[m])
        if s.control.codec == "two_bit":
            slice_of_rb = ref.decode_two_bit(actions[m])
            claimed[m] = int((slice_of_rb != ref.IDLE).sum())
        elif s.control.codec == "slice_mask":
            slice_of_rb, claimed[m] = ref.decode_slice_mask(actions[m])
            contested[m] = sum(control.contested_by_slices(actions[m], num_rbs))
        elif s.control.codec == "ue_grid":
            named, slice_of_rb, ues, claimed[m], contested[m] = control.decode_ue_grid(
                actions[m], num_rbs, ue_slice=ue_slice, serving=serving, du=m
            )
        elif s.control.codec == "zones":
            slice_of_rb = control.decode_zones(actions[m], m, num_dus, num_rbs, s.owned_rbs)
            claimed[m] = int((slice_of_rb != ref.IDLE).sum())
            executed[m, : actions.shape[1]] = np.clip(actions[m], 0, 1)
        elif s.control.codec == "prb_quota":
            queued = [s.traffic.latency == "queue" and s.traffic.offered_bps[sl] > 0 for sl in range(ref.NUM_SLICES)]
            sending = [sum(waiting[u] > 0 or not queued[sl] for u in ues[sl]) for sl in range(ref.NUM_SLICES)]
            slice_of_rb = control.decode_prb_quota(actions[m], num_rbs, sending)
            claimed[m] = int((slice_of_rb != ref.IDLE).sum())
            executed[m, : actions.shape[1]] = np.clip(actions[m], 0, 1)
        else:
            slice_of_rb = control.decode_slice_share(actions[m], num_rbs)
            claimed[m] = int((slice_of_rb != ref.IDLE).sum())
            executed[m, :4] = [count / num_rbs for count in control.shares_of_rbs(actions[m], num_rbs)]

        if s.control.scheduler == "round_robin":
            dealt, pointer[m] = control.round_robin(slice_of_rb, ues, state["pointer"][m])
        else:

            def expected(u: int, k: int, m: int = m) -> float:
                return radio.expected_rate(
                    u,
                    m,
                    gain_mw=gains,
                    noise=radio.noise_mw(s.radio.noise_dbm_per_hz, s.radio.rb_bandwidth_hz),
                    power=fading(u, m, k, 0) if s.control.csi == "per_rb" else 1.0,
                    rb_bandwidth_hz=s.radio.rb_bandwidth_hz,
                    cap=s.radio.max_spectral_efficiency,
                    evm=s.radio.tx_evm,
                )

            dealt = control.deal(
                s.control.scheduler,
                slice_of_rb,
                ues,
                expected=expected,
                average_bps=state["average"],
                window=s.control.fairness_window,
            )
        for k in range(num_rbs):
            ue_of_rb[m, k] = named[k] if named[k] != ref.NOBODY else dealt[k]
    return Granted(ue_of_rb, pointer, claimed, contested, executed, power)


class Waiting(NamedTuple):
    """What traffic makes of the rates, per UE (N,)."""

    tau: Array
    counted: Array  # the rate that the KPIs count [bit/s]
    reached: Array
    backlog: Array
    waited: Array
    packets: Array
    late: Array


def packets_of(key: Array, u: int, mean: float, *, packet_bits: float, fixed: bool, step_s: float) -> list[Any]:
    """The Poisson packets of UE u in this step: gaps and sizes from the words of the generator, two by two."""
    found: list[traffic.Packet] = []
    at = 0.0
    for block in itertools.count():
        words = [(float(word) + 0.5) / 2.0**32 for word in draw(key, ARRIVALS, u, block)]
        for gap, size in (words[:2], words[2:]):
            at += -math.log(gap) * step_s / mean if mean > 0.0 else math.inf
            if at >= step_s:
                return found
            found.append(traffic.Packet(at, packet_bits * (1.0 if fixed else -math.log(size))))
    raise AssertionError


def expected_traffic(s: Scenario, state: dict[str, Array], rate: Array, arrived: Array) -> Waiting:
    """Latency, served rate and backlog of every UE; ``arrived``: bits (N,) of this step."""
    ue_slice, serving = state["slice_of_ue"], state["serving"]
    factors = expected_demand(s, state)
    queue, step_s = s.traffic.latency == "queue", s.control.step_s
    tau, counted = np.zeros(len(rate)), rate.copy()
    reached, backlog, waited = np.zeros(len(rate), dtype=bool), np.zeros(len(rate)), np.zeros(len(rate))
    number, late = np.zeros(len(rate)), np.zeros(len(rate))
    for u in range(len(rate)):
        if serving[u] == ref.AWAY:
            continue
        sl, c, waiting = int(ue_slice[u]), float(rate[u]), float(state["backlog"][u])
        offered = s.traffic.offered_bps[sl] * s.traffic.load * float(factors[serving[u], sl])
        packet, cap_s = 8.0 * s.traffic.packet_bytes[sl], s.traffic.latency_cap_s
        by_qos = sl == 2 and s.quality.qos == "slice"
        deadline_s = 1e-3 * (s.quality.q_min[2] if by_qos else s.quality.kpi_latency_ms[sl])
        finite = s.traffic.offered_bps[sl] > 0
        all_sent = False
        if queue and finite:
            known: Any = {"rate_bps": c, "backlog_bits": waiting}
            if s.traffic.arrivals[sl] == "constant":
                assert math.isclose(offered * step_s, float(arrived[u]), rel_tol=1e-9, abs_tol=1e-3)
                found = traffic.fluid(arrived_bits=offered * step_s, packet_bits=packet, step_s=step_s, **known)
            else:
                mean, fixed = offered * step_s / packet, s.traffic.packet_size[sl] == "fixed"
                packets = packets_of(state["key"], u, mean, packet_bits=packet, fixed=fixed, step_s=step_s)
                assert math.isclose(sum(p.bits for p in packets), float(arrived[u]), rel_tol=1e-9, abs_tol=1e-3)
                found = traffic.fifo(packets, step_s=step_s, **known)
            tau[u] = traffic.latency_queue(found, cap_s=cap_s, **known)
            backlog[u], number[u] = found.left, found.number
            late[u] = traffic.late_packets(found, deadline_s)
            waited[u] = traffic.age(found, waited_s=float(state["waited"][u]), step_s=step_s, **known)
            all_sent = backlog[u] == 0.0
        else:
            tau[u] = traffic.latency_mm1(rate_bps=c, packet_bits=packet, offered_bps=offered, cap_s=cap_s)
            number[u] = offered * step_s / packet if finite else 1.0
            late[u] = number[u] * traffic.late_mm1(
                rate_bps=c, packet_bits=packet, offered_bps=offered, deadline_s=deadline_s
            )
            all_sent = c >= offered
        if s.traffic.throughput == "served" and finite:
            if queue:
                counted[u] = traffic.served_rate_queue(
                    backlog_bits=waiting, arrived_bits=float(arrived[u]), left_bits=float(backlog[u]), step_s=step_s
                )
            else:
                counted[u] = traffic.served_rate_mm1(rate_bps=c, offered_bps=offered)
        reached[u] = traffic.reached(
            rate_bps=float(counted[u]),
            threshold_bps=1e6 * s.quality.rate_threshold_mbps[sl],
            all_sent=all_sent and s.traffic.throughput == "served" and finite,
        )
    return Waiting(tau, counted, reached, backlog, waited, number, late)


def expected_waiting(w: Waiting, ue_slice: Array, serving: Array, num_dus: int) -> dict[str, Array]:
    """Late packets and what waits, per DU and slice (M, 3), under their keys of info."""
    names = ("late_share", "backlog_bits", "head_of_line_s")
    info = {name: np.zeros((num_dus, ref.NUM_SLICES)) for name in names}
    for m in range(num_dus):
        for sl in range(ref.NUM_SLICES):
            ues = ref.members(ue_slice=ue_slice, serving=serving, du=m, slice_=sl)
            number = sum(w.packets[u] for u in ues)
            info["late_share"][m, sl] = sum(w.late[u] for u in ues) / number if number else 0.0
            info["backlog_bits"][m, sl] = sum(w.backlog[u] for u in ues)
            info["head_of_line_s"][m, sl] = max((w.waited[u] for u in ues), default=0.0)
    return info


def expected_quality(s: Scenario, kpis: ref.Kpis, voice: Array, counts: Array) -> tuple[Array, Array]:
    """Q and Q̄ (M, 3); ``voice``: the QoS of section VI-E."""
    quality, normalised = np.zeros(voice.shape), np.zeros(voice.shape)
    for m in range(len(voice)):
        if s.quality.qos == "weighted_kpi":
            metrics = ref.kpi_metrics(
                **{name: array[m] for name, array in kpis._asdict().items()},
                kpi_latency_ms=np.array(s.quality.kpi_latency_ms),
                threshold_mbps=np.array(s.quality.rate_threshold_mbps),
            )
            quality[m] = ref.weighted_kpi(metrics=metrics, weights=np.array(s.quality.kpi_weights))
            normalised[m] = ref.normalised_weighted_kpi(quality=quality[m], num_ues=counts[m])
        else:
            quality[m] = voice[m]
            normalised[m] = ref.normalised_qos(quality=voice[m], qos_min=np.array(s.quality.q_min), num_ues=counts[m])
    return quality, normalised
