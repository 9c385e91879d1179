"""The PettingZoo ParallelEnv: one network, one agent per DU. A thin shell around the simulator."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from gymnasium.spaces import Box, Space
from numpy.typing import NDArray
from pettingzoo import AECEnv, ParallelEnv
from pettingzoo.utils.conversions import parallel_to_aec

from oran_env.envs.action_face import ActionType, action_face, masks_of
from oran_env.envs.late_info import LateInfo
from oran_env.model.outcome import UNDEFINED
from oran_env.numerics.seeding import Seed
from oran_env.policies.offered import reference_policies
from oran_env.policies.rules import Policy
from oran_env.rendering import RENDER_FPS, RENDER_MODES, Renderer
from oran_env.scenario.fields import Scenario
from oran_env.scenario.presets import make_scenario
from oran_env.simulator.checked import checked, singles
from oran_env.simulator.components import Components
from oran_env.simulator.simulator import Simulator
from oran_env.simulator.view import without_nan

Observations = dict[str, NDArray[np.float32]]


class OranParallelEnv(ParallelEnv):  # type: ignore[misc]
    """DUs ``du_0 … du_{M-1}`` share the RBs of one network; all act at once.

    ## Description

    The distributed units (DUs) of an O-RAN share one band of spectrum. In every step each DU gives
    each of its resource blocks (RBs) to one of three slices (eMBB, mMTC, URLLC) or leaves it idle, and the MAC
    scheduler inside the DU deals the RBs of a slice to the users (UEs) of that slice. All DUs use the same RBs, so
    whatever one transmits is interference to the others; an idle RB, or one given to a slice without UEs, disturbs
    nobody. Meanwhile UEs move, are handed over, and their channels fade. From the rates follow four KPIs per slice,
    from these the quality of service (QoS) of the slice, and from that the reward.

    The defaults are Table 1 of arXiv 2511.15002: 6 DUs, 200 UEs, 100 RBs of 200 kHz; a step lasts 100 ms.

    ## Action Space

    One vector per agent. A value above 0.5 is a set bit, and the ``codec`` says what the bits mean. Other forms of
    it, by ``action_type``: "multi_binary", the bits themselves; "multi_discrete", a slice or idle for each RB;
    "discrete", the number of a setting of ``zones``. Values outside [0, 1] act as if clipped and are counted in
    ``info``; a wrong shape or type, NaN, and missing or unknown agents are refused.

    ## Observation Space

    One vector per agent, what that DU itself sees, in this order. ``state()`` is the vectors of all DUs side by side.

    ## Rewards

    Eq. (8) of the paper, for each DU from its own slices; with ``reward_sharing="team"`` every DU gets the mean over
    all DUs. Q̄_l is the QoS of slice l, scaled so that 0.5 is its threshold Q_min; a slice without UE has Q̄ = 1. Its
    parts stand in ``info``.

    ## Starting State

    UEs are uniform over the service area, with uniform heading and speed. Each is served by the RU it receives best,
    and belongs to a slice drawn from the mix of that DU's area, itself drawn anew in every episode. Queues are empty;
    in the observation QoS and previous action are 0. With sessions (``session_s``) some UEs are away at first.

    ``reset(seed=s)`` starts the sequence of networks of seed s over, ``reset()`` goes on to the next network of that
    sequence. It is that of network 0 in a batch with seed s. With codec ``zones``, ``reset(options={"owned_rbs": P})``
    gives each DU P RBs of its own, in this and all later episodes; other ``options`` are accepted and not used.

    ## Episode End

    Truncation after ``horizon`` steps, of all agents at once. Nothing terminates: a learner goes on bootstrapping.

    ## Example

    ```python
    import oran_env  # registers the environments
    import pettingzoo

    env = pettingzoo.make("parallel", "oran/ORAN-v1", scenario="tiny", num_ues=30)
    observations, infos = env.reset(seed=1)
    print(env.agents, env.action_space("du_0"), observations["du_0"].shape)
    policy = env.reference_policies()["count_rule"]
    while env.agents:
        actions = {agent: policy(observations[agent]) for agent in env.agents}
        observations, rewards, terminations, truncations, infos = env.step(actions)
    print({agent: round(reward, 3) for agent, reward in rewards.items()}, infos["du_0"]["satisfied"])
    ```

    ```text
    ['du_0', 'du_1'] Box(0.0, 1.0, (20,), float32) (26,)
    {'du_0': 1.395, 'du_1': 1.891} [1. 0. 1.]
    ```

    Args:
        scenario: name of a preset, or a ``Scenario``.
        render_mode: None, "rgb_array" (``render`` returns the picture, uint8 (800, 1200, 3)) or "human" (a window).
        action_type: "box"; "multi_binary", with codecs of bits; "multi_discrete", a slice or idle per RB, with
            ``two_bit`` and ``slice_mask``; "discrete", one of 100 settings, with ``zones``.
        components: the user's own reward, scheduler, … in place of the package's.
        overrides: any field of the scenario by its name, and ``traffic``, the name of a traffic profile.

    Raises:
        ScenarioError: unknown preset or field, or a value that is not allowed.
        ValueError: unknown render mode or action type; an action of wrong agent, shape or type, or not finite.
        RuntimeError: ``step`` before ``reset`` or after the end of the episode; anything after ``close``.
    """

    metadata: ClassVar[dict[str, Any]] = {
        "name": "oran_v1",
        "render_modes": list(RENDER_MODES),
        "render_fps": RENDER_FPS,
        "is_parallelizable": True,
        "undefined_infos": UNDEFINED,
    }

    def __init__(
        self,
        scenario: str | Scenario = "paper",
        render_mode: str | None = None,
        action_type: ActionType = "box",
        components: Components | None = None,
        **overrides: Any,
    ) -> None:
        self._renderer = Renderer(render_mode)
        self.render_mode = render_mode
        self.simulator = Simulator(make_scenario(scenario, **overrides), components=components)
        self.scenario = self.simulator.scenario
        self.possible_agents = list(self.simulator.agents)
        self.agents: list[str] = []
        low, high = self.simulator.observation_low, self.simulator.observation_high
        self.observation_spaces = {agent: Box(low, high, dtype=np.float32) for agent in self.possible_agents}
        size = self.simulator.action_size
        self.face = action_face(self.simulator, action_type)
        self.action_spaces = {agent: self.face.space() for agent in self.possible_agents}
        copies = len(self.possible_agents)
        self.state_space = Box(np.tile(low, copies), np.tile(high, copies), dtype=np.float32)
        self._actions = np.empty((1, copies, size), dtype=np.float32)
        self._closed = False

    @property
    def caption(self) -> str:
        """What the picture says of who acts."""
        return self._renderer.caption

    @caption.setter
    def caption(self, words: str) -> None:
        self._renderer.caption = words

    def observation_space(self, agent: str) -> Box:
        """Return the observation space of an agent, always the same object."""
        return self.observation_spaces[agent]

    def action_space(self, agent: str) -> Space[Any]:
        """Return the action space of an agent, always the same object."""
        return self.action_spaces[agent]

    def reset(
        self, seed: Seed | None = None, options: Mapping[str, Any] | None = None
    ) -> tuple[Observations, dict[str, dict[str, Any]]]:
        """Begin an episode. A seed starts its sequence of networks over; without one the next network follows.

        The name ``(s, b)`` as a seed gives what network b of a batch with seed s has: see ``numerics/seeding.py``.
        """
        self._check_open("reset")
        if options and "owned_rbs" in options:
            self.simulator.set_owned_rbs(options["owned_rbs"])
        observations = self.simulator.reset(None if seed is None else [seed])[0]
        self.agents = self.possible_agents[:]
        self._renderer.after_reset(self.simulator)
        rows = [(name, array[0]) for name, array in self.simulator.first_info.items()]
        infos = {agent: {name: row[m] for name, row in rows} for m, agent in enumerate(self.agents)}
        return dict(zip(self.agents, observations, strict=True)), infos

    def step(
        self, actions: Mapping[str, Any]
    ) -> tuple[Observations, dict[str, float], dict[str, bool], dict[str, bool], dict[str, dict[str, Any]]]:
        """Advance one step with one action per agent."""
        self._check_open("step")
        agents = self.agents
        if not agents:
            raise RuntimeError("step() without an episode; call reset() first")
        self._collect(actions)
        rewards = self.simulator.advance(self._actions)[0].tolist()
        self._renderer.after_step(self.simulator)
        truncated = bool(self.simulator.truncated[0])
        if truncated:
            self.agents = []
        return (
            dict(zip(agents, self.simulator.observations[0], strict=True)),
            dict(zip(agents, rewards, strict=True)),
            dict.fromkeys(agents, False),
            dict.fromkeys(agents, truncated),
            self._infos(agents),
        )

    def _infos(self, agents: list[str]) -> dict[str, dict[str, Any]]:
        """The info of each agent, worked out for all of them when somebody reads one."""
        take_info = self.simulator.take_info()

        @functools.cache
        def rows() -> list[tuple[str, NDArray[Any]]]:
            return [(name, array[0]) for name, array in without_nan(take_info()).items()]

        def info_of(m: int) -> dict[str, Any]:
            return {name: row[m] for name, row in rows()}

        return {agent: LateInfo(functools.partial(info_of, m)) for m, agent in enumerate(agents)}

    def _collect(self, actions: Mapping[str, Any]) -> None:
        """Copy the actions of all agents into one array, or say which is wrong."""
        for agent in actions:
            if agent not in self.action_spaces:
                raise ValueError(f"actions name agent {agent!r}; allowed: {', '.join(self.possible_agents)}")
        for m, agent in enumerate(self.agents):
            if agent not in actions:
                raise ValueError(f"actions lack agent {agent!r}; needed: {', '.join(self.agents)}")
            given = checked(f"action of {agent} is", actions[agent], self.face.shape)
            self._actions[0, m] = singles(self.face.values(given))

    def action_masks(self) -> dict[str, NDArray[np.bool_]]:
        """What each agent may choose in the coming step: see ``ActionFace.masks``."""
        self._check_open("action_masks")
        agents = enumerate(self.agents)
        return {agent: masks_of(self.face, self.simulator, 0, slice(m, m + 1)) for m, agent in agents}

    def state(self) -> NDArray[np.float32]:
        """All local observations side by side, (M·D,)."""
        return self.simulator.observations.reshape(-1)

    def render(self) -> NDArray[np.uint8] | None:
        """Draw the network as it is now: see ``rendering.Renderer.render``."""
        self._check_open("render")
        return self._renderer.render(self.simulator)

    def close(self) -> None:
        """End the use of the environment, its window too; a second call changes nothing."""
        self._renderer.close()
        self._closed = True
        self.agents = []

    def _check_open(self, method: str) -> None:
        if self._closed:
            raise RuntimeError(f"{method}() after close(); make a new environment")

    def batched(self, num_networks: int, seed: int | Sequence[Seed] | None = None) -> Simulator:
        """The same scenario as a batch of networks, for learners that can use one."""
        return Simulator(self.scenario, num_networks, seed, components=self.simulator.components)

    @property
    def reference_arguments(self) -> dict[str, Any]:
        """Arguments of the environment in which hand-made policies act at their best: bits in place of zones.

        With ``zones`` every DU leaves RBs to others, which a rule for all RBs does not know how to use.
        """
        return {"codec": "two_bit"} if self.scenario.control.codec == "zones" else {}

    def reference_policies(self) -> dict[str, Policy]:
        """Named hand-made policies for this scenario, made afresh in each call."""
        return reference_policies(self.scenario)


def parallel_env(
    scenario: str | Scenario = "paper",
    render_mode: str | None = None,
    action_type: ActionType = "box",
    components: Components | None = None,
    **overrides: Any,
) -> OranParallelEnv:
    """Make the environment: a preset name or a ``Scenario``, any of its fields overridden by name.

    action_type: "box" (values), "multi_binary" (bits), "multi_discrete" (a slice per RB) or "discrete" (one of the
    settings of zones); components: the user's own reward, scheduler, …
    """
    return OranParallelEnv(scenario, render_mode, action_type, components, **overrides)


def env(*arguments: Any, **overrides: Any) -> AECEnv:
    """The same environment as an AEC environment, by PettingZoo's conversion; arguments as of ``parallel_env``."""
    return parallel_to_aec(parallel_env(*arguments, **overrides))
