"""The simulator: a batch of independent networks with the same scenario.

What happens in a step stands in ``model/step.py``, what changes in ``model/state.py``. Every array has a leading axis
of networks; one network is a batch of one. The PettingZoo and Gymnasium environments are thin shells around this class.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from numbers import Integral
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oran_env.model.mac.action_codec import action_size
from oran_env.model.mac.ownership import checked_owned_rbs
from oran_env.model.outcome import Outcome
from oran_env.model.parameters import Parameters, parameters_of
from oran_env.model.radio.fading import draw_fading
from oran_env.model.reward.observation import observation_bounds, observation_layout
from oran_env.model.state import empty_state
from oran_env.model.step import ORDER, RESET
from oran_env.numerics.jit import Floats, Integers, Singles
from oran_env.numerics.random_draws import draw_uniforms
from oran_env.numerics.seeding import Seed, is_list, network_keys
from oran_env.scenario.fields import Scenario
from oran_env.scenario.presets import make_scenario
from oran_env.simulator.checked import checked_actions
from oran_env.simulator.components import Components
from oran_env.simulator.memory import check_memory
from oran_env.simulator.reset_info import before_first_step, told_at_reset
from oran_env.simulator.runner import Runner
from oran_env.simulator.saved_state import check_saved, restore, saved, state_bounds
from oran_env.simulator.threads import Threads
from oran_env.simulator.view import Info, StepResult


class Simulator:
    """A batch of independent networks with the same scenario.

    Args:
        scenario: preset name or ``Scenario``.
        num_networks: B.
        seed: int (network b is then (seed, b)), one seed or name per network, or None for entropy from the system;
            the rule stands in ``numerics/seeding.py``.
        num_threads: threads that share the batch; the trajectories do not depend on it.
        components: the user's own reward, scheduler, … in place of the package's.
        overrides: scenario fields by name.

    Raises:
        ScenarioError: unknown preset or field, or a value that is not allowed.
        ValueError: num_networks, num_threads or seed out of range.
    """

    def __init__(
        self,
        scenario: str | Scenario = "paper",
        num_networks: int = 1,
        seed: int | Sequence[Seed] | None = None,
        num_threads: int = 1,
        components: Components | None = None,
        **overrides: Any,
    ) -> None:
        for name, value in (("num_networks", num_networks), ("num_threads", num_threads)):
            if not isinstance(value, Integral) or isinstance(value, bool) or value < 1:
                raise ValueError(f"{name} is {value!r}; allowed: integers >= 1")
        num_networks, num_threads = int(num_networks), int(num_threads)  # NumPy's would wrap around
        self.scenario = make_scenario(scenario, **overrides)
        check_memory(self.scenario, num_networks)
        self.num_networks = num_networks
        self.num_threads = min(num_threads, num_networks)
        self.agents = tuple(f"du_{m}" for m in range(self.scenario.layout.num_dus))
        self.components = components if components is None or components.any else None
        codec = None if components is None else components.codec
        view = None if components is None else components.observation
        self.action_size = action_size(self.scenario) if codec is None else codec.action_size
        self.action_sizes = (self.action_size,) * len(self.agents)
        self.observation_layout = {} if view is not None else observation_layout(self.scenario, self.action_size)
        bounds = observation_bounds(self.scenario, self.action_size) if view is None else (view.low, view.high)
        self.observation_low, self.observation_high = bounds
        self.observation_sizes = (len(self.observation_high),) * len(self.agents)
        self.state = empty_state(self.scenario, num_networks, self.observation_sizes[0])
        parameters = parameters_of(self.scenario)
        self.parameters = parameters if self.components is None else self.components.adapt(parameters)
        self._memory: NDArray[np.uint8] | None = None  # of the last outcome
        self._outcome: Outcome | None = None  # the same, once somebody asks for it
        self._no_actions = np.empty((num_networks, len(self.agents), 0), dtype=np.float32)
        self._resetting = False  # the draws of ``uniforms`` differ from those of the first step
        self._threads = Threads(self.num_threads)
        self._all = np.arange(num_networks)
        self._started = np.zeros(num_networks, dtype=np.bool_)
        self._seed(seed, np.arange(num_networks))

    def _seed(self, seed: int | Sequence[Seed] | None, which: Integers) -> None:
        if seed is None:
            seed = int(np.random.SeedSequence().generate_state(1, np.uint64)[0])
        keys = network_keys(seed, len(which)) if is_list(seed) else network_keys(seed, self.num_networks)[which]
        self.state.key[which, :2] = keys
        self.state.key[which, 2:] = 0
        self._started[which] = False

    def reset(self, seed: int | Sequence[Seed] | None = None, which: NDArray[np.bool_] | None = None) -> Singles:
        """Begin an episode in every network, or where the mask ``which`` (B,) says; return all observations (B, M, D).

        With a seed (or one per network that begins) the networks start over at their episode 0; without, each goes on
        to its next episode, with new UEs, slices and positions.
        """
        chosen = self._chosen(which)
        if seed is not None:
            self._seed(seed, chosen)
        return self._reset(chosen)

    def reset_done(self) -> Singles:
        """Begin a new episode where the last one has ended; return the observations of all networks (B, M, D)."""
        if not self._started.all():
            raise RuntimeError("reset_done() before reset(); call reset() first")
        return self._reset(np.flatnonzero(self.truncated))

    def set_owned_rbs(self, owned_rbs: int | Sequence[int], which: NDArray[np.bool_] | None = None) -> None:
        """From now on each DU owns so many RBs, with ``zones``: a number, or one per network (B,); where ``which``."""
        chosen = self._chosen(which)
        self.state.owned_rbs[chosen] = checked_owned_rbs(owned_rbs, self.scenario, self.num_networks)[chosen]

    def _chosen(self, which: NDArray[np.bool_] | None) -> Integers:
        """Indices of the networks in a mask, of all of them without one."""
        if which is None:
            return self._all
        mask = np.asarray(which)
        if mask.shape != (self.num_networks,) or mask.dtype != np.bool_:
            raise ValueError(
                f"which is {mask.dtype} of shape {mask.shape}; allowed: bool of shape ({self.num_networks},)"
            )
        return np.flatnonzero(mask)

    def _reset(self, which: Integers) -> Singles:
        self.state.key[which, 2] += self._started[which].astype(np.uint64)
        self.state.key[which, 3] = 0
        self._started[which] = True
        if len(which) == self.num_networks:
            self._memory = self._outcome = None
        self._resetting = True
        try:
            self._run(RESET, which, self._no_actions)
        except BaseException:
            self._started[which] = False
            raise
        finally:
            self._resetting = False
        return self.observations

    def _run(self, order: tuple[int, ...], which: Integers, actions: Singles) -> None:
        """Run phases with the components in their places, or raise and change nothing."""

        def run_own(phases: Sequence[int]) -> None:
            self._run_own(tuple(phases), which, actions)

        if self.components is None:
            self._run_own(order, which, actions)
            return
        before = self.get_state()
        try:
            self.components.run(order, self, which, actions, run_own)
        except BaseException:
            self._restore(before)
            raise

    def _run_own(self, phases: tuple[int, ...], which: Integers, actions: Singles) -> None:
        """Run phases of the package, in one piece or shared between the threads."""
        self._runner.prepare(phases)
        self._threads.run(lambda share: self._runner.run(phases, share, actions), which)

    def compile(self) -> None:
        """Compile the kernels of a reset and a step, which else happens in the first of each."""
        for order in (RESET, ORDER):
            self._runner.prepare(order)
        self._runner.run((), np.arange(0), self._no_actions)

    def close(self) -> None:
        """End the threads, if there are any; a later step begins new ones."""
        self._threads.close()

    @property
    def parameters(self) -> Parameters:
        """The scenario in the units of the kernels."""
        return self._parameters

    @parameters.setter
    def parameters(self, parameters: Parameters) -> None:
        self._parameters = parameters
        self._runner = Runner(self.scenario, self.num_networks, parameters, self.state)

    @property
    def num_envs(self) -> int:
        """B, under the name that learners use for environments side by side."""
        return self.num_networks

    @property
    def observations(self) -> Singles:
        """What each DU sees now (B, M, D), a copy."""
        return self.state.observation.copy()

    @property
    def started(self) -> NDArray[np.bool_]:
        """Which networks have begun an episode (B,)."""
        return self._started.copy()

    @property
    def truncated(self) -> NDArray[np.bool_]:
        """Which networks have reached the end of their episode (B,)."""
        return self.state.key[:, 3] >= np.uint64(self.scenario.control.horizon)

    def step(self, actions: NDArray[Any], which: NDArray[np.bool_] | None = None) -> StepResult:
        """Advance every network by one step with actions (B, M, A); does not reset where an episode ends.

        With a mask ``which`` (B,) only these networks advance; the others' actions are not read, and their rewards and
        info are zero.

        Raises:
            RuntimeError: before ``reset``, or after the end of an episode.
            ValueError: wrong shape, or values that are not finite numbers.
        """
        rewards = self.advance(actions, which)
        return StepResult(
            observations=self.observations,
            rewards=rewards,
            terminated=np.zeros(rewards.shape, dtype=np.bool_),
            truncated=self.truncated,
            info=self.info,
        )

    def advance(self, actions: NDArray[Any], which: NDArray[np.bool_] | None = None) -> Singles:
        """The same, for who takes the rest from where it stands; return the rewards (B, M)."""
        chosen = self._chosen(which)
        values = self._checked(actions, chosen)
        self._memory, self._outcome = self._runner.room.fresh(), None
        self._runner.aim(self._memory)
        if len(chosen) < self.num_networks:
            self._memory[:] = 0
        self._run(ORDER, chosen, values)
        return self._runner.room.array(self._memory, "reward").copy()

    @property
    def last_outcome(self) -> Outcome | None:
        """All that the last step handed out."""
        if self._outcome is None and self._memory is not None:
            self._outcome = self._runner.room.outcome(self._memory)
        return self._outcome

    @property
    def info(self) -> Info:
        """What the last step tells, by name, each (B, M, …)."""
        return self.take_info()()

    def take_info(self) -> Callable[[], Info]:
        """What works ``info`` of this step out, whenever it is called; it costs little to ask for it."""
        room, memory, more = self._runner.room, self._memory, told_at_reset(self.parameters, self.state)
        told = None if memory is None else room.copy_told(memory)
        return lambda: MappingProxyType({**({} if told is None else room.told(told)), **more})

    @property
    def reset_info(self) -> Info:
        """What a reset tells, by name: see ``told_at_reset``."""
        return MappingProxyType(told_at_reset(self.parameters, self.state))

    @property
    def first_info(self) -> Info:
        """The infos of a reset, with all keys of those of a step: see ``before_first_step``."""
        return MappingProxyType(before_first_step(self.scenario, self.num_networks, self.reset_info))

    def uniforms(self, size: int, purpose: int = 0) -> Floats:
        """Random numbers (B, size) in (0, 1) for components of one's own, a pure function of seed, episode and step.

        Args:
            size: how many per network.
            purpose: another number (0 to 2^24 - 1) gives other draws.

        Raises:
            ValueError: purpose out of range.
        """
        if not 0 <= purpose < 1 << 24:
            raise ValueError(f"purpose is {purpose!r}; allowed: 0 to 2^24 - 1")
        numbers = np.empty((self.num_networks, size))
        draw_uniforms(self.state.key, purpose, self._resetting, numbers)
        return numbers

    def _checked(self, actions: NDArray[Any], which: Integers) -> Singles:
        every = len(which) == self.num_networks
        if not (self._started if every else self._started[which]).all():
            raise RuntimeError("step() before reset(); call reset() first")
        steps = self.state.key[:, 3] if every else self.state.key[which, 3]
        if int(steps.max(initial=0)) >= self.scenario.control.horizon:
            raise RuntimeError("step() after the end of an episode; call reset() or reset_done() first")
        expected = (self.num_networks, len(self.agents), self.action_size)
        return checked_actions(actions, expected, which)

    def fading_power(self, network: int, ue: int, rb: int, block: int = 0) -> Floats:
        """|h|² of the links from every RU to a UE on an RB (M,), as a fading block of the coming step draws it."""
        power = np.empty(len(self.agents))
        key, speed = self.state.key[network], self.state.speed[network]
        draw_fading(key, ue, rb, block, speed, self.parameters.channel.fading, power)
        return power

    def get_state(self) -> dict[str, NDArray[Any]]:
        """A copy of the whole state, for ``set_state``: a resumed simulator goes on bit for bit."""
        return saved(self.state, self._started)

    def set_state(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take over a state of ``get_state`` from a simulator with the same scenario and number of networks.

        Raises:
            ValueError: an array is missing, has another shape or type, or holds values that no network can have; then
                nothing has changed.
        """
        check_saved(state, self.state, self._started, state_bounds(self.scenario, self.parameters))
        self._restore(state)

    def _restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        restore(state, self.state, self._started)
        self._memory = self._outcome = None
