"""The Gymnasium environment in which one DU learns while the others follow a given policy."""

from __future__ import annotations

from typing import Any

from oran_env.envs.action_face import ActionType
from oran_env.envs.joint_env import OranEnv
from oran_env.envs.single_agent_view import OneDu
from oran_env.policies.rules import Policy
from oran_env.scenario.fields import Scenario
from oran_env.scenario.presets import make_scenario
from oran_env.simulator.components import Components
from oran_env.simulator.simulator import Simulator


class OranDuEnv(OranEnv):
    """One DU of a network is the agent; to it the other DUs are a part of the environment.

    What is not said here is as in ``OranParallelEnv``.

    ## Action Space

    One vector, of this DU. A value above 0.5 is a set bit, and the ``codec`` says what the bits mean. Other forms
    of it, by ``action_type``: "multi_binary", the bits themselves; "multi_discrete", a slice or idle for each RB;
    "discrete", the number of a setting of ``zones``. Values outside [0, 1] act as if clipped and are counted in
    ``info``; a wrong shape or type and NaN are refused.

    ## Observation Space

    What this DU itself sees, in this order:

    ## Rewards

    Eq. (8) of the paper for this DU; with ``reward_sharing="team"`` the mean over all DUs. Q̄_l is the QoS of slice l,
    scaled so that 0.5 is its threshold Q_min; a slice without UE has Q̄ = 1. The three parts stand in ``info``.

    ## Episode End

    Truncation after ``horizon`` steps. Nothing terminates: a learner goes on bootstrapping.

    ## Example

    ```python
    import gymnasium

    for others in ("idle", "random", "static"):
        env = gymnasium.make("oran_env:oran/ORAN-du-v1", scenario="tiny", others=others, codec="slice_share")
        observation, info = env.reset(seed=1)
        total, truncated = 0.0, False
        while not truncated:
            observation, reward, terminated, truncated, info = env.step([0.2, 0.5, 0.3, 0.0])
            total += reward
        print(f"others {others}: du_0 gets {total:.2f}")
    ```

    ```text
    others idle: du_0 gets 53.87
    others random: du_0 gets 45.66
    others static: du_0 gets 44.27
    ```

    Args:
        scenario: name of a preset, or a ``Scenario``.
        render_mode: None, "rgb_array" (``render`` returns the picture, uint8 (800, 1200, 3)) or "human" (a window).
        du: which DU learns, 0 to M − 1.
        others: what the other DUs do: the name of one of ``reference_policies(scenario)``, or any callable that maps
            their observations (..., M − 1, D) to actions (..., M − 1, A). With a callable, that the same seed gives the
            same trajectory is up to the callable.
        action_type: "box"; "multi_binary", with codecs of bits; "multi_discrete", a slice or idle per RB, with
            ``two_bit`` and ``slice_mask``; "discrete", one of 100 settings, with ``zones``.
        components: the user's own reward, scheduler, … in place of the package's.
        overrides: any field of the scenario by its name, and ``traffic``, the name of a traffic profile.

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
