"""B and its views B_i: one memory, a ring, uniform and seeded sampling."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from tasam_agents.learner.replay import ReplayBuffer

Array = NDArray[np.float32]

M, D, A = 3, 2, 4


def filled(capacity: int, steps: int, seed: int = 0, networks: int = 2) -> ReplayBuffer:
    """Transition number t (over all networks) has reward t + 1000·i for DU i."""
    buffer = ReplayBuffer(capacity, M, D, A, seed)
    for step in range(steps):
        number = np.arange(networks, dtype=np.float32) + networks * step
        rewards = number[:, None] + 1000 * np.arange(M, dtype=np.float32)
        inputs = np.repeat(rewards[..., None], D, axis=-1)
        actions = np.repeat(rewards[..., None] / 1e4, A, axis=-1)
        buffer.add(inputs, actions, rewards, inputs + 1, rewards % 2 == 0)
    return buffer


def ones(n: int) -> tuple[Array, Array, Array, Array, NDArray[np.bool_]]:
    states, actions, rewards = (np.ones((n, M, *shape), np.float32) for shape in ((D,), (A,), ()))
    return states, actions, rewards, states, np.ones((n, M), bool)


def test_views_share_memory_and_hold_one_du() -> None:
    buffer = filled(capacity=10, steps=3)
    view = buffer.view(1)
    assert len(buffer) == 6
    assert view.rewards.tolist() == [1000.0 + t for t in range(6)]
    assert view.inputs.shape == (6, D)
    assert view.actions.shape == (6, A)
    stored = buffer.tensors()["rewards"]
    stored[2, 1] = -7.0
    assert view.rewards[2] == -7.0
    assert view.rewards.untyped_storage().data_ptr() == buffer.view(2).rewards.untyped_storage().data_ptr()


def test_ring_overwrites_the_oldest_across_the_end() -> None:
    buffer = filled(capacity=5, steps=4)
    assert len(buffer) == 5
    assert sorted(buffer.view(0).rewards.tolist()) == [3.0, 4.0, 5.0, 6.0, 7.0]
    assert buffer.view(0).rewards.tolist() == [5.0, 6.0, 7.0, 3.0, 4.0]


def test_rows_stay_together() -> None:
    batch = filled(capacity=50, steps=25).sample(200)
    t = batch.rewards[:, 0]
    assert torch.equal(batch.rewards, t[:, None] + 1000 * torch.arange(M))
    assert torch.equal(batch.inputs[..., 1], batch.rewards)
    assert torch.equal(batch.next_inputs[..., 0], batch.rewards + 1)
    assert torch.equal(batch.terminated, (batch.rewards % 2 == 0).float())
    assert batch.actions.shape == (200, M, A)
    assert all(x.dtype == torch.float32 for x in (batch.inputs, batch.actions, batch.terminated))


def test_sampling_is_uniform_over_what_is_stored() -> None:
    buffer = filled(capacity=1000, steps=5)
    counts = torch.bincount(buffer.sample(20_000).rewards[:, 0].long(), minlength=10)
    chi_square = ((counts - 2000.0) ** 2 / 2000.0).sum().item()
    assert len(counts) == 10, "rows beyond the stored ones must not appear"
    assert chi_square < 27.9  # 99.9 % quantile with 9 degrees of freedom


def test_sampling_is_seeded_and_leaves_the_global_generator_alone() -> None:
    state = torch.random.get_rng_state()
    first, second, other = (filled(20, 10, seed).sample(50).rewards for seed in (4, 4, 5))
    assert torch.equal(first, second)
    assert not torch.equal(first, other)
    assert torch.equal(torch.random.get_rng_state(), state)


def test_saved_buffer_goes_on_exactly() -> None:
    buffer, resumed = filled(7, 5), ReplayBuffer(7, M, D, A, seed=99)
    buffer.sample(3)
    resumed.load_tensors({name: tensor.clone() for name, tensor in buffer.tensors().items()})
    for each in (buffer, resumed):
        each.add(*ones(2))
    one, two = buffer.sample(20), resumed.sample(20)
    assert torch.equal(one.rewards, two.rewards)
    assert torch.equal(one.actions, two.actions)
    with pytest.raises(ValueError, match="capacity 7, expected 8"):
        ReplayBuffer(8, M, D, A, seed=0).load_tensors(buffer.tensors())


def test_errors_name_what_is_wrong() -> None:
    buffer = ReplayBuffer(2, M, D, A, seed=0)
    with pytest.raises(ValueError, match="empty replay buffer"):
        buffer.sample(1)
    inputs, actions, rewards, next_inputs, terminated = ones(1)
    with pytest.raises(ValueError, match=r"rewards has shape \(1,\)"):
        buffer.add(inputs, actions, rewards[0, :1], next_inputs, terminated)
    assert len(buffer) == 0
    with pytest.raises(ValueError, match="3 transitions at once"):
        buffer.add(*ones(3))
    with pytest.raises(ValueError, match="capacity = 0"):
        ReplayBuffer(0, M, D, A, seed=0)
