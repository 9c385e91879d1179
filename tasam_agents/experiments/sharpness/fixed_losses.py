"""The losses of a run as functions of one network's weights, with all that is random in them fixed.

They are those of `Learner.update`, eqs. (9) and (10): the run's twins, target critics, temperatures, γ and objective,
as they stand in ``checkpoints/latest``. Fixed are the transitions, which the run's sampled policy makes on its
validation networks, and the noise of the reparameterised actions. Penalties on the weights are no part of these losses
and networks are in evaluation mode (no dropout), so that variants are compared by the same function. Shapes: n
mini-batch, M agents, A action size.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from tasam_agents.config.fields import TrainConfig
from tasam_agents.envs.interface import BatchedEnv, EnvironmentRefused
from tasam_agents.envs.make import make_batched
from tasam_agents.envs.seeding import Name, validation_networks
from tasam_agents.experiments.sharpness.curvature import Loss
from tasam_agents.learner.action_gradient import IS_TEAM, least_of_twins
from tasam_agents.learner.learner import Learner
from tasam_agents.learner.losses import actor_losses, bellman_target, critic_loss
from tasam_agents.learner.replay import Batch, ReplayBuffer
from tasam_agents.networks.critics import GlobalCritic, JointCritic
from tasam_agents.networks.joint_policy import JointPolicy
from tasam_agents.training import checkpoint
from tasam_agents.training.evaluation import task_of
from tasam_agents.training.rollout import rollout
from tasam_agents.training.run_directory import RunDirectory, RunError
from tasam_agents.training.saved_state import entry

Network = TypeVar("Network", bound=nn.Module)

CRITIC, ACTOR, WITHOUT_ENTROPY = "critic", "actor", "actor without entropy"
MAX_STEPS = 100_000
POOL = 50_000
"""Joint transitions that the batches are drawn from at most: the latest."""


@dataclass(frozen=True)
class NetworkLoss:
    """The loss of one network as a function of its own weights, all else fixed."""

    network: str
    """`critic_1`, `critic_2`, the name of the actor's DU, or `shared actor`."""
    kind: str
    """`CRITIC`, `ACTOR` or `WITHOUT_ENTROPY`."""
    parameters: tuple[Tensor, ...]
    loss: Loss


def load_learner(run: RunDirectory, config: TrainConfig) -> tuple[Learner, int]:
    """The learner of ``checkpoints/latest``, whose actors, critics and temperatures belong together, and its iteration.

    Raises:
        RunError: nothing saved yet.
        CheckpointError: damaged, or of another task.
    """
    if not checkpoint.exists(run.latest):
        raise RunError(f"{run.path} has no checkpoint to measure yet: there is no {run.latest}")
    saved = checkpoint.load(run.latest)
    env = make_batched(config.env_id, config.env_kwargs, 1, 0, config.centralised)
    learner = Learner(task_of(env), config.learner, config.seed, config.total_updates)
    tensors = saved.tensors.get("learner", {})
    checkpoint.check_fits(tensors, learner.tensors(), str(run.latest))
    learner.load_tensors(tensors)
    learner.load_scalars(entry(saved.state, "learner", learner.scalars()))
    return learner, entry(saved.state, "iteration", 0)


def fixed_batches(learner: Learner, config: TrainConfig, batches: int, n: int) -> list[Batch]:
    """Batches drawn from whole episodes of the sampled policy on the run's validation networks.

    Validation networks and not the saved replay: every run is measured on the same networks, at the age its policy has
    now, whereas a replay holds what older policies did on networks of the run's own seed.

    Raises:
        EnvironmentRefused: an episode is longer than `MAX_STEPS`.
    """
    names = validation_networks(config.validation_envs)
    env = make_batched(config.env_id, config.env_kwargs, len(names), names, config.centralised)
    capacity = max(POOL, batches * n, len(names))
    buffer = ReplayBuffer(capacity, len(env.agents), learner.input_size, learner.action_size, seed=0)
    _collect_episodes(learner, env, config.env_id, names, batches * n, buffer)
    return [buffer.sample(n) for _ in range(batches)]


