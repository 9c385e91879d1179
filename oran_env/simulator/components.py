"""The user's own mechanisms in place of the package's, without touching the package.

Each component is a callable on whole batches: B networks, N UEs, M DUs, K RBs. It may read everything the simulator
shows (``scenario``, ``state``, ``parameters``, and ``uniforms()`` for random numbers that keep the environment
reproducible), in plain NumPy or with numba for speed, and returns one array, which is checked. Where a component is
given, a step runs phase by phase with the component between the package's own phases.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from oran_env.model import step as phases
from oran_env.model.mac.action_codec import CUSTOM, IDLE, TO_SCHEDULE
from oran_env.model.parameters import Parameters
from oran_env.numerics.jit import Floats, Integers, Singles

if TYPE_CHECKING:
    from oran_env.simulator.simulator import Simulator

Info = Mapping[str, NDArray[Any]]
KPIS = (  # what is known of a step when its QoS is worked out
    "latency_s", "throughput_mbps", "availability", "density", "qos", "num_ues", "unserved_ues", "rbs_granted",
    "rbs_idle", "rbs_claimed", "rbs_contested", "clipped_actions",
)  # fmt: skip


class Codec(Protocol):
    """What an action means."""

    action_size: int  # A, number of values in the action of one DU

    def __call__(self, simulator: Simulator, actions: Singles) -> Integers:
        """Slice of each RB (B, M, K), -1 idle, from actions (B, M, A)."""


class Observation(Protocol):
    """What a DU sees."""

    low: Singles  # (D,) bounds of each value
    high: Singles  # (D,)

    def __call__(self, simulator: Simulator, actions: Singles | None) -> Singles:
        """Local observations (B, M, D); actions (B, M, A) of the step, None after a reset."""


@dataclass(frozen=True)
class Components:
    """Every component that can be replaced; None: the package's own, as the scenario says.

    Raises:
        ValueError: while running, if what a component returns has another shape or type, or makes no sense.
    """

    codec: Codec | None = None
    # (simulator, slice of each RB (B, M, K)) → UE of each RB (B, M, K), -1 none; only UEs that the DU serves
    scheduler: Callable[[Simulator, Integers], Integers] | None = None
    # simulator → bits that arrive at each UE in this step (B, N); needs latency="queue", and gives every slice a queue
    traffic: Callable[[Simulator], Floats] | None = None
    # simulator → what the offered rate of each DU and slice is multiplied by in the next step (B, M, 3)
    demand: Callable[[Simulator], Floats] | None = None
    # (simulator, KPIs of the step) → normalised QoS of each slice (B, M, 3) in [0, 1]
    qos: Callable[[Simulator, Info], Floats] | None = None
    # (simulator, info of the step) → reward of each DU (B, M), with reward_sharing="team" averaged over the DUs
    reward: Callable[[Simulator, Info], Floats] | None = None
    # simulator → positions of the UEs after the step (B, N, 2) [m]
    mobility: Callable[[Simulator], Floats] | None = None
    # simulator → mean received power per RB of each link (B, N, M) [mW]
    path_loss: Callable[[Simulator], Floats] | None = None
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
            p = p._replace(codec=CUSTOM)
        if self.traffic is not None:
            if not p.queue:
                raise ValueError("component traffic is given and latency is 'mm1'; allowed: latency='queue'")
            p = p._replace(finite=np.ones_like(p.finite))
        return p

    def reset(self, simulator: Simulator, which: Integers) -> None:
        """Begin an episode in the networks of ``which``."""
        state = simulator.state
        simulator._run_reset(which, phases.BEGIN)
        if self.demand is not None:
            state.demand[which] = self._checked("demand", self.demand(simulator), state.demand, 0.0)[which]
        if self.path_loss is None:
            simulator._run_reset(which, phases.GAINS)
        else:
            state.gain[which] = self._checked("path_loss", self.path_loss(simulator), state.gain, 0.0)[which]
        simulator._run_reset(which, phases.SETTLE)
        if self.observation is None:
            simulator._run_reset(which, phases.OBSERVE)
        else:
            state.observation[which] = self._seen(simulator, None)[which]

    def step(self, simulator: Simulator, which: Integers, actions: Singles) -> None:
        """Advance the networks of ``which`` by one step with actions (B, M, A), or raise and change nothing."""
        before = simulator.get_state()
        try:
            self._step(simulator, which, actions)
        except BaseException:
            simulator._restore(before)
            raise

    def _step(self, simulator: Simulator, which: Integers, actions: Singles) -> None:
        state, out = simulator.state, simulator.last_outcome
        assert out is not None

        def run(own: int) -> None:
            simulator._run_step(which, own, actions)

        if self.codec is None:
            run(phases.DECODE)
        else:
            found = self._checked("codec", self.codec(simulator, actions), out.slice_of_rb, -1, 2)[which]
            out.slice_of_rb[which] = found
            out.ue_of_rb[which] = np.where(found >= 0, TO_SCHEDULE, IDLE)
            out.rbs_claimed[which] = (found >= 0).sum(axis=-1)
            out.rbs_contested[which] = 0
            out.clipped_actions[which] = ((actions[which] < 0) | (actions[which] > 1)).sum(axis=-1)
        if self.scheduler is None:
            run(phases.SCHEDULE)
        else:
            dealt = self._checked("scheduler", self.scheduler(simulator, out.slice_of_rb.copy()), out.ue_of_rb)[which]
            _check_served(dealt, out.slice_of_rb[which], state.serving[which], state.slice_of_ue[which])
            out.ue_of_rb[which] = dealt
        if self.traffic is None:
            run(phases.TRAFFIC)
        else:
            out.arrived[which] = self._checked("traffic", self.traffic(simulator), out.arrived, 0.0)[which]
        run(phases.TRANSMIT | phases.ASSESS)
        if self.qos is not None:
            kpis = {name: array.copy() for name, array in simulator.info.items() if name in KPIS}
            scaled = self._checked("qos", self.qos(simulator, kpis), state.normalised, 0.0, 1.0)[which]
            state.normalised[which] = out.qos_normalised[which] = scaled
            out.satisfied[which] = scaled >= 0.5
        run(phases.REWARD)
        if self.mobility is None:
            run(phases.MOVE)
        else:
            state.position[which] = self._checked("mobility", self.mobility(simulator), state.position)[which]
        run(phases.SESSIONS)
        if self.demand is None:
            run(phases.DEMAND)
        else:
            state.demand[which] = self._checked("demand", self.demand(simulator), state.demand, 0.0)[which]
        if self.path_loss is None:
            run(phases.GAINS)
        else:
            state.gain[which] = self._checked("path_loss", self.path_loss(simulator), state.gain, 0.0)[which]
        run(phases.ATTACH)
        if self.reward is not None:
            told = {name: array.copy() for name, array in simulator.info.items()}
            reward = self._checked("reward", self.reward(simulator, told), out.reward)[which]
            team = simulator.parameters.team
            out.reward[which] = reward.mean(axis=1, keepdims=True) if team else reward
        if self.observation is None:
            run(phases.OBSERVE)
        else:
            seen = self._seen(simulator, actions)
            state.observation[which] = seen[which]
        run(phases.TICK)

    def _seen(self, simulator: Simulator, actions: Singles | None) -> NDArray[Any]:
        assert self.observation is not None
        seen = self._checked("observation", self.observation(simulator, actions), simulator.state.observation)
        outside = (seen < self.observation.low) | (seen > self.observation.high)
        if outside.any():
            column = int(np.argwhere(outside)[0][-1])
            raise ValueError(
                f"component observation returned {seen[outside][0]} in column {column}; allowed: "
                f"{self.observation.low[column]} to {self.observation.high[column]}"
            )
        return seen

    @staticmethod
    def _checked(
        name: str, value: Any, like: NDArray[Any], least: float = -np.inf, greatest: float = np.inf
    ) -> NDArray[Any]:
        """The array that a component returned, if it may stand for ``like``."""
        array = np.asarray(value)
        kinds = "iub" if like.dtype.kind == "i" else "fiub"
        if array.shape != like.shape or array.dtype.kind not in kinds:
            raise ValueError(
                f"component {name} returned {array.dtype} of shape {array.shape}; "
                f"allowed: {'integers' if kinds == 'iub' else 'real numbers'} of shape {like.shape}"
            )
        if array.size and not (np.isfinite(array).all() and array.min() >= least and array.max() <= greatest):
            raise ValueError(
                f"component {name} returned values from {array.min()} to {array.max()}; "
                f"allowed: finite numbers from {least} to {greatest}"
            )
        return array


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
