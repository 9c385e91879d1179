"""BenchMARL: the presets as tasks, all networks of an experiment in one kernel call.

    task = OranTask.PAPER.get_task({"codec": "zones"})
    Experiment(task=task, algorithm_config=MasacConfig.get_from_yaml(), …).run()

The DUs are the group ``du``. An episode ends by truncation after ``horizon`` steps; let the frames that are collected
per batch be a multiple of networks × horizon, or BenchMARL has no finished episode to take its mean return of, and
prints nan where none ended.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from oran_env.envs.action_face import FACES, ActionType
from oran_env.extras import how_to_install
from oran_env.scenario.presets import PRESETS, make_scenario

try:
    from benchmarl.environments.common import Task, TaskClass
    from torchrl.data import Composite
    from torchrl.envs import EnvBase

    from oran_env.adapters.torchrl_batch import GROUP, OranBatch, make_batch
except ImportError as error:
    raise ImportError(f"oran_env.adapters.benchmarl needs BenchMARL: {how_to_install('benchmarl')}") from error

ENV_NAME = "oran"


class OranClass(TaskClass):  # type: ignore[misc]
    """A task: a scenario with all its arguments.

    Args:
        name: for BenchMARL's logs.
        config: ``scenario`` (preset name or ``Scenario``), any of its fields; ``action_type`` of discrete actions,
            "multi_discrete" or "discrete", by default "discrete" with codec ``zones`` and else "multi_discrete";
            ``info_keys``, which BenchMARL logs the means of; ``joint_state=True``: centralised critics read one vector,
            all observations side by side, in place of the observations themselves.

    BenchMARL gives training and its own evaluation the same seed, so the latter begins with networks of the former.
    Judge a policy on held-out networks, as ``python -m docs.measure.masac`` does.
    """

    def __init__(self, name: str, config: dict[str, Any] | None) -> None:
        super().__init__(name, config)
        given = dict(self.config)
        self._info_keys = tuple(given.pop("info_keys", ()))
        self._joint_state = bool(given.pop("joint_state", False))
        action_type: ActionType | None = given.pop("action_type", None)
        self._scenario = make_scenario(given.pop("scenario", "paper"), **given)
        codec = self._scenario.control.codec
        self._discrete: ActionType = action_type or ("discrete" if FACES["discrete"].fits(codec) else "multi_discrete")

    def get_env_fun(
        self, num_envs: int, continuous_actions: bool, seed: int | None, device: Any
    ) -> Callable[[], OranBatch]:
        """What makes ``num_envs`` networks, network b being (seed, b)."""
        action_type: ActionType = "box" if continuous_actions else self._discrete
        return lambda: make_batch(
            self._scenario, num_envs, seed, self._info_keys, self._joint_state, action_type=action_type
        ).to(device)

    def supports_continuous_actions(self) -> bool:
        """Values in [0, 1]."""
        return True

    def supports_discrete_actions(self) -> bool:
        """Where the codec has a discrete form; see ``action_face.py``."""
        return bool(FACES[self._discrete].fits(self._scenario.control.codec))

    def max_steps(self, env: EnvBase) -> int:
        """The horizon."""
        return self._scenario.control.horizon

    def has_render(self, env: EnvBase) -> bool:
        """A batch is not drawn."""
        return False

    def group_map(self, env: EnvBase) -> dict[str, list[str]]:
        """All DUs in one group."""
        return {GROUP: [f"du_{m}" for m in range(self._scenario.layout.num_dus)]}

    def observation_spec(self, env: EnvBase) -> Composite:
        """What each DU sees, without state and infos."""
        return _of_group(env, "observation")

    def info_spec(self, env: EnvBase) -> Composite | None:
        """The infos that were asked for."""
        return _of_group(env, "info") if self._info_keys else None

    def state_spec(self, env: EnvBase) -> Composite | None:
        """All observations side by side, if they were asked for."""
        return Composite({"state": env.full_observation_spec_unbatched["state"]}) if self._joint_state else None

    def action_spec(self, env: EnvBase) -> Composite:
        """Of each DU."""
        return env.full_action_spec_unbatched

    def action_mask_spec(self, env: EnvBase) -> None:
        """No masks: a slice without UE may be chosen, its RBs stay idle."""

    @staticmethod
    def env_name() -> str:
        """For BenchMARL's logs."""
        return ENV_NAME


def _of_group(env: EnvBase, key: str) -> Composite:
    """The spec of one network's observations with nothing but one entry of the group."""
    group = env.full_observation_spec_unbatched[GROUP]
    return Composite({GROUP: Composite({key: group[key]}, shape=group.shape)})


class _OranTask(Task):  # type: ignore[misc]
    """The presets, as BenchMARL counts tasks."""

    def get_task(self, config: dict[str, Any] | None = None) -> OranClass:
        """The task of a preset; ``config`` as of ``OranClass``, on top of it."""
        return OranClass(self.name, {"scenario": self.name.lower(), **(config or {})})

    @staticmethod
    def associated_class() -> type[OranClass]:
        """The class of the tasks."""
        return OranClass


OranTask = _OranTask("OranTask", [name.upper() for name in PRESETS], module=__name__)
"""A member per preset: ``OranTask.PAPER``, ``OranTask.TINY``, …"""
