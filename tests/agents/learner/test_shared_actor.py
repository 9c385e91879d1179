"""One actor for all DUs: its gradient against whole graphs, its gate, its state, and what it cannot serve."""

import copy
from typing import Any, cast

import pytest
import torch
from support.learners import A, M, assert_same, differing_owners, make_batch, make_learner, make_task

from tasam_agents.config import (
    AnchorConfig,
    GateConfig,
    NetworkRegularisation,
    RegularisationConfig,
    SamConfig,
    TemperatureConfig,
)
from tasam_agents.learner.action_gradient import least_of_twins
from tasam_agents.learner.losses import actor_losses
from tasam_agents.networks.actors import Actor
from tasam_agents.networks.layers import dropout_layers, held_masks

NO_SAM = SamConfig(critic=False, actors="none")
L2 = 0.3


@pytest.mark.parametrize("open_dus", [(), (1,), (0, 2), (0, 1, 2)])
@pytest.mark.parametrize("dropout", [0.0, 0.3])
@pytest.mark.parametrize("is_anchored", [False, True])
def test_the_step_is_the_mean_over_the_dus_with_sam_on_the_rows_of_open_gates(
    open_dus: tuple[int, ...], dropout: float, is_anchored: bool
) -> None:
    """∇ of the mean of L_i + w_i·KL_i + λ/2·‖W‖²: of closed gates at θ, of open ones at θ + ρ g/‖g‖, g their own."""
    learner = make_learner(
        shared_actor=True,
        critic="pooled",
        objective="individual",
        regularisation=RegularisationConfig(actor=NetworkRegularisation(dropout=dropout, l2=L2, l2_kind="in_loss")),
        anchor=AnchorConfig(source="teacher" if is_anchored else "none"),
    )
    batch, temperatures = make_batch(), torch.tensor([0.1, 0.2, 0.3])
    if learner.anchor is not None:
        learner.anchor.weights = [0.1, 0.3, 0.9]
        with torch.no_grad():
            for weight in learner.anchor.policy.parameters():
                weight.mul_(1.5)
    noise = torch.randn(8, M, A, generator=torch.Generator().manual_seed(3))
    taken: list[Any] = []
    adam = learner.actor_update.adams[0]
    adam.step = lambda gradient, factor=1.0: taken.append(gradient)  # type: ignore[method-assign]
    rho = {i: 0.1 * (i + 1) for i in open_dus}
    with held_masks(dropout_layers(learner.policy.actors), torch.Generator().manual_seed(5)):
        _, losses, steps = learner.actor_update(batch.inputs, noise, temperatures, rho, update=0, rate_factor=1.0)
        actor = cast(Actor, copy.deepcopy(learner.policy.actors[0]))  # with the mask that has just been drawn

        def gradient(dus: tuple[int, ...]) -> list[torch.Tensor]:
            actions, log_probs = actor(batch.inputs, noise)
            values = least_of_twins(learner.critics, batch.inputs, actions, actions)
            each = actor_losses(log_probs, values, temperatures)
            if learner.anchor is not None:
                anchors = learner.anchor.policy.networks[0](batch.inputs)
                kl = Actor.divergence_of(actor.network(batch.inputs), anchors, learner.anchor.config.direction)
                each = each + torch.tensor(learner.anchor.weights) * kl.mean(dim=0)
            each = each + 0.5 * L2 * sum(weight.square().sum() for weight in actor.parameters() if weight.ndim > 1)
            return list(torch.autograd.grad(each[list(dus)].sum() / M, list(actor.parameters())))

        expected = gradient((0, 1, 2))
        if open_dus:
            closed = tuple(i for i in range(M) if i not in open_dus)
            own = gradient(open_dus)
            norm = torch.cat([part.flatten() for part in own]).norm()
            plain = gradient(closed) if closed else [torch.zeros_like(part) for part in own]
            with torch.no_grad():
                for weight, part in zip(actor.parameters(), own, strict=True):
                    weight.add_(sum(rho.values()) / len(rho) * part / norm)
            expected = [one + two for one, two in zip(plain, gradient(open_dus), strict=True)]
    assert losses.shape == (M,)
    assert len(steps) == 1
    (found,) = taken
    torch.testing.assert_close(found, torch.cat([part.flatten() for part in expected]), rtol=1e-4, atol=1e-6)


def test_all_dus_act_by_the_same_weights_on_their_own_rows() -> None:
    learner = make_learner(shared_actor=True)
    batch = make_batch()
    rows = batch.inputs[:, [0, 0, 1]]
    played = learner.act(rows.numpy(), deterministic=True)
    assert (played[:, 0] == played[:, 1]).all()
    assert (played[:, 0] != played[:, 2]).any()
    assert len(learner.policy_tensors()) == len(list(learner.policy.actors[0].parameters()))


def test_one_open_gate_changes_the_shared_actor_and_counts_once() -> None:
    batch = make_batch(reward_spread=(0.1, 5.0, 0.1))
    plain = make_learner(sam=NO_SAM, shared_actor=True)
    gated = make_learner(sam=SamConfig(critic=False), gate=GateConfig(lambda_td=4.0), shared_actor=True)
    plain.update(batch)
    metrics = gated.update(batch)
    assert metrics["gate_open"] == [0.0, 1.0, 0.0]
    assert differing_owners(plain, gated) == {"policy.actors.0", "adam.actors.0"}
    assert metrics["gradient_evaluations"] == 2 + 2
    assert len(cast(list[float], metrics["actor_grad_norm"])) == 1


def test_a_learner_with_a_shared_actor_goes_on_where_it_was_saved() -> None:
    one = make_learner(shared_actor=True, anchor=AnchorConfig(source="teacher"))
    one.update(make_batch(0))
    two = make_learner(seed=1, shared_actor=True, anchor=AnchorConfig(source="teacher"))
    two.load_tensors(one.tensors())
    two.load_scalars(one.scalars())
    for learner in (one, two):
        learner.update(make_batch(1))
    assert_same(one, two)


def test_actions_of_different_sizes_have_no_shared_actor() -> None:
    with pytest.raises(ValueError, match=r"shared_actor = True with actions of \(5, 2, 5\) values, allowed: one size"):
        make_learner(task=make_task((A, 2, A)), shared_actor=True)


def test_a_fixed_temperature_stays_whatever_the_entropy() -> None:
    learner = make_learner(temperature=TemperatureConfig(initial=0.02, learning_rate=0.0))
    for number in range(3):
        learner.update(make_batch(number))
    assert learner.log_temperature.detach().exp().tolist() == pytest.approx([0.02] * M)
