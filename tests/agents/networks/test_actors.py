"""Actors against torch.distributions, and the slopes of bits against what they stand for."""

import math

import numpy as np
import pytest
import torch
from torch.distributions import Bernoulli, MultivariateNormal, Normal, TransformedDistribution, kl_divergence
from torch.distributions.transforms import SigmoidTransform

from tasam_agents.config import BernoulliPolicy, RelaxedPolicy
from tasam_agents.networks.actors import BernoulliActor, RelaxedActor
from tasam_agents.networks.joint_policy import make_policy
from tasam_agents.networks.layers import HiddenLayers

N, M, D, A = 5, 3, 4, 6
KINDS = ((0, 1), (3, 4, 5))
SMALL = HiddenLayers((8,))
RELAXED, BITS = RelaxedPolicy(), BernoulliPolicy()


def sharing(shared_noise: float) -> RelaxedActor:
    return RelaxedActor(RelaxedPolicy(shared_noise=shared_noise), D, SMALL, A, KINDS).double()


def test_log_probability_agrees_with_torch_distributions() -> None:
    torch.manual_seed(0)
    actor = RelaxedActor(RELAXED, D, SMALL, A).double()
    inputs, noise = torch.randn(20, D).double() * 3, torch.randn(20, A).double()
    actions, log_prob = actor(inputs, noise)
    mean, log_std = actor.distribution(inputs)
    reference = TransformedDistribution(Normal(mean, log_std.exp()), [SigmoidTransform()])
    expected = reference.log_prob(actions).sum(-1)  # type: ignore[no-untyped-call]
    torch.testing.assert_close(log_prob, expected, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(actions, torch.sigmoid(mean + log_std.exp() * noise))


def test_log_probability_and_its_gradient_stay_finite_far_out() -> None:
    actor = RelaxedActor(RELAXED, 1, HiddenLayers((1,)), 2)
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
    actor = RelaxedActor(RELAXED, D, HiddenLayers((300, 400, 400)), 200)
    _, log_prob = actor(torch.randn(64, D), torch.randn(64, 200))
    assert -log_prob.mean().item() / 200 == pytest.approx(-1.5, abs=0.15)


def test_padding_is_constant_and_does_not_count() -> None:
    torch.manual_seed(0)
    policy = make_policy(RELAXED, D, (8,), (A, 2, 4))
    inputs = torch.randn(N, M, D, generator=torch.Generator().manual_seed(3))
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


def test_shared_noise_has_the_log_probability_of_its_covariance() -> None:
    torch.manual_seed(0)
    actor = sharing(0.7)
    inputs, noise = torch.randn(20, D).double(), torch.randn(20, A + len(KINDS)).double()
    actions, log_prob = actor(inputs, noise)
    mean, log_std = actor.distribution(inputs)
    covariance = torch.eye(A, dtype=torch.float64)
    for kind in KINDS:
        for i in kind:
            for j in kind:
                covariance[i, j] += 0.7**2
    scale = torch.diag_embed(log_std.exp())
    reference = TransformedDistribution(MultivariateNormal(mean, scale @ covariance @ scale), [SigmoidTransform()])
    # The transform of a multivariate distribution keeps one Jacobian per dimension: they are summed by hand.
    z = torch.logit(actions)
    jacobian = (torch.nn.functional.softplus(z) + torch.nn.functional.softplus(-z)).sum(-1)
    expected = reference.base_dist.log_prob(z) + jacobian
    torch.testing.assert_close(log_prob, expected, rtol=1e-8, atol=1e-8)


def test_shared_noise_moves_the_columns_of_a_kind_together() -> None:
    torch.manual_seed(0)
    actor = sharing(2.0)
    inputs = torch.zeros(1, D).double().expand(20_000, -1)
    noise = torch.randn(20_000, A + len(KINDS), generator=torch.Generator().manual_seed(1)).double()
    mean, log_std = actor.distribution(inputs)
    u = (torch.logit(actor(inputs, noise)[0]) - mean) / log_std.exp()
    correlation = torch.corrcoef(u.T)
    assert correlation[3, 5].item() == pytest.approx(4 / 5, abs=0.02)
    assert correlation[0, 3].item() == pytest.approx(0.0, abs=0.03)
    assert u[:, 2].var().item() == pytest.approx(1.0, abs=0.05)
    assert u[:, 0].var().item() == pytest.approx(5.0, abs=0.2)


def test_shared_noise_needs_resources_and_equal_agents() -> None:
    config = RelaxedPolicy(shared_noise=0.5)
    with pytest.raises(ValueError, match="names no resources"):
        make_policy(config, D, (8,), (A, A))
    with pytest.raises(ValueError, match="of one size"):
        make_policy(config, D, (8,), (A, 2), ((0, 1), (2, 3)))
    policy = make_policy(config, D, (8,), (A, A), ((0, 1), (2, 3)))
    assert policy.noise_size == A + 2


def test_bernoulli_entropy_is_exact_and_bits_have_their_probability() -> None:
    torch.manual_seed(0)
    actor = BernoulliActor(BITS, D, SMALL, A).double()
    inputs = torch.randn(1, D).double().expand(40_000, -1) * 3
    bits, negative_entropy = actor(inputs, torch.randn(40_000, A, generator=torch.Generator().manual_seed(1)).double())
    reference = Bernoulli(logits=actor.network(inputs[:1]))
    torch.testing.assert_close(negative_entropy[:1], -reference.entropy().sum(-1))  # type: ignore[no-untyped-call]
    assert set(bits.detach().unique().tolist()) == {0.0, 1.0}
    torch.testing.assert_close(bits.detach().mean(0), reference.probs[0].detach(), atol=0.01, rtol=0)
    torch.testing.assert_close(actor.most_likely(inputs[:1]), (reference.probs > 0.5).double())


def test_bernoulli_stays_finite_far_out() -> None:
    actor = BernoulliActor(BITS, 1, HiddenLayers((1,)), 2)
    with torch.no_grad():
        final = actor.network[-1]
        assert isinstance(final, torch.nn.Linear)
        final.bias.copy_(torch.tensor([90.0, -90.0]))
    bits, negative_entropy = actor(torch.zeros(2, 1), torch.tensor([[9.0, -9.0], [-9.0, 9.0]]))
    gradients = torch.autograd.grad((bits.sum() + negative_entropy.sum()), list(actor.parameters()))
    assert torch.equal(bits.detach(), torch.tensor([[1.0, 0.0], [1.0, 0.0]]))
    assert negative_entropy.abs().max() < 1e-6
    assert all(torch.isfinite(g).all() for g in gradients)


def test_straight_through_slope_is_that_of_the_mean_of_a_linear_value() -> None:
    torch.manual_seed(0)
    actor = BernoulliActor(BITS, D, SMALL, A).double()
    inputs, noise, weights = torch.randn(N, D).double(), torch.randn(N, A).double(), torch.randn(A).double()
    parameters = list(actor.parameters())
    sampled = torch.autograd.grad((actor(inputs, noise)[0] @ weights).sum(), parameters)
    mean = torch.autograd.grad((torch.sigmoid(actor.network(inputs)) @ weights).sum(), parameters)
    torch.testing.assert_close(sampled, mean)


@pytest.mark.parametrize("softness", [0.5, 1.0])
def test_gumbel_sigmoid_slope_is_that_of_the_softened_bit(softness: float) -> None:
    torch.manual_seed(0)
    actor = BernoulliActor(BernoulliPolicy(gradient="gumbel_sigmoid", softness=softness), D, SMALL, A).double()
    inputs, noise = torch.randn(N, D).double(), torch.randn(N, A).double()
    uniform = Normal(0.0, 1.0).cdf(noise)  # type: ignore[no-untyped-call]
    soft = torch.sigmoid((actor.network(inputs) + (uniform / (1 - uniform)).log()) / softness)
    parameters = list(actor.parameters())
    expected = torch.autograd.grad(soft.sum(), parameters)
    torch.testing.assert_close(torch.autograd.grad(actor(inputs, noise)[0].sum(), parameters), expected)


def test_fresh_bernoulli_policy_is_nearly_uniform() -> None:
    torch.manual_seed(0)
    actor = BernoulliActor(BITS, D, HiddenLayers((300, 400, 400)), 200)
    _, negative_entropy = actor(torch.randn(64, D), torch.randn(64, 200))
    assert -negative_entropy.mean().item() / 200 == pytest.approx(math.log(2), abs=0.01)


def test_reserved_resources_begin_with_few_claims_of_others() -> None:
    torch.manual_seed(0)
    resources = tuple((k, 10 + k) for k in range(10))
    config = BernoulliPolicy(reserved_share=0.65, reserved_claim=0.03)  # 6.5 of 10 resources: 2 for each of 3 DUs
    policy = make_policy(config, D, (8,), (20, 20, 20), resources)
    with torch.no_grad():
        for actor in policy.actors:
            assert isinstance(actor.network, torch.nn.Sequential)
            final = actor.network[-1]
            assert isinstance(final, torch.nn.Linear)
            final.weight.zero_()
    probability = torch.stack([torch.sigmoid(net(torch.zeros(1, D))[0]).detach() for net in policy.networks])
    for k in range(10):
        for i in range(3):
            own = probability[i, [k, 10 + k]]
            if k < 6 and k % 3 != i:
                torch.testing.assert_close(own, torch.full((2,), 0.03))
            else:
                assert (own - 0.5).abs().max() < 0.15


def test_reserving_needs_resources() -> None:
    with pytest.raises(ValueError, match=r"reserved_share = 0\.2, allowed: 0"):
        make_policy(BernoulliPolicy(reserved_share=0.2), D, (8,), (A, A))


@pytest.mark.parametrize("shared_noise", [0.0, 0.7])
@pytest.mark.parametrize("direction", ["anchor_to_policy", "policy_to_anchor"])
def test_divergence_agrees_with_torch_distributions(direction: str, shared_noise: float) -> None:
    torch.manual_seed(0)
    one, two = (sharing(shared_noise) for _ in range(2))
    inputs = torch.randn(20, D).double() * 3
    covariance = torch.eye(A, dtype=torch.float64)
    for kind in KINDS:
        covariance[np.ix_(kind, kind)] += shared_noise**2
    normals = []
    for actor in (one, two):
        mean, log_std = actor.distribution(inputs)
        scale = torch.diag_embed(log_std.exp())
        normals.append(MultivariateNormal(mean, scale @ covariance @ scale))
    pair = normals if direction == "policy_to_anchor" else normals[::-1]
    torch.testing.assert_close(one.divergence(inputs, two, direction), kl_divergence(*pair), rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("direction", ["anchor_to_policy", "policy_to_anchor"])
def test_divergence_of_bits_agrees_with_torch_distributions(direction: str) -> None:
    torch.manual_seed(0)
    one, two = (BernoulliActor(BITS, D, SMALL, A).double() for _ in range(2))
    inputs = torch.randn(20, D).double() * 3
    pair = [Bernoulli(logits=actor.network(inputs)) for actor in (one, two)]
    expected = kl_divergence(*(pair if direction == "policy_to_anchor" else pair[::-1])).sum(-1)
    divergence = one.divergence(inputs, two, direction)
    torch.testing.assert_close(divergence, expected)
    assert all(
        gradient is None
        for gradient in torch.autograd.grad(divergence.sum(), list(two.parameters()), allow_unused=True)
    )


def test_sharpness_multiplies_the_logits_and_leaves_the_likelier_bits() -> None:
    torch.manual_seed(0)
    policy = make_policy(BernoulliPolicy(final_sharpness=1e4), D, (8,), (A, A))
    inputs, noise = torch.randn(N, 2, D), torch.randn(N, 2, A)
    before, most_likely = policy.sample_each(inputs, noise), policy.most_likely_each(inputs)
    policy.set_progress(1.0)
    sharp, log_probs = policy.sample_each(inputs, noise)
    for i in range(2):
        assert torch.equal(sharp[i].detach(), most_likely[i])
        assert torch.equal(policy.most_likely_each(inputs)[i], most_likely[i])
        assert log_probs[i].abs().max() < 0.05 * before[1][i].abs().min()


def test_a_policy_without_a_network_is_refused() -> None:
    with pytest.raises(KeyError, match="int"):
        make_policy(3, D, (8,), (A, A))  # type: ignore[arg-type]
