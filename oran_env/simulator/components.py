"""The user's own mechanisms in place of the package's, without touching the package.

Each component is a callable on whole batches: B networks, N UEs, M DUs, K RBs. It may read everything that ``Network``
shows, in plain NumPy or with numba for speed, and returns one array, which is checked. Where a component is given, a
step runs up to the phase that it replaces, then the component, then on.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from oran_env.model import step as phases
from oran_env.model.mac.codecs.codec import AS_GIVEN, IDLE, TO_SCHEDULE
from oran_env.model.parameters import Parameters
from oran_env.numerics.jit import Floats, Integers, Singles
from oran_env.simulator.checked import checked
from oran_env.simulator.view import Info, Network

KPIS = (  # what is known of a step when its QoS is worked out
    "latency_s", "throughput_mbps", "availability", "density", "qos", "num_ues", "unserved_ues", "interrupted_ues",
    "rbs_granted", "rbs_idle", "rbs_claimed", "rbs_contested", "bler", "cqi", "energy_j", "clipped_actions",
    "late_share", "backlog_bits", "head_of_line_s",
)  # fmt: skip
INSTEAD = {  # the component that takes the place of a phase
    phases.DECODE: "codec", phases.SCHEDULE: "scheduler", phases.ARRIVALS: "traffic", phases.MOVE: "mobility",
    phases.DEMAND: "demand", phases.START_DEMAND: "demand", phases.GAINS: "path_loss", phases.OBSERVE: "observation",
}  # fmt: skip
AFTER = {phases.KPIS: "qos", phases.ATTACH: "reward"}  # the component that has the last word on what phases wrote


class Codec(Protocol):
    """What an action means."""

    action_size: int  # A, number of values in the action of one DU

    def __call__(self, network: Network, actions: Singles, /) -> Integers:
        """Slice of each RB (B, M, K), -1 idle, from actions (B, M, A)."""


class Observation(Protocol):
    """What a DU sees."""

    low: Singles  # (D,) bounds of each value
    high: Singles  # (D,)

    def __call__(self, network: Network, actions: Singles | None, /) -> Singles:
        """Local observations (B, M, D); actions (B, M, A) of the step, None after a reset."""


@dataclass(frozen=True)
class Components:
    """Every component that can be replaced; None: the package's own, as the scenario says.

    Raises:
        ValueError: while running, if what a component returns has another shape or type, or makes no sense.
    """

    codec: Codec | None = None
    # (network, slice of each RB (B, M, K)) → UE of each RB (B, M, K), -1 none; only UEs that the DU serves
    scheduler: Callable[[Network, Integers], Integers] | None = None
    # network → bits that arrive at each UE, evenly through this step (B, N); needs latency="queue", and gives every
    # slice a queue
    traffic: Callable[[Network], Floats] | None = None
    # network → what the offered rate of each DU and slice is multiplied by in the next step (B, M, 3)
    demand: Callable[[Network], Floats] | None = None
    # (network, KPIs of the step) → normalised QoS of each slice (B, M, 3) in [0, 1]
    qos: Callable[[Network, Info], Floats] | None = None
    # (network, info of the step) → reward of each DU (B, M), with reward_sharing="team" averaged over the DUs
    reward: Callable[[Network, Info], Floats] | None = None
    # network → positions of the UEs after the step (B, N, 2) [m]
    mobility: Callable[[Network], Floats] | None = None
    # network → mean received power per RB of each link (B, N, M) [mW]
    path_loss: Callable[[Network], Floats] | None = None
    observation: Observation | None = None

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            component = getattr(self, field.name)
            if component is not None and not callable(component):
                raise ValueError(f"component {field.name} is {component!r}; allowed: a callable, or None")
        for name, needed in (("codec", ("action_size",)), ("observation", ("low", "high"))):
            for attribute in needed:
                if getattr(self, name) is not None and not hasattr(getattr(self, name), attribute):
                    raise ValueError(f"component {name} has no attribute {attribute!r}; needed: {', '.join(needed)}")

    @property
    def any(self) -> bool:
        """Whether there is any component."""
        return any(getattr(self, field.name) is not None for field in dataclasses.fields(self))

    def adapt(self, p: Parameters) -> Parameters:
        """What the package's own phases must know of the components."""
        if self.codec is not None:
            if p.decoding.power_nepers > 0.0:
                raise ValueError("component codec is given and power_range_db is above 0; allowed: 0")
            p = p._replace(
                decoding=p.decoding._replace(owned=False),
                scheduling=p.scheduling._replace(named_ues=0),
                observation=p.observation._replace(action=AS_GIVEN, powers=0),
            )
        if self.observation is not None:
            p = p._replace(observation=p.observation._replace(radio=False))
        if self.demand is not None and len(p.trace.bits) > 0:
            raise ValueError("component demand is given with a demand_trace; allowed: one of them")
        if self.traffic is not None:
            if not p.traffic.queue:
                raise ValueError("component traffic is given and latency is 'mm1'; allowed: latency='queue'")
            p = p._replace(traffic=p.traffic._replace(finite=np.ones(3, bool), constant=np.ones(3, bool)))
        return p

    def run(
        self,
        order: Sequence[int],
        network: Network,
        which: Integers,
        actions: Singles,
        run_own: Callable[[Sequence[int]], None],
    ) -> None:
        """Go through the phases of a step or reset in the networks of ``which``, the components in their places.

        Args:
            order: of the phases, ``step.ORDER`` or ``step.RESET``.
            network: the batch.
            which: indices of the networks.
            actions: (B, M, A), at a reset (B, M, 0).
            run_own: runs phases of the package.
        """
        waiting: list[int] = []
        for phase in order:
            instead, after = INSTEAD.get(phase), AFTER.get(phase)
            if instead is None or getattr(self, instead) is None:
                waiting.append(phase)
                instead = None
            for name in (instead, after):
                if name is not None and getattr(self, name) is not None:
                    run_own(waiting)
                    waiting = []
                    _TAKE[name](getattr(self, name), network, which, actions)
        run_own(waiting)


