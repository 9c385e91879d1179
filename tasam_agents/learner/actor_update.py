"""The step of the actors: the gradient of each by the chain rule through its action, with SAM on some of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack

import torch
from torch import Tensor

from tasam_agents.config import LearnerConfig
from tasam_agents.learner.action_gradient import action_gradient, perturbed_action_gradient
from tasam_agents.learner.adam import NetworkStep, network_adam
from tasam_agents.learner.diverged import check_finite
from tasam_agents.learner.kl_anchor import Anchor
from tasam_agents.learner.losses import actor_losses
from tasam_agents.learner.sam import SAM_IS_WHOLE, perturbed
from tasam_agents.networks.critics import GlobalCritic
from tasam_agents.networks.joint_policy import JointPolicy
from tasam_agents.networks.layers import num_encoder_tensors

Sample = tuple[Tensor, Tensor]
"""An actor's own action (n, A_i) and its log π (n,), with their graph."""


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
        # How many tensors of a network, from the first on, SAM perturbs; None: all.
        self._num_sharp = None if SAM_IS_WHOLE[config.sam.part] else num_encoder_tensors(policy.networks[0])

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
            rho: ρ_i of the actors that get SAM.
            update: number of the update, for messages.
            rate_factor: on the learning rate.

        Raises:
            DivergedError: a loss is NaN or infinite.
        """
        each_action, each_log_prob = self._policy.sample_each(inputs, noise)
        actions = self._policy.stack([own.detach() for own in each_action])
        log_probs = torch.stack([own.detach() for own in each_log_prob], dim=1)
        first = action_gradient(self._critics, inputs, actions, self._config.objective)
        losses = actor_losses(log_probs, first.ascended, temperatures)
        check_finite(update, "actor losses", losses)
        pulls = [self._pull(i, inputs, update) for i in range(len(each_action))]
        steps = [
            NetworkStep(self._gradient(i, sample, first.total[:, i], temperatures, pulls[i]))
            for i, sample in enumerate(zip(each_action, each_log_prob, strict=True))
        ]
        if self._anchor is not None:
            self._anchor.observe([pull for pull in pulls if pull is not None])

        with ExitStack() as stack:  # all of them are perturbed together, but each meets the others' `actions`
            ratios, samples = {}, {}
            for i, radius in rho.items():
                weights, gradient = self.adams[i].parameters[: self._num_sharp], steps[i].gradient[: self._num_sharp]
                sam = self._config.sam
                perturbation = perturbed(weights, gradient, radius, sam.scale_invariant, relative=sam.relative_radius)
                ratios[i] = stack.enter_context(perturbation)
                samples[i] = self._policy.sample_one(i, inputs, noise)
            own_actions = {i: self._policy.pad(action) for i, (action, _) in samples.items()}
            objective, cross_values = self._config.objective, self._config.sam.cross_values
            second = perturbed_action_gradient(
                self._critics, inputs, actions, own_actions, first, objective, cross_values
            )
            for i, (values, slope) in second.items():
                loss = actor_losses(samples[i][1].detach()[:, None], values[:, None], temperatures[i : i + 1])
                check_finite(update, f"perturbed loss of actor {self._agents[i]}", loss)
                pull = self._pull(i, inputs, update)
                sharp = self._gradient(i, samples[i], slope, temperatures, pull, self._num_sharp)
                steps[i] = NetworkStep(steps[i].gradient, sharp, ratios[i])
        for adam, step in zip(self.adams, steps, strict=True):
            adam.step(step.final, rate_factor)
        return log_probs, losses, steps

    def _gradient(
        self,
        i: int,
        sample: Sample,
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
        if self._anchor is not None and pull is not None:
            outputs.append(pull)
            weights.append(torch.tensor(self._anchor.weights[i], dtype=pull.dtype))
        return self.adams[i].gradient(outputs, weights, count)

    def _pull(self, i: int, inputs: Tensor, update: int) -> Tensor | None:
        """Mean KL between actor i, its weights and masks being those of the moment, and its anchor, if it has one."""
        if self._anchor is None or not self._anchor.is_set:
            return None
        pull = self._anchor.divergence(i, self._policy, inputs)
        check_finite(update, f"divergence of actor {self._agents[i]} from its anchor", pull)
        return pull
