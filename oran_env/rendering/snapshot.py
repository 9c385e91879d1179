"""What a picture shows, read out of the simulator as plain arrays of one network."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from oran_env.model.mac.codecs import codec
from oran_env.numerics.jit import Floats, Integers
from oran_env.scenario.slices import NUM_SLICES
from oran_env.simulator.simulator import Simulator

# Kinds of a cell of the grid: -1 idle; l: the RB carries data of slice l; 3 + l: given to slice l, which has no UE
# there, so that nothing is sent; 6: claimed by several slices or UEs of the DU, so that none gets it.
IDLE, UNUSED, CONTESTED = -1, NUM_SLICES, 2 * NUM_SLICES


class StepShown(NamedTuple):
    """What the last step gave. M DUs, K RBs."""

    rb_kind: Integers  # (M, K) see above
    transmitters: Integers  # (K,) DUs that transmit on the RB
    qos: Floats  # (M, 3) Q̄
    num_ues: Integers  # (M, 3) UEs attached during the step
    throughput: Floats  # (M,) of all UEs [Mbit/s]
    reward: Floats  # (M,)


class Snapshot(NamedTuple):
    """One network now, and its last step unless the episode has just begun. P UEs are present."""

    step: int  # steps done in this episode
    position: Floats  # (P, 2) [m]
    slice_of_ue: Integers  # (P,)
    serving: Integers  # (P,)
    served: NDArray[np.bool_]  # (P,) got an RB in the last step; all True before the first
    attached: Integers  # (M,) UEs now
    last: StepShown | None
    mean_reward: float | None  # of the episode so far
    caption: str = ""  # who acts


def take_snapshot(
    simulator: Simulator, network: int = 0, mean_reward: float | None = None, caption: str = ""
) -> Snapshot:
    """Copy what a picture of one network needs.

    Raises:
        ValueError: no such network.
        RuntimeError: before the first reset.
    """
    if isinstance(network, bool) or not isinstance(network, int | np.integer):
        raise ValueError(f"network is {network!r}; allowed: an integer")
    if not 0 <= network < simulator.num_networks:
        raise ValueError(f"network is {network}; allowed: 0 to {simulator.num_networks - 1}")
    if not simulator.started[network]:
        raise RuntimeError("nothing to draw before reset(); call reset() first")
    state, num_dus = simulator.state, len(simulator.agents)
    present = state.serving[network] >= 0
    serving = state.serving[network, present]
    step = int(state.key[network, 3])
    last = _last_step(simulator, network) if step > 0 else None
    served = np.ones(len(serving), dtype=np.bool_)
    if last is not None and simulator.last_outcome is not None:
        served = simulator.last_outcome.rate[network, present] > 0.0
    return Snapshot(
        step=step,
        position=state.position[network, present].copy(),
        slice_of_ue=state.slice_of_ue[network, present].copy(),
        serving=serving.copy(),
        served=served,
        attached=np.bincount(serving, minlength=num_dus),
        last=last,
        mean_reward=mean_reward if step > 0 else None,
        caption=caption,
    )


def _last_step(simulator: Simulator, network: int) -> StepShown | None:
    """What the last step gave; None when a state has been set without a step since."""
    outcome = simulator.last_outcome
    if outcome is None:
        return None
    slice_of_rb, transmits = outcome.slice_of_rb[network], outcome.ue_of_rb[network] >= 0
    kind = np.where(transmits | (slice_of_rb < 0), slice_of_rb, UNUSED + slice_of_rb)
    kind = np.where(slice_of_rb == codec.CONTESTED, CONTESTED, kind)
    return StepShown(
        rb_kind=kind,
        transmitters=transmits.sum(axis=0),
        qos=outcome.qos_normalised[network].copy(),
        num_ues=outcome.num_ues[network].copy(),
        throughput=(outcome.throughput_mbps[network] * outcome.num_ues[network]).sum(axis=1),
        reward=outcome.reward[network].astype(np.float64),
    )