def _take_codec(codec: Codec, network: Network, which: Integers, actions: Singles) -> None:
    out = network.last_outcome
    assert out is not None
    given = codec(network, actions)
    found = checked("component codec returned", given, out.slice_of_rb.shape, integers=True, bounds=(-1, 2))[which]
    out.slice_of_rb[which] = found
    out.ue_of_rb[which] = np.where(found >= 0, TO_SCHEDULE, IDLE)
    out.rbs_claimed[which] = (found >= 0).sum(axis=-1)
    out.rbs_contested[which] = 0
    out.clipped_actions[which] = ((actions[which] < 0) | (actions[which] > 1)).sum(axis=-1)


def _take_scheduler(
    scheduler: Callable[[Network, Integers], Integers], network: Network, which: Integers, actions: Singles
) -> None:
    out, state = network.last_outcome, network.state
    assert out is not None
    given = scheduler(network, out.slice_of_rb.copy())
    dealt = checked("component scheduler returned", given, out.ue_of_rb.shape, integers=True)[which]
    _check_served(dealt, out.slice_of_rb[which], state.serving[which], state.slice_of_ue[which])
    out.ue_of_rb[which] = dealt


def _take_traffic(traffic: Callable[[Network], Floats], network: Network, which: Integers, actions: Singles) -> None:
    assert network.last_outcome is not None
    arrived = network.last_outcome.arrived
    arrived[which] = checked("component traffic returned", traffic(network), arrived.shape, bounds=(0.0, np.inf))[which]


def _take_qos(qos: Callable[[Network, Info], Floats], network: Network, which: Integers, actions: Singles) -> None:
    out, state = network.last_outcome, network.state
    assert out is not None
    kpis = {name: array.copy() for name, array in network.info.items() if name in KPIS}
    given = qos(network, kpis)
    scaled = checked("component qos returned", given, state.normalised.shape, bounds=(0.0, 1.0))[which]
    state.normalised[which] = out.qos_normalised[which] = scaled
    out.satisfied[which] = np.where(out.num_ues[which] > 0, scaled >= 0.5, np.nan)


