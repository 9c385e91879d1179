"""Actors against torch.distributions, critics against a slow reading of their docstrings."""

import numpy as np
import pytest
import torch
from torch.distributions import Normal, TransformedDistribution
from torch.distributions.transforms import SigmoidTransform

from tasam_agents.networks import Actor, InputScaling, JointCritic, JointPolicy, PerAgentCritic, make_critic

N, M, D, A = 5, 3, 4, 6


def random_inputs() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(3)
    return torch.randn(N, M, D, generator=generator), torch.rand(N, M, A, generator=generator)


def test_log_probability_agrees_with_torch_distributions() -> None:
    torch.manual_seed(0)
    actor = Actor(D, (8,), A).double()
    inputs, noise = torch.randn(20, D).double() * 3, torch.randn(20, A).double()
    actions, log_prob = actor(inputs, noise)
    mean, log_std = actor.distribution(inputs)
    reference = TransformedDistribution(Normal(mean, log_std.exp()), [SigmoidTransform()])
    expected = reference.log_prob(actions).sum(-1)  # type: ignore[no-untyped-call]
    torch.testing.assert_close(log_prob, expected, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(actions, torch.sigmoid(mean + log_std.exp() * noise))


def test_log_probability_and_its_gradient_stay_finite_far_out() -> None:
    actor = Actor(1, (1,), 2)
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
    actor = Actor(D, (300, 400, 400), 200)
    _, log_prob = actor(torch.randn(64, D), torch.randn(64, 200))
    assert -log_prob.mean().item() / 200 == pytest.approx(-1.5, abs=0.15)


def test_padding_is_constant_and_does_not_count() -> None:
    torch.manual_seed(0)
    policy = JointPolicy(D, (8,), (A, 2, 4))
    inputs, _ = random_inputs()
    noise = torch.randn(N, M, A)
    each, log_probs = policy.sample_each(inputs, noise)
    assert [tuple(actions.shape) for actions in each] == [(N, A), (N, 2), (N, 4)]
    padded = policy.stack(each)
    assert (padded[:, 1, 2:] == 0.5).all()
    assert (padded[:, 2, 4:] == 0.5).all()
    other_noise = noise.clone()
    other_noise[:, 1, 2:] += 1.0
    assert torch.equal(policy.sample_each(inputs, other_noise)[1][1], log_probs[1])
    most_likely = policy.most_likely_each(inputs)
    torch.testing.assert_close(most_likely[1], policy.sample_one(1, inputs, torch.zeros(N, M, A))[0])


def test_mean_field_critic_reads_own_row_and_mean_of_the_others() -> None:
    torch.manual_seed(0)
    critic = make_critic("mean_field", M, D, A, (8,), 2.0)
    assert isinstance(critic, PerAgentCritic)
    inputs, own = random_inputs()
    context = torch.rand(N, M, A)
    expected = torch.empty(N, M)
    for row in range(N):
        for i in range(M):
            others = [j for j in range(M) if j != i]
            features = [
                inputs[row, i],
                (own[row, i] - 0.5) * 2.0,
                torch.eye(M)[i],
                sum(inputs[row, j] for j in others) / (M - 1),
                sum((context[row, j] - 0.5) * 2.0 for j in others) / (M - 1),
            ]
            expected[row, i] = critic.network(torch.cat([torch.as_tensor(f) for f in features]))
    torch.testing.assert_close(critic(inputs, own, context), expected)
    torch.testing.assert_close(critic(inputs, own[:, [2, 0]], context, [2, 0]), expected[:, [2, 0]])


def test_mean_field_of_a_single_agent_is_zero() -> None:
    critic = make_critic("mean_field", 1, D, A, (8,), 2.0)
    inputs, actions = random_inputs()
    inputs, actions = inputs[:, :1], actions[:, :1]
    features = torch.cat([inputs[:, 0], (actions[:, 0] - 0.5) * 2, torch.ones(N, 1), torch.zeros(N, D + A)], dim=1)
    torch.testing.assert_close(critic(inputs, actions, actions)[:, 0], critic.network(features)[:, 0])


def test_pooled_critic_has_no_context_and_joint_critic_one_vector() -> None:
    torch.manual_seed(0)
    inputs, own = random_inputs()
    pooled = make_critic("pooled", M, D, A, (8,), 2.0)
    assert torch.equal(pooled(inputs, own, own), pooled(inputs, own, torch.rand(N, M, A)))
    moved = inputs.clone()
    moved[:, 0] += 1.0
    assert torch.equal(pooled(inputs, own, own)[:, 1:], pooled(moved, own, own)[:, 1:])
    joint = make_critic("joint", M, D, A, (8,), 2.0)
    assert isinstance(joint, JointCritic)
    vector = torch.cat([inputs.reshape(N, -1), (own.reshape(N, -1) - 0.5) * 2.0], dim=1)
    torch.testing.assert_close(joint(inputs, own, own), joint.network(vector))
    assert not torch.equal(joint(inputs, own, own)[:, 1:], joint(moved, own, own)[:, 1:])


def test_input_scaling_selects_shifts_and_keeps_padding_zero() -> None:
    layout = {"qos": slice(0, 2), "count": slice(2, 3), "bits": slice(3, 5)}
    scaling = InputScaling(layout, (5, 2), [("qos", 0.5, 2.0), ("bits", 0.0, 0.0)])
    observations = np.array([[[0.25, 1.0, 7.0, 1.0, 1.0], [0.5, 0.0, 0.0, 0.0, 0.0]]], dtype=np.float32)
    inputs = scaling(observations)
    assert inputs.dtype == np.float32
    assert scaling.size == 3
    np.testing.assert_array_equal(inputs, [[[-0.5, 1.0, 7.0], [0.0, -1.0, 0.0]]])
    narrow = InputScaling({"qos": slice(0, 2)}, (2, 1), [("qos", 0.5, 2.0)])
    np.testing.assert_array_equal(narrow(np.zeros((2, 2), np.float32)), [[-1.0, -1.0], [-1.0, 0.0]])


def test_input_scaling_names_what_is_wrong() -> None:
    with pytest.raises(ValueError, match=r"'speed'.*\['qos'\]"):
        InputScaling({"qos": slice(0, 2)}, (2,), [("speed", 0.0, 1.0)])
    with pytest.raises(ValueError, match="drops every column"):
        InputScaling({"qos": slice(0, 2)}, (2,), [("qos", 0.0, 0.0)])
