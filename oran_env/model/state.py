"""What changes from step to step; arrays with a leading axis of networks."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from oran_env.numerics.jit import Floats, Integers, Singles
from oran_env.scenario.fields import Scenario
from oran_env.scenario.slices import NUM_SLICES


class State(NamedTuple):
    """Everything that changes from step to step. B networks, N UEs, M DUs."""

    key: NDArray[np.uint64]  # (B, 4) two key words, episode, step: the counter of every random draw
    position: Floats  # (B, N, 2) [m]
    direction: Floats  # (B, N, 2) unit vector
    speed: Floats  # (B, N) [m/s]
    los_draw: Floats  # (B, N, sites) uniform, who has line of sight; (B, N, 0) with path_loss "power_law"
    shadow: Floats  # (B, N, sites) normal, shadowing; (B, N, 0) without it
    gain: Floats  # (B, N, M) mean received power per RB [mW]
    mix: Floats  # (B, M, 3) weights of the slices in the area of each DU
    slice_of_ue: Integers  # (B, N)
    serving: Integers  # (B, N) DU of each UE, -1 away
    first: Integers  # (B, 3·M + 1) group 3·m + l of ``members`` begins here
    members: Integers  # (B, N) UEs by DU and slice, see association.group_ues
    drift: Floats  # (B, M, 3) N(0, σ²) of the demand
    burst: Integers  # (B, M, 3) 1 in a burst
    demand: Floats  # (B, M, 3) what the offered rate is multiplied by
    backlog: Floats  # (B, N) [bit]
    waited: Floats  # (B, N) age of the oldest bit of it [s]
    average: Floats  # (B, N) rate over the last steps, for the scheduler [bit/s]
    history: Integers  # (B, N) bit i: rate reached λ i steps ago
    on_time: Integers  # (B, N) set bits among the last T of history
    since: Integers  # (B, N) first step of the UE in this episode
    candidate: Integers  # (B, N) RU that the UE may hand over to, -1 none; (B, 0) without a time to trigger
    waiting: Integers  # (B, N) steps since it was strong enough; (B, 0) without a time to trigger
    left: Integers  # (B, N) DU that the UE left last, -1 none
    left_at: Integers  # (B, N) step in which it did
    cut_off: Floats  # (B, N) what is left of the interruption by a handover [s]; (B, 0) without one
    pointer: Integers  # (B, M, 3) next UE of the round robin
    owned_rbs: Integers  # (B,) P, RBs that each DU owns with codec "zones", else 0
    normalised: Floats  # (B, M, 3) Q̄ of the last step
    load: Floats  # (B, M, 3) offered over achieved rate of the last step
    reported: Floats  # (B, N, d + 1) quality that a UE measured 0 … d steps ago [bit/s/Hz]; (B, N, 0) without an MCS
    outer_loop: Floats  # (B, N, 1) what is added to the CQI [dB]; (B, N, 0) without an outer loop
    observation: Singles  # (B, M, D) what each DU sees now


NO_REPORT = -1.0  # in ``reported``, from a UE that has just come
DERIVED = ("first", "members")  # follow from serving and slice_of_ue


def empty_state(scenario: Scenario, batch: int, observation_size: int) -> State:
    """The state of ``batch`` networks before their first reset."""
    dus, ues = scenario.layout.num_dus, scenario.layout.num_ues
    sites = dus // scenario.layout.sectors
    timed = ues if scenario.mobility.time_to_trigger_s > 0.0 else 0
    interrupted = ues if scenario.mobility.handover_interruption_s > 0.0 else 0
    shadowed = scenario.radio.shadowing_los_db > 0.0 or scenario.radio.shadowing_nlos_db > 0.0
    reports = scenario.radio.cqi_delay_steps + 1 if scenario.radio.link_adaptation == "mcs" else 0
    return State(
        key=np.zeros((batch, 4), dtype=np.uint64),
        position=np.zeros((batch, ues, 2)),
        direction=np.zeros((batch, ues, 2)),
        speed=np.zeros((batch, ues)),
        los_draw=np.zeros((batch, ues, 0 if scenario.radio.path_loss == "power_law" else sites)),
        shadow=np.zeros((batch, ues, sites if shadowed else 0)),
        gain=np.zeros((batch, ues, dus)),
        mix=np.ones((batch, dus, NUM_SLICES)),
        slice_of_ue=np.zeros((batch, ues), dtype=np.int64),
        serving=np.zeros((batch, ues), dtype=np.int64),
        first=np.zeros((batch, NUM_SLICES * dus + 1), dtype=np.int64),
        members=np.zeros((batch, ues), dtype=np.int64),
        drift=np.zeros((batch, dus, NUM_SLICES)),
        burst=np.zeros((batch, dus, NUM_SLICES), dtype=np.int64),
        demand=np.ones((batch, dus, NUM_SLICES)),
        backlog=np.zeros((batch, ues)),
        waited=np.zeros((batch, ues)),
        average=np.zeros((batch, ues)),
        history=np.zeros((batch, ues), dtype=np.int64),
        on_time=np.zeros((batch, ues), dtype=np.int64),
        since=np.zeros((batch, ues), dtype=np.int64),
        candidate=np.full((batch, timed), -1, dtype=np.int64),
        waiting=np.zeros((batch, timed), dtype=np.int64),
        left=np.full((batch, ues), -1, dtype=np.int64),
        left_at=np.zeros((batch, ues), dtype=np.int64),
        cut_off=np.zeros((batch, interrupted)),
        pointer=np.zeros((batch, dus, NUM_SLICES), dtype=np.int64),
        owned_rbs=np.full(batch, scenario.owned_rbs if scenario.control.codec == "zones" else 0, dtype=np.int64),
        normalised=np.zeros((batch, dus, NUM_SLICES)),
        load=np.zeros((batch, dus, NUM_SLICES)),
        reported=np.full((batch, ues, reports), NO_REPORT),
        outer_loop=np.zeros((batch, ues, int(reports > 0 and scenario.radio.outer_loop_db > 0.0))),
        observation=np.zeros((batch, dus, observation_size), dtype=np.float32),
    )
