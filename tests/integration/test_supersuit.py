"""SuperSuit's wrappers; skipped where it is not installed (`make interop LIBRARIES=try_supersuit` has it)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from oran_env import parallel_env

supersuit = pytest.importorskip("supersuit")


def stays_within(env: Any) -> bool:
    """Whether all that the agents see in an episode lies in the space that is told."""
    observations, _ = env.reset(seed=0)
    inside = True
    while env.agents:
        inside &= all(env.observation_space(agent).contains(seen) for agent, seen in observations.items())
        observations, *_ = env.step({agent: env.action_space(agent).sample() for agent in env.agents})
    return inside


def test_agent_indicator_stays_in_bounds() -> None:
    """It declares the least upper bound for its columns and writes the greatest: all must have the same."""
    env = parallel_env("tiny", num_dus=3)
    assert not stays_within(supersuit.agent_indicator_v0(env)), "no need to normalise any more: tell so on the page"
    told = supersuit.agent_indicator_v0(supersuit.normalize_obs_v0(env))
    assert stays_within(told)
    seen, _ = told.reset(seed=1)
    assert (np.stack([*seen.values()])[:, -3:] == np.eye(3)).all()
    assert all(rows[:-3].max() <= 1 for rows in seen.values())


def test_agent_indicator_with_unbounded_observations() -> None:
    env = parallel_env("tiny", observation="extended")
    assert not np.isfinite(env.observation_space("du_0").high).all()
    assert stays_within(supersuit.agent_indicator_v0(env))
