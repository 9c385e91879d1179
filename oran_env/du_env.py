"""The Gymnasium environment in which one DU learns while the others follow a given policy."""

from __future__ import annotations

from typing import Any

from oran_env.components import Components
from oran_env.gymnasium_env import OranEnv
from oran_env.policies import Policy
from oran_env.presets import make_scenario
from oran_env.scenario import Scenario
from oran_env.simulator import Simulator
from oran_env.spaces import ActionType
from oran_env.viewpoints import OneDu


class OranDuEnv(OranEnv):
    """One DU of a network is the agent; to it the other DUs are a part of the environment.

    Observation: Box (D,), what this DU sees. Action: Box(0, 1, (A,)), or MultiBinary with
    ``action_type="multi_binary"``. Reward: eq. (8) of this DU. Truncated after ``horizon`` steps. ``info``: the keys of
    ``simulator.Outcome``, the row of this DU.

    Args:
        scenario: preset name or ``Scenario``.
        render_mode: None, "rgb_array" or "human".
        du: which DU learns, 0 to M − 1.
        others: what the other DUs do: the name of one of ``reference_policies(scenario)``, or any callable that maps
            their observations (..., M − 1, D) to actions (..., M − 1, A). With a callable, that the same seed gives the
            same trajectory is up to the callable.
        action_type: "box" or "multi_binary" (not with codecs that have shares instead of bits).
        components: the user's own reward, scheduler, … in place of the package's.
        overrides: scenario fields by name.

    Raises:
        ScenarioError: unknown preset or field, or a value that is not allowed.
        ValueError: unknown render mode, action type, DU or policy.
    """

    def __init__(
        self,
        scenario: str | Scenario = "paper",
        render_mode: str | None = None,
        du: int = 0,
        others: str | Policy = "static",
        action_type: ActionType = "box",
        components: Components | None = None,
        **overrides: Any,
    ) -> None:
        simulator = Simulator(make_scenario(scenario, **overrides), components=components)
        super().__init__(simulator, OneDu(simulator, du, others, action_type), render_mode)
