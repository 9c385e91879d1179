"""Eqs. (7a)-(7c): from a vector in (0, 1), the action of a DU, to who gets which RB; a value above 0.5 is a set bit.

Each codec stands in a file of ``codecs/``; here is their registry, and the phase that decodes the actions of a step.
"""

from __future__ import annotations

from typing import NamedTuple

from oran_env.model.mac.codecs import slice_mask, slice_share, two_bit, ue_grid, zones
from oran_env.model.mac.codecs.codec import CONTESTED, IDLE, TO_SCHEDULE, Codec, Du
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
        "zones": zones.CODEC,
    },
)
_decode = switch("codec", {name: codec.decode for name, codec in CODECS.items()})


class Decoding(NamedTuple):
    """How the actions are read."""

    codec: int
    named_ues: int  # UEs of a DU that the action can name
    owned: bool  # whether RBs have owners


def decoding_of(scenario: Scenario) -> Decoding:
    """The codec of a scenario."""
    name = scenario.control.codec
    return Decoding(CODECS.number(name), CODECS[name].named_ues, name == "zones")


def action_size(scenario: Scenario) -> int:
    """Number of values in the action of one DU."""
    return CODECS[scenario.control.codec].size(scenario.radio.num_rbs)


@kernel
def decode(which: Integers, actions: Singles, p: Decoding, s: State, out: Outcome) -> None:
    """Read the slice of each RB, and with ue_grid its UE, out of actions (B, M, A)."""
    for b in which:
        num_dus, num_rbs = out.slice_of_rb.shape[1:]
        members = s.members[b]
        for m in range(num_dus):
            action, slice_of_rb, ue_of_rb = actions[b, m], out.slice_of_rb[b, m], out.ue_of_rb[b, m]
            first = s.first[b, NUM_SLICES * m : NUM_SLICES * (m + 1) + 1]
            du = Du(m, num_dus, s.owned_rbs[b], first, members)
            out.rbs_claimed[b, m] = _decode(p.codec, action, du, slice_of_rb, ue_of_rb)
            contested = 0
            for k in range(num_rbs):
                contested += slice_of_rb[k] == CONTESTED
                if p.named_ues == 0:
                    ue_of_rb[k] = TO_SCHEDULE if slice_of_rb[k] >= 0 else IDLE
            out.rbs_contested[b, m] = contested
            out.clipped_actions[b, m] = count_clipped(action)


@kernel
def count_clipped(action: Singles) -> int:
    """Number of values outside [0, 1]; they decode as if clipped."""
    clipped = 0
    for i in range(len(action)):
        clipped += (action[i] < 0.0) or (action[i] > 1.0)
    return clipped
