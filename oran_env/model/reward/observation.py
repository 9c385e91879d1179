"""What a DU sees: s_t = {Q̄^l, N_u^l, a_{t-1}}, and with ``extended`` also the backlog and load of each slice.

qos: Q̄_l, the normalised QoS of each slice in the last step; 0 after a reset.
num_ues: N_u^l·M/N, the UEs of each slice now attached; 1/3 is an even share.
backlog: with ``extended`` only: log(1 + mean backlog per UE of the slice / bits offered to a UE in one step).
load: with ``extended`` only: offered over achieved rate of the slice in the last step, in [0, 1]; 1 for a full-buffer
    slice, 0 for a slice without UE.
previous_action: executed bits of the last action, as the codec orders them (with ``slice_share`` the shares of the RBs
    that eMBB, mMTC, URLLC and nobody got); 0 after a reset.
"""

from __future__ import annotations

import math

import numpy as np

from oran_env.model.mac.action_codec import THRESHOLD, action_size
from oran_env.numerics.jit import Floats, Integers, Singles, kernel
from oran_env.scenario.fields import Scenario
from oran_env.scenario.slices import NUM_SLICES


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


@kernel
def observe(
    normalised: Floats,
    first: Integers,
    m: int,
    num_ues: int,
    num_dus: int,
    extended: bool,
    backlog: Floats,
    load: Floats,
    members: Integers,
    step_bits: Floats,
    action: Singles,
    bits: bool,
    observation: Singles,
) -> None:
    """Write the local observation (D,) of DU m. ``action``: as executed, bits or shares; of length 0 after a reset."""
    scale = num_dus / max(num_ues, 1)
    for i in range(NUM_SLICES):
        start, stop = first[NUM_SLICES * m + i], first[NUM_SLICES * m + i + 1]
        observation[i] = normalised[i]
        observation[NUM_SLICES + i] = (stop - start) * scale
        if extended:
            total = 0.0
            for j in range(start, stop):
                total += backlog[members[j]]
            waiting = total / (step_bits[i] * (stop - start)) if step_bits[i] > 0.0 and stop > start else 0.0
            observation[2 * NUM_SLICES + i] = math.log1p(waiting)
            observation[3 * NUM_SLICES + i] = load[i]
    start = (4 if extended else 2) * NUM_SLICES
    for j in range(len(observation) - start):
        if len(action) == 0:
            observation[start + j] = 0.0
        elif bits:
            observation[start + j] = 1.0 if action[j] > THRESHOLD else 0.0
        else:
            observation[start + j] = action[j]
