"""Configurations survive JSON, and errors name the field, the value and what is allowed."""

import dataclasses
import json
from typing import Any

import pytest

from tasam_agents.cli.arguments import parse_with_configuration
from tasam_agents.config import (
    BernoulliPolicy,
    GateConfig,
    LearnerConfig,
    NetworkRegularisation,
    PolicyConfig,
    RadiusConfig,
    RegularisationConfig,
    RelaxedPolicy,
    RhoSchedule,
    SamConfig,
    TemperatureConfig,
    TrainConfig,
)
from tasam_agents.config.reading import with_members
from tasam_agents.config.variants import VARIANTS
from tasam_agents.errors import UserError


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
        (LearnerConfig, "temperature", TemperatureConfig(target_entropy_per_dim=0.5)),
        (BernoulliPolicy, "kind", "relaxed"),
        (BernoulliPolicy, "gradient", "none"),
        (BernoulliPolicy, "softness", 0.0),
        (BernoulliPolicy, "reserved_share", 1.1),
        (BernoulliPolicy, "reserved_claim", 1.0),
        (BernoulliPolicy, "sharpen_from", 1.0),
        (BernoulliPolicy, "final_sharpness", 0.5),
        (RelaxedPolicy, "shared_noise", -0.1),
        (LearnerConfig, "policy", "relaxed"),
        (LearnerConfig, "actor_delay", -1),
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
        (TrainConfig, "iterations", 2.5),
        (TrainConfig, "replay_capacity", 0),
        (TrainConfig, "name", "a/b"),
    ],
)
def test_errors_name_field_and_value(kind: type, field: str, value: Any) -> None:
    with pytest.raises(ValueError, match="allowed") as error:
        kind(**{field: value})
    assert f"{kind.__name__}.{field} = {value!r}" in str(error.value)


@pytest.mark.parametrize("policy", [RelaxedPolicy(shared_noise=0.5), BernoulliPolicy(reserved_share=0.3)])
def test_a_policy_comes_back_as_its_class(policy: PolicyConfig) -> None:
    config = TrainConfig(learner=LearnerConfig(policy=policy))
    plain = json.loads(json.dumps(config.to_dict()))
    assert TrainConfig.from_dict(plain) == config
    assert set(plain["learner"]["policy"]) == {field.name for field in dataclasses.fields(policy)}
    plain["learner"]["policy"]["colour"] = 3
    with pytest.raises(ValueError, match=rf"{type(policy).__name__} has no field \['colour'\]"):
        TrainConfig.from_dict(plain)
    for kind in ({"kind": "categorical"}, {}):
        with pytest.raises(
            ValueError, match=r"LearnerConfig\.policy\.kind = .*, allowed: one of 'relaxed', 'bernoulli'"
        ):
            TrainConfig.from_dict({"learner": {"policy": kind}})


@pytest.mark.parametrize("option", [["--learner.policy.kind", "bernoulli"], ["--learner.policy.kind=bernoulli"]])
def test_an_option_chooses_the_class_of_a_union(option: list[str]) -> None:
    config = with_members(TrainConfig(), ["--seed", "3", *option])
    assert config.learner.policy == BernoulliPolicy()
    assert config == TrainConfig(learner=LearnerConfig(policy=BernoulliPolicy()))
    assert with_members(config, option) == with_members(config, []) == config
    own = TrainConfig(learner=LearnerConfig(policy=BernoulliPolicy(softness=0.3)))
    assert with_members(own, option) == own
    with pytest.raises(ValueError, match="'gaussian', allowed: one of 'relaxed', 'bernoulli'"):
        with_members(config, ["--learner.policy.kind", "gaussian"])


@dataclasses.dataclass(frozen=True)
class Nothing:
    """A command without options of its own."""


def test_fields_of_a_policy_are_options() -> None:
    def parsed(base: str, *arguments: str) -> PolicyConfig:
        _, config = parse_with_configuration(Nothing, "tasam train", ["--config", base, *arguments])
        assert isinstance(config, TrainConfig)
        return config.learner.policy

    own = VARIANTS["default"].learner.policy
    assert isinstance(own, BernoulliPolicy)
    assert parsed("default", "--learner.policy.reserved-share", "0.3") == dataclasses.replace(own, reserved_share=0.3)
    other = parsed("tiny", "--learner.policy.kind", "bernoulli", "--learner.policy.reserved_share", "0.3")
    assert other == BernoulliPolicy(reserved_share=0.3)
    back = ("--learner.policy.kind=relaxed", "--learner.temperature.target-entropy-per-dim", "-1.5")
    assert parsed("default", *back, "--learner.temperature.final-target-entropy-per-dim", "None") == RelaxedPolicy()
    with pytest.raises(UserError, match=r"shared-noise|shared_noise"):
        parsed("default", "--learner.policy.shared-noise", "0.5")


def test_exponential_needs_positive_ends_and_configurations_are_frozen() -> None:
    with pytest.raises(ValueError, match="exponential"):
        RhoSchedule(0.5, 0.0, "exponential")
    with pytest.raises(dataclasses.FrozenInstanceError):
        TrainConfig().seed = 1  # type: ignore[misc]