def _collect_episodes(
    learner: Learner, env: BatchedEnv, env_id: str, names: Sequence[Name], least: int, buffer: ReplayBuffer
) -> None:
    """Fill the buffer until every network has ended an episode and there are `least` joint transitions."""
    noise = torch.Generator().manual_seed(0)

    def policy(inputs: NDArray[np.float32]) -> NDArray[np.float32]:
        return learner.act(inputs, deterministic=False, generator=noise)

    running = np.ones(env.num_envs, bool)
    for lived in rollout(env, learner.inputs, env.reset(seed=list(names)), MAX_STEPS, policy, env_id):
        buffer.add(lived.inputs, lived.actions, lived.rewards, lived.next_inputs, lived.terminated)
        running &= ~lived.ended
        if not running.any() and len(buffer) >= least:
            return
    raise EnvironmentRefused(f"an episode has not ended after {MAX_STEPS} steps")


def network_losses(
    learner: Learner, batch: Batch, noise_seed: int, dtype: torch.dtype = torch.float32
) -> list[NetworkLoss]:
    """The losses of both critics and of every actor, with and without its entropy term, on one batch. That of a shared
    actor is the mean over the DUs.

    Each has networks of its own to move; the learner's stay as they are. Actor i's action meets the others' as they
    are, and so does its V_i: the sum of all DUs' values (`team`) or its own (`individual`), least of the twins.

    Args:
        learner: gives networks, temperatures and configuration.
        batch: n joint transitions, as the learner's update takes them.
        noise_seed: of the reparameterisation noise at s' and s, drawn in single precision whatever `dtype` is.
        dtype: of all computation.
    """
    config = learner.config
    batch = Batch(*(getattr(batch, field.name).to(dtype) for field in fields(Batch)))
    generator = torch.Generator().manual_seed(noise_seed)
    shape = (len(batch.rewards), len(learner.task.agents), learner.action_size)
    next_noise, noise = (torch.randn(shape, generator=generator).to(dtype) for _ in range(2))
    temperatures = learner.log_temperature.detach().to(dtype).exp()
    critics, targets = ([_fixed(twin, dtype) for twin in twins] for twins in (learner.critics, learner.targets))
    policy = _fixed(learner.policy, dtype)
    taken = torch.cat([policy.pad(batch.actions[:, [i], :size]) for i, size in enumerate(policy.action_sizes)], dim=1)

    with torch.no_grad():
        next_actions, next_log_probs = policy.sample(batch.next_inputs, next_noise)
        y = bellman_target(
            batch.rewards * config.reward_scale,
            batch.terminated,
            least_of_twins(targets, batch.next_inputs, next_actions, next_actions),
            next_log_probs,
            temperatures,
            config.gamma,
        )
        actions, _ = policy.sample(batch.inputs, noise)

    def value_of(i: int, own: Tensor) -> Tensor:
        """V_i (n,) where DU i's action is `own` (n, A) and the others' are as they are."""
        replaced = torch.cat([actions[:, :i], own.unsqueeze(1), actions[:, i + 1 :]], dim=1)
        if IS_TEAM[config.objective]:
            return least_of_twins(critics, batch.inputs, replaced, replaced).sum(dim=1)
        rows = replaced if isinstance(critics[0], JointCritic) else replaced[:, [i]]
        return least_of_twins(critics, batch.inputs, rows, replaced, [i])[:, 0]

    def of_critic(critic: GlobalCritic) -> Loss:
        return lambda: critic_loss(critic(batch.inputs, taken, taken), y)

    def of_actor(moving: JointPolicy, network: int, weight: float) -> Loss:
        """Mean over the DUs that a network serves, their temperatures times `weight`."""

        def loss() -> Tensor:
            served = moving.served[network]
            each, log_probs = moving.sample_of(network, batch.inputs, noise)
            values = [value_of(i, own) for i, own in zip(served, moving.pad(each).unbind(1), strict=True)]
            return actor_losses(log_probs, torch.stack(values, dim=1), weight * temperatures[served]).mean()

        return loss

    losses = []
    for number, twin in enumerate(learner.critics, start=1):
        critic = _fixed(twin, dtype).requires_grad_()
        losses.append(NetworkLoss(f"critic_{number}", CRITIC, tuple(critic.parameters()), of_critic(critic)))
    for network, served in enumerate(policy.served):
        moving = _fixed(learner.policy, dtype)
        weights = tuple(moving.actors[network].requires_grad_().parameters())
        name = "shared actor" if learner.config.shared_actor else learner.task.agents[served[0]]
        for kind, weight in ((ACTOR, 1.0), (WITHOUT_ENTROPY, 0.0)):
            losses.append(NetworkLoss(name, kind, weights, of_actor(moving, network, weight)))
    return losses


def _fixed(network: Network, dtype: torch.dtype) -> Network:
    """A copy that does not move: other precision, evaluation mode, no gradients."""
    return copy.deepcopy(network).to(dtype).eval().requires_grad_(False)
