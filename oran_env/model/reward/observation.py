"""What a DU sees: s_t = {Q̄^l, N_u^l, a_{t-1}}, and with ``extended`` also the backlog and load of each slice.

qos: Q̄_l, the normalised QoS of each slice in the last step; 0 after a reset.
num_ues: N_u^l·M/N, the UEs of each slice now attached; 1/3 is an even share.
backlog: with ``extended`` only: log(1 + mean backlog per UE of the slice / bits offered to a UE in one step).
load: with ``extended`` only: offered over achieved rate of the slice in the last step, in [0, 1]; 1 for a full-buffer
    slice, 0 for a slice without UE.
previous_action: executed bits of the last action, as the codec orders them (with ``slice_share`` the shares of the RBs
    that eMBB, mMTC, URLLC and nobody got); with ``power_range_db`` then K values as given, clipped; 0 after a reset.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from oran_env.model.demand.traffic import Traffic
from oran_env.model.mac.action_codec import CODECS, action_size, num_powers
from oran_env.model.mac.codecs.codec import AS_GIVEN, BITS, SHARES, THRESHOLD
from oran_env.model.outcome import Outcome
from oran_env.model.state import State
from oran_env.numerics.jit import Integers, Singles, kernel
from oran_env.scenario.choices import Registry
from oran_env.scenario.fields import Scenario
from oran_env.scenario.slices import NUM_SLICES

OBSERVATIONS = Registry("observation", {"paper": False, "extended": True})  # whether backlog and load are seen


class View(NamedTuple):
    """What a DU sees beside its state."""

    extended: bool
    action: int  # BITS, SHARES or AS_GIVEN
    powers: int  # values of the action, at its end, that set the power of an RB
    even_share: float  # M/N, by which numbers of UEs are scaled


def observation_layout(scenario: Scenario, size: int | None = None) -> dict[str, slice]:
    """Named groups of the columns of a local observation; size: of the action, if not that of the scenario's codec."""
    size = action_size(scenario) if size is None else size
    names = ["qos", "num_ues"] + (["backlog", "load"] if scenario.control.observation == "extended" else [])
    layout = {name: slice(NUM_SLICES * i, NUM_SLICES * (i + 1)) for i, name in enumerate(names)}
    start = NUM_SLICES * len(names)
    layout["previous_action"] = slice(start, start + size)
    return layout


def observation_bounds(scenario: Scenario, size: int | None = None) -> tuple[Singles, Singles]:
    """Least and greatest value of each column of a local observation."""
    layout = observation_layout(scenario, size)
    high = np.ones(layout["previous_action"].stop, dtype=np.float32)
    high[layout["num_ues"]] = scenario.layout.num_dus
    if "backlog" in layout:
        high[layout["backlog"]] = np.inf
    return np.zeros_like(high), high


def view_of(scenario: Scenario) -> View:
    """What a DU of a scenario sees."""
    dus, ues = scenario.layout.num_dus, scenario.layout.num_ues
    return View(
        extended=OBSERVATIONS[scenario.control.observation],
        action=CODECS[scenario.control.codec].seen,
        powers=num_powers(scenario),
        even_share=dus / max(ues, 1),
    )


@kernel
def write_observations(which: Integers, actions: Singles, p: View, traffic: Traffic, s: State, out: Outcome) -> None:
    """Write what every DU sees; actions (B, M, A), (B, M, 0) after a reset."""
    if p.action not in (BITS, SHARES, AS_GIVEN):
        raise ValueError("what is seen of an action: no such branch")
    for b in which:
        for m in range(s.observation.shape[1]):
            seen = s.observation[b, m]
            first, load = s.first[b], s.load[b, m]
            for i in range(NUM_SLICES):
                start, stop = first[NUM_SLICES * m + i], first[NUM_SLICES * m + i + 1]
                seen[i] = s.normalised[b, m, i]
                seen[NUM_SLICES + i] = (stop - start) * p.even_share
                if p.extended:
                    total = 0.0
                    for j in range(start, stop):
                        total += s.backlog[b, s.members[b, j]]
                    bits = traffic.offered[i] * traffic.step_s * (stop - start)
                    seen[2 * NUM_SLICES + i] = math.log1p(total / bits if bits > 0.0 else 0.0)
                    seen[3 * NUM_SLICES + i] = load[i]
            previous = seen[(4 if p.extended else 2) * NUM_SLICES :]
            decided = len(previous) - p.powers
            for j in range(decided, len(previous)):
                previous[j] = min(max(actions[b, m, j], 0.0), 1.0) if actions.shape[2] > 0 else 0.0
            if actions.shape[2] > 0 and p.action == SHARES:
                count_shares(out.slice_of_rb[b, m], previous[:decided])
                continue
            for j in range(decided):
                if actions.shape[2] == 0:
                    previous[j] = 0.0
                elif p.action == BITS:
                    previous[j] = 1.0 if actions[b, m, j] > THRESHOLD else 0.0
                else:
                    previous[j] = actions[b, m, j]


@kernel
def count_shares(slice_of_rb: Integers, shares: Singles) -> None:
    """Write the shares (4,) of the RBs (K,) that eMBB, mMTC, URLLC and nobody got."""
    for j in range(len(shares)):
        shares[j] = 0.0
    for i in slice_of_rb:
        shares[i if i >= 0 else NUM_SLICES] += np.float32(1.0)
    for j in range(len(shares)):
        shares[j] = shares[j] / np.float32(len(slice_of_rb))
