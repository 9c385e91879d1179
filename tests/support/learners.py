"""Small learners, made-up mini-batches and how two learners are compared."""

from __future__ import annotations

from typing import Any

import torch

from tasam_agents.config import GateConfig, LearnerConfig, RadiusConfig, RhoSchedule, TemperatureConfig
from tasam_agents.learner.learner import Learner, TaskSpec
from tasam_agents.learner.replay import Batch

M, D, A = 3, 4, 5
FIXED_RADIUS = RadiusConfig(RhoSchedule(0.2, 0.2, "constant", False), RhoSchedule(0.3, 0.3, "constant", False))


def make_task(action_sizes: tuple[int, ...] = (A,) * M) -> TaskSpec:
    m = len(action_sizes)
    return TaskSpec(tuple(f"du_{i}" for i in range(m)), (D,) * m, action_sizes, {"all": slice(0, D)})


def make_learner(seed: int = 0, task: TaskSpec | None = None, **fields: Any) -> Learner:
    settings: dict[str, Any] = {
        "hidden": (16, 16),
        "batch_size": 8,
        "radius": FIXED_RADIUS,
        "gate": GateConfig(lambda_td=0.0),
        "temperature": TemperatureConfig(initial=0.1),
        "actor_learning_rate": 1e-3,
        "critic_learning_rate": 1e-3,
    }
    return Learner(task or make_task(), LearnerConfig(**(settings | fields)), seed, total_updates=100)


def make_batch(seed: int = 0, n: int = 8, m: int = M, reward_spread: tuple[float, ...] | None = None) -> Batch:
    generator = torch.Generator().manual_seed(seed)
    spread = torch.ones(m) if reward_spread is None else torch.tensor(reward_spread)
    return Batch(
        inputs=torch.randn(n, m, D, generator=generator),
        actions=torch.rand(n, m, A, generator=generator),
        rewards=torch.randn(n, m, generator=generator) * spread,
        next_inputs=torch.randn(n, m, D, generator=generator),
        terminated=(torch.rand(n, m, generator=generator) < 0.3).float(),
    )


def assert_same(one: Learner, two: Learner) -> None:
    tensors, others = one.tensors(), two.tensors()
    assert tensors.keys() == others.keys()
    different = [name for name in tensors if not torch.equal(tensors[name], others[name])]
    assert different == []


def differing_owners(one: Learner, two: Learner) -> set[str]:
    tensors, others = one.tensors(), two.tensors()
    return {".".join(name.split(".")[:3]) for name in tensors if not torch.equal(tensors[name], others[name])}
