"""From an environment's name to envs side by side.

Any PettingZoo ``ParallelEnv`` with Box observations and bounded Box or Discrete actions can be trained on. One that has
a method ``batched(num_envs, seed)`` simulates the envs itself, and takes names of networks as seeds (``seeding.py``),
one per env there, one in its own ``reset``; any other is stepped in a Python loop.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pettingzoo
from gymnasium.spaces import Discrete, MultiDiscrete
from numpy.typing import NDArray

from tasam_agents.envs.centralised import Centralised
from tasam_agents.envs.interface import BatchedEnv, EnvironmentRefused, ObservationPolicy
from tasam_agents.envs.seeding import Seed, batch_names
from tasam_agents.envs.sequential import SequentialBatch, num_values, usable_action_space
from tasam_agents.envs.trust import KNOWN

# Namespaces of PettingZoo ids whose environments are registered when this module is imported, and what makes them
# where PettingZoo has no registry, before 1.27.
_REGISTERED_BY = {"oran": "oran_env.registration"}
_MAKES = "make_parallel"


def make_env(env_id: str, kwargs: Mapping[str, Any]) -> Any:
    """Make one PettingZoo ParallelEnv from a registry id or from "module:function".

    Raises:
        EnvironmentRefused: it does not exist, or it refuses the arguments.
    """
    try:
        if ":" in env_id:
            module, _, function = env_id.partition(":")
            # The rule of `oran-env score`: the current folder comes first; not for what a stranger's run may name.
            if env_id not in KNOWN and os.getcwd() not in sys.path:
                sys.path.insert(0, os.getcwd())
            return getattr(importlib.import_module(module), function)(**kwargs)
        provider = _REGISTERED_BY.get(env_id.partition("/")[0])
        if provider is not None:
            importlib.import_module(provider.partition(".")[0])
            if not hasattr(pettingzoo, "make"):
                return getattr(importlib.import_module(provider), _MAKES)(env_id, **kwargs)
        return pettingzoo.make("parallel", env_id, **kwargs)
    except Exception as error:  # whatever a third party's factory raises: the cause goes into the message
        arguments = ", ".join(f"{name}={value!r}" for name, value in kwargs.items())
        raise EnvironmentRefused(f"environment {env_id!r} ({arguments or 'no arguments'}): {error}") from error


def make_batched(
    env_id: str, kwargs: Mapping[str, Any], num_envs: int, seed: int | Sequence[Seed], centralised: bool = False
) -> BatchedEnv:
    """Return ``num_envs`` envs of an environment behind one interface.

    Args:
        env_id: PettingZoo registry id ("oran/ORAN-v1") or "module:function" ("mpe2.simple_spread_v3:parallel_env").
        kwargs: arguments of the environment.
        num_envs: B, at least 1.
        seed: an integer s, env b is then (s, b); or one seed or name per env, see ``seeding``.
        centralised: one agent in place of all, see ``Centralised``.

    Raises:
        EnvironmentRefused: no such environment, arguments it refuses, or spaces the learner has no use for.
        ValueError: a seed that is none.
    """
    if num_envs < 1:
        raise EnvironmentRefused(f"num_envs is {num_envs}; allowed: 1 or more")
    if centralised:
        return Centralised(make_batched(env_id, kwargs, num_envs, seed))
    env = make_env(env_id, kwargs)
    names = batch_names(seed, num_envs)
    # A wrapper around the environment may change what the learner is to see, so only a bare one is replaced.
    # Nor one whose agents choose by number: its batch takes the values behind that.
    by_number = any(isinstance(env.action_space(agent), Discrete | MultiDiscrete) for agent in env.possible_agents)
    if env is env.unwrapped and hasattr(env, "batched") and not by_number:
        simulator: BatchedEnv = env.batched(num_envs, names)
        return simulator
    return SequentialBatch([env, *(make_env(env_id, kwargs) for _ in range(num_envs - 1))], names)


def reference_arguments(env_id: str, kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments with which the policies that an environment offers act at their best: its own, if it names none."""
    return {**kwargs, **getattr(make_env(env_id, kwargs).unwrapped, "reference_arguments", {})}


def reference_policies(env_id: str, kwargs: Mapping[str, Any]) -> dict[str, ObservationPolicy]:
    """Return the policies an environment offers for comparison; ``random`` is always among them.

    They act in an environment with ``reference_arguments``. Each environment keeps its own name and order. The uniform
    random policy draws the same actions each time.
    """
    env = make_env(env_id, reference_arguments(env_id, kwargs)).unwrapped
    offered: dict[str, ObservationPolicy] = dict(env.reference_policies()) if hasattr(env, "reference_policies") else {}
    if "random" in offered:
        return offered
    action_size = max(num_values(usable_action_space(env, agent)) for agent in env.possible_agents)
    generator = np.random.default_rng(0)

    def random(observations: NDArray[np.float32]) -> NDArray[np.float32]:
        return generator.random((*observations.shape[:2], action_size), np.float32)

    return {"random": random, **offered}
