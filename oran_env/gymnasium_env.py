"""The Gymnasium environment with one agent: the joint action of all DUs, rewarded with their mean."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from gymnasium.spaces import Box
from numpy.typing import NDArray

from oran_env.scenario import Scenario, make_scenario
from oran_env.simulator import Simulator


class OranJointEnv(gymnasium.Env[NDArray[np.float32], NDArray[np.float32]]):
    """All DUs of one network as a single agent: observations and actions side by side in the order of the DUs.

    Observation: Box (M·D,). Action: Box(0, 1, (M·A,)). Reward: mean of eq. (8) over the DUs. Truncated after
    ``horizon`` steps. ``info``: the keys of ``simulator.Outcome``, each with one row per DU.
    """

    metadata: dict[str, Any] = {"render_modes": []}  # noqa: RUF012 (declared so by Gymnasium)

    def __init__(self, scenario: str | Scenario = "paper", render_mode: str | None = None, **overrides: Any) -> None:
        if render_mode is not None:
            raise ValueError(f"render_mode is {render_mode!r}; allowed: None")
        self.render_mode = render_mode
        self.simulator = Simulator(make_scenario(scenario, **overrides))
        self.scenario = self.simulator.scenario
        copies = len(self.simulator.agents)
        self._closed = False
        self._shape = (1, copies, self.simulator.action_size)
        low, high = self.simulator.observation_low, self.simulator.observation_high
        self.observation_space = Box(np.tile(low, copies), np.tile(high, copies), dtype=np.float32)
        self.action_space = Box(0.0, 1.0, (copies * self.simulator.action_size,), np.float32)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Begin an episode. A seed starts its sequence of networks over; without one the next network follows."""
        self._check_open("reset")
        super().reset(seed=seed)
        return self.simulator.reset(seed).reshape(-1), {}

    def step(self, action: NDArray[np.float32]) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        """Advance one step with the joint action (M·A,)."""
        self._check_open("step")
        values = np.asarray(action)
        if values.shape != self.action_space.shape or values.dtype.kind not in "fiub":
            raise ValueError(
                f"action is {values.dtype} of shape {values.shape}; allowed: numbers of shape {self.action_space.shape}"
            )
        result = self.simulator.step(values.reshape(self._shape))
        info = {name: array[0] for name, array in result.info.items()}
        reward = float(result.rewards[0].mean())
        return result.observations.reshape(-1), reward, False, bool(result.truncated[0]), info

    def render(self) -> None:
        """Draw nothing: the only render mode is None."""
        self._check_open("render")

    def close(self) -> None:
        """End the use of the environment; a second call changes nothing."""
        self._closed = True

    def _check_open(self, method: str) -> None:
        if self._closed:
            raise RuntimeError(f"{method}() after close(); make a new environment")
