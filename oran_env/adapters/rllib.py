"""RLlib: the PettingZoo environment as a MultiAgentEnv, under a name that every worker knows.

    register()
    config = PPOConfig().environment(ENV_NAME, env_config={"scenario": "paper"})

``env_config`` holds the keyword arguments of ``parallel_env``. RLlib seeds an environment in its first reset with the
seed s of the run (``config.debugging(seed=s)``) plus the number of its worker plus its place among the worker's
environments. That is RLlib's rule and not this package's, (s, b): environments with the same sum have the same network,
and runs with neighbouring seeds share most of theirs. So take seeds far apart, and one environment per worker.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gymnasium.spaces import Dict

from oran_env.envs.parallel_env import parallel_env
from oran_env.extras import how_to_install

try:
    from ray.rllib.env.wrappers.pettingzoo_env import ParallelPettingZooEnv
    from ray.tune.registry import register_env
except ImportError as error:
    raise ImportError(f"oran_env.adapters.rllib needs RLlib: {how_to_install('ray')}") from error

ENV_NAME = "oran"
SHARED_POLICY = "du"


def make_env(config: Mapping[str, Any]) -> ParallelPettingZooEnv:
    """The environment with the arguments in ``config``; the agents stand in the order of the DUs.

    Raises:
        ScenarioError, ValueError: as ``parallel_env``.
    """
    parallel = parallel_env(**config)
    env = ParallelPettingZooEnv(parallel)
    # The wrapper lists agents and spaces in the order of a set, another one in every process.
    agents = list(parallel.possible_agents)
    env.agents, env.possible_agents = agents[:], agents
    env.observation_space = Dict({agent: parallel.observation_space(agent) for agent in agents})
    env.action_space = Dict({agent: parallel.action_space(agent) for agent in agents})
    return env


def register(name: str = ENV_NAME) -> None:
    """Make ``config.environment(name)`` work, on every worker; a second call changes nothing."""
    register_env(name, make_env)


def shared_policy(agent: str, *_: Any, **__: Any) -> str:
    """A ``policy_mapping_fn`` that gives every DU the same policy, ``SHARED_POLICY``."""
    return SHARED_POLICY
