"""Gymnasium environments of one network: all DUs as one agent, and what it shares with the one-DU environment."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from gymnasium.envs.registration import EnvSpec
from gymnasium.error import ClosedEnvironmentError
from numpy.typing import NDArray

from oran_env.envs.action_face import ActionType, masks_of
from oran_env.envs.single_agent_view import AllDus, Viewpoint
from oran_env.envs.spec import with_horizon
from oran_env.model.outcome import UNDEFINED
from oran_env.numerics.seeding import checked_seed
from oran_env.rendering import RENDER_FPS, RENDER_MODES, Renderer
from oran_env.scenario.fields import Scenario
from oran_env.scenario.presets import make_scenario
from oran_env.simulator.checked import checked
from oran_env.simulator.components import Components
from oran_env.simulator.simulator import Simulator

METADATA: dict[str, Any] = {
    "render_modes": list(RENDER_MODES),
    "render_fps": RENDER_FPS,
    "undefined_infos": UNDEFINED,
}


class OranEnv(gymnasium.Env[NDArray[np.float32], NDArray[Any]]):
    """One network seen by a single agent; which one, the viewpoint says."""

    metadata = METADATA
    _spec: EnvSpec | None = None

    def __init__(self, simulator: Simulator, viewpoint: Viewpoint, render_mode: str | None = None) -> None:
        self._renderer = Renderer(render_mode)
        self.render_mode = render_mode
        self.metadata = dict(METADATA)  # Gymnasium before 1.3 writes into that of a vectorised environment
        self.simulator = simulator
        self.scenario = simulator.scenario
        self.viewpoint = viewpoint
        self.observation_space = viewpoint.observation_space
        self.action_space = viewpoint.action_space
        self._closed = False

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Begin an episode. A seed starts its sequence of networks over; without one the next network follows.

        ``options={"owned_rbs": P}``, with codec ``zones``, gives each DU P RBs of its own, until another P is given.
        """
        self._open("reset()")
        seed = None if seed is None else checked_seed(seed)
        if options and "owned_rbs" in options:
            self.simulator.set_owned_rbs(options["owned_rbs"])
        super().reset(seed=seed)
        observations = self.simulator.reset(seed)
        self._renderer.after_reset(self.simulator)
        info = {name: array[0] for name, array in self.viewpoint.info(self.simulator.first_info).items()}
        return self.viewpoint.see(observations)[0], info

    def step(self, action: NDArray[Any]) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        """Advance one step; the episode ends by truncation.

        Raises:
            RuntimeError: before ``reset``, or after the end of an episode.
            ValueError: an action of wrong shape or type, or not finite.
            ClosedEnvironmentError: after ``close``.
        """
        self._open("step()")
        values = checked("action is", action, self.action_space.shape)
        result = self.simulator.step(self.viewpoint.act(values[None], self.simulator))
        self._renderer.after_step(self.simulator)
        info = {name: array[0] for name, array in self.viewpoint.info(result.info).items()}
        reward = float(self.viewpoint.reward(result.rewards)[0])
        return self.viewpoint.see(result.observations)[0], reward, False, bool(result.truncated[0]), info

    def action_masks(self) -> NDArray[np.bool_]:
        """What the coming action may be, as sb3-contrib's MaskablePPO asks for it: see ``ActionFace.masks``."""
        self._open("action_masks()")
        return masks_of(self.viewpoint.face, self.simulator, 0, self.viewpoint.dus)

    @property
    def spec(self) -> EnvSpec | None:
        """How Gymnasium made the environment; its ``max_episode_steps`` is the horizon."""
        return self._spec

    @spec.setter
    def spec(self, spec: EnvSpec | None) -> None:
        self._spec = with_horizon(spec, self.scenario)

    def render(self) -> NDArray[np.uint8] | None:
        """The picture (800, 1200, 3) in mode "rgb_array"; None after showing it in mode "human"."""
        self._open("render()")
        return self._renderer.render(self.simulator)

    def close(self) -> None:
        """End the use of the environment: reset, step and render refuse from now on."""
        self._renderer.close()
        self._closed = True

    def _open(self, call: str) -> None:
        if self._closed:
            raise ClosedEnvironmentError(f"{call} after close(); make a new environment")


class OranJointEnv(OranEnv):
    """All DUs of one network as a single agent: observations and actions side by side in the order of the DUs.

    What is not said here is as in ``OranParallelEnv``.

    ## Action Space

    The vectors of all DUs side by side, du_0 first: M·A values. A value above 0.5 is a set bit, and the ``codec``
    says what the bits mean. Other forms of it, by ``action_type``: "multi_binary", the bits themselves;
    "multi_discrete", a slice or idle for each RB; "discrete", the number of a setting of ``zones``. Values outside
    [0, 1] act as if clipped and are counted in ``info``; a wrong shape or type and NaN are refused.

    ## Observation Space

    What each DU sees, side by side, du_0 first: M·D values. Those of one DU, in this order:

    ## Rewards

    The mean over the DUs of eq. (8) of the paper. Q̄_l is the QoS of slice l at a DU, scaled so that 0.5 is its
    threshold Q_min; a slice without UE has Q̄ = 1. The three parts stand in ``info``, for each DU.

    ## Episode End

    Truncation after ``horizon`` steps. Nothing terminates: a learner goes on bootstrapping.

    ## Example

    ```python
    import gymnasium

    env = gymnasium.make("oran_env:oran/ORAN-joint-v1", scenario="tiny", codec="slice_share")
    observation, info = env.reset(seed=1)
    action = [0.2, 0.5, 0.3, 0.0] * 2  # shares of eMBB, mMTC, URLLC, idle at du_0, then at du_1
    truncated = False
    while not truncated:
        observation, reward, terminated, truncated, info = env.step(action)
    print(env.action_space, round(reward, 3))
    print(info["satisfied"])  # a row per DU
    ```

    ```text
    Box(0.0, 1.0, (8,), float32) 1.886
    [[1. 0. 1.]
     [1. 1. 1.]]
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
        ValueError: unknown render mode or action type.
    """

    def __init__(
        self,
        scenario: str | Scenario = "paper",
        render_mode: str | None = None,
        action_type: ActionType = "box",
        components: Components | None = None,
        **overrides: Any,
    ) -> None:
        simulator = Simulator(make_scenario(scenario, **overrides), components=components)
        super().__init__(simulator, AllDus(simulator, action_type), render_mode)
