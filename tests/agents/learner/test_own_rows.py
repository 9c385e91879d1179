"""The compiled way of the actors, where a value depends on its own row alone, against the general one."""

import itertools
import os
from typing import Any

import pytest
import torch
from support.learners import A, M, make_batch, make_learner, make_task
from torch import Tensor

from tasam_agents.config import AnchorConfig, NetworkRegularisation, RegularisationConfig, SamConfig
from tasam_agents.learner.adam import NetworkStep
from tasam_agents.learner.diverged import DivergedError
from tasam_agents.learner.learner import Learner
from tasam_agents.networks.own_rows import OwnRows

OWN: dict[str, Any] = {"critic": "pooled", "objective": "individual"}
N = 13

pytestmark = pytest.mark.skipif(os.environ.get("NUMBA_DISABLE_JIT", "0") != "0", reason="nothing is compiled")


def drawn() -> tuple[Tensor, Tensor, Tensor]:
    noise = torch.randn(N, M, A, generator=torch.Generator().manual_seed(3))
    return make_batch(n=N).inputs, noise, torch.tensor([0.1, 0.2, 0.4])


def stepped(learner: Learner, rho: dict[int, float]) -> tuple[Tensor, Tensor, list[NetworkStep], list[Tensor]]:
    """What the update of the actors returns, and their weights after it."""
    log_probs, losses, steps = learner.actor_update(*drawn(), rho, update=0, rate_factor=1.0)
    return log_probs, losses, steps, [adam.theta.clone() for adam in learner.actor_update.adams]


def without_own_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(OwnRows, "passes", lambda *_: None)


KINDS: dict[str, dict[str, Any]] = {
    "plain": {},
    "adaptive": {"sam": SamConfig(scale_invariant=True)},
    "relative": {"sam": SamConfig(relative_radius=True)},
    "encoder": {"sam": SamConfig(part="encoder"), "hidden": (16, 16, 8)},
    "l2": {"regularisation": RegularisationConfig(actor=NetworkRegularisation(l2=0.3, l2_kind="in_loss"))},
    "decoupled": {"regularisation": RegularisationConfig(actor=NetworkRegularisation(l2=0.3))},
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("dus", [(), (1,), (0, 2), (0, 1, 2)])
def test_both_ways_agree(kind: str, shared: bool, dus: tuple[int, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    rho = {i: 0.05 * (i + 1) for i in dus}
    own, general = (make_learner(shared_actor=shared, **(OWN | KINDS[kind])) for _ in range(2))
    found = stepped(own, rho)
    assert own.actor_update._own_rows.passes(*drawn()) is not None
    without_own_rows(monkeypatch)
    expected = stepped(general, rho)
    for one, other in zip(found[:2], expected[:2], strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-5)
    for step, wanted in zip(found[2], expected[2], strict=True):
        torch.testing.assert_close(step.gradient, wanted.gradient, rtol=1e-4, atol=1e-6)
        assert (step.sharp_gradient is None) == (wanted.sharp_gradient is None)
        assert (step.perturbation_ratio is None) == (wanted.perturbation_ratio is None)
        assert (step.perturbation_ratio or 0.0) == pytest.approx(wanted.perturbation_ratio or 0.0, rel=1e-4)
        torch.testing.assert_close(step.final, wanted.final, rtol=1e-4, atol=2e-6)
    for weights, wanted_weights in zip(found[3], expected[3], strict=True):
        # Adam's first step is as long as the learning rate wherever a gradient is more than rounding.
        assert ((weights - wanted_weights).abs() < 2e-5).float().mean() > 0.99


def test_whole_updates_agree_and_the_metrics_too(monkeypatch: pytest.MonkeyPatch) -> None:
    own, general = (make_learner(shared_actor=True, **OWN) for _ in range(2))
    metrics = [own.update(make_batch(number)) for number in range(3)]
    without_own_rows(monkeypatch)
    for number, found in enumerate(metrics):
        expected = general.update(make_batch(number))
        assert found.keys() == expected.keys()
        for name, value in found.items():
            assert value == pytest.approx(expected[name], rel=1e-3, abs=1e-5), name


OTHERS: dict[str, dict[str, Any]] = {
    "mean_field": {"critic": "mean_field", "objective": "individual"},
    "joint": {"critic": "joint", "objective": "individual"},
    "wide": OWN | {"hidden": (129,)},
    "layer_norm": OWN | {"regularisation": RegularisationConfig(actor=NetworkRegularisation(layer_norm=True))},
    "layer_norm of critics": OWN
    | {"regularisation": RegularisationConfig(critic=NetworkRegularisation(layer_norm=True))},
    "sizes": OWN | {"task": make_task((A, 2, A))},
}


@pytest.mark.parametrize("name", OTHERS)
def test_all_others_go_the_general_way(name: str) -> None:
    assert make_learner(**OTHERS[name]).actor_update._own_rows.passes(*drawn()) is None


@pytest.mark.parametrize("fields", [{"objective": "team"}, {"anchor": AnchorConfig(source="teacher")}])
def test_a_team_and_an_anchor_go_the_general_way(fields: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(OwnRows, "passes", pytest.fail)
    make_learner(**(OWN | fields)).update(make_batch())


@pytest.mark.parametrize(("place", "shared"), [*itertools.product(["actor", "critic"], [False, True])])
def test_a_weight_that_is_not_finite_stops_the_update_before_any_step(place: str, shared: bool) -> None:
    learner = make_learner(shared_actor=shared, **OWN)
    network = learner.policy.networks[0] if place == "actor" else learner.critics[1].network
    with torch.no_grad():
        list(network.parameters())[-1].fill_(torch.nan)
    before = learner.tensors()
    with pytest.raises(DivergedError, match="actor losses"):
        stepped(learner, {0: 0.1})
    for name, tensor in learner.tensors().items():
        torch.testing.assert_close(tensor, before[name], rtol=0.0, atol=0.0, equal_nan=True)


def test_a_perturbed_loss_that_is_not_finite_names_its_actor_and_steps_nobody() -> None:
    learner = make_learner(shared_actor=True, **OWN)
    before = learner.tensors()
    with pytest.raises(DivergedError, match="perturbed loss of actor du_1"):
        stepped(learner, {1: float("inf")})
    for name, tensor in learner.tensors().items():
        assert torch.equal(tensor, before[name]), name
