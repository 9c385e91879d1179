"""Actors against torch.distributions."""

import pytest
import torch
from torch.distributions import Normal, TransformedDistribution
from torch.distributions.transforms import SigmoidTransform

from tasam_agents.networks.actors import Actor
from tasam_agents.networks.joint_policy import make_policy
from tasam_agents.networks.layers import HiddenLayers

N, M, D, A = 5, 3, 4, 6
SMALL = HiddenLayers((8,))


def test_log_probability_agrees_with_torch_distributions() -> None:
    torch.manual_seed(0)
    actor = Actor(D, SMALL, A).double()
    inputs, noise = torch.randn(20, D).double() * 3, torch.randn(20, A).double()
    actions, log_prob = actor(inputs, noise)
    mean, log_std = actor.distribution(inputs)
    reference = TransformedDistribution(Normal(mean, log_std.exp()), [SigmoidTransform()])
    expected = reference.log_prob(actions).sum(-1)  # type: ignore[no-untyped-call]
    torch.testing.assert_close(log_prob, expected, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(actions, torch.sigmoid(mean + log_std.exp() * noise))


def test_log_probability_and_its_gradient_stay_finite_far_out() -> None:
    actor = Actor(1, HiddenLayers((1,)), 2)
    with torch.no_grad():
        final = actor.network[-1]
        assert isinstance(final, torch.nn.Linear)
        final.weight.zero_()
        final.bias.copy_(torch.tensor([80.0, -80.0, 40.0, -40.0]))
    _, log_prob = actor(torch.zeros(1, 1), torch.full((1, 2), 4.0))
    gradients = torch.autograd.grad(log_prob.sum(), list(actor.parameters()))
    assert torch.isfinite(log_prob).all()
    assert all(torch.isfinite(g).all() for g in gradients)
    _, log_std = actor.distribution(torch.zeros(1, 1))
    torch.testing.assert_close(log_std, torch.tensor([[2.0, -5.0]]))


def test_fresh_policy_starts_near_the_target_entropy() -> None:
    torch.manual_seed(0)
    actor = Actor(D, HiddenLayers((300, 400, 400)), 200)
    _, log_prob = actor(torch.randn(64, D), torch.randn(64, 200))
    assert -log_prob.mean().item() / 200 == pytest.approx(-1.5, abs=0.15)


def test_padding_is_constant_and_does_not_count() -> None:
    torch.manual_seed(0)
    policy = make_policy(D, (8,), (A, 2, 4))
    inputs = torch.randn(N, M, D, generator=torch.Generator().manual_seed(3))
    noise = torch.randn(N, M, A)
    padded, log_probs = policy.sample(inputs, noise)
    assert padded.shape == (N, M, A)
    assert (padded[:, 1, 2:] == 0.5).all()
    assert (padded[:, 2, 4:] == 0.5).all()
    other_noise = noise.clone()
    other_noise[:, 1, 2:] += 1.0
    assert torch.equal(policy.sample(inputs, other_noise)[1][:, 1], log_probs[:, 1])
    most_likely = policy.most_likely(inputs)
    torch.testing.assert_close(most_likely[:, [1], :2], policy.sample_of(1, inputs, torch.zeros(N, M, A))[0])
