"""What one step hands out; arrays with a leading axis of networks."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from oran_env.numerics.blocks import hints
from oran_env.numerics.jit import Floats, Integers, Singles
from oran_env.scenario.fields import Scenario
from oran_env.scenario.slices import NUM_SLICES


class Outcome(NamedTuple):
    """What one step hands out; written by the kernel, fresh in every step. Keys of ``info``: see INFO."""

    reward: Singles  # (B, M)
    reward_qos: Floats  # (B, M) sum of sigmoids of eq. (8)
    penalty_resource: Floats  # (B, M) P_res
    penalty_min_qos: Floats  # (B, M) P_minQ
    penalty_energy: Floats  # (B, M) what energy takes from the reward; 0 with energy_weight=0
    latency_s: Floats  # (B, M, 3) largest latency of the UEs, eq. (2) [s]
    throughput_mbps: Floats  # (B, M, 3) mean throughput of the UEs, eq. (3) [Mbit/s]
    availability: Floats  # (B, M, 3) share of the last T steps in which a UE reached λ, mean of the UEs, eq. (4)
    density: Floats  # (B, M, 3) share of the UEs that reached λ, eq. (5)
    qos: Floats  # (B, M, 3) VI-E: [Mbit/s], [Mbit/s], [ms]; or eq. (6) with qos="weighted_kpi"
    qos_normalised: Floats  # (B, M, 3) Q̄, in [0, 1]
    satisfied: Floats  # (B, M, 3) 1: Q̄ >= 0.5, i.e. Q_min reached; 0: not; no UE: NaN, 1 in environments
    num_ues: Integers  # (B, M, 3) UEs attached during the step
    unserved_ues: Integers  # (B, M, 3) of these, without any RB, or cut off by a handover for the whole step
    rbs_granted: Integers  # (B, M, 3) RBs that carry data
    rbs_idle: Integers  # (B, M) RBs without transmission
    rbs_claimed: Integers  # (B, M) Σ_l Σ_k b_{l,k}
    rbs_contested: Integers  # (B, M) RBs that go to none because the claims contradict each other
    bler: Floats  # (B, M, 3) share of blocks that were lost, mean of the UEs with an RB; 0 without link adaptation
    cqi: Floats  # (B, M, 3) CQI that the MCS followed, mean of the UEs; 0 without link adaptation
    energy_j: Floats  # (B, M) energy that the RU drew [J]
    handovers: Integers  # (B, M) UEs that came over from another DU at the end of the step
    ping_pongs: Integers  # (B, M) of these handovers, back to the DU that the UE had left less than 1 s ago
    arrivals: Integers  # (B, M) UEs that began a session at the end of the step
    departures: Integers  # (B, M) UEs whose session ended at the end of the step
    interrupted_ues: Integers  # (B, M) UEs that a handover cut off during all or some of the step
    clipped_actions: Integers  # (B, M) action values outside [0, 1]
    late_share: Floats  # (B, M, 3) share of the packets of the step that are late; 0 without packets
    backlog_bits: Floats  # (B, M, 3) what waits at the end of the step, of all UEs [bit]; 0 with latency="mm1"
    head_of_line_s: Floats  # (B, M, 3) age of the oldest bit of that [s]
    rate: Floats  # (B, N) eq. (1) per UE, or what of it arrives with link_adaptation="mcs" [bit/s]
    bler_of_ue: Floats  # (B, N) share of blocks that were lost; 0 without link adaptation
    arrived: Floats  # (B, N) bits that came into the queue of each UE, with latency="queue"
    served: Floats  # (B, N) what the KPIs count: that, or less where traffic is finite [bit/s]
    tau: Floats  # (B, N) latency per UE [s]
    packets: Floats  # (B, N) packets that it is of; expected ones with latency="mm1", 1 in a full-buffer slice
    late: Floats  # (B, N) of these, late ones
    slice_of_rb: Integers  # (B, M, K) slice that each DU gave each RB to, -1 none, -2 contested
    ue_of_rb: Integers  # (B, M, K) UE that each DU serves on each RB, -1 none
    rb_power: Floats  # (B, M, K) power of each RB over its even share; (B, M, 0) unless actions set it


TOLD = slice(Outcome._fields.index("reward_qos"), Outcome._fields.index("rate"))
INFO = tuple(Outcome._fields)[TOLD]
_AXES = (
    dict.fromkeys(Outcome._fields, "B, M, 3")
    | dict.fromkeys(Outcome._fields[:5], "B, M")
    | dict.fromkeys(("rbs_idle", "rbs_claimed", "rbs_contested", "energy_j", "handovers", "ping_pongs"), "B, M")
    | dict.fromkeys(("arrivals", "departures", "interrupted_ues", "clipped_actions"), "B, M")
    | dict.fromkeys(Outcome._fields[TOLD.stop : -3], "B, N")
    | dict.fromkeys(Outcome._fields[-3:], "B, M, K")
)
UNDEFINED = {"satisfied": "num_ues"}  # keys of info that mean nothing where that number is zero


_ALIGNED = 64  # bytes


class Room:
    """Memory for what a step of ``batch`` networks hands out: one piece, in which each array has its place.

    What is told in ``info`` comes first.
    """

    def __init__(self, scenario: Scenario, batch: int) -> None:
        per_ue = (batch, scenario.layout.num_ues)
        per_du = (batch, scenario.layout.num_dus)
        per_rb = (*per_du, scenario.radio.num_rbs)
        shapes = {"B, M": per_du, "B, M, 3": (*per_du, NUM_SLICES), "B, N": per_ue, "B, M, K": per_rb}
        types, written = {"Singles": np.float32, "Floats": np.float64, "Integers": np.int64}, hints(Outcome)
        self._places: dict[str, tuple[tuple[int, ...], Any, int]] = {}  # shape, type, first byte
        place = 0
        for name in (*INFO, "bler_of_ue", *(name for name in Outcome._fields if name not in (*INFO, "bler_of_ue"))):
            place += 0 if name in INFO else -place % _ALIGNED
            dtype, shape = np.dtype(types[written[name]]), shapes[_AXES[name]]
            if name == "rb_power" and scenario.radio.power_range_db == 0.0:
                shape = (*per_du, 0)
            self._places[name] = shape, dtype, place
            place += math.prod(shape) * dtype.itemsize
            if name == INFO[-1]:
                self._told = place
            if name == "bler_of_ue":
                self._zero = place
        self._bytes = place

    def fresh(self) -> NDArray[np.uint8]:
        """New memory, for one step; 0 is what a mechanism that is off has to tell."""
        memory = np.empty(self._bytes, dtype=np.uint8)
        memory[: self._zero] = 0
        return memory

    def array(self, memory: NDArray[np.uint8], name: str) -> NDArray[Any]:
        """One array of an outcome, in its memory."""
        shape, dtype, place = self._places[name]
        return np.ndarray(shape, dtype, memory, place)

    def outcome(self, memory: NDArray[np.uint8]) -> Outcome:
        """All of them."""
        return Outcome(*(self.array(memory, name) for name in Outcome._fields))

    def copy_told(self, memory: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """A copy of what is told; whoever keeps it does not keep the whole memory."""
        return memory[: self._told].copy()

    def told(self, copy: NDArray[np.uint8]) -> dict[str, NDArray[Any]]:
        """The arrays in it by name, each (B, M, …)."""
        return {name: self.array(copy, name) for name in INFO}


def empty_outcome(scenario: Scenario, batch: int) -> Outcome:
    """What a step of ``batch`` networks hands out, before it has been written."""
    room = Room(scenario, batch)
    return room.outcome(room.fresh())
