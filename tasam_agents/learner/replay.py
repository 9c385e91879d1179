"""The replay memory: the buffers B_i of the DUs, compiled into B and stored once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Batch:
    """Transitions of all DUs (or, from `ReplayBuffer.view`, of one DU, without the axis M). All float32."""

    inputs: Tensor
    """(n, M, d) scaled observations s."""
    actions: Tensor
    """(n, M, A) relaxed actions a in (0, 1)."""
    rewards: Tensor
    """(n, M)."""
    next_inputs: Tensor
    """(n, M, d) scaled observations s' that the actions led to, before any reset."""
    terminated: Tensor
    """(n, M) 1 where the task truly ended; 0 at a time limit."""


class ReplayBuffer:
    """B, a ring of joint transitions; the oldest are overwritten.

    Args:
        capacity: joint transitions kept.
        num_agents, input_size, action_size: M, d, A.
        seed: of the sampling, which has a generator of its own.
    """

    def __init__(self, capacity: int, num_agents: int, input_size: int, action_size: int, seed: int) -> None:
        if capacity < 1:
            raise ValueError(f"capacity = {capacity}, allowed: an integer >= 1")
        # Not filled with zeros: the system hands out the pages as they are written.
        self._ring = Batch(
            inputs=torch.empty(capacity, num_agents, input_size),
            actions=torch.empty(capacity, num_agents, action_size),
            rewards=torch.empty(capacity, num_agents),
            next_inputs=torch.empty(capacity, num_agents, input_size),
            terminated=torch.empty(capacity, num_agents),
        )
        self._capacity = capacity
        self._position = 0
        self._size = 0
        self._generator = torch.Generator().manual_seed(seed)

    def __len__(self) -> int:
        return self._size

    def add(
        self,
        inputs: NDArray[np.float32],
        actions: NDArray[np.float32],
        rewards: NDArray[np.float32],
        next_inputs: NDArray[np.float32],
        terminated: NDArray[np.bool_],
    ) -> None:
        """Store one step of B networks: arrays (B, M, …) as in `Batch`."""
        arrays = (inputs, actions, rewards, next_inputs, terminated)
        num = len(inputs)
        if num > self._capacity:
            raise ValueError(f"{num} transitions at once, allowed: at most the capacity {self._capacity}")
        pairs = [(f.name, getattr(self._ring, f.name), array) for f, array in zip(fields(Batch), arrays, strict=True)]
        for name, ring, array in pairs:
            if array.shape != (num, *ring.shape[1:]):
                raise ValueError(f"{name} has shape {array.shape}, expected {(num, *ring.shape[1:])}")
        rows = torch.arange(self._position, self._position + num) % self._capacity
        for _, ring, array in pairs:
            ring[rows] = torch.as_tensor(array, dtype=torch.float32)
        self._position = (self._position + num) % self._capacity
        self._size = min(self._size + num, self._capacity)

    def sample(self, n: int) -> Batch:
        """n joint transitions, uniformly with replacement, as copies."""
        if self._size == 0:
            raise ValueError("sample from an empty replay buffer, allowed: after the first add")
        rows = torch.randint(self._size, (n,), generator=self._generator)
        return Batch(*(getattr(self._ring, field.name).index_select(0, rows) for field in fields(Batch)))

    def view(self, agent: int) -> Batch:
        """B_i: the transitions of DU i, (len, …), sharing memory with B; in storage order, not in order of time."""
        return Batch(*(getattr(self._ring, field.name)[: self._size, agent] for field in fields(Batch)))

    def tensors(self) -> dict[str, Tensor]:
        """The stored part, sharing memory with the buffer, and the state of ring and sampling."""
        stored = {field.name: getattr(self._ring, field.name)[: self._size] for field in fields(Batch)}
        ring = torch.tensor([self._capacity, self._position], dtype=torch.int64)
        return {**stored, "ring": ring, "generator": self._generator.get_state()}

    def load_tensors(self, tensors: Mapping[str, Tensor]) -> None:
        """Go on exactly where `tensors` was taken; the capacity must be the same.

        Raises:
            ValueError: no buffer of these sizes can have been in that state; then nothing has changed.
        """
        names = {field.name for field in fields(Batch)} | {"ring", "generator"}
        if tensors.keys() != names:
            raise ValueError(f"saved buffer differs in {sorted(tensors.keys() ^ names)}")
        ring = tensors["ring"]
        if ring.shape != (2,) or ring.dtype != torch.int64:
            raise ValueError(f"ring is {ring.dtype} of shape {tuple(ring.shape)}, expected int64 of shape (2,)")
        capacity, position = ring.tolist()
        if capacity != self._capacity:
            raise ValueError(f"saved buffer has capacity {capacity}, expected {self._capacity}")
        size = len(tensors["rewards"]) if tensors["rewards"].ndim else -1
        for field in fields(Batch):
            saved, own = tensors[field.name], getattr(self._ring, field.name)
            if saved.shape != (size, *own.shape[1:]) or saved.dtype != own.dtype or not 0 <= size <= capacity:
                raise ValueError(
                    f"{field.name} is {saved.dtype} of shape {tuple(saved.shape)}, expected {own.dtype} of shape "
                    f"(n, {', '.join(map(str, own.shape[1:]))}) with n <= {capacity}"
                )
            if not bool(saved.isfinite().all()):
                raise ValueError(f"{field.name} holds NaN or infinity, expected finite numbers")
        if not (position == size < capacity or size == capacity > position >= 0):
            raise ValueError(f"ring position is {position}, expected {size if size < capacity else f'0 to {size - 1}'}")
        self._generator.set_state(tensors["generator"])
        self._size, self._position = size, position
        for field in fields(Batch):
            getattr(self._ring, field.name)[:size] = tensors[field.name]
