"""Configurations survive JSON, and errors name the field, the value and what is allowed."""

import dataclasses
import json
from typing import Any

import pytest

from tasam_agents.baselines.config import BaselineConfig, Ppo
from tasam_agents.config import (
    GateConfig,
    LearnerConfig,
    NetworkRegularisation,
    RadiusConfig,
    RegularisationConfig,
    RhoSchedule,
    SamConfig,
    TemperatureConfig,
    TrainConfig,
)
from tasam_agents.config.reading import with_members


def test_json_and_back() -> None:
    learner = LearnerConfig(
        hidden=(8,),
        critic="joint",
        input_scaling=(("qos", 0.5, 2.0),),
        sam=SamConfig(actors="all"),
        radius=RadiusConfig(critic=RhoSchedule(0.1, 0.05, "cosine", False)),
        gate=GateConfig(lambda_td=0.3, calibration=(1, 5)),
        regularisation=RegularisationConfig(critic=NetworkRegularisation(l2=0.1, dropout=0.2), reset_every=7),
    )
    config = TrainConfig(name="x", env_kwargs={"scenario": "paper", "n": 3}, learner=learner)
    assert config != TrainConfig()
    restored = TrainConfig.from_dict(json.loads(json.dumps(config.to_dict())))
    assert restored == config
    assert isinstance(restored.learner.input_scaling[0], tuple)
    assert TrainConfig.from_dict({"learner": {"gamma": 0.5}}).learner.gamma == 0.5


def test_unknown_fields_are_named() -> None:
    with pytest.raises(ValueError, match=r"SamConfig has no field \['actor'\], allowed: \['actors'"):
        TrainConfig.from_dict({"learner": {"sam": {"actor": "all"}}})


@pytest.mark.parametrize(
    ("kind", "field", "value"),
    [
        (SamConfig, "actors", "some"),
        (SamConfig, "cross_values", "cubic"),
        (SamConfig, "part", "head"),
        (NetworkRegularisation, "l2", -0.1),
        (NetworkRegularisation, "l2", float("inf")),
        (NetworkRegularisation, "l2_kind", "coupled"),
        (NetworkRegularisation, "dropout", 1.0),
        (NetworkRegularisation, "dropout", -0.1),
        (NetworkRegularisation, "activation", "relu"),
        (RegularisationConfig, "reset_every", -1),
        (RegularisationConfig, "reset_every", 2.5),
        (RhoSchedule, "shape", "step"),
        (RhoSchedule, "start", -0.1),
        (RhoSchedule, "end", 0.6),  # above the start: no floor for the adaptive radius
        (GateConfig, "lambda_td", "median"),
        (GateConfig, "lambda_td", -1.0),
        (GateConfig, "lambda_td", True),
        (GateConfig, "smoothing", 1.0),
        (GateConfig, "calibration", (400, 200)),
        (TemperatureConfig, "initial", 0.0),
        (TemperatureConfig, "target_entropy_per_dim", 0.7),
        (TemperatureConfig, "final_target_entropy_per_dim", float("nan")),
        (LearnerConfig, "hidden", ()),
        (LearnerConfig, "hidden", [8]),
        (LearnerConfig, "hidden", (8, 0)),
        (LearnerConfig, "hidden", (8, 2.5)),
        (LearnerConfig, "input_scaling", (("qos", 0.5),)),
        (LearnerConfig, "input_scaling", (("qos", 0.5, float("inf")),)),
        (LearnerConfig, "gamma", "0.5"),
        (SamConfig, "critic", 1),
        (LearnerConfig, "critic", "central"),
        (LearnerConfig, "objective", "selfish"),
        (LearnerConfig, "gamma", 1.0),
        (LearnerConfig, "polyak", 0.0),
        (LearnerConfig, "batch_size", 1),
        (LearnerConfig, "critic_learning_rate", float("nan")),
        (LearnerConfig, "input_scaling", (("qos", 0.0, 1.0), ("qos", 0.0, 2.0))),
        (TrainConfig, "seed", 1_000_000),
        (TrainConfig, "num_envs", 0),
        (TrainConfig, "choices", (6, 9)),  # of what?
        (TrainConfig, "iterations", 2.5),
        (TrainConfig, "replay_capacity", 0),
        (TrainConfig, "name", "a/b"),
    ],
)
def test_errors_name_field_and_value(kind: type, field: str, value: Any) -> None:
    with pytest.raises(ValueError, match="allowed") as error:
        kind(**{field: value})
    assert f"{kind.__name__}.{field} = {value!r}" in str(error.value)


@pytest.mark.parametrize(
    "option", [["--settings.algorithm", "ppo"], ["--settings.algorithm=ppo"], ["--algorithm", "ppo"]]
)
def test_an_option_chooses_the_class_of_a_union(option: list[str]) -> None:
    config = with_members(BaselineConfig(), ["--seed", "3", *option])
    assert config.settings == Ppo()
    assert config == dataclasses.replace(BaselineConfig(), settings=Ppo())
    assert with_members(config, option) == with_members(config, []) == config
    own = dataclasses.replace(config, settings=Ppo(action_type="box"))
    assert with_members(own, option) == own
    with pytest.raises(ValueError, match="'dqn', allowed: one of"):
        with_members(config, ["--settings.algorithm", "dqn"])


def test_exponential_needs_positive_ends_and_configurations_are_frozen() -> None:
    with pytest.raises(ValueError, match="exponential"):
        RhoSchedule(0.5, 0.0, "exponential")
    with pytest.raises(dataclasses.FrozenInstanceError):
        TrainConfig().seed = 1  # type: ignore[misc]
