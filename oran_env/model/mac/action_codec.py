"""Eqs. (7a)-(7c): from a vector in (0, 1), the action of a DU, to who gets which RB; a value above 0.5 is a set bit.

Each codec stands in a file of ``codecs/``; here is their registry, and the phase that decodes the actions of a step.
With ``power_range_db`` every action has K more values a at its end, of which each sets the power of an RB, to
-power_range_db·(1 - a) dB over its even share: 1 is full power.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from oran_env.model.demand.delay import any_packet
from oran_env.model.demand.traffic import Traffic
from oran_env.model.mac.codecs import prb_quota, slice_mask, slice_share, two_bit, ue_grid, zones
from oran_env.model.mac.codecs.codec import CONTESTED, IDLE, TO_SCHEDULE, Codec, Du
from oran_env.model.outcome import Outcome
from oran_env.model.state import State
from oran_env.numerics.blocks import Choice
from oran_env.numerics.jit import Floats, Integers, Key, Singles, kernel, switch
from oran_env.scenario.choices import Registry
from oran_env.scenario.fields import Scenario
from oran_env.scenario.slices import NUM_SLICES

CODECS: Registry[Codec] = Registry(
    "codec",
    {
        "two_bit": two_bit.CODEC,
        "slice_mask": slice_mask.CODEC,
        "ue_grid": ue_grid.CODEC,
        "slice_share": slice_share.CODEC,
        "zones": zones.CODEC,
        "prb_quota": prb_quota.CODEC,
    },
)
_decode = switch("codec", {name: codec.decode for name, codec in CODECS.items()})


class Decoding(NamedTuple):
    """How the actions are read."""

    codec: Choice
    named_ues: int  # UEs of a DU that the action can name
    owned: bool  # whether RBs have owners
    by_demand: Choice  # whether it matters who has something to send
    power_nepers: float  # natural logarithm of the greatest over the least power of an RB; 0: it is not set


def decoding_of(scenario: Scenario) -> Decoding:
    """The codec of a scenario."""
    name = scenario.control.codec
    return Decoding(
        codec=CODECS.number(name),
        named_ues=CODECS[name].named_ues,
        owned=name == "zones",
        by_demand=name == "prb_quota",
        power_nepers=0.1 * math.log(10.0) * scenario.radio.power_range_db,
    )


def action_size(scenario: Scenario) -> int:
    """Number of values in the action of one DU."""
    return CODECS[scenario.control.codec].size(scenario.radio.num_rbs) + num_powers(scenario)


def num_powers(scenario: Scenario) -> int:
    """How many values at the end of an action set the power of an RB: K or none."""
    return scenario.radio.num_rbs if scenario.radio.power_range_db > 0.0 else 0


def encode_owned(
    owns: NDArray[np.bool_], scenario: Scenario, ues: NDArray[np.float64] | None = None
) -> NDArray[np.float32]:
    """The action (..., A) by which each slice gets the RBs that it owns (..., 3, K), at full power; ues: see Codec."""
    return at_full_power(CODECS[scenario.control.codec].encode(owns, ues, scenario), scenario)


def at_full_power(decided: NDArray[np.float32], scenario: Scenario) -> NDArray[np.float32]:
    """The action (..., A) whose first values, those of the codec, are given."""
    full = np.ones((*decided.shape[:-1], num_powers(scenario)), dtype=np.float32)
    return np.concatenate([decided, full], axis=-1)


@kernel
def count_nobody(
    key: Key, traffic: Traffic, first: Integers, members: Integers, backlog: Floats, arrived: Floats, sending: Integers
) -> None:
    """Who has something to send does not matter."""


@kernel
def count_sending(
    key: Key, traffic: Traffic, first: Integers, members: Integers, backlog: Floats, arrived: Floats, sending: Integers
) -> None:
    """Write the number of UEs of each slice (3,) of a DU that have a backlog or arrivals in the step, or no queue.

    arrived: (N,) expected bits, of which packets are drawn where arrivals are not constant.
    """
    for i in range(NUM_SLICES):
        sending[i] = 0
        for j in range(first[i], first[i + 1]):
            u = members[j]
            if not (traffic.queue and traffic.finite[i]) or backlog[u] > 0.0:
                sending[i] += 1
            elif traffic.constant[i]:
                sending[i] += arrived[u] > 0.0
            else:
                sending[i] += any_packet(key, u, arrived[u] / traffic.packet[i])


_count_sending = switch("by_demand", {"no": count_nobody, "yes": count_sending})


@kernel
def decode(which: Integers, actions: Singles, p: Decoding, traffic: Traffic, s: State, out: Outcome) -> None:
    """Read the slice of each RB, and with ue_grid its UE, out of actions (B, M, A)."""
    sending = np.zeros(NUM_SLICES, dtype=np.int64)
    for b in which:
        num_dus, num_rbs = out.slice_of_rb.shape[1:]
        members = s.members[b]
        for m in range(num_dus):
            action, slice_of_rb, ue_of_rb = actions[b, m], out.slice_of_rb[b, m], out.ue_of_rb[b, m]
            first = s.first[b, NUM_SLICES * m : NUM_SLICES * (m + 1) + 1]
            _count_sending(p.by_demand, s.key[b], traffic, first, members, s.backlog[b], out.arrived[b], sending)
            du = Du(m, num_dus, s.owned_rbs[b], first, members, sending)
            out.rbs_claimed[b, m] = _decode(p.codec, action, du, slice_of_rb, ue_of_rb)
            contested = 0
            for k in range(num_rbs):
                contested += slice_of_rb[k] == CONTESTED
                if p.named_ues == 0:
                    ue_of_rb[k] = TO_SCHEDULE if slice_of_rb[k] >= 0 else IDLE
            out.rbs_contested[b, m] = contested
            out.clipped_actions[b, m] = count_clipped(action)
            if p.power_nepers > 0.0:
                for k in range(num_rbs):
                    a = min(max(float(action[len(action) - num_rbs + k]), 0.0), 1.0)
                    out.rb_power[b, m, k] = math.exp(-p.power_nepers * (1.0 - a))


@kernel
def count_clipped(action: Singles) -> int:
    """Number of values outside [0, 1]; they decode as if clipped."""
    clipped = 0
    for i in range(len(action)):
        clipped += (action[i] < 0.0) or (action[i] > 1.0)
    return clipped
