"""Numbers of NumPy and torch become those of Python where a configuration is made, and nowhere later."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from tasam_agents.baselines import BASELINES
from tasam_agents.config.fields import TrainConfig
from tasam_agents.config.variants import VARIANTS

TINY = VARIANTS["tiny"]


@pytest.mark.parametrize("number", [np.int64, np.int8, np.uint32, np.array, torch.tensor])
def test_integers(number: Any) -> None:
    config = replace(TINY, seed=number(3), env_kwargs={"scenario": "tiny", "num_ues": number(5)})
    assert config == replace(TINY, seed=3, env_kwargs={"scenario": "tiny", "num_ues": 5})
    assert type(config.seed) is int
    assert TrainConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config


@pytest.mark.parametrize("number", [np.float32, np.float64, np.array, torch.tensor])
def test_numbers_within_tuples(number: Any) -> None:
    changes: dict[str, Any] = {"gamma": number(0.5), "hidden": (np.int64(8), 8)}
    learner = replace(TINY.learner, **changes)
    assert (type(learner.gamma), learner.hidden) == (float, (8, 8))
    json.dumps(replace(TINY, learner=learner).to_dict())


def test_baselines() -> None:
    changes: dict[str, Any] = {"num_envs": np.int64(2), "env_kwargs": {"num_ues": np.int16(4)}}
    config = replace(BASELINES["sac_sb3"], **changes)
    assert (type(config.num_envs), config.env_kwargs) == (int, {"num_ues": 4})
    json.dumps(config.to_dict())


@pytest.mark.parametrize("seed", [3.0, True, np.float64(3.0), np.bool_(True), np.array([3]), "3", None])
def test_what_is_no_integer_is_no_seed(seed: Any) -> None:
    with pytest.raises(ValueError, match=r"TrainConfig.seed = .*allowed: an integer in \[0, 1_000_000\)"):
        replace(TINY, seed=seed)


@pytest.mark.parametrize("value", [float("nan"), [1], {"a": 1}, None, object()])
def test_arguments_of_an_environment_are_numbers_and_texts(value: Any) -> None:
    with pytest.raises(ValueError, match=r"TrainConfig.env_kwargs = .*, by name"):
        replace(TINY, env_kwargs={"num_ues": value})
