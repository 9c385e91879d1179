"""The spec of an environment that Gymnasium has made: the length of an episode is that environment's own."""

from __future__ import annotations

import copy

from gymnasium.envs.registration import EnvSpec

from oran_env.scenario.fields import Scenario


def with_horizon(spec: EnvSpec | None, scenario: Scenario) -> EnvSpec | None:
    """The spec with the horizon as ``max_episode_steps``, which wrappers and trainers read.

    An id is registered without: the horizon is an argument, and one limit for all would cut longer episodes short.
    """
    if spec is None or spec.max_episode_steps is not None:
        return spec
    changed = copy.deepcopy(spec)
    changed.max_episode_steps = scenario.control.horizon
    return changed
