"""A training set of so many networks: the same ones in every episode, whatever is done in them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from support.fakes import ParallelToy

from tasam_agents.config.bases import TINY
from tasam_agents.envs.interface import EnvironmentRefused
from tasam_agents.envs.make import make_batched
from tasam_agents.envs.recurring import Recurring
from tasam_agents.envs.seeding import training_networks
from tasam_agents.envs.sequential import SequentialBatch
from tasam_agents.training.run_directory import RunDirectory
from tasam_agents.training.trainer import Training

ENV = ("oran/ORAN-v1", {"scenario": "tiny", "codec": "zones", "horizon": 3})


def test_every_episode_is_that_of_network_b_mod_k() -> None:
    names = training_networks(0, 4)
    env = Recurring(make_batched(*ENV, 4, names), 2, names)
    first = env.reset()
    np.testing.assert_array_equal(first[0], first[2])
    assert not np.array_equal(first[0], first[1])
    generator = np.random.default_rng(0)
    for _ in range(3):
        step = env.step(generator.random((4, 2, 4), np.float32))
        again = env.reset_done()
    assert step.truncated.all()
    np.testing.assert_array_equal(again, first)


def test_episodes_must_end_together() -> None:
    batch = SequentialBatch([ParallelToy(horizon=2), ParallelToy(horizon=3)], 0)
    env = Recurring(batch, 1, training_networks(0, 2))
    env.reset()
    env.step(np.full((2, 2, 4), 0.5, np.float32))
    with pytest.raises(EnvironmentRefused, match="episodes all end together"):
        env.step(np.full((2, 2, 4), 0.5, np.float32))


def test_a_run_trains_on_its_networks_and_validates_on_others(tmp_path: Path) -> None:
    config = replace(TINY, num_envs=4, train_networks=1, validation_envs=2)
    training = Training(config, RunDirectory(tmp_path))
    assert all(np.array_equal(own, training.observations[0]) for own in training.observations)
    others = training.validation_env.reset(seed=training.validation_networks)
    assert not np.array_equal(others[0], training.observations[0])
    with pytest.raises(ValueError, match=r"train_networks = 5, allowed: an integer in \[0, num_envs = 4\]"):
        replace(config, train_networks=5)
