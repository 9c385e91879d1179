"""One update of Algorithm 1: global critic with SAM, gated actors with SAM, temperatures, target critics.

Order of an update: the targets y and the TD errors come first, because the gate and the radii need them; then the
critics, eq. (10); then the actors, eq. (9), against the new critics. Everything random comes from generators of the
learner's own, so the same seed and the same batches give the same weights.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from tasam_agents.config import LearnerConfig, NetworkRegularisation
from tasam_agents.learner.action_gradient import action_gradient, perturbed_action_gradient
from tasam_agents.learner.adam import NetworkAdam
from tasam_agents.learner.head_resets import is_due, reset_heads
from tasam_agents.learner.kl_anchor import make_anchor
from tasam_agents.learner.losses import actor_losses, bellman_target, critic_loss, td_error, temperature_loss
from tasam_agents.learner.network_step import NetworkStep, gradient_metrics
from tasam_agents.learner.replay import Batch
from tasam_agents.learner.rho_schedule import Radius
from tasam_agents.learner.sam import SAM_ACTORS, SAM_IS_WHOLE, perturbed
from tasam_agents.learner.state_tensors import copy_into, generator_states, live_tensors, restore_generators
from tasam_agents.learner.td_gate import TDVarianceGate
from tasam_agents.networks.critics import PADDING, GlobalCritic, InputScaling, make_critic
from tasam_agents.networks.joint_policy import make_policy
from tasam_agents.networks.layers import held_masks, num_encoder_tensors, spectral_layers

Metrics = dict[str, float | list[float] | list[float | None] | None]
"""Metrics of one update by name; lists have one entry per DU. `None`: there was nothing to measure."""


class DivergedError(FloatingPointError):
    """A loss is no longer a finite number. The weights are those of before the step that would have used it."""


@dataclass(frozen=True)
class TaskSpec:
    """What the learner knows of an environment: M agents and their padded sizes."""

    agents: tuple[str, ...]
    observation_sizes: tuple[int, ...]
    action_sizes: tuple[int, ...]
    observation_layout: Mapping[str, slice]
    resource_columns: tuple[tuple[int, ...], ...] = ()
    """Per interchangeable resource (an RB), the action columns that claim it; empty: the environment names none."""

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
        m = len(task.agents)
        self._scaling = InputScaling(task.observation_layout, task.observation_sizes, config.input_scaling)

        seeds = np.random.SeedSequence(seed).generate_state(5).tolist()
        weight_seed, update_seed, act_seed, mask_seed, self._reset_seed = seeds
        regularisation = config.regularisation
        with torch.random.fork_rng(devices=[]):  # torch's layers draw their weights from the global generator only
            torch.manual_seed(weight_seed)
            self.policy = make_policy(
                config.policy,
                self.input_size,
                config.hidden,
                task.action_sizes,
                task.resource_columns,
                regularisation.actor,
            )
            self.critics = [self._make_critic() for _ in range(2)]
        self.targets = copy.deepcopy(self.critics)
        for target in self.targets:
            target.requires_grad_(False)
        self._update_noise = torch.Generator().manual_seed(update_seed)
        self._act_noise = torch.Generator().manual_seed(act_seed)
        self._mask_noise = torch.Generator().manual_seed(mask_seed)

        self._sizes = torch.tensor(task.action_sizes)
        self._is_padding = torch.arange(self.action_size) >= self._sizes[:, None]  # (M, A)
        self.log_temperature = torch.full((m,), math.log(config.temperature.initial)).requires_grad_()
        self._temperature_adam = NetworkAdam({"log": self.log_temperature}, config.temperature.learning_rate)
        self._critic_adams = [
            _adam(critic, config.critic_learning_rate, regularisation.critic) for critic in self.critics
        ]
        self._actor_adams = [
            _adam(actor, config.actor_learning_rate, regularisation.actor) for actor in self.policy.actors
        ]
        # How many tensors of a network, from the first on, SAM perturbs; None: all.
        is_whole = SAM_IS_WHOLE[config.sam.part]
        self._num_sharp_critic = None if is_whole else self.critics[0].num_encoder_tensors
        self._num_sharp_actor = None if is_whole else num_encoder_tensors(self.policy.networks[0])
        self._spectral_layers = [
            layer for module in (self.policy, *self.critics, *self.targets) for layer in spectral_layers(module)
        ]

        self.anchor = make_anchor(config.anchor, self.policy)
        self.gate = TDVarianceGate(config.gate, m)
        self._actor_radius = Radius(config.radius.actor, m)
        self._critic_radius = Radius(config.radius.critic, 1)

    @property
    def progress(self) -> float:
        """t/T in [0, 1]; more updates than planned stay at the end."""
        return min(self.updates / self.total_updates, 1.0)

    @property
    def _rate_factor(self) -> float:
        return 1.0 + (self.config.final_learning_rate_factor - 1.0) * self.progress

    @property
    def input_size(self) -> int:
        """d, columns per agent that networks and replay see."""
        return self._scaling.size

    @property
    def action_size(self) -> int:
        """A, the largest action size."""
        return max(self.task.action_sizes)

    def inputs(self, observations: NDArray[np.float32]) -> NDArray[np.float32]:
        """Selected and scaled columns: observations (B, M, D) → inputs (B, M, d)."""
        return self._scaling(observations)

    @torch.no_grad()
    def act(
        self, inputs: NDArray[np.float32], deterministic: bool, generator: torch.Generator | None = None
    ) -> NDArray[np.float32]:
        """Actions (B, M, A) in (0, 1) for inputs (B, M, d); the noise comes from `generator` or the learner's own."""
        rows = torch.from_numpy(inputs)
        if deterministic:
            each = self.policy.most_likely_each(rows)
        else:
            each, _ = self.policy.sample_each(rows, self._noise(len(rows), generator or self._act_noise))
        return cast(NDArray[np.float32], self.policy.stack(each).numpy())

    def update(self, batch: Batch, log: bool = True) -> Metrics:
        """One gradient update of every network from n joint transitions.

        Args:
            batch: from the replay buffer.
            log: whether to return the metrics; without, the update is the same and the result empty.

        Raises:
            DivergedError: a loss is NaN or infinite.
        """
        config, n = self.config, len(batch.rewards)
        if is_due(self.updates, config.regularisation.reset_every):
            self._reset()
        self.policy.set_progress(self.progress)
        rewards = batch.rewards * config.reward_scale
        actions = torch.where(self._is_padding, PADDING, batch.actions) if self._is_padding.any() else batch.actions
        temperatures = self.log_temperature.detach().exp()

        # Targets y of eq. (10), once: both passes of SAM are gradients of the same loss.
        with torch.no_grad():
            each_next, each_log_prob = self.policy.sample_each(batch.next_inputs, self._noise(n, self._update_noise))
            next_actions, next_log_probs = self.policy.stack(each_next), torch.stack(each_log_prob, dim=1)
            next_twins = [target(batch.next_inputs, next_actions, next_actions) for target in self.targets]
            y = bellman_target(
                rewards, batch.terminated, torch.minimum(*next_twins), next_log_probs, temperatures, config.gamma
            )

        with held_masks(self.critics, self._mask_noise):
            # TD errors δ_i, gates and radii. Q(s', a') comes from the target critics, whose values are already at hand.
            twins = [critic(batch.inputs, actions, actions) for critic in self.critics]
            with torch.no_grad():
                next_mean, mean = (torch.stack(values).mean(dim=0) for values in (next_twins, twins))
                delta = td_error(rewards, batch.terminated, next_mean, mean, config.gamma)
            losses = [critic_loss(values, y) for values in twins]
            self._check_finite("critic loss", torch.stack(losses))
            self.gate.observe(delta.var(dim=0).tolist())
            rho_actor = self._actor_radius(self.progress, self.gate.variance)
            rho_critic = float(self._critic_radius(self.progress, [self.gate.variance.mean()])[0])

            # Global critic: eqs. (10) to (12).
            critic_steps = self._update_critics(batch.inputs, actions, y, losses, rho_critic)

        # Actors: eqs. (9), (11) and (12), against critics without dropout. Temperatures. Target critics.
        with held_masks(self.policy.actors, self._mask_noise):
            log_probs, actor_loss, actor_steps = self._update_actors(batch.inputs, temperatures, rho_actor)
        self._update_temperatures(log_probs)
        with torch.no_grad():
            for target, adam in zip(self.targets, self._critic_adams, strict=True):
                torch._foreach_lerp_(list(target.parameters()), adam.parameters, config.polyak)
        for layer in self._spectral_layers:
            layer.advance()  # once per update, targets too: their weights are averages and have norms of their own
        anchor_metrics = {} if self.anchor is None else self.anchor.after_update(self.policy)
        self.updates += 1
        if not log:
            return {}

        return {
            "critic_loss": float(torch.stack(losses).detach().mean()),
            "actor_loss": float(actor_loss.mean()),
            "q_mean": float(mean.mean()),
            "td_mean": delta.mean(dim=0).tolist(),
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

    def _update_critics(
        self, inputs: Tensor, actions: Tensor, y: Tensor, losses: Sequence[Tensor], rho: float
    ) -> list[NetworkStep]:
        """Adam steps of both twins, whose losses at θ_v are known; with SAM on the gradient at θ_v + ρ g/‖g‖."""
        steps, num_sharp, scale_invariant = [], self._num_sharp_critic, self.config.sam.scale_invariant
        for critic, adam, loss in zip(self.critics, self._critic_adams, losses, strict=True):
            gradient = adam.gradient([loss])
            if not self.config.sam.critic or rho == 0.0:
                steps.append(NetworkStep(gradient))
                continue
            with perturbed(adam.parameters[:num_sharp], gradient[:num_sharp], rho, scale_invariant) as ratio:
                sharp_loss = critic_loss(critic(inputs, actions, actions), y)
                self._check_finite("perturbed critic loss", sharp_loss)
                steps.append(NetworkStep(gradient, adam.gradient([sharp_loss], count=num_sharp), ratio))
        for adam, step in zip(self._critic_adams, steps, strict=True):
            adam.step(step.final, self._rate_factor)
        return steps

    def _update_actors(
        self, inputs: Tensor, temperatures: Tensor, rho: NDArray[np.float64]
    ) -> tuple[Tensor, Tensor, list[NetworkStep]]:
        """Adam steps of all actors, with SAM on the gated ones; returns log π (n, M), L_i (M,) and the steps.

        Every gradient is taken before the first weight moves, so each actor answers to the same joint policy.
        """
        config, n, num_sharp = self.config, len(inputs), self._num_sharp_actor
        noise = self._noise(n, self._update_noise)
        each_action, each_log_prob = self.policy.sample_each(inputs, noise)
        actions = self.policy.stack([own.detach() for own in each_action])
        log_probs = torch.stack([own.detach() for own in each_log_prob], dim=1)
        first = action_gradient(self.critics, inputs, actions, config.objective)
        losses = actor_losses(log_probs, first.ascended, temperatures)
        self._check_finite("actor losses", losses)
        pulls = [self._pull(i, inputs) for i in range(len(each_action))]
        steps = [
            NetworkStep(self._actor_gradient(i, sample, first.total[:, i], temperatures, pulls[i]))
            for i, sample in enumerate(zip(each_action, each_log_prob, strict=True))
        ]
        if self.anchor is not None:
            self.anchor.observe([pull for pull in pulls if pull is not None])

        with ExitStack() as stack:  # all gated actors are perturbed together, but each meets the others' `actions`
            ratios, samples = {}, {}
            for i in self._sam_actors(rho):
                weights, gradient = self._actor_adams[i].parameters[:num_sharp], steps[i].gradient[:num_sharp]
                ratios[i] = stack.enter_context(perturbed(weights, gradient, rho[i], config.sam.scale_invariant))
                samples[i] = self.policy.sample_one(i, inputs, noise)
            second = perturbed_action_gradient(
                self.critics,
                inputs,
                actions,
                {i: self.policy.pad(action) for i, (action, _) in samples.items()},
                first,
                config.objective,
                config.sam.cross_values,
            )
            for i, (values, slope) in second.items():
                loss = actor_losses(samples[i][1].detach()[:, None], values[:, None], temperatures[i : i + 1])
                self._check_finite(f"perturbed loss of actor {self.task.agents[i]}", loss)
                sharp = self._actor_gradient(i, samples[i], slope, temperatures, self._pull(i, inputs), num_sharp)
                steps[i] = NetworkStep(steps[i].gradient, sharp, ratios[i])
        if self.updates < config.actor_delay:
            return log_probs, losses, steps
        for adam, step in zip(self._actor_adams, steps, strict=True):
            adam.step(step.final, self._rate_factor)
        return log_probs, losses, steps

    def _update_temperatures(self, log_probs: Tensor) -> None:
        """Adam step of every log β_i towards the target entropy."""
        target_entropy = self.config.temperature.target_at(self.progress) * self._sizes
        loss = temperature_loss(self.log_temperature, log_probs, target_entropy)
        self._check_finite("temperature loss", loss)
        self._temperature_adam.step(self._temperature_adam.gradient([loss]))

    def _sam_actors(self, rho: NDArray[np.float64]) -> list[int]:
        """The actors that take the second pass. Without a radius it would repeat the first, so it is left out."""
        chosen = SAM_ACTORS[self.config.sam.actors](self.gate.open)
        selected: list[int] = np.flatnonzero(chosen & (rho > 0.0)).tolist()
        return selected

    def _actor_gradient(
        self,
        i: int,
        sample: tuple[Tensor, Tensor],
        slope: Tensor,
        temperatures: Tensor,
        pull: Tensor | None,
        count: int | None = None,
    ) -> list[Tensor]:
        """∇L_i by the chain rule: ∂L_i/∂a_i = −∂V_i/∂a_i / n and ∂L_i/∂log π = β_i / n, carried back to θ_{p,i}, or
        to the first `count` tensors of it; with the KL_i from an anchor as `pull`, ∇(L_i + w_i·KL_i)."""
        action, log_prob = sample
        n = len(action)
        outputs = [action, log_prob]
        weights = [slope[:, : action.shape[1]] / -n, (temperatures[i] / n).expand(n)]
        if self.anchor is not None and pull is not None:
            outputs.append(pull)
            weights.append(torch.tensor(self.anchor.weights[i], dtype=pull.dtype))
        return self._actor_adams[i].gradient(outputs, weights, count)

    def _pull(self, i: int, inputs: Tensor) -> Tensor | None:
        """Mean KL between actor i, its weights and masks being those of the moment, and its anchor, if it has one."""
        if self.anchor is None or not self.anchor.is_set:
            return None
        pull = self.anchor.divergence(i, self.policy, inputs)
        self._check_finite(f"divergence of actor {self.task.agents[i]} from its anchor", pull)
        return pull

    def _reset(self) -> None:
        """Begin anew behind the encoders; the draws depend on seed and update alone, as a resume needs."""
        (seed,) = np.random.SeedSequence([self._reset_seed, self.updates]).generate_state(1).tolist()
        critics, targets = ([critic.network for critic in each] for each in (self.critics, self.targets))
        actors = zip(self.policy.networks, self._actor_adams, strict=True)
        reset_heads(actors, zip(critics, targets, self._critic_adams, strict=True), seed)
        with torch.no_grad():
            self.log_temperature.fill_(math.log(self.config.temperature.initial))
        self._temperature_adam.forget([self.log_temperature])

    def _noise(self, n: int, generator: torch.Generator) -> Tensor:
        return torch.randn(n, len(self.task.agents), self.policy.noise_size, generator=generator)

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
            self.task.resource_columns,
        )

    def check_weights(self) -> None:
        """Raise `DivergedError` when a weight is not finite: a finite loss can still have a step that is not."""
        for name, tensor in self._live_tensors().items():
            if not torch.isfinite(tensor).all():
                raise DivergedError(f"update {self.updates}: {name} is no longer finite")

    def _check_finite(self, name: str, losses: Tensor) -> None:
        if not torch.isfinite(losses).all():
            raise DivergedError(f"update {self.updates}: {name} = {losses.tolist()}, must be finite")

    def policy_tensors(self) -> dict[str, Tensor]:
        """A copy of the actors' weights."""
        return {name: weight.clone() for name, weight in self.policy.state_dict().items()}

    def load_policy_tensors(self, tensors: Mapping[str, Tensor]) -> None:
        """Take over actors' weights; raises `ValueError` when names or shapes differ."""
        copy_into(self.policy.state_dict(), tensors)

    def tensors(self) -> dict[str, Tensor]:
        """A copy of all weights, Adam moments, log β and generator states: with `scalars`, all that a resume needs
        beside the replay buffer."""
        weights = {name: tensor.clone() for name, tensor in self._live_tensors().items()}
        return weights | generator_states(self._generators())

    def load_tensors(self, tensors: Mapping[str, Tensor]) -> None:
        """Go on exactly where `tensors` was taken; raises `ValueError` when names or shapes differ."""
        copy_into(self._live_tensors(), restore_generators(self._generators(), tensors))

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

    def _generators(self) -> dict[str, torch.Generator]:
        generators = {"update": self._update_noise, "act": self._act_noise}
        regularisation = self.config.regularisation
        if regularisation.actor.dropout > 0.0 or regularisation.critic.dropout > 0.0:
            generators["mask"] = self._mask_noise
        return generators

    def _live_tensors(self) -> dict[str, Tensor]:
        adams = {f"actors.{i}": adam for i, adam in enumerate(self._actor_adams)}
        adams |= {f"critics.{i}": adam for i, adam in enumerate(self._critic_adams)}
        adams["temperature"] = self._temperature_adam
        critics, targets = nn.ModuleList(self.critics), nn.ModuleList(self.targets)
        modules: dict[str, nn.Module] = {"policy": self.policy, "critics": critics, "targets": targets}
        if self.anchor is not None:
            modules["anchor"] = self.anchor.policy
        live = live_tensors(modules, adams)
        return live | {"log_temperature": self.log_temperature.detach()}


def _adam(network: nn.Module, learning_rate: float, regularisation: NetworkRegularisation) -> NetworkAdam:
    return NetworkAdam(dict(network.named_parameters()), learning_rate, regularisation.l2, regularisation.l2_kind)
