"""stable-baselines3: a VecEnv in which the DUs of all networks share one policy.

    model = SAC("MlpPolicy", SharedPolicyVecEnv("paper", num_networks=4), seed=0)

Each DU of each network is one environment of the VecEnv: environment b·M + m is DU m of network b, with that DU's own
observation and reward. The observation does not say which DU it is from: one policy for all of them is the point, and
what tells DUs apart in the radio model (position, neighbours) is not in the observation of a separate policy either.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oran_env.envs.action_face import ActionFace, ActionType, action_face, masks_of
from oran_env.envs.spaces import observation_space
from oran_env.extras import how_to_install
from oran_env.numerics.seeding import checked_seed
from oran_env.policies.offered import reference_policies
from oran_env.policies.rules import Policy
from oran_env.rendering import RENDER_FPS, Renderer
from oran_env.scenario.fields import Scenario
from oran_env.scenario.presets import make_scenario
from oran_env.simulator.checked import checked
from oran_env.simulator.components import Components
from oran_env.simulator.simulator import Simulator
from oran_env.simulator.view import without_nan

try:
    from stable_baselines3.common.vec_env import VecEnv
except ImportError as error:
    raise ImportError(f"oran_env.adapters.sb3 needs stable-baselines3: {how_to_install('sb3')}") from error


@dataclasses.dataclass
class DuEnv:
    """What stable-baselines3 takes for one of the environments: it can read and set attributes here."""

    scenario: Scenario
    network: int
    du: int
    agent: str
    simulator: Simulator
    face: ActionFace
    render_mode: str | None = None

    def reference_policies(self) -> dict[str, Policy]:
        """Named hand-made policies for this scenario, made afresh in each call."""
        return reference_policies(self.scenario)

    def action_masks(self) -> NDArray[np.bool_]:
        """What this DU may choose in the coming step, for MaskablePPO: see ``ActionFace.masks``."""
        return masks_of(self.face, self.simulator, self.network, slice(self.du, self.du + 1))


class SharedPolicyVecEnv(VecEnv):  # type: ignore[misc]
    """All DUs of a batch of networks as environments of one VecEnv; num_envs = networks × DUs.

    At the end of an episode a network begins the next one in the same step; the infos of its DUs then hold the last
    observation as ``terminal_observation``, and ``TimeLimit.truncated`` is True, so that off-policy algorithms go on
    bootstrapping. All infos hold ``TimeLimit.truncated`` and the keys of ``simulator.Outcome``.

    Args:
        scenario: preset name, ``Scenario``, or a mapping with the keyword arguments of ``parallel_env``.
        num_networks: B, networks side by side.
        seed: of the first reset; network b is then (seed, b). None: from the system.
        action_type: "box" (SAC, TD3), "multi_binary", "multi_discrete" (PPO, A2C) or "discrete" (DQN).
        num_threads: threads that share the batch.
        render_mode: None, or "rgb_array": ``render`` and ``VecVideoRecorder`` show network 0.
        overrides: scenario fields by name.

    Raises:
        ScenarioError: unknown preset or field, or a value that is not allowed.
        ValueError: num_networks, num_threads, seed, action_type or render_mode out of range.
    """

    def __init__(
        self,
        scenario: str | Scenario | Mapping[str, Any] = "paper",
        num_networks: int = 1,
        seed: int | None = None,
        action_type: ActionType = "box",
        num_threads: int = 1,
        components: Components | None = None,
        render_mode: str | None = None,
        **overrides: Any,
    ) -> None:
        if isinstance(scenario, Mapping):
            overrides = {**scenario, **overrides}
            action_type = overrides.pop("action_type", action_type)
            components = overrides.pop("components", components)
            base: str | Scenario = overrides.pop("scenario", "paper")
            render_mode = overrides.pop("render_mode", render_mode)
        else:
            base = scenario
        if render_mode not in (None, "rgb_array"):
            raise ValueError(f"render_mode is {render_mode!r}; allowed: None, 'rgb_array'")
        self._renderer = Renderer(render_mode)
        self.simulator = Simulator(
            make_scenario(base, **overrides), num_networks, num_threads=num_threads, components=components
        )
        self.scenario = self.simulator.scenario
        self.dus = len(self.simulator.agents)
        face = action_face(self.simulator, action_type)
        self.du_envs = [
            DuEnv(self.scenario, network, du, agent, self.simulator, face, render_mode)
            for network in range(num_networks)
            for du, agent in enumerate(self.simulator.agents)
        ]
        self.face = face
        super().__init__(len(self.du_envs), observation_space(self.simulator), face.space())
        self.metadata["render_fps"] = RENDER_FPS  # for who films it
        self._actions: NDArray[Any] | None = None
        if seed is not None:
            self.seed(seed)

    def seed(self, seed: int | None = None) -> Sequence[int | None]:
        """Seed the networks at the next reset: network b is then (seed, b). Return that seed for every DU.

        The library's own vector environments give environment i the seed + i; here runs with neighbouring seeds would
        then share most of their networks.
        """
        if seed is None:
            seed = int(np.random.SeedSequence().generate_state(1)[0])
        self._seeds = [checked_seed(seed)] * self.num_envs
        return self._seeds

    def reset(self) -> NDArray[np.float32]:
        """Begin an episode in every network; observations (num_envs, D).

        With codec ``zones``, ``set_options({"owned_rbs": P})`` before it gives each DU P RBs of its own from then on.
        """
        for network, options in enumerate(self._options[:: self.dus]):
            if "owned_rbs" in options:
                which = np.arange(self.simulator.num_networks) == network
                self.simulator.set_owned_rbs(options["owned_rbs"], which)
        observations = self.simulator.reset(self._seeds[0])
        self._renderer.after_reset(self.simulator)
        self.reset_infos: list[dict[str, Any]] = [self._reset_info(i) for i in range(self.num_envs)]
        self._reset_seeds()
        self._reset_options()
        return self._flat(observations)

    def step_async(self, actions: NDArray[Any]) -> None:
        """Take the actions (num_envs, …) of the coming step."""
        given = checked("actions (networks × DUs, values) are", actions, (self.num_envs, *self.face.shape))
        self._actions = self.face.values(given).reshape(self.simulator.num_networks, self.dus, -1)

    def step_wait(
        self,
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_], list[dict[str, Any]]]:
        """Advance all networks: observations (num_envs, D), rewards (num_envs,), dones (num_envs,), infos."""
        if self._actions is None:
            raise RuntimeError("step_wait() before step_async(); call step() instead")
        actions, self._actions = self._actions, None
        result = self.simulator.step(actions)
        self._renderer.after_step(self.simulator)
        dones = np.repeat(result.truncated, self.dus)
        rows = [(name, self._flat(array)) for name, array in without_nan(result.info).items()]
        infos = [
            {"TimeLimit.truncated": bool(dones[i]), **{name: row[i] for name, row in rows}}
            for i in range(self.num_envs)
        ]
        observations = self._flat(result.observations)
        if dones.any():
            for i in np.flatnonzero(dones).tolist():
                infos[i]["terminal_observation"] = observations[i]
            observations = self._flat(self.simulator.reset_done())
            if dones[0]:
                self._renderer.after_reset(self.simulator)
            for i in np.flatnonzero(dones).tolist():
                self.reset_infos[i] = self._reset_info(i)
                infos[i].update(self.reset_infos[i])  # of the episode whose first observation this is
        return observations, self._flat(result.rewards), dones, infos

    def _reset_info(self, i: int) -> dict[str, Any]:
        """What is told of the network that begins: see ``told_at_reset``."""
        return {name: self._flat(array)[i] for name, array in self.simulator.reset_info.items()}

    def _flat(self, array: NDArray[Any]) -> NDArray[Any]:
        """(B, M, …) → (B·M, …)."""
        return array.reshape(self.num_envs, *array.shape[2:])

    def close(self) -> None:
        """End the threads of the simulator."""
        self._renderer.close()
        self.simulator.close()

    def get_images(self) -> Sequence[NDArray[np.uint8] | None]:
        """The picture of network 0 (800, 1200, 3), one for all its DUs; None without a render mode."""
        return [None] * self.num_envs if self.render_mode is None else [self._renderer.render(self.simulator)]

    def get_attr(self, attr_name: str, indices: int | Sequence[int] | None = None) -> list[Any]:
        """An attribute of the chosen DUs, see ``DuEnv``."""
        return [getattr(self.du_envs[i], attr_name) for i in self._get_indices(indices)]

    def set_attr(self, attr_name: str, value: Any, indices: int | Sequence[int] | None = None) -> None:
        """Set an attribute of the chosen DUs; the simulation does not read it."""
        for i in self._get_indices(indices):
            setattr(self.du_envs[i], attr_name, value)

    def env_method(
        self, method_name: str, *method_args: Any, indices: int | Sequence[int] | None = None, **method_kwargs: Any
    ) -> list[Any]:
        """Call a method of the chosen DUs."""
        methods = self.get_attr(method_name, indices)
        return [method(*method_args, **method_kwargs) for method in methods]

    def env_is_wrapped(self, wrapper_class: type, indices: int | Sequence[int] | None = None) -> list[bool]:
        """None is wrapped: put a VecMonitor around the whole instead of a Monitor around each."""
        return [False for _ in self._get_indices(indices)]
