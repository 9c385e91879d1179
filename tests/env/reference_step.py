"""One step of one network of a `Simulator`, worked out again by `reference.py` from the state before it.

What is taken from the simulator: the state before the step, the scenario, the fading gains it can be asked for, and
where the UEs stand after the step. Everything else is computed here.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import reference as ref
from numpy.typing import NDArray

from oran_env import Simulator

Array = NDArray[Any]


class FadingOf:
    """|h|² of the coming step of one network, as the simulator answers when asked."""

    def __init__(self, simulator: Simulator, network: int) -> None:
        self._simulator, self._network = simulator, network
        self._known: dict[tuple[int, int], Array] = {}

    def __call__(self, u: int, m: int, k: int) -> float:
        if (u, k) not in self._known:
            self._known[u, k] = self._simulator.fading_power(self._network, u, k)
        return float(self._known[u, k][m])


class Expected(NamedTuple):
    """What the step must hand out and leave behind; per-DU values (M,), per-slice (M, 3), per-UE (N,)."""

    rate: Array
    tau: Array
    info: dict[str, Array]
    reward: Array
    pointer: Array
    ue_of_rb: Array


def expected_step(simulator: Simulator, network: int, actions: Array, past_rates: list[Array]) -> Expected:
    """Work out the coming step; ``past_rates`` (earlier steps of the episode, oldest first) grows by its rates."""
    s = simulator.scenario
    state = {name: array[network] for name, array in simulator.get_state().items()}
    num_dus, num_rbs = s.layout.num_dus, s.radio.num_rbs
    ue_slice, serving = state["slice_of_ue"], state["serving"]
    sites = ref.hexagonal_layout(num_dus, s.layout.site_spacing_m)
    counts = ref.count_ues(ue_slice=ue_slice, serving=serving, num_dus=num_dus)

    ue_of_rb = np.full((num_dus, num_rbs), ref.NOBODY)
    pointer = np.zeros((num_dus, 3), dtype=np.int64)
    claimed = np.zeros(num_dus, dtype=np.int64)
    granted = np.zeros((num_dus, 3), dtype=np.int64)
    for m in range(num_dus):
        if s.control.codec == "two_bit":
            slice_of_rb = ref.decode_two_bit(actions[m])
            claimed[m] = int((slice_of_rb != ref.IDLE).sum())
        else:
            slice_of_rb, claimed[m] = ref.decode_slice_mask(actions[m])
        ue_of_rb[m], pointer[m] = ref.round_robin(slice_of_rb, ue_slice, serving, m, state["pointer"][m])
        for k in range(num_rbs):
            if ue_of_rb[m, k] != ref.NOBODY:
                granted[m, ue_slice[ue_of_rb[m, k]]] += 1

    rate = ref.rates(
        ue_of_rb=ue_of_rb,
        ue_positions=state["position"],
        ru_positions=sites,
        gain=FadingOf(simulator, network),
        power_dbm=s.radio.power_dbm,
        noise_dbm_per_hz=s.radio.noise_dbm_per_hz,
        rb_bandwidth_hz=s.radio.rb_bandwidth_hz,
        exponent=s.radio.path_loss_exponent,
        min_distance_m=s.radio.min_distance_m,
        interference=s.radio.interference,
        max_spectral_efficiency=s.radio.max_spectral_efficiency,
    )
    past_rates.append(rate)
    tau = ref.ue_latencies(
        rates_bps=rate,
        ue_slice=ue_slice,
        packet_bits=8.0 * np.array(s.traffic.packet_bytes),
        offered_bps=np.array(s.traffic.offered_bps),
        backlog_bits=state["backlog"] if s.traffic.latency == "queue" else None,
        cap_s=s.traffic.latency_cap_s,
    )
    threshold_bps = 1e6 * np.array(s.quality.rate_threshold_mbps)
    kpis = ref.kpis(
        rate_history_bps=np.array(past_rates),
        tau_s=tau,
        ue_slice=ue_slice,
        serving=serving,
        num_dus=num_dus,
        threshold_bps=threshold_bps,
        window=s.quality.availability_window,
    )
    quality = ref.qos(
        rates_bps=rate, tau_s=tau, ue_slice=ue_slice, serving=serving, num_dus=num_dus, threshold_bps=threshold_bps
    )
    normalised = np.array(
        [
            ref.normalised_qos(quality=quality[m], qos_min=np.array(s.quality.q_min), num_ues=counts[m])
            for m in range(num_dus)
        ]
    )
    rewards = [
        ref.reward(
            qos_normalised=normalised[m],
            claimed=int(claimed[m]),
            num_rbs=num_rbs,
            weights=np.array(s.reward.priority),
            zeta=s.reward.zeta,
            alpha=s.reward.alpha,
            alpha_floor=s.reward.alpha_floor,
            alpha_fixed=np.array(s.reward.fixed_alpha),
            qos_threshold=s.reward.min_normalised_qos,
        )
        for m in range(num_dus)
    ]
    unserved = np.zeros((num_dus, 3), dtype=np.int64)
    for u in set(range(len(rate))) - {int(u) for u in ue_of_rb.ravel()}:
        unserved[serving[u], ue_slice[u]] += 1
    info: dict[str, Array] = {
        **kpis._asdict(),
        "qos": quality,
        "qos_normalised": normalised,
        "satisfied": normalised >= 0.5,
        "num_ues": counts,
        "unserved_ues": unserved,
        "rbs_granted": granted,
        "rbs_idle": num_rbs - granted.sum(axis=1),
        "rbs_claimed": claimed,
        "clipped_actions": ((actions < 0.0) | (actions > 1.0)).sum(axis=1),
        "reward_qos": np.array([r.qos for r in rewards]),
        "penalty_resource": np.array([r.penalty_resource for r in rewards]),
        "penalty_min_qos": np.array([r.penalty_min_qos for r in rewards]),
    }
    return Expected(rate, tau, info, np.array([r.total for r in rewards]), pointer, ue_of_rb)


def serving_now(simulator: Simulator, network: int) -> Array:
    """The DU (N,) that each UE must be attached to, from where it stands."""
    s = simulator.scenario
    return ref.serving_du(
        simulator.state.position[network],
        ref.hexagonal_layout(s.layout.num_dus, s.layout.site_spacing_m),
        power_dbm=s.radio.power_dbm,
        exponent=s.radio.path_loss_exponent,
        min_distance_m=s.radio.min_distance_m,
    )


def expected_observation(simulator: Simulator, network: int, normalised: Array, actions: Array) -> Array:
    """The local observations (M, D) after a step that had these Q̄ (M, 3) and actions (M, A)."""
    s = simulator.scenario
    counts = ref.count_ues(
        ue_slice=simulator.state.slice_of_ue[network],
        serving=serving_now(simulator, network),
        num_dus=s.layout.num_dus,
    )
    return np.array(
        [
            ref.observation(
                qos_normalised=normalised[m],
                num_ues=counts[m],
                num_dus=s.layout.num_dus,
                total_ues=s.layout.num_ues,
                action=actions[m],
            )
            for m in range(s.layout.num_dus)
        ]
    )
