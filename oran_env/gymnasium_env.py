"""Gymnasium environments of one network: all DUs as one agent, and what it shares with the one-DU environment."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from gymnasium.error import ClosedEnvironmentError
from numpy.typing import NDArray

from oran_env.components import Components
from oran_env.presets import make_scenario
from oran_env.rendering import RENDER_FPS, RENDER_MODES, Renderer
from oran_env.scenario import Scenario
from oran_env.simulator import Simulator
from oran_env.spaces import ActionType
from oran_env.viewpoints import AllDus, Viewpoint

METADATA: dict[str, Any] = {"render_modes": list(RENDER_MODES), "render_fps": RENDER_FPS}


class OranEnv(gymnasium.Env[NDArray[np.float32], NDArray[Any]]):
    """One network seen by a single agent; which one, the viewpoint says."""

    metadata = METADATA

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
        """Begin an episode. A seed starts its sequence of networks over; without one the next network follows."""
        self._open("reset()")
        super().reset(seed=seed)
        observations = self.simulator.reset(seed)
        self._renderer.after_reset(self.simulator)
        info = {name: array[0] for name, array in self.viewpoint.info(self.simulator.reset_info).items()}
        return self.viewpoint.see(observations)[0], info

    def step(self, action: NDArray[Any]) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        """Advance one step; the episode ends by truncation.

        Raises:
            RuntimeError: before ``reset``, or after the end of an episode.
            ValueError: an action of wrong shape or type, or not finite.
            ClosedEnvironmentError: after ``close``.
        """
        self._open("step()")
        values = np.asarray(action)
        if values.shape != self.action_space.shape or values.dtype.kind not in "fiub":
            raise ValueError(
                f"action is {values.dtype} of shape {values.shape}; allowed: numbers of shape {self.action_space.shape}"
            )
        result = self.simulator.step(self.viewpoint.act(values[None], self.simulator))
        self._renderer.after_step(self.simulator)
        info = {name: array[0] for name, array in self.viewpoint.info(result.info).items()}
        reward = float(self.viewpoint.reward(result.rewards)[0])
        return self.viewpoint.see(result.observations)[0], reward, False, bool(result.truncated[0]), info

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

    Observation: Box (M·D,). Action: Box(0, 1, (M·A,)), or MultiBinary with ``action_type="multi_binary"``. Reward: mean
    of eq. (8) over the DUs. Truncated after ``horizon`` steps. ``info``: the keys of ``simulator.Outcome``, each with
    one row per DU.

    Args:
        scenario: preset name or ``Scenario``.
        render_mode: None, "rgb_array" or "human".
        action_type: "box" or "multi_binary" (not with codecs that have shares instead of bits).
        components: the user's own reward, scheduler, … in place of the package's.
        overrides: scenario fields by name.

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
