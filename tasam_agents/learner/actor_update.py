"""The step of the actors: the gradient of each by the chain rule through its action, with SAM on some of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from tasam_agents.config import LearnerConfig
from tasam_agents.learner.action_gradient import IS_TEAM, ActionGradient, action_gradient, perturbed_action_gradient
from tasam_agents.learner.adam import NetworkStep, network_adam
from tasam_agents.learner.diverged import check_each_finite, check_finite
from tasam_agents.learner.kl_anchor import Anchor
from tasam_agents.learner.losses import actor_losses
from tasam_agents.learner.sam import SAM_IS_WHOLE, perturbed
from tasam_agents.networks import gaussian
from tasam_agents.networks.actors import Actor
from tasam_agents.networks.critics import GlobalCritic
from tasam_agents.networks.joint_policy import JointPolicy
from tasam_agents.networks.layers import num_encoder_weights
from tasam_agents.networks.own_rows import OwnPass, OwnRows
from tasam_agents.networks.traces import Trace, trace


@dataclass(frozen=True)
class Sample:
    """What a network does for the G DUs that it serves."""

    trace: Trace
    noise: Tensor
    """u, (n, G, A_i)."""
    actions: Tensor
    """(n, G, A_i)."""
    log_probs: Tensor
    """(n, G)."""
    pull: Tensor | None = None
    """(G,) KL_i from the anchor, if any; with a graph that begins at `trace.outputs`."""


class ActorUpdate:
    """What steps the actors and holds their optimisers.

    Args:
        policy: the M actors, changed in place.
        critics: the twins that judge their actions.
        anchor: what the actors are held near, if anything.
        config: hyper-parameters.
        agents: their names, for messages.

    Attributes:
        adams: the optimisers of the actors.
    """

    def __init__(
        self,
        policy: JointPolicy,
        critics: Sequence[GlobalCritic],
        anchor: Anchor | None,
        config: LearnerConfig,
        agents: Sequence[str],
    ) -> None:
        self._policy, self._critics, self._anchor = policy, critics, anchor
        self._config, self._agents = config, agents
        self._actors, self._own_rows = [cast(Actor, actor) for actor in policy.actors], OwnRows(policy, critics)
        rate, regularisation = config.actor_learning_rate, config.regularisation.actor
        self.adams = [network_adam(actor, rate, regularisation) for actor in policy.actors]
        # How many weights of a network, from the first on, SAM perturbs; None: all.
        self._num_sharp = None if SAM_IS_WHOLE[config.sam.part] else num_encoder_weights(policy.networks[0])

    def __call__(
        self,
        inputs: Tensor,
        noise: Tensor,
        temperatures: Tensor,
        rho: Mapping[int, float],
        update: int,
        rate_factor: float,
    ) -> tuple[Tensor, Tensor, list[NetworkStep]]:
        """Adam steps of all actors; returns log π (n, M), L_i (M,) and the steps.

        Every gradient is taken before the first weight moves, so each actor answers to the same joint policy.

        Args:
            inputs: s, (n, M, d).
            noise: of the reparameterised actions, (n, M, K).
            temperatures: β, (M,).
            rho: ρ_i of the DUs whose actor gets SAM. A shared one gets it on the rows of these DUs, by the mean of
                their ρ_i; the gradient of the other rows is that at θ.
            update: number of the update, for messages.
            rate_factor: on the learning rate.

        Raises:
            DivergedError: a loss is NaN or infinite.
        """
        alone = not IS_TEAM[self._config.objective] and self._anchor is None
        passes = self._own_rows.passes(inputs, noise, temperatures) if alone else None
        log_probs, losses, steps = (
            self._joint_steps(inputs, noise, temperatures, rho, update)
            if passes is None
            else self._own_steps(passes, noise, temperatures, rho, update)
        )
        for adam, step in zip(self.adams, steps, strict=True):
            adam.step(step.final, rate_factor)
        return log_probs, losses, steps

    def sample(self, inputs: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        """Actions (n, M, A) and log π (n, M) of all DUs for inputs (n, M, d), noise (n, M, A).

        What `JointPolicy.sample` gives, by the compiled passes and without a graph.
        """
        samples = [self._sample(k, inputs, noise) for k in range(len(self._actors))]
        return self._joined(samples)

    def _joined(self, samples: Sequence[Sample]) -> tuple[Tensor, Tensor]:
        log_probs = [own.log_probs for own in samples]
        joined = log_probs[0] if len(log_probs) == 1 else torch.cat(log_probs, dim=1)
        return self._policy.joined([own.actions for own in samples]), joined

    def _own_steps(
        self,
        passes: Callable[[int, Sequence[int]], OwnPass],
        noise: Tensor,
        temperatures: Tensor,
        rho: Mapping[int, float],
        update: int,
    ) -> tuple[Tensor, Tensor, list[NetworkStep]]:
        """Where the value of each DU depends on its own row alone."""
        log_probs, values = np.empty(noise.shape[:2], np.float32), np.empty(noise.shape[:2], np.float32)
        gradients: list[list[Tensor]] = []  # by network, of the DUs without SAM and of those with it
        for k, groups in enumerate(self._groups(rho)):
            gradients.append([torch.empty(0)] * 2)
            for number, dus in enumerate(groups):
                if dus:
                    own = passes(k, dus)
                    log_probs[:, dus], values[:, dus] = own.log_probs, own.values
                    gradients[k][number] = self._own_gradient(k, dus, own)
        losses = actor_losses(log_probs, values, temperatures.numpy())
        check_finite(update, "actor losses", losses)

        steps = []
        for k, ((_, gated), (plain, steep)) in enumerate(zip(self._groups(rho), gradients, strict=True)):
            step = NetworkStep(_sum(plain, steep))
            if gated:
                with self._perturbed(k, steep, gated, rho) as ratio:
                    again = passes(k, gated)
                    sharp = _sum(plain, self._own_gradient(k, gated, again))
                self._check_perturbed(update, gated, again.log_probs, again.values, temperatures)
                step = NetworkStep(step.gradient, sharp[: self._num_sharp], ratio)
            steps.append(step)
        return torch.from_numpy(log_probs), torch.from_numpy(losses), steps

    def _own_gradient(self, network: int, dus: Sequence[int], own: OwnPass) -> Tensor:
        share = len(dus) / len(self._policy.served[network])
        return self.adams[network].penalised(torch.from_numpy(own.gradient), share)

    def _groups(self, rho: Mapping[int, float]) -> list[tuple[list[int], list[int]]]:
        """By network, the DUs that it serves without SAM, and those with it."""
        return [
            ([i for i in served if i not in rho], [i for i in served if i in rho]) for served in self._policy.served
        ]

    def _perturbed(
        self, network: int, gradient: Tensor, dus: Sequence[int], rho: Mapping[int, float]
    ) -> AbstractContextManager[float]:
        """The weights of a network are those of SAM's second pass."""
        sam, radius = self._config.sam, sum(rho[i] for i in dus) / len(dus)
        weights, direction = self.adams[network].theta[: self._num_sharp], gradient[: self._num_sharp]
        return perturbed(weights, direction, radius, sam.scale_invariant, relative=sam.relative_radius)

    def _check_perturbed(
        self, update: int, dus: Sequence[int], log_probs: Any, values: Any, temperatures: Tensor
    ) -> None:
        losses = actor_losses(log_probs, values, temperatures.numpy()[list(dus)])
        check_each_finite(update, "perturbed loss of actor {}", [self._agents[i] for i in dus], losses)

    def _joint_steps(
        self, inputs: Tensor, noise: Tensor, temperatures: Tensor, rho: Mapping[int, float], update: int
    ) -> tuple[Tensor, Tensor, list[NetworkStep]]:
        numbers = range(len(self._policy.served))
        samples = [self._pulled(k, inputs, noise, update) for k in numbers]
        actions, log_probs = self._joined(samples)
        first = action_gradient(self._critics, inputs, actions, self._config.objective)
        arrays = (each.numpy() for each in (log_probs, first.ascended, temperatures))
        losses = torch.from_numpy(actor_losses(*arrays))
        check_finite(update, "actor losses", losses)
        if self._anchor is not None:
            self._anchor.observe([own.pull for own in samples if own.pull is not None])
        # A network that serves DUs with open gates and others takes the gradients of the two apart.
        others, gated = zip(*self._groups(rho), strict=True)
        slopes = [self._loss_slopes(k, samples[k], first.total, temperatures) for k in numbers]
        plain = [self._gradient(k, others[k], samples[k], slopes[k]) for k in numbers]
        steep = [self._gradient(k, gated[k], samples[k], slopes[k]) for k in numbers]
        steps = [NetworkStep(_sum(*both)) for both in zip(plain, steep, strict=True)]

        with ExitStack() as stack:  # all of them are perturbed together, but each meets the others' `actions`
            ratios: dict[int, float] = {}
            again: dict[int, Sample] = {}
            for k, dus in enumerate(gated):
                if not dus:
                    continue
                ratios[k] = stack.enter_context(self._perturbed(k, steep[k], dus, rho))
                again[k] = self._pulled(k, inputs, noise, update)
            total = self._sharp_total(list(rho), again, inputs, actions, log_probs, first, temperatures, update)
            for k, ratio in ratios.items():
                sharp_slopes = self._loss_slopes(k, again[k], total, temperatures)
                sharp = _sum(plain[k], self._gradient(k, gated[k], again[k], sharp_slopes))
                steps[k] = NetworkStep(steps[k].gradient, sharp[: self._num_sharp], ratio)
        return log_probs, losses, steps

    def _sample(self, network: int, inputs: Tensor, noise: Tensor) -> Sample:
        """Of a network, its weights and masks being those of the moment."""
        actor, rows = self._actors[network], self._policy.rows_of(network, inputs)
        passed = trace(actor.network, rows)
        own_noise = self._policy.rows_of(network, noise)[..., : actor.action_size]
        actions, log_probs = map(torch.from_numpy, gaussian.sample(passed.outputs.numpy(), own_noise.numpy()))
        return Sample(passed, own_noise, actions, log_probs)

    def _pulled(self, network: int, inputs: Tensor, noise: Tensor, update: int) -> Sample:
        """The same, with the pull of the anchor."""
        sample = self._sample(network, inputs, noise)
        if self._anchor is None or not self._anchor.is_set:
            return sample
        rows, outputs = self._policy.rows_of(network, inputs), sample.trace.outputs.requires_grad_()
        pull = self._anchor.divergence(network, outputs, rows)
        names = [self._agents[i] for i in self._policy.served[network]]
        check_each_finite(update, "divergence of actor {} from its anchor", names, pull)
        return replace(sample, pull=pull)

    def _sharp_total(
        self,
        dus: Sequence[int],
        again: Mapping[int, Sample],
        inputs: Tensor,
        actions: Tensor,
        log_probs: Tensor,
        first: ActionGradient,
        temperatures: Tensor,
        update: int,
    ) -> Tensor:
        """∂V_i/∂a_i (n, M, A) at the actions of the perturbed networks; 0 for all but the DUs `dus`."""
        total = torch.zeros_like(actions)
        if not dus:
            return total
        moved, moved_log_probs = actions.clone(), log_probs.clone()
        for k, sample in again.items():
            self._policy.rows_of(k, moved).copy_(self._policy.pad(sample.actions))
            self._policy.rows_of(k, moved_log_probs).copy_(sample.log_probs)
        objective, cross_values = self._config.objective, self._config.sam.cross_values
        values, total[:, dus] = perturbed_action_gradient(
            self._critics, inputs, actions, dus, moved[:, dus], first, objective, cross_values
        )
        self._check_perturbed(update, dus, moved_log_probs.numpy()[:, dus], values.numpy(), temperatures)
        return total

    def _loss_slopes(self, network: int, sample: Sample, total: Tensor, temperatures: Tensor) -> Tensor:
        """∂L_i/∂(outputs of the network), (n, G, 2 A_i), divided by the number G of DUs that it serves.

        By the chain rule: ∂L_i/∂a_i = −∂V_i/∂a_i / n, with `total` (n, M, A) = ∂V_i/∂a_i, and ∂L_i/∂log π = β_i / n;
        with an anchor, of L_i + w_i·KL_i.
        """
        served = self._policy.served[network]
        share = 1.0 / (len(sample.actions) * len(served))
        by_actions = self._policy.rows_of(network, total.numpy())[..., : sample.actions.shape[-1]] * -share
        by_log_probs = temperatures.numpy()[served[0] : served[-1] + 1] * share
        outputs, noise, actions = sample.trace.outputs.detach().numpy(), sample.noise.numpy(), sample.actions.numpy()
        slopes = torch.from_numpy(gaussian.sample_slopes(outputs, noise, actions, by_actions, by_log_probs))
        if self._anchor is not None and sample.pull is not None:
            own = torch.tensor([self._anchor.weights[i] / len(served) for i in served], dtype=sample.pull.dtype)
            slopes += torch.autograd.grad(sample.pull, sample.trace.outputs, own)[0]
        return slopes

    def _gradient(self, network: int, dus: Sequence[int], sample: Sample, slopes: Tensor) -> Tensor:
        """∇ of what `dus` add to a network's loss, one vector; an empty one for none."""
        if not dus:
            return torch.empty(0)
        served = self._policy.served[network]
        if len(dus) < len(served):
            slopes = slopes * torch.tensor([float(i in dus) for i in served], dtype=slopes.dtype)[:, None]
        return self.adams[network].penalised(sample.trace.weights(slopes), len(dus) / len(served))


def _sum(first: Tensor, second: Tensor) -> Tensor:
    """Of two gradients, either of which may be empty."""
    if not len(first) or not len(second):
        return first if len(first) else second
    return first + second
