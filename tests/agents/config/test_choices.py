"""A choice is declared once: every name that an annotation allows has one entry in one registry."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Callable, Collection, Iterator, MutableMapping
from typing import Any

import pytest
from support.learners import A, D, M, make_batch, make_learner

from tasam_agents.baselines import BaselineConfig, sb3, vec_env
from tasam_agents.baselines.config import Ppo
from tasam_agents.config import (
    AnchorConfig,
    GateConfig,
    LearnerConfig,
    NetworkRegularisation,
    RegularisationConfig,
    RhoSchedule,
    SamConfig,
    TrainConfig,
)
from tasam_agents.config.checks import choices, field_types, members
from tasam_agents.envs.make import make_batched
from tasam_agents.experiments.forgetting import experiment
from tasam_agents.experiments.forgetting.experiment import ForgettingPlan
from tasam_agents.learner import action_gradient, adam, kl_anchor, rho_schedule, sam, td_gate
from tasam_agents.networks import actors, critics, layers

REGISTRIES: dict[tuple[type, str], MutableMapping[Any, Any]] = {
    (SamConfig, "actors"): sam.SAM_ACTORS,
    (SamConfig, "part"): sam.SAM_IS_WHOLE,
    (SamConfig, "cross_values"): action_gradient.CROSS_VALUES_ARE_EXACT,
    (RhoSchedule, "shape"): rho_schedule.SHAPES,
    (GateConfig, "lambda_td"): td_gate.THRESHOLDS,
    (NetworkRegularisation, "l2_kind"): adam.L2_IS_IN_LOSS,
    (NetworkRegularisation, "activation"): layers.ACTIVATIONS,
    (AnchorConfig, "source"): kl_anchor.TEACHES,
    (AnchorConfig, "direction"): actors.DIRECTIONS,
    (AnchorConfig, "weighting"): kl_anchor.WEIGHT_IS_DYNAMIC,
    (LearnerConfig, "critic"): critics.CRITICS,
    (LearnerConfig, "objective"): action_gradient.IS_TEAM,
    (BaselineConfig, "settings"): sb3.ALGORITHMS,
    (BaselineConfig, "view"): sb3.VIEWS,
    (BaselineConfig, "activation"): sb3.ACTIVATIONS,
    (Ppo, "action_type"): vec_env.ACTION_SPACES,
    (ForgettingPlan, "replay"): experiment.KEEPS_REPLAY,
    (ForgettingPlan, "anchor_at_switch"): experiment.HOLDS_ANCHOR,
    (ForgettingPlan, "anchor_from"): experiment.ANCHORS_FIRST,
}

TARGET: tuple[str, dict[str, Any]] = ("support.fakes:target_env", {})


def dataclasses_within(annotation: Any) -> Iterator[type]:
    """Every dataclass that a configuration is made of, itself included."""
    if dataclasses.is_dataclass(annotation) and isinstance(annotation, type):
        yield annotation
        parts: Collection[Any] = field_types(annotation).values()
    else:
        parts = typing.get_args(annotation)
    for part in parts:
        yield from dataclasses_within(part)


def declared(*roots: type) -> dict[tuple[type, str], set[Any]]:
    """Every choice in these configurations: the names of a field, or the classes of a union."""
    found: dict[tuple[type, str], set[Any]] = {}
    for kind in dict.fromkeys(kind for root in roots for kind in dataclasses_within(root)):
        found |= {(kind, name): set(names) for name, names in choices(kind).items() if len(names) > 1}
        unions = {name: members(annotation) for name, annotation in field_types(kind).items()}
        found |= {(kind, name): set(classes.values()) for name, classes in unions.items() if classes}
    return found


CHOICES = declared(TrainConfig, ForgettingPlan, BaselineConfig)


def forgotten() -> list[str]:
    """What is declared without an entry, or has an entry without being declared."""
    return [
        f"{kind.__name__}.{name}"
        for (kind, name), names in CHOICES.items()
        if set(REGISTRIES.get((kind, name), ())) != names
    ]


def test_every_name_has_one_entry_in_one_registry() -> None:
    assert forgotten() == []
    assert set(REGISTRIES) == set(CHOICES)
    assert len({id(registry) for registry in REGISTRIES.values()}) == len(REGISTRIES)


def _anchored(**fields: Any) -> Any:
    learner = make_learner(anchor=AnchorConfig(**{"source": "teacher", **fields}))
    return learner.update(make_batch())


def _updated(**fields: Any) -> Any:
    return make_learner(**fields).update(make_batch())


USES: dict[tuple[type, str], Callable[[Any], Any]] = {
    (SamConfig, "actors"): lambda name: _updated(sam=SamConfig(actors=name)),
    (SamConfig, "part"): lambda name: _updated(sam=SamConfig(part=name)),
    (SamConfig, "cross_values"): lambda name: _updated(sam=SamConfig(cross_values=name)),
    (RhoSchedule, "shape"): lambda name: rho_schedule.base_radius(RhoSchedule(shape=name), 0.5),
    (GateConfig, "lambda_td"): lambda name: td_gate.TDVarianceGate(GateConfig(lambda_td=name), 2).observe([1.0, 2.0]),
    (NetworkRegularisation, "l2_kind"): lambda name: _updated(
        regularisation=RegularisationConfig(NetworkRegularisation(l2_kind=name))
    ),
    (NetworkRegularisation, "activation"): lambda name: layers.HiddenLayers(
        (3,), NetworkRegularisation(activation=name)
    ).make(2, 1),
    (AnchorConfig, "source"): lambda name: _anchored(source=name),
    (AnchorConfig, "direction"): lambda name: _anchored(direction=name),
    (AnchorConfig, "weighting"): lambda name: _anchored(weighting=name),
    (LearnerConfig, "critic"): lambda name: critics.make_critic(name, M, D, A, (8,), 2.0),
    (LearnerConfig, "objective"): lambda name: _updated(objective=name),
    (BaselineConfig, "settings"): lambda kind: sb3.gradients_per_update(BaselineConfig(settings=kind())),
    (BaselineConfig, "view"): lambda name: sb3.as_policy(None, BaselineConfig(view=name), make_batched(*TARGET, 2, 0)),
    (BaselineConfig, "activation"): lambda name: sb3.policy_kwargs(BaselineConfig(activation=name)),
    (Ppo, "action_type"): lambda name: vec_env.spaces_of(
        make_batched(*TARGET, 2, 0), BaselineConfig(settings=Ppo(action_type=name))
    ),
}


@pytest.mark.parametrize(("kind", "name"), USES, ids=lambda part: getattr(part, "__name__", part))
def test_a_forgotten_entry_is_found_and_raises(kind: type, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for entry in CHOICES[kind, name]:
        USES[kind, name](entry)
        with monkeypatch.context() as planted:
            planted.delitem(REGISTRIES[kind, name], entry)
            assert forgotten() == [f"{kind.__name__}.{name}"]
            with pytest.raises(KeyError):
                USES[kind, name](entry)
