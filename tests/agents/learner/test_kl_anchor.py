"""The KL anchor: its formula, both passes of SAM, its weight, its two sources, and that off is off."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
from support.learners import A, D, M, assert_same, make_batch, make_learner
from support.same_run import assert_same_run
from support.short_runs import FAKE, stop_after
from torch.distributions import Normal, SigmoidTransform, TransformedDistribution, kl_divergence

from tasam_agents.config import (
    AnchorConfig,
    LearnerConfig,
    NetworkRegularisation,
    RegularisationConfig,
    SamConfig,
    TrainConfig,
)
from tasam_agents.config.variants import VARIANTS
from tasam_agents.experiments.sharpness.fixed_losses import load_learner
from tasam_agents.learner import kl_anchor as anchor_module
from tasam_agents.learner.action_gradient import least_of_twins
from tasam_agents.learner.diverged import DivergedError
from tasam_agents.learner.kl_anchor import Anchor
from tasam_agents.learner.learner import Learner
from tasam_agents.learner.losses import actor_losses
from tasam_agents.networks.actors import Actor
from tasam_agents.networks.layers import HiddenLayers, SpectralLinear, dropout_layers, held_masks
from tasam_agents.training import checkpoint
from tasam_agents.training.checkpoint import CheckpointError
from tasam_agents.training.run_directory import RunDirectory, RunError
from tasam_agents.training.trainer import train

DIRECTIONS = ("anchor_to_policy", "policy_to_anchor")
SNAPSHOT = AnchorConfig(source="best_snapshot", weighting="fixed", weight=0.3)
TEACHER = AnchorConfig(source="teacher", weighting="fixed", weight=0.3, teacher_step=0.25)


def away(learner: Learner, by: float = 0.1) -> Learner:
    """The same learner, its anchor moved away from its actors."""
    assert learner.anchor is not None
    generator = torch.Generator().manual_seed(9)
    weights = learner.policy.state_dict()
    learner.anchor.adopt({name: w + by * torch.randn(w.shape, generator=generator) for name, w in weights.items()})
    return learner


# ---------------------------------------------------------------- the divergence


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_the_divergence_is_that_of_the_actions_in_the_unit_interval(direction: str) -> None:
    torch.manual_seed(0)
    own, other = (Actor(D, HiddenLayers((8,)), A) for _ in range(2))
    inputs = torch.randn(3, D)
    outputs, anchors = own.network(inputs).detach(), other.network(inputs).detach()
    found = Actor.divergence_of(outputs, anchors, direction)
    normals = [Normal(mean, log_std.exp()) for mean, log_std in (own.distribution(inputs), other.distribution(inputs))]
    p, q = normals if direction == "policy_to_anchor" else normals[::-1]
    assert torch.allclose(found, kl_divergence(p, q).sum(-1).detach(), atol=1e-5)
    # Monte Carlo with the densities of a = sigmoid(z): the Jacobian drops out.
    in_actions: list[Any] = [TransformedDistribution(normal, SigmoidTransform()) for normal in (p, q)]
    actions = in_actions[0].sample(torch.Size([20_000]))
    ratio = (in_actions[0].log_prob(actions) - in_actions[1].log_prob(actions)).sum(-1).detach()
    error = ratio.std(0) / len(ratio) ** 0.5
    assert ((ratio.mean(0) - found).abs() < 5 * error).all()
    assert (found > 0.05).all()
    assert torch.equal(Actor.divergence_of(outputs, outputs, direction), torch.zeros(3))


def test_no_gradient_reaches_the_anchor() -> None:
    learner = away(make_learner(anchor=SNAPSHOT))
    assert learner.anchor is not None
    before = copy.deepcopy(learner.anchor.policy.state_dict())
    for update in range(3):
        learner.update(make_batch(update))
    assert all(torch.equal(tensor, before[name]) for name, tensor in learner.anchor.policy.state_dict().items())
    assert not any(weight.requires_grad for weight in learner.anchor.policy.parameters())


# ---------------------------------------------------------------- in the loss


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("sam", ["none", "all"])
@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_both_gradients_are_those_of_the_loss_with_the_divergence(direction: Any, sam: Any, dropout: float) -> None:
    """Against whole graphs: ∇(L + w·KL) at θ and, with SAM, at θ + ρ g/‖g‖ with g that same gradient."""
    config = AnchorConfig(source="best_snapshot", direction=direction, weight=0.3)
    layers = RegularisationConfig(actor=NetworkRegularisation(dropout=dropout))
    learner = away(make_learner(anchor=config, sam=SamConfig(False, sam, "exact"), regularisation=layers))
    batch, rho, i = make_batch(), 0.2, 1
    cast(Anchor, learner.anchor).weights = [0.1, 0.3, 0.9]
    temperatures = learner.log_temperature.detach().exp()
    noise = torch.randn(8, M, A, generator=torch.Generator().manual_seed(3))
    taken: list[Any] = []
    learner.actor_update.adams[i].step = lambda gradient, factor=1.0: taken.append(gradient)  # type: ignore[method-assign]

    with held_masks(dropout_layers(learner.policy.actors), torch.Generator().manual_seed(5)):
        others = learner.policy.sample(batch.inputs, noise)[0].detach().unbind(1)
        actor = cast(Actor, copy.deepcopy(learner.policy.actors[i]))  # with the mask that has just been drawn

        def loss() -> torch.Tensor:
            rows = batch.inputs[:, [i]]
            action, log_prob = (part[:, 0] for part in actor(rows, noise[:, [i]]))
            joint = torch.stack([action if j == i else others[j] for j in range(M)], dim=1)
            value = least_of_twins(learner.critics, batch.inputs, joint, joint).sum(1)
            plain: torch.Tensor = actor_losses(log_prob[:, None], value[:, None], temperatures[i : i + 1]).sum()
            assert learner.anchor is not None
            anchors = learner.anchor.policy.networks[i](rows)
            return plain + 0.3 * Actor.divergence_of(actor.network(rows), anchors, direction).mean()

        radii = dict.fromkeys(range(M), rho) if sam == "all" else {}
        learner.actor_update(batch.inputs, noise, temperatures, radii, update=0, rate_factor=1.0)
    expected = torch.autograd.grad(loss(), list(actor.parameters()))
    if sam == "all":
        norm = torch.cat([g.flatten() for g in expected]).norm()
        with torch.no_grad():
            for weight, g in zip(actor.parameters(), expected, strict=True):
                weight.add_(rho * g / norm)
        expected = torch.autograd.grad(loss(), list(actor.parameters()))
    (found,), wanted = taken, torch.cat([g.flatten() for g in expected])
    assert found.shape == wanted.shape
    assert torch.allclose(found, wanted, atol=1e-5), (found - wanted).abs().max()


def test_off_makes_nothing_and_a_weight_of_zero_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    zero = away(make_learner(anchor=replace(SNAPSHOT, weight=0.0)))
    full = away(make_learner(anchor=SNAPSHOT))
    monkeypatch.setattr("tasam_agents.learner.kl_anchor.Anchor", pytest.fail)
    off = make_learner()
    assert off.anchor is None
    for update in range(4):
        metrics, *_ = [learner.update(make_batch(update)) for learner in (off, zero, full)]
        assert not {"anchor_kl", "anchor_weight"} & metrics.keys()
    assert "anchor" not in off.scalars()
    assert not [name for name in off.tensors() if name.startswith("anchor")]
    for name, tensor in off.tensors().items():
        assert torch.equal(tensor, zero.tensors()[name]), name
    changed = {name.split(".")[0] for name, t in off.tensors().items() if not torch.equal(t, full.tensors()[name])}
    assert "policy" in changed
    assert LearnerConfig().anchor == AnchorConfig()


def test_before_the_first_snapshot_there_is_no_term() -> None:
    waiting, off = make_learner(anchor=SNAPSHOT), make_learner()
    metrics, _ = (learner.update(make_batch()) for learner in (waiting, off))
    assert (metrics["anchor_kl"], metrics["anchor_weight"]) == (None, None)
    assert torch.equal(waiting.tensors()["policy.actors.0.network.0.weight"],
                       off.tensors()["policy.actors.0.network.0.weight"])  # fmt: skip
    assert waiting.anchor is not None
    waiting.anchor.take(waiting.policy)
    kl = waiting.update(make_batch())["anchor_kl"]
    assert kl == [0.0] * M


def test_a_divergence_that_is_not_finite_stops_the_update() -> None:
    learner = away(make_learner(anchor=SNAPSHOT))
    assert learner.anchor is not None
    with torch.no_grad():
        next(learner.anchor.policy.actors[2].parameters()).fill_(float("nan"))
    before = learner.policy_tensors()
    with pytest.raises(DivergedError, match="divergence of actor du_2 from its anchor = nan"):
        learner.update(make_batch())
    assert all(torch.equal(tensor, before[name]) for name, tensor in learner.policy_tensors().items())


# ---------------------------------------------------------------- its weight


def moved(config: AnchorConfig, divergences: list[float], times: int = 1) -> tuple[Anchor, dict[str, Any]]:
    learner = make_learner(anchor=config)
    anchor = cast(Anchor, learner.anchor)
    metrics: dict[str, Any] = {}
    for _ in range(times):
        anchor.observe([torch.tensor([kl * A]) for kl in divergences])
        metrics = anchor.after_update(learner.policy)
    return anchor, metrics


def test_the_dynamic_weight_answers_to_the_divergence_of_its_own_actor() -> None:
    config = AnchorConfig(source="best_snapshot", weight=0.02, target_kl_per_dim=0.1, adaptation=0.5)
    anchor, metrics = moved(config, [0.11, 5.0, 0.0])
    assert metrics["anchor_weight"] == [0.02] * 3  # that of this update
    assert metrics["anchor_kl"] == pytest.approx([0.11, 5.0, 0.0])
    # KL/target − 1 is 0.1, then clipped to ±0.2.
    assert anchor.weights == pytest.approx([0.02 * 1.05, 0.02 * 1.1, 0.02 * 0.9])
    anchor, _ = moved(config, [5.0, 0.1, 0.0], times=300)
    assert anchor.weights == pytest.approx([config.weight_range[1], 0.02, config.weight_range[0]], rel=1e-4)
    assert moved(replace(config, weighting="fixed"), [5.0, 0.1, 0.0])[0].weights == [0.02] * 3


def test_the_dynamic_weight_holds_the_divergence_near_its_target() -> None:
    """The whole loop: rewards pull the actors away, the multiplier settles where KL is about the target."""
    config = AnchorConfig(source="best_snapshot", weight=0.01, target_kl_per_dim=0.02, adaptation=2.0)
    measured = {}
    for name, anchor in (("loose", replace(config, weighting="fixed", weight=1e-6)), ("dynamic", config)):
        learner = make_learner(anchor=anchor)
        cast(Anchor, learner.anchor).take(learner.policy)
        kl = [np.mean(cast(list[float], learner.update(make_batch(k % 20))["anchor_kl"])) for k in range(80)]
        measured[name] = float(np.mean(kl[-25:]))
    assert measured["loose"] > 0.06
    assert 0.01 < measured["dynamic"] < 0.04


# ---------------------------------------------------------------- its sources


def test_the_best_snapshot_is_taken_whenever_validation_improves(tmp_path: Path) -> None:
    config = replace(FAKE, learner=replace(FAKE.learner, anchor=SNAPSHOT))
    run = RunDirectory.open(train(config, tmp_path / "run", quiet=True))
    best, latest = checkpoint.load(run.best), checkpoint.load(run.latest)
    for name, tensor in best.tensors["actors"].items():
        assert torch.equal(tensor, latest.tensors["learner"][f"anchor.{name}"])
    lines = run.metrics()
    assert [line["anchor_kl"] is None for line in lines if "anchor_kl" in line] == [True, True, *[False] * 4]
    assert len(lines[-1]["anchor_weight"]) == 2
    learner, _ = load_learner(run, config)  # what `tasam sharpness` starts from
    assert cast(Anchor, learner.anchor).is_set


def test_a_held_anchor_and_a_teacher_ignore_snapshots() -> None:
    for config, held in ((SNAPSHOT, True), (TEACHER, False)):
        learner = away(make_learner(anchor=config))
        anchor = cast(Anchor, learner.anchor)
        anchor.is_held = held
        before = copy.deepcopy(anchor.policy.state_dict())
        anchor.take(learner.policy)
        assert all(torch.equal(tensor, before[name]) for name, tensor in anchor.policy.state_dict().items())


def test_the_teacher_is_a_running_average_of_the_actors() -> None:
    norm = NetworkRegularisation(spectral_norm=True)
    learner = make_learner(anchor=TEACHER, regularisation=RegularisationConfig(actor=norm))
    anchor = cast(Anchor, learner.anchor)
    expected = {name: weight.clone() for name, weight in anchor.policy.named_parameters()}
    layer = next(module for module in anchor.policy.modules() if isinstance(module, SpectralLinear))
    direction = layer.u.clone()
    for update in range(3):
        metrics = learner.update(make_batch(update))
        for name, weight in learner.policy.named_parameters():
            expected[name] = 0.75 * expected[name] + 0.25 * weight.detach()
    for name, weight in anchor.policy.named_parameters():
        assert torch.allclose(weight, expected[name], atol=1e-6), name
        assert not torch.equal(weight, dict(learner.policy.named_parameters())[name])
    assert not torch.equal(layer.u, direction)  # its own, for its own weights
    assert not torch.equal(layer.u, next(iter(learner.policy.buffers())))
    assert torch.linalg.matrix_norm(layer.normalised_weight, 2) == pytest.approx(1.0, abs=1e-3)
    assert all(kl > 0 for kl in cast(list[float], metrics["anchor_kl"]))
    anchor.is_held = True
    before = copy.deepcopy(anchor.policy.state_dict())
    learner.update(make_batch())
    assert all(torch.equal(t, before[name]) for name, t in anchor.policy.state_dict().items())


def test_a_run_can_teach_and_is_read_before_work_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    teacher = train(replace(FAKE, seed=5), tmp_path / "teacher", quiet=True)

    def taught(path: Path, **fields: Any) -> TrainConfig:
        anchor = AnchorConfig(source="teacher", teacher_run=str(path))
        return replace(FAKE, learner=replace(FAKE.learner, anchor=anchor, **fields))

    run = RunDirectory.open(train(taught(teacher), tmp_path / "run", quiet=True))
    actors = checkpoint.load(RunDirectory(teacher).best).tensors["actors"]
    latest = checkpoint.load(run.latest).tensors["learner"]
    assert all(torch.equal(tensor, latest[f"anchor.{name}"]) for name, tensor in actors.items())
    with pytest.raises(RunError, match=r"nothing is not a run"):
        train(taught(tmp_path / "nothing"), tmp_path / "other", quiet=True)
    with pytest.raises(CheckpointError, match="has shape"):
        train(taught(teacher, hidden=(8, 8)), tmp_path / "other", quiet=True)
    RunDirectory.create(tmp_path / "empty", FAKE)
    with pytest.raises(RunError, match=r"teacher_run is .*empty.*no actors yet"):
        train(taught(tmp_path / "empty"), tmp_path / "other", quiet=True)
    assert not (tmp_path / "other").exists()


# ---------------------------------------------------------------- saving


@pytest.mark.parametrize("anchor", [SNAPSHOT, AnchorConfig(source="best_snapshot"), TEACHER], ids=repr)
def test_a_resumed_run_equals_one_that_was_never_interrupted(tmp_path: Path, anchor: AnchorConfig) -> None:
    """Anchor, weights and whether there is one yet: stopped before and after the first validation."""
    config = replace(FAKE, learner=replace(FAKE.learner, anchor=anchor))
    train(config, tmp_path / "whole", quiet=True)
    for stop in (2, 7):
        stop_after(config, tmp_path / f"{stop}", stop)
        train(config, tmp_path / f"{stop}", resume=True, quiet=True)
        assert_same_run(tmp_path / "whole", tmp_path / f"{stop}")


def test_a_learner_goes_on_with_what_was_saved() -> None:
    config = AnchorConfig(source="best_snapshot", adaptation=0.5)
    one = away(make_learner(anchor=config))
    cast(Anchor, one.anchor).is_held = True
    one.update(make_batch())
    two = make_learner(seed=1, anchor=config)
    two.load_tensors(one.tensors())
    two.load_scalars(json.loads(json.dumps(one.scalars())))
    for learner in (one, two):
        learner.update(make_batch(1))
    assert_same(one, two)
    assert one.scalars() == two.scalars()
    assert two.scalars()["anchor"]["is_held"] is True


# ---------------------------------------------------------------- configuration


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"source": "ema"}, "AnchorConfig.source = 'ema', allowed: one of 'none', 'best_snapshot', 'teacher'"),
        ({"direction": "both"}, "direction = 'both'"),
        ({"weighting": "free"}, "weighting = 'free'"),
        ({"weight": -1.0, "weighting": "fixed"}, "weight = -1.0, allowed: a finite number >= 0"),
        ({"weight": 2.0}, "weight = 2.0, allowed: within weight_range when dynamic: 0.0001 to 1.0"),
        ({"adaptation": 5.0}, "adaptation = 5.0"),
        ({"target_kl_per_dim": 0.0}, "target_kl_per_dim = 0.0"),
        ({"weight_range": (0.0, 1.0)}, r"weight_range = \(0.0, 1.0\)"),
        ({"teacher_step": 0.0}, "teacher_step = 0.0"),
        ({"teacher_run": "runs/x"}, "teacher_run = 'runs/x', allowed: empty unless source is 'teacher'"),
    ],
)
def test_bad_values_are_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        AnchorConfig(**fields)


def test_named_configurations_differ_by_the_anchor_alone() -> None:
    for name, base in (("anchored", "default"), ("tiny_anchored", "tiny"), ("plastic_distilled", "plastic")):
        config = VARIANTS[name]
        learner = replace(config.learner, anchor=AnchorConfig())
        assert replace(config, name=VARIANTS[base].name, learner=learner) == VARIANTS[base]
        assert TrainConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config
    assert VARIANTS["plastic_distilled"].learner.anchor.source == "teacher"
    assert VARIANTS["anchored"].learner.anchor.source == "best_snapshot"
    assert anchor_module.CLIP == 0.2
