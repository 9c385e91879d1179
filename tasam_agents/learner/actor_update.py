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
            rho: ρ_i of the DUs whose actor gets SAM. A shared one gets it on the rows of these DUs, by the mean of
                their ρ_i; the gradient of the other rows is that at θ.
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
        samples = dict(enumerate(zip(each_action, each_log_prob, strict=True)))
        slopes = dict(enumerate(first.total.unbind(1)))
        numbers = range(len(self._policy.served))
        pulls = {i: pull for k in numbers for i, pull in self._pulls(k, inputs, update).items()}
        # A network that serves DUs with open gates and others takes the gradients of the two apart.
        gated = [[i for i in served if i in rho] for served in self._policy.served]
        others = [[i for i in served if i not in rho] for served in self._policy.served]
        plain = [
            self._gradient(k, others[k], samples, slopes, temperatures, pulls, keep_graph=bool(gated[k]))
            for k in numbers
        ]
        steep = [self._gradient(k, gated[k], samples, slopes, temperatures, pulls) for k in numbers]
        steps = [NetworkStep(_sum(*both)) for both in zip(plain, steep, strict=True)]
        if self._anchor is not None:
            self._anchor.observe(list(pulls.values()))

        with ExitStack() as stack:  # all of them are perturbed together, but each meets the others' `actions`
            ratios: dict[int, float] = {}
            again: dict[int, Sample] = {}
            for k, dus in enumerate(gated):
                if not dus:
                    continue
                weights, gradient = self.adams[k].parameters[: self._num_sharp], steep[k][: self._num_sharp]
                radius = sum(rho[i] for i in dus) / len(dus)
                sam = self._config.sam
                perturbation = perturbed(weights, gradient, radius, sam.scale_invariant, relative=sam.relative_radius)
                ratios[k] = stack.enter_context(perturbation)
                own = self._policy.sample_of(k, inputs, noise)
                again |= {i: own[i] for i in dus}
            own_actions = {i: self._policy.pad(action) for i, (action, _) in again.items()}
            objective, cross_values = self._config.objective, self._config.sam.cross_values
            second = perturbed_action_gradient(
                self._critics, inputs, actions, own_actions, first, objective, cross_values
            )
            for i, (values, _) in second.items():
                loss = actor_losses(again[i][1].detach()[:, None], values[:, None], temperatures[i : i + 1])
                check_finite(update, f"perturbed loss of actor {self._agents[i]}", loss)
            slopes = {i: slope for i, (_, slope) in second.items()}
            for k, ratio in ratios.items():
                pulls = self._pulls(k, inputs, update)
                sharp = self._gradient(k, gated[k], again, slopes, temperatures, pulls, self._num_sharp)
                steps[k] = NetworkStep(steps[k].gradient, _sum(plain[k][: self._num_sharp], sharp), ratio)
        for adam, step in zip(self.adams, steps, strict=True):
            adam.step(step.final, rate_factor)
        return log_probs, losses, steps

    def _gradient(
        self,
        network: int,
        dus: Sequence[int],
        samples: Mapping[int, Sample],
        slopes: Mapping[int, Tensor],
        temperatures: Tensor,
        pulls: Mapping[int, Tensor],
        count: int | None = None,
        keep_graph: bool = False,
    ) -> list[Tensor]:
        """∇ of the sum of L_i over `dus`, divided by the number of DUs that the network serves; nothing for no DUs.

        By the chain rule, ∂L_i/∂a_i = −∂V_i/∂a_i / n and ∂L_i/∂log π = β_i / n, carried back to θ_p, or to the first
        `count` tensors of it; with the KL_i from an anchor as `pulls`, ∇(L_i + w_i·KL_i).
        """
        outputs, weights = [], []
        num = len(self._policy.served[network])
        for i in dus:
            action, log_prob = samples[i]
            n = len(action) * num
            outputs += [action, log_prob]
            weights += [slopes[i][:, : action.shape[1]] / -n, (temperatures[i] / n).expand(len(action))]
            if self._anchor is not None and i in pulls:
                outputs.append(pulls[i])
                weights.append(torch.tensor(self._anchor.weights[i] / num, dtype=pulls[i].dtype))
        return self.adams[network].gradient(outputs, weights, count, keep_graph) if dus else []

    def _pulls(self, network: int, inputs: Tensor, update: int) -> dict[int, Tensor]:
        """Mean KL by DU between a network, its weights and masks being those of the moment, and its anchor, if any."""
        if self._anchor is None or not self._anchor.is_set:
            return {}
        pulls = self._anchor.divergence(network, self._policy, inputs)
        for i, pull in pulls.items():
            check_finite(update, f"divergence of actor {self._agents[i]} from its anchor", pull)
        return pulls


def _sum(first: Sequence[Tensor], second: Sequence[Tensor]) -> Sequence[Tensor]:
    """Of two gradients, either of which may be nothing."""
    return torch._foreach_add(list(first), list(second)) if first and second else first or second
