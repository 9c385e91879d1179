"""The step of the actors: the gradient of each by the chain rule through its action, with SAM on some of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor

from tasam_agents.config import LearnerConfig
from tasam_agents.learner.action_gradient import ActionGradient, action_gradient, perturbed_action_gradient
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
    pull: Tensor | None
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
        policy, numbers = self._policy, range(len(self._policy.served))
        samples = [self._sample(k, inputs, noise, update) for k in numbers]
        actions = policy.joined([own.actions for own in samples])
        log_probs = torch.cat([own.log_probs for own in samples], dim=1)
        first = action_gradient(self._critics, inputs, actions, self._config.objective)
        losses = actor_losses(log_probs, first.ascended, temperatures)
        check_finite(update, "actor losses", losses)
        if self._anchor is not None:
            self._anchor.observe([own.pull for own in samples if own.pull is not None])
        # A network that serves DUs with open gates and others takes the gradients of the two apart.
        gated = [[i for i in served if i in rho] for served in policy.served]
        others = [[i for i in served if i not in rho] for served in policy.served]
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
                weights, gradient = self.adams[k].theta[: self._num_sharp], steep[k][: self._num_sharp]
                radius = sum(rho[i] for i in dus) / len(dus)
                sam = self._config.sam
                perturbation = perturbed(
                    [weights], [gradient], radius, sam.scale_invariant, relative=sam.relative_radius
                )
                ratios[k] = stack.enter_context(perturbation)
                again[k] = self._sample(k, inputs, noise, update)
            total = self._sharp_total(list(rho), again, inputs, actions, log_probs, first, temperatures, update)
            for k, ratio in ratios.items():
                sharp_slopes = self._loss_slopes(k, again[k], total, temperatures)
                sharp = _sum(plain[k], self._gradient(k, gated[k], again[k], sharp_slopes))
                steps[k] = NetworkStep(steps[k].gradient, sharp[: self._num_sharp], ratio)
        for adam, step in zip(self.adams, steps, strict=True):
            adam.step(step.final, rate_factor)
        return log_probs, losses, steps

    def _sample(self, network: int, inputs: Tensor, noise: Tensor, update: int) -> Sample:
        """Of a network, its weights and masks being those of the moment."""
        actor, rows = cast(Actor, self._policy.actors[network]), self._policy.rows_of(network, inputs)
        passed = trace(actor.network, rows)
        own_noise = self._policy.rows_of(network, noise)[..., : actor.action_size]
        actions, log_probs = map(torch.from_numpy, gaussian.sample(passed.outputs.numpy(), own_noise.numpy()))
        pull = None
        if self._anchor is not None and self._anchor.is_set:
            pull = self._anchor.divergence(network, passed.outputs.requires_grad_(), rows)
            names = [self._agents[i] for i in self._policy.served[network]]
            check_each_finite(update, "divergence of actor {} from its anchor", names, pull)
        return Sample(passed, own_noise, actions, log_probs, pull)

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
        losses = actor_losses(moved_log_probs[:, dus], values, temperatures[dus])
        check_each_finite(update, "perturbed loss of actor {}", [self._agents[i] for i in dus], losses)
        return total

    def _loss_slopes(self, network: int, sample: Sample, total: Tensor, temperatures: Tensor) -> Tensor:
        """∂L_i/∂(outputs of the network), (n, G, 2 A_i), divided by the number G of DUs that it serves.

        By the chain rule: ∂L_i/∂a_i = −∂V_i/∂a_i / n, with `total` (n, M, A) = ∂V_i/∂a_i, and ∂L_i/∂log π = β_i / n;
        with an anchor, of L_i + w_i·KL_i.
        """
        served = self._policy.served[network]
        share = 1.0 / (len(sample.actions) * len(served))
        by_actions = self._policy.rows_of(network, total)[..., : sample.actions.shape[-1]] * -share
        by_log_probs = (temperatures[served] * share).expand_as(sample.log_probs)
        arrays = (sample.trace.outputs.detach(), sample.noise, sample.actions, by_actions, by_log_probs)
        slopes = torch.from_numpy(gaussian.sample_slopes(*(each.numpy() for each in arrays)))
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
