"""One step of one network of a `Simulator`, worked out again by the `reference*.py` modules from the state before it.

What is taken from the simulator: the state before the step, the scenario, the fading gains it can be asked for, the
bits that arrive, and where the UEs stand after the step. Everything else is computed here.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from oracle import control, radio
from oracle import equations as ref
from oracle.phases import (
    Array,
    FadingOf,
    expected_gains,
    expected_grants,
    expected_quality,
    expected_traffic,
)
from oran_env import Simulator


class Expected(NamedTuple):
    """What the step must hand out and leave behind; per-DU values (M,), per-slice (M, 3), per-UE (N,)."""

    rate: Array
    tau: Array
    info: dict[str, Array]
    reward: Array
    pointer: Array
    ue_of_rb: Array
    backlog: Array
    average_rate: Array
    executed: Array  # (M, A) what the DUs see of their actions


def expected_step(
    simulator: Simulator, network: int, actions: Array, past: list[Array], arrived: Array | None = None
) -> Expected:
    """Work out the coming step.

    past: whether each UE reached its threshold, (N,) per earlier step of the episode; grows by this step.
    arrived: bits (N,) that arrive at the UEs in this step; needed when there are queues.
    """
    s = simulator.scenario
    state = {name: array[network] for name, array in simulator.get_state().items()}
    num_dus, num_rbs = s.layout.num_dus, s.radio.num_rbs
    ue_slice, serving = state["slice_of_ue"], state["serving"]
    num_ues = len(serving)
    counts = ref.count_ues(ue_slice=ue_slice, serving=serving, num_dus=num_dus)
    gains, fading = expected_gains(s, state), FadingOf(simulator, network)
    grants = expected_grants(s, state, actions, gains, fading)
    rate = radio.rates(
        ue_of_rb=grants.ue_of_rb,
        gain_mw=gains,
        fading=None if s.radio.fading == "ergodic" else fading,
        fading_blocks=simulator.parameters.channel.fading.blocks,
        power=grants.power,
        noise=radio.noise_mw(s.radio.noise_dbm_per_hz, s.radio.rb_bandwidth_hz),
        rb_bandwidth_hz=s.radio.rb_bandwidth_hz,
        interference=s.radio.interference,
        max_spectral_efficiency=s.radio.max_spectral_efficiency,
    )
    waiting = expected_traffic(s, state, rate, np.zeros(num_ues) if arrived is None else arrived)
    past.append(np.array(waiting.reached, dtype=np.float64))  # NaN: the UE was not there
    kpis = ref.kpis(
        rates_bps=waiting.counted,
        reached_history=np.array(past),
        tau_s=waiting.tau,
        ue_slice=ue_slice,
        serving=serving,
        num_dus=num_dus,
        window=s.quality.availability_window,
    )
    of_section = ref.qos(
        rates_bps=waiting.counted,
        reached=waiting.reached,
        tau_s=waiting.tau,
        ue_slice=ue_slice,
        serving=serving,
        num_dus=num_dus,
    )
    quality, normalised = expected_quality(s, kpis, of_section, counts)
    rewards = [
        ref.reward(
            qos_normalised=normalised[m],
            claimed=int(grants.claimed[m]),
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
    totals = [r.total for r in rewards]
    granted, unserved = np.zeros((num_dus, 3), dtype=np.int64), np.zeros((num_dus, 3), dtype=np.int64)
    for m in range(num_dus):
        for k in range(num_rbs):
            if grants.ue_of_rb[m, k] != ref.NOBODY:
                granted[m, ue_slice[grants.ue_of_rb[m, k]]] += 1
    for u in range(num_ues):
        if serving[u] != ref.AWAY and u not in grants.ue_of_rb:
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
        "rbs_claimed": grants.claimed,
        "rbs_contested": grants.contested,
        "clipped_actions": ((actions < 0.0) | (actions > 1.0)).sum(axis=1),
        "reward_qos": np.array([r.qos for r in rewards]),
        "penalty_resource": np.array([r.penalty_resource for r in rewards]),
        "penalty_min_qos": np.array([r.penalty_min_qos for r in rewards]),
    }
    window = s.control.fairness_window
    average = (
        np.array([control.tracked_rate(float(state["average"][u]), float(rate[u]), window) for u in range(num_ues)])
        if state["average"].size
        else np.zeros(0)
    )
    return Expected(
        rate=rate,
        tau=waiting.tau,
        info=info,
        reward=np.array(ref.team_rewards(totals) if s.reward.reward_sharing == "team" else totals),
        pointer=grants.pointer,
        ue_of_rb=grants.ue_of_rb,
        backlog=waiting.backlog,
        average_rate=average,
        executed=grants.executed,
    )


def present(simulator: Simulator, network: int) -> Array:
    """Which UEs (N,) of a network are there."""
    here: Array = simulator.state.serving[network] != ref.AWAY
    return here


def serving_now(simulator: Simulator, network: int) -> Array:
    """The DU (N,) that each UE must be attached to, from where it stands; -1 for those that are away."""
    state = {name: array[network] for name, array in simulator.get_state().items()}
    return radio.serving_du(expected_gains(simulator.scenario, state), ~present(simulator, network))


def expected_observation(simulator: Simulator, network: int, normalised: Array, executed: Array) -> Array:
    """The local observations (M, D) after a step that had these Q̄ (M, 3) and executed actions (M, A)."""
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
                executed=executed[m],
            )
            for m in range(s.layout.num_dus)
        ]
    )
