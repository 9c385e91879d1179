"""Gymnasium VectorEnvs: many networks in one batch of the simulator, with the same trajectories as one by one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from gymnasium.envs.registration import EnvSpec
from gymnasium.error import ClosedEnvironmentError
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from oran_env.envs.action_face import ActionType
from oran_env.envs.single_agent_view import AllDus, OneDu, Viewpoint
from oran_env.envs.spec import with_horizon
from oran_env.model.outcome import INFO
from oran_env.numerics.seeding import checked_seed, is_list
from oran_env.policies.rules import Policy
from oran_env.rendering import RENDER_FPS
from oran_env.scenario.fields import Scenario
from oran_env.scenario.presets import make_scenario
from oran_env.simulator.checked import checked
from oran_env.simulator.components import Components
from oran_env.simulator.simulator import Simulator
from oran_env.simulator.view import StepResult

Mask = NDArray[np.bool_]
Infos = dict[str, Any]
Step = tuple[NDArray[np.float32], NDArray[np.float64], Mask, Mask, Infos]


Batch = VectorEnv[NDArray[np.float32], NDArray[Any], NDArray[Any]]
"""Named again as a base of what is registered: skrl tells a Gymnasium environment by its immediate bases."""


class OranVectorEnv(Batch):
    """Networks side by side, each seen by a single agent; bit for bit what ``SyncVectorEnv`` of single ones gives from
    the same list of seeds.

    An int seed s gives network b the name (s, b), as everywhere in this package. Gymnasium's own vector environments
    give environment i the seed s + i, so that runs with neighbouring seeds share most of their networks; this is the
    one difference. ``seed=[s + i for i in range(num_envs)]`` has the networks of theirs.

    The autoreset mode stands in ``metadata["autoreset_mode"]``:

    - ``NEXT_STEP`` (Gymnasium's default): the step after the end of an episode ignores the action, returns the first
      observation of the next episode, reward 0 and no info.
    - ``SAME_STEP``: the step that ends an episode returns the first observation of the next one; the last observation
      and info stand in ``infos["final_obs"]`` and ``infos["final_info"]``.
    - ``DISABLED``: call ``reset(options={"reset_mask": mask})`` with the networks that have ended.

    Without a seed, a network goes on to the next episode of its sequence, as with ``reset()`` of a single environment.
    """

    _spec: EnvSpec | None = None

    def __init__(
        self,
        simulator: Simulator,
        viewpoint: Viewpoint,
        render_mode: str | None = None,
        autoreset_mode: str | AutoresetMode = AutoresetMode.NEXT_STEP,
    ) -> None:
        if render_mode is not None:
            raise ValueError(f"render_mode is {render_mode!r}; allowed: None, a batch of networks is not drawn")
        self.render_mode = render_mode
        self.autoreset_mode = _mode(autoreset_mode)
        self.metadata = {"render_modes": [], "render_fps": RENDER_FPS, "autoreset_mode": self.autoreset_mode}
        self.simulator = simulator
        self.scenario = simulator.scenario
        self.viewpoint = viewpoint
        self.num_envs = simulator.num_networks
        self.single_observation_space = viewpoint.observation_space
        self.single_action_space = viewpoint.action_space
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self.action_space = batch_space(self.single_action_space, self.num_envs)
        self._ended = np.zeros(self.num_envs, dtype=np.bool_)

    @property
    def spec(self) -> EnvSpec | None:
        """How Gymnasium made the environment; its ``max_episode_steps`` is the horizon."""
        return self._spec

    @spec.setter
    def spec(self, spec: EnvSpec | None) -> None:
        self._spec = with_horizon(spec, self.scenario)

    def reset(
        self,
        *,
        seed: int | Sequence[int | None] | None = None,
        options: dict[str, Any] | None = None,
    ) -> tuple[NDArray[np.float32], Infos]:
        """Begin an episode everywhere, or in the networks of ``options["reset_mask"]`` (bool array (num_envs,)).

        An int seed s gives network b the name (s, b); a list gives each its own seed, None to go on. With codec
        ``zones``, ``options["owned_rbs"]`` is how many RBs each DU owns there from now on: a number, or one per
        network.

        Raises:
            TypeError, ValueError: a seed or mask of wrong type, length or value.
            ClosedEnvironmentError: after ``close``.
        """
        self._open("reset()")
        which = self._reset_mask(options)
        if options and "owned_rbs" in options:
            self.simulator.set_owned_rbs(options["owned_rbs"], which)
        if seed is not None:
            self._reset_seeded(seed, which)
        else:
            self.simulator.reset(which=which)
        self._ended &= ~which
        infos = masked(self.viewpoint.info(self.simulator.first_info), which)
        return self.viewpoint.see(self.simulator.observations), infos

    def step(self, actions: NDArray[Any]) -> Step:
        """Advance every network by one step with actions (num_envs, values).

        Raises:
            RuntimeError: before ``reset``; in mode DISABLED, while a network that has ended was not reset.
            ValueError: actions of wrong shape or type, or not finite.
            ClosedEnvironmentError: after ``close``.
        """
        self._open("step()")
        values = checked("actions are", actions, self.action_space.shape)
        if self.autoreset_mode == AutoresetMode.DISABLED and self._ended.any():
            raise RuntimeError(
                f"step() after the end of an episode in networks {np.flatnonzero(self._ended).tolist()}; "
                'call reset(options={"reset_mask": terminations | truncations}) first'
            )
        rewards, stepping = np.zeros(self.num_envs), ~self._ended  # only NEXT_STEP leaves ended ones here
        if self._ended.any():
            self.simulator.reset(which=self._ended)
        if stepping.any():
            result = self.simulator.step(self.viewpoint.act(values, self.simulator), stepping)
            rewards[stepping] = self.viewpoint.reward(result.rewards)[stepping]
        truncated = self.simulator.truncated
        observations, infos = self.viewpoint.see(self.simulator.observations), {}
        self._ended = truncated.copy()
        if self.autoreset_mode == AutoresetMode.SAME_STEP and truncated.any():
            infos = self._final(result, observations)
            stepping &= ~truncated
            self.simulator.reset(which=truncated)
            observations = self.viewpoint.see(self.simulator.observations)
            self._ended[:] = False
        infos.update(self._told(stepping))
        return observations, rewards, np.zeros(self.num_envs, dtype=np.bool_), truncated, infos

    def _told(self, stepping: Mask) -> Infos:
        """The info of the step; of networks that have meanwhile begun another episode, that of a reset."""
        told = dict(self.simulator.first_info)
        if stepping.any():
            for name, array in self.simulator.info.items():
                now = stepping.reshape(-1, *(1,) * (array.ndim - 1))
                told[name] = np.where(now, array, told[name]) if name in INFO else array
        return masked(self.viewpoint.info(told), np.ones(self.num_envs, dtype=np.bool_))

    def _final(self, result: StepResult, observations: NDArray[np.float32]) -> Infos:
        """The last observation and info of the networks that have ended."""
        ended = result.truncated
        final_obs = np.full(self.num_envs, None, dtype=object)
        for i in np.flatnonzero(ended):
            final_obs[i] = observations[i]
        final_info = masked(self.viewpoint.info(result.info), ended)
        return {
            "final_obs": final_obs,
            "_final_obs": ended.copy(),
            "final_info": final_info,
            "_final_info": ended.copy(),
        }

    def _reset_seeded(self, seed: int | Sequence[int | None], which: Mask) -> None:
        if not is_list(seed):
            number = checked_seed(seed)
            super().reset(seed=number)
            self.simulator.reset(number, which)
            return
        seeds: list[int | None] = list(seed)
        if len(seeds) != self.num_envs:
            raise ValueError(f"seed has {len(seeds)} entries; allowed: one per network ({self.num_envs})")
        given = which & np.array([s is not None for s in seeds])
        chosen = [s for s, use in zip(seeds, given, strict=True) if use and s is not None]
        if chosen:
            self.simulator.reset(chosen, given)
        self.simulator.reset(which=which & ~given)

    def _reset_mask(self, options: Mapping[str, Any] | None) -> Mask:
        if options is None or "reset_mask" not in options:
            return np.ones(self.num_envs, dtype=np.bool_)
        mask = options["reset_mask"]
        if not isinstance(mask, np.ndarray) or mask.dtype != np.bool_:
            found = mask.dtype if isinstance(mask, np.ndarray) else type(mask).__name__
            raise TypeError(f"options['reset_mask'] is {found}; allowed: a NumPy array of bool")
        if mask.shape != (self.num_envs,) or not mask.any():
            raise ValueError(
                f"options['reset_mask'] is {mask.tolist()}; allowed: shape ({self.num_envs},) with at least one True"
            )
        return mask

    def close_extras(self, **kwargs: Any) -> None:
        """What ``close`` does here: end the threads of the simulator."""
        self.simulator.close()

    def _open(self, call: str) -> None:
        if self.closed:
            raise ClosedEnvironmentError(f"{call} after close(); make a new environment")


def _mode(autoreset_mode: str | AutoresetMode) -> AutoresetMode:
    """The autoreset mode by its value ("NextStep"), its name ("NEXT_STEP"), or itself."""
    if isinstance(autoreset_mode, str) and autoreset_mode in AutoresetMode.__members__:
        return AutoresetMode[autoreset_mode]
    try:
        return AutoresetMode(autoreset_mode)
    except ValueError as error:
        raise ValueError(
            f"autoreset_mode is {autoreset_mode!r}; allowed: {', '.join(AutoresetMode.__members__)}"
        ) from error


def masked(info: Mapping[str, NDArray[Any]], shown: Mask) -> Infos:
    """Gymnasium's form of a vector info: an array per key, zero where not shown, and the mask under ``_key``."""
    if not shown.any():
        return {}
    infos: Infos = {}
    for name, array in info.items():
        rows = array.copy()
        rows[~shown] = 0
        infos[name], infos[f"_{name}"] = rows, shown.copy()
    return infos


class OranJointVectorEnv(OranVectorEnv, Batch):
    """Many networks of ``OranJointEnv``; arguments as there, and ``num_threads`` that share the batch."""

    def __init__(
        self,
        num_envs: int = 1,
        scenario: str | Scenario = "paper",
        render_mode: str | None = None,
        action_type: ActionType = "box",
        autoreset_mode: str | AutoresetMode = AutoresetMode.NEXT_STEP,
        num_threads: int = 1,
        components: Components | None = None,
        **overrides: Any,
    ) -> None:
        simulator = Simulator(
            make_scenario(scenario, **overrides), num_envs, num_threads=num_threads, components=components
        )
        super().__init__(simulator, AllDus(simulator, action_type), render_mode, autoreset_mode)


class OranDuVectorEnv(OranVectorEnv, Batch):
    """Many networks of ``OranDuEnv``; arguments as there, and ``num_threads`` that share the batch."""

    def __init__(
        self,
        num_envs: int = 1,
        scenario: str | Scenario = "paper",
        render_mode: str | None = None,
        du: int = 0,
        others: str | Policy = "static",
        action_type: ActionType = "box",
        autoreset_mode: str | AutoresetMode = AutoresetMode.NEXT_STEP,
        num_threads: int = 1,
        components: Components | None = None,
        **overrides: Any,
    ) -> None:
        simulator = Simulator(
            make_scenario(scenario, **overrides), num_envs, num_threads=num_threads, components=components
        )
        super().__init__(simulator, OneDu(simulator, du, others, action_type), render_mode, autoreset_mode)
