"""One update of Algorithm 1: global critic with SAM, gated actors with SAM, temperatures, target critics.

Order of an update: the targets y and the TD errors come first, because the gate and the radii need them; then the
critics, eq. (10); then the actors, eq. (9), against the new critics. Everything random comes from generators of the
learner's own, so the same seed and the same batches give the same weights.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from tasam_agents.config import LearnerConfig
from tasam_agents.learner.actor_update import ActorUpdate
from tasam_agents.learner.adam import NetworkAdam, gradient_metrics
from tasam_agents.learner.critic_update import CriticUpdate
from tasam_agents.learner.diverged import DivergedError, check_finite
from tasam_agents.learner.head_resets import is_due, reset_heads
from tasam_agents.learner.input_scaling import InputScaling
from tasam_agents.learner.kl_anchor import make_anchor
from tasam_agents.learner.losses import bellman_target, critic_loss, td_error, temperature_loss
from tasam_agents.learner.replay import Batch
from tasam_agents.learner.rho_schedule import Radius
from tasam_agents.learner.sam import SAM_ACTORS
from tasam_agents.learner.state_tensors import StateTensors, copy_into
from tasam_agents.learner.td_gate import TDVarianceGate, task_variances
from tasam_agents.networks.critics import PADDING, GlobalCritic, make_critic
from tasam_agents.networks.joint_policy import make_policy
from tasam_agents.networks.layers import dropout_layers, held_masks, spectral_layers
from tasam_agents.networks.traces import trace

Metrics = dict[str, float | list[float] | list[float | None] | None]
"""Metrics of one update by name; lists have one entry per DU. `None`: there was nothing to measure."""


@dataclass(frozen=True)
class TaskSpec:
    """What the learner knows of an environment: M agents and their padded sizes."""

    agents: tuple[str, ...]
    observation_sizes: tuple[int, ...]
    action_sizes: tuple[int, ...]
    observation_layout: Mapping[str, slice]

    def __post_init__(self) -> None:
        for name in ("observation_sizes", "action_sizes"):
            sizes = getattr(self, name)
            if len(sizes) != len(self.agents) or min(sizes, default=0) < 1:
                raise ValueError(f"TaskSpec.{name} = {sizes}, allowed: one size >= 1 for each of {self.agents}")


class Learner:
    """The M actors, the twin global critic and their optimisers.

    Args:
        task: agents and sizes.
        config: hyper-parameters.
        seed: of the weights and of all noise.
        total_updates: T of the ρ schedules.
    """

    def __init__(self, task: TaskSpec, config: LearnerConfig, seed: int, total_updates: int) -> None:
        if total_updates < 1:
            raise ValueError(f"total_updates = {total_updates}, allowed: an integer >= 1")
        self.task, self.config = task, config
        self.total_updates = total_updates
        self.updates = 0
        self.inputs = InputScaling(task.observation_layout, task.observation_sizes, config.input_scaling)

        seeds = np.random.SeedSequence(seed).generate_state(5).tolist()
        weight_seed, update_seed, act_seed, mask_seed, self._reset_seed = seeds
        with torch.random.fork_rng(devices=[]):  # torch's layers draw their weights from the global generator only
            torch.manual_seed(weight_seed)
            self.policy = make_policy(
                self.input_size, config.hidden, task.action_sizes, config.regularisation.actor, config.shared_actor
            )
            self.critics = [self._make_critic() for _ in range(2)]
        self.update_noise = torch.Generator().manual_seed(update_seed)
        self.act_noise = torch.Generator().manual_seed(act_seed)
        self._mask_noise = torch.Generator().manual_seed(mask_seed)

        m = len(task.agents)
        self._sizes = torch.tensor(task.action_sizes)
        self._has_padding = len(set(task.action_sizes)) > 1
        self._is_padding = torch.arange(self.action_size) >= self._sizes[:, None]  # (M, A)
        self.anchor = make_anchor(config.anchor, self.policy)
        self.critic_update = CriticUpdate(self.critics, config)
        self.actor_update = ActorUpdate(self.policy, self.critics, self.anchor, config, task.agents)
        self.targets = self.critic_update.targets
        self.log_temperature = torch.full((m,), math.log(config.temperature.initial)).requires_grad_()
        self._temperature_adam = NetworkAdam({"log": self.log_temperature}, config.temperature.learning_rate)
        self._critic_dropout, self._actor_dropout = dropout_layers(self.critics), dropout_layers(self.policy.actors)
        self._spectral_layers = [
            layer for module in (self.policy, *self.critics, *self.targets) for layer in spectral_layers(module)
        ]
        self.gate = TDVarianceGate(config.gate, m)
        self._load_columns = self.inputs.kept(config.gate.load_group) if config.gate.load_group else None
        self._actor_radius = Radius(config.radius.actor, m, config.radius.peak_after)
        self._critic_radius = Radius(config.radius.critic, 1, config.radius.peak_after)
        self._state = self._state_tensors()

    @property
    def progress(self) -> float:
        """t/T in [0, 1]; more updates than planned stay at the end."""
        return min(self.updates / self.total_updates, 1.0)

    @property
    def input_size(self) -> int:
        """d, columns per agent that networks and replay see."""
        return self.inputs.size

    @property
    def action_size(self) -> int:
        """A, the largest action size."""
        return max(self.task.action_sizes)

    @torch.no_grad()
    def act(
        self, inputs: NDArray[np.float32], deterministic: bool, generator: torch.Generator | None = None
    ) -> NDArray[np.float32]:
        """Actions (B, M, A) in (0, 1) for inputs (B, M, d); the noise comes from `generator` or the learner's own."""
        rows = torch.from_numpy(inputs)
        if deterministic:
            actions = self.policy.most_likely(rows)
        else:
            actions, _ = self.policy.sample(rows, self._noise(len(rows), generator or self.act_noise))
        return cast(NDArray[np.float32], actions.numpy())

    @np.errstate(over="ignore", invalid="ignore")  # what is not finite raises `DivergedError`
    def update(self, batch: Batch, log: bool = True) -> Metrics:
        """One gradient update of every network from n joint transitions.

        Args:
            batch: from the replay buffer.
            log: whether to return the metrics; without, the update is the same and the result empty.

        Raises:
            DivergedError: a loss is NaN or infinite.
        """
        config, n, number = self.config, len(batch.rewards), self.updates
        if is_due(number, config.regularisation.reset_every):
            self.reset()
        rewards = batch.rewards * config.reward_scale
        actions = torch.where(self._is_padding, PADDING, batch.actions) if self._has_padding else batch.actions
        temperatures = self.log_temperature.detach().exp()
        rate_factor = 1.0 + (config.final_learning_rate_factor - 1.0) * self.progress

        # Targets y of eq. (10), once: both passes of SAM are gradients of the same loss. With γ = 0, the rewards.
        y, next_mean = rewards, torch.zeros_like(rewards)
        if config.gamma > 0.0:
            with torch.no_grad():
                noise = self._noise(n, self.update_noise)
                next_actions, next_log_probs = self.actor_update.sample(batch.next_inputs, noise)
                next_rows = self.targets[0].rows(batch.next_inputs, next_actions, next_actions)
                next_twins = [target.values(trace(target.network, next_rows).outputs) for target in self.targets]
                next_mean, least = torch.stack(next_twins).mean(dim=0), torch.minimum(*next_twins)
                y = bellman_target(rewards, batch.terminated, least, next_log_probs, temperatures, config.gamma)

        with held_masks(self._critic_dropout, self._mask_noise):
            # TD errors δ_i, gates and radii. Q(s', a') comes from the target critics, whose values are already at hand.
            rows = self.critics[0].rows(batch.inputs, actions, actions)  # both twins read the same
            traces = [trace(critic.network, rows) for critic in self.critics]
            twins = [critic.values(passed.outputs).numpy() for critic, passed in zip(self.critics, traces, strict=True)]
            mean = 0.5 * (twins[0] + twins[1])
            delta = td_error(rewards.numpy(), batch.terminated.numpy(), next_mean.numpy(), mean, config.gamma)
            losses = np.array([critic_loss(values, y.numpy()) for values in twins])
            check_finite(number, "critic loss", losses)
            loads = None if self._load_columns is None else batch.inputs[..., self._load_columns]
            self.gate.observe(task_variances(torch.from_numpy(delta), loads))
            rho_actor = self._actor_radius(self.progress, self.gate.variance, number)
            whole = [float(self.gate.variance.sum()) / len(rho_actor)]  # the global critic's is the mean of the DUs'
            rho_critic = float(self._critic_radius(self.progress, whole, number)[0])

            # Global critic: eqs. (10) to (12).
            critic_steps = self.critic_update(rows, y, traces, rho_critic, number, rate_factor)

        # Actors: eqs. (9), (11) and (12), against critics without dropout. Temperatures. Target critics.
        with held_masks(self._actor_dropout, self._mask_noise):
            log_probs, actor_loss, actor_steps = self.actor_update(
                batch.inputs,
                self._noise(n, self.update_noise),
                temperatures,
                self._sam_actors(rho_actor),
                number,
                rate_factor,
            )
        self._update_temperatures(log_probs)
        self.critic_update.move_targets()
        for layer in self._spectral_layers:
            layer.advance()  # once per update, targets too: their weights are averages and have norms of their own
        anchor_metrics = {} if self.anchor is None else self.anchor.after_update(self.policy)
        self.updates += 1
        if not log:
            return {}

        return {
            "critic_loss": float(losses.mean()),
            "actor_loss": float(actor_loss.mean()),
            "q_mean": float(mean.mean()),
            "td_mean": delta.mean(axis=0).tolist(),
            "td_variance": self.gate.variance.tolist(),
            "gate_open": self.gate.open.astype(float).tolist(),
            "gate_open_fraction": self.gate.open_fraction,
            "gate_flips": float(self.gate.flips),
            "lambda_td": self.gate.threshold,
            "rho_actor": rho_actor.tolist(),
            "rho_critic": rho_critic,
            "entropy": (-log_probs.mean(dim=0) / self._sizes).tolist(),
            "temperature": temperatures.tolist(),
            **gradient_metrics(critic_steps, actor_steps),
            **anchor_metrics,
        }

    def _sam_actors(self, rho: NDArray[np.float64]) -> dict[int, float]:
        """ρ_i of the actors that take the second pass, which without a radius would only repeat the first."""
        chosen = SAM_ACTORS[self.config.sam.actors](self.gate.open)
        return {
            i: rho_i
            for i, (rho_i, is_chosen) in enumerate(zip(rho.tolist(), chosen, strict=True))
            if is_chosen and rho_i > 0.0
        }

    def _update_temperatures(self, log_probs: Tensor) -> None:
        """Adam step of every log β_i towards the target entropy; a rate of 0 keeps β as it is."""
        if self.config.temperature.learning_rate == 0.0:
            return
        target_entropy = self.config.temperature.target_at(self.progress) * self._sizes
        loss = temperature_loss(self.log_temperature, log_probs, target_entropy)
        check_finite(self.updates, "temperature loss", loss)
        (gradient,) = torch.autograd.grad(loss, [self.log_temperature])
        self._temperature_adam.step(gradient)

    def reset(self) -> None:
        """Begin anew behind the encoders; the draws depend on seed and update alone, as a resume needs."""
        (seed,) = np.random.SeedSequence([self._reset_seed, self.updates]).generate_state(1).tolist()
        critics, targets = ([critic.network for critic in each] for each in (self.critics, self.targets))
        actors = zip(self.policy.networks, self.actor_update.adams, strict=True)
        keeps_prior = self.config.regularisation.reset_keeps_prior
        reset_heads(actors, zip(critics, targets, self.critic_update.adams, strict=True), seed, keeps_prior)
        if keeps_prior:
            return
        with torch.no_grad():
            self.log_temperature.fill_(math.log(self.config.temperature.initial))
        self._temperature_adam.forget([self.log_temperature])

    def _noise(self, n: int, generator: torch.Generator) -> Tensor:
        return torch.randn(n, len(self.task.agents), self.action_size, generator=generator)

    def _make_critic(self) -> GlobalCritic:
        config = self.config
        return make_critic(
            config.critic,
            len(self.task.agents),
            self.input_size,
            self.action_size,
            config.hidden,
            config.action_scale,
            config.regularisation.critic,
        )

    def check_weights(self) -> None:
        """Raise `DivergedError` when a weight is not finite: a finite loss can still have a step that is not."""
        for name, tensor in self._state.live().items():
            if not torch.isfinite(tensor).all():
                raise DivergedError(f"update {self.updates}: {name} is no longer finite")

    def policy_tensors(self) -> dict[str, Tensor]:
        """A copy of the actors' weights."""
        return {name: weight.clone() for name, weight in self.policy.state_dict().items()}

    def load_policy_tensors(self, tensors: Mapping[str, Tensor]) -> None:
        """Take over actors' weights; raises `ValueError` when names or shapes differ."""
        copy_into(self.policy.state_dict(), tensors)

    def tensors(self) -> dict[str, Tensor]:
        """A copy of all weights, Adam moments, log β and generator states: with `scalars`, all that a resume needs
        beside the replay buffer."""
        return self._state.copy()

    def load_tensors(self, tensors: Mapping[str, Tensor]) -> None:
        """Go on exactly where `tensors` was taken; raises `ValueError` when names or shapes differ."""
        self._state.load(tensors)

    def scalars(self) -> dict[str, Any]:
        """The update counter, gate (σ², calibration, λ_TD) and σ²_peak, as JSON types."""
        return {
            "updates": self.updates,
            "gate": self.gate.state(),
            "actor_variance_peak": self._actor_radius.peak.tolist(),
            "critic_variance_peak": self._critic_radius.peak.tolist(),
            **({} if self.anchor is None else {"anchor": self.anchor.state()}),
        }

    def load_scalars(self, scalars: Mapping[str, Any]) -> None:
        """Go on exactly where `scalars` was taken."""
        self.updates = scalars["updates"]
        self.gate.load_state(scalars["gate"])
        self._actor_radius.peak = np.array(scalars["actor_variance_peak"])
        self._critic_radius.peak = np.array(scalars["critic_variance_peak"])
        if self.anchor is not None:
            self.anchor.load_state(scalars["anchor"])

    def _state_tensors(self) -> StateTensors:
        modules: dict[str, nn.Module] = {
            "policy": self.policy,
            "critics": nn.ModuleList(self.critics),
            "targets": nn.ModuleList(self.targets),
        }
        if self.anchor is not None:
            modules["anchor"] = self.anchor.policy
        adams = {f"actors.{i}": adam for i, adam in enumerate(self.actor_update.adams)}
        adams |= {f"critics.{i}": adam for i, adam in enumerate(self.critic_update.adams)}
        generators = {"update": self.update_noise, "act": self.act_noise}
        regularisation = self.config.regularisation
        if regularisation.actor.dropout > 0.0 or regularisation.critic.dropout > 0.0:
            generators["mask"] = self._mask_noise
        others = {"log_temperature": self.log_temperature}
        return StateTensors(modules, adams | {"temperature": self._temperature_adam}, others, generators)
