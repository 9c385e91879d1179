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

from oran_env.model.mac.codecs import slice_mask, slice_share, two_bit, ue_grid
from oran_env.model.mac.codecs.codec import CONTESTED, IDLE, TO_SCHEDULE, Codec
from oran_env.model.outcome import Outcome
from oran_env.model.state import State
from oran_env.numerics.jit import Integers, Singles, kernel, switch
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
    },
)
_decode = switch("codec", {name: codec.decode for name, codec in CODECS.items()})


class Decoding(NamedTuple):
    """How the actions are read."""

    codec: int
    named_ues: int  # UEs of a DU that the action can name
    power_nepers: float  # natural logarithm of the greatest over the least power of an RB; 0: it is not set


def decoding_of(scenario: Scenario) -> Decoding:
    """The codec of a scenario."""
    name = scenario.control.codec
    return Decoding(CODECS.number(name), CODECS[name].named_ues, 0.1 * math.log(10.0) * scenario.radio.power_range_db)


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
    action = CODECS[scenario.control.codec].encode(owns, ues)
    full = np.ones((*action.shape[:-1], num_powers(scenario)), dtype=np.float32)
    return np.concatenate([action, full], axis=-1)


def resource_columns(scenario: Scenario) -> tuple[tuple[int, ...], ...]:
    """Per RB, the columns of the action that claim it for slices; empty for a codec that names no RB.

    RBs differ in nothing but in who uses them, so an agent may treat these groups of columns alike.
    """
    claims, num_rbs = CODECS[scenario.control.codec].claims, scenario.radio.num_rbs
    return tuple(tuple(i * num_rbs + k for i in range(claims)) for k in range(num_rbs)) if claims else ()


@kernel
def decode(which: Integers, actions: Singles, p: Decoding, s: State, out: Outcome) -> None:
    """Read the slice of each RB, and with ue_grid its UE, out of actions (B, M, A)."""
    for b in which:
        num_dus, num_rbs = out.slice_of_rb.shape[1:]
        members = s.members[b]
        for m in range(num_dus):
            action, slice_of_rb, ue_of_rb = actions[b, m], out.slice_of_rb[b, m], out.ue_of_rb[b, m]
            first = s.first[b, NUM_SLICES * m : NUM_SLICES * (m + 1) + 1]
            out.rbs_claimed[b, m] = _decode(p.codec, action, first, members, slice_of_rb, ue_of_rb)
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