def _take_reward(
    reward: Callable[[Network, Info], Floats], network: Network, which: Integers, actions: Singles
) -> None:
    out = network.last_outcome
    assert out is not None
    given = reward(network, {name: array.copy() for name, array in network.info.items()})
    paid = checked("component reward returned", given, out.reward.shape, bounds=(-np.inf, np.inf))[which]
    out.reward[which] = paid.mean(axis=1, keepdims=True) if network.parameters.reward.team else paid


def _take_observation(observation: Observation, network: Network, which: Integers, actions: Singles) -> None:
    given = observation(network, actions if actions.shape[-1] else None)
    kept = network.state.observation
    seen = checked("component observation returned", given, kept.shape, bounds=(-np.inf, np.inf))
    outside = (seen < observation.low) | (seen > observation.high)
    if outside.any():
        column = int(np.argwhere(outside)[0][-1])
        raise ValueError(
            f"component observation returned {seen[outside][0]} in column {column}; allowed: "
            f"{observation.low[column]} to {observation.high[column]}"
        )
    kept[which] = seen[which]


def _take_state(name: str, array: str, least: float) -> Callable[..., None]:
    """For a component that returns what an array of the state becomes, of numbers from ``least``."""

    def take(component: Callable[[Network], Floats], network: Network, which: Integers, actions: Singles) -> None:
        kept = getattr(network.state, array)
        given = checked(f"component {name} returned", component(network), kept.shape, bounds=(least, np.inf))
        kept[which] = given[which]

    return take


_TAKE: dict[str, Callable[..., None]] = {
    "codec": _take_codec,
    "scheduler": _take_scheduler,
    "traffic": _take_traffic,
    "qos": _take_qos,
    "reward": _take_reward,
    "observation": _take_observation,
    "mobility": _take_state("mobility", "position", -np.inf),
    "demand": _take_state("demand", "demand", 0.0),
    "path_loss": _take_state("path_loss", "gain", 0.0),
}


def _check_served(ue_of_rb: Integers, slice_of_rb: Integers, serving: Integers, slice_of_ue: Integers) -> None:
    """Refuse UEs (B, M, K) that do not exist, that another DU serves, or on RBs of another slice or none."""
    num_ues = serving.shape[1]
    if ue_of_rb.size and (ue_of_rb.min() < IDLE or ue_of_rb.max() >= num_ues):
        raise ValueError(
            f"component scheduler returned UEs from {ue_of_rb.min()} to {ue_of_rb.max()}; allowed: -1 to {num_ues - 1}"
        )
    if num_ues == 0:
        return
    by = np.take_along_axis(serving[:, None, :], np.maximum(ue_of_rb, 0), axis=-1)
    wrong = np.argwhere((ue_of_rb >= 0) & (by != np.arange(ue_of_rb.shape[1])[None, :, None]))
    if len(wrong):
        b, m, k = wrong[0]
        raise ValueError(
            f"component scheduler gave RB {k} of du_{m} to UE {ue_of_rb[b, m, k]}, which is served by "
            f"{'no DU' if by[b, m, k] < 0 else f'du_{by[b, m, k]}'}; allowed: UEs of the DU itself, or -1"
        )
    of = np.take_along_axis(slice_of_ue[:, None, :], np.maximum(ue_of_rb, 0), axis=-1)
    wrong = np.argwhere((ue_of_rb >= 0) & (of != slice_of_rb))
    if len(wrong):
        b, m, k = wrong[0]
        raise ValueError(
            f"component scheduler gave RB {k} of du_{m} to UE {ue_of_rb[b, m, k]} of slice {of[b, m, k]}; the RB is of "
            f"slice {slice_of_rb[b, m, k]} (negative: of none); allowed: UEs of the RB's slice, or -1"
        )
