"""Critics against a slow reading of their docstrings."""

import pytest
import torch

from tasam_agents.networks.critics import JointCritic, PerAgentCritic, make_critic

N, M, D, A = 5, 3, 4, 6


def random_inputs() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(3)
    return torch.randn(N, M, D, generator=generator), torch.rand(N, M, A, generator=generator)


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


ROLES = [*((kind, place) for kind in ("pooled", "mean_field", "joint") for place in (0, 1)), ("mean_field", 2)]


@pytest.mark.parametrize(("kind", "place"), ROLES)
def test_values_can_be_differentiated_by_inputs_own_actions_and_context_one_by_one(kind: str, place: int) -> None:
    critic = make_critic(kind, M, D, A, (8,), 2.0).double()
    given = [each.double() for each in (*random_inputs(), torch.rand(N, M, A))]
    given[place].requires_grad_()
    torch.autograd.gradcheck(critic, tuple(given))
