"""Known values of eqs. (9) and (10), and shape errors instead of silent broadcasts."""

import math

import pytest
import torch

from tasam_agents.learner.losses import actor_losses, bellman_target, critic_loss, td_error, temperature_loss

REWARDS = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
NEXT = torch.tensor([[10.0, 20.0], [30.0, 40.0]])
LOG_PROBS = torch.tensor([[1.0, -1.0], [2.0, -2.0]])
BETA = torch.tensor([0.5, 2.0])


def test_target_has_the_entropy_of_the_next_action() -> None:
    y = bellman_target(REWARDS, torch.zeros(2, 2), NEXT, LOG_PROBS, BETA, 0.5)
    expected = [[1 + 0.5 * (10 - 0.5), 2 + 0.5 * (20 + 2)], [3 + 0.5 * (30 - 1), 4 + 0.5 * (40 + 4)]]
    torch.testing.assert_close(y, torch.tensor(expected))


def test_only_termination_stops_the_bootstrap() -> None:
    terminated = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    y = bellman_target(REWARDS, terminated, NEXT, LOG_PROBS, BETA, 0.5)
    going_on = bellman_target(REWARDS, torch.zeros(2, 2), NEXT, LOG_PROBS, BETA, 0.5)
    assert torch.equal(y, torch.where(terminated.bool(), REWARDS, going_on))
    delta = td_error(REWARDS, terminated, NEXT, torch.ones(2, 2), 0.5)
    torch.testing.assert_close(delta, torch.tensor([[0.0, 11.0], [17.0, 3.0]]))


def test_critic_actor_and_temperature_losses() -> None:
    assert critic_loss(torch.zeros(2, 2), REWARDS).item() == pytest.approx((1 + 4 + 9 + 16) / 4)
    losses = actor_losses(LOG_PROBS, NEXT, BETA)
    torch.testing.assert_close(losses, torch.tensor([0.5 * 1.5 - 20.0, 2.0 * -1.5 - 30.0]))
    log_beta = torch.tensor([0.0, math.log(2.0)], requires_grad=True)
    loss = temperature_loss(log_beta, LOG_PROBS, torch.tensor([-1.0, -1.0]))
    (gradient,) = torch.autograd.grad(loss, log_beta)
    # Actor 0 has entropy −1.5 < −1: a descending step must raise its β. Actor 1 has 1.5 > −1: lower it.
    torch.testing.assert_close(gradient, torch.tensor([-0.5, 2.5]))


def test_shapes_are_checked() -> None:
    with pytest.raises(ValueError, match=r"targets has shape \(2, 1\)"):
        critic_loss(torch.zeros(2, 2), torch.zeros(2, 1))
    with pytest.raises(ValueError, match=r"temperatures has shape \(2, 1\)"):
        bellman_target(REWARDS, torch.zeros(2, 2), NEXT, LOG_PROBS, BETA[:, None], 0.5)
    with pytest.raises(ValueError, match=r"terminated has shape \(2,\)"):
        td_error(REWARDS, torch.zeros(2), NEXT, NEXT, 0.5)
    with pytest.raises(ValueError, match=r"values has shape \(2,\)"):
        actor_losses(LOG_PROBS, torch.zeros(2), BETA)
    with pytest.raises(ValueError, match=r"target_entropies has shape \(\)"):
        temperature_loss(BETA, LOG_PROBS, torch.tensor(-1.0))
