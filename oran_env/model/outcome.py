"""What one step hands out; arrays with a leading axis of networks."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from oran_env.numerics.jit import Floats, Integers, Singles
from oran_env.scenario.fields import Scenario
from oran_env.scenario.slices import NUM_SLICES


class Outcome(NamedTuple):
    """What one step hands out; written by the kernel, fresh in every step. Keys of ``info``: see INFO."""

    reward: Singles  # (B, M)
    reward_qos: Floats  # (B, M) sum of sigmoids of eq. (8)
    penalty_resource: Floats  # (B, M) P_res
    penalty_min_qos: Floats  # (B, M) P_minQ
    latency_s: Floats  # (B, M, 3) largest latency of the UEs, eq. (2) [s]
    throughput_mbps: Floats  # (B, M, 3) mean throughput of the UEs, eq. (3) [Mbit/s]
    availability: Floats  # (B, M, 3) share of the last T steps in which a UE reached λ, mean of the UEs, eq. (4)
    density: Floats  # (B, M, 3) share of the UEs that reached λ, eq. (5)
    qos: Floats  # (B, M, 3) VI-E: [Mbit/s], [Mbit/s], [ms]; or eq. (6) with qos="weighted_kpi"
    qos_normalised: Floats  # (B, M, 3) Q̄, in [0, 1]
    satisfied: NDArray[np.bool_]  # (B, M, 3) Q̄ >= 0.5, i.e. Q_min reached
    num_ues: Integers  # (B, M, 3) UEs attached during the step
    unserved_ues: Integers  # (B, M, 3) of these, without any RB
    rbs_granted: Integers  # (B, M, 3) RBs that carry data
    rbs_idle: Integers  # (B, M) RBs without transmission
    rbs_claimed: Integers  # (B, M) Σ_l Σ_k b_{l,k}
    rbs_contested: Integers  # (B, M) RBs that go to none because the claims contradict each other
    handovers: Integers  # (B, M) UEs that came over from another DU at the end of the step
    arrivals: Integers  # (B, M) UEs that began a session at the end of the step
    departures: Integers  # (B, M) UEs whose session ended at the end of the step
    clipped_actions: Integers  # (B, M) action values outside [0, 1]
    rate: Floats  # (B, N) eq. (1) per UE [bit/s]
    arrived: Floats  # (B, N) bits that came into the queue of each UE, with latency="queue"
    served: Floats  # (B, N) what the KPIs count: that, or less where traffic is finite [bit/s]
    tau: Floats  # (B, N) latency per UE [s]
    slice_of_rb: Integers  # (B, M, K) slice that each DU gave each RB to, -1 none, -2 contested
    ue_of_rb: Integers  # (B, M, K) UE that each DU serves on each RB, -1 none
    rb_power: Floats  # (B, M, K) power of each RB over its even share; (B, M, 0) unless actions set it


TOLD = slice(Outcome._fields.index("reward_qos"), Outcome._fields.index("rate"))
INFO = tuple(Outcome._fields)[TOLD]


def empty_outcome(scenario: Scenario, batch: int) -> Outcome:
    """Room for what a step of ``batch`` networks hands out."""
    per_ue = (batch, scenario.layout.num_ues)
    per_du = (batch, scenario.layout.num_dus)
    per_slice = (*per_du, NUM_SLICES)
    return Outcome(
        reward=np.empty(per_du, dtype=np.float32),
        reward_qos=np.empty(per_du),
        penalty_resource=np.empty(per_du),
        penalty_min_qos=np.empty(per_du),
        latency_s=np.empty(per_slice),
        throughput_mbps=np.empty(per_slice),
        availability=np.empty(per_slice),
        density=np.empty(per_slice),
        qos=np.empty(per_slice),
        qos_normalised=np.empty(per_slice),
        satisfied=np.empty(per_slice, dtype=np.bool_),
        num_ues=np.empty(per_slice, dtype=np.int64),
        unserved_ues=np.empty(per_slice, dtype=np.int64),
        rbs_granted=np.empty(per_slice, dtype=np.int64),
        rbs_idle=np.empty(per_du, dtype=np.int64),
        rbs_claimed=np.empty(per_du, dtype=np.int64),
        rbs_contested=np.empty(per_du, dtype=np.int64),
        handovers=np.empty(per_du, dtype=np.int64),
        arrivals=np.zeros(per_du, dtype=np.int64),
        departures=np.zeros(per_du, dtype=np.int64),
        clipped_actions=np.empty(per_du, dtype=np.int64),
        rate=np.empty(per_ue),
        arrived=np.empty(per_ue),
        served=np.empty(per_ue),
        tau=np.empty(per_ue),
        slice_of_rb=np.empty((*per_du, scenario.radio.num_rbs), dtype=np.int64),
        ue_of_rb=np.empty((*per_du, scenario.radio.num_rbs), dtype=np.int64),
        rb_power=np.ones((*per_du, scenario.radio.num_rbs if scenario.radio.power_range_db > 0.0 else 0)),
    )
