"""The policy that the actors are held near by a KL term: the best one so far (section V-C), or a teacher.

The paper asks for "a dynamic regularization mechanism" that "penalizes drastic changes from previously successful
policies" and gives neither formula nor weight; docs/forgetting.md lists what we chose. Actor i minimises
L_i + w_i·KL_i, KL_i the mean over the mini-batch of the KL between anchor and actor, and SAM takes both of its
gradients of that sum. The dynamic weight is the adaptive KL controller of Ziegler et al. (2019), an integrating
Lagrange multiplier in log w, with bounds: one w_i per actor.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tasam_agents.config import AnchorConfig
from tasam_agents.learner.state_tensors import copy_into
from tasam_agents.networks.actors import Actor
from tasam_agents.networks.joint_policy import JointPolicy
from tasam_agents.networks.layers import spectral_layers

CLIP = 0.2
"""Bound of the relative error KL/target − 1 that the weight answers to, as in Ziegler et al."""


TEACHES = {"none": None, "best_snapshot": False, "teacher": True}
"""By `AnchorConfig.source`: whether the anchor is there from the start on, not after a validation only; None: never."""

WEIGHT_IS_DYNAMIC = {"dynamic": True, "fixed": False}
"""By `AnchorConfig.weighting`."""


def make_anchor(config: AnchorConfig, policy: JointPolicy) -> Anchor | None:
    """The anchor of these actors; None where the source is `none`."""
    return None if TEACHES[config.source] is None else Anchor(config, policy)


class Anchor:
    """π_anchor of all actors, the weights w_i, and how both move.

    Args:
        config: with a `source` other than "none".
        policy: the actors; the teacher begins as their copy.

    Attributes:
        policy: π_anchor, never trained.
        weights: w_i, one per DU.
        is_set: whether there is an anchor yet: a best snapshot needs a first validation.
        is_held: whether the anchor stays as it is, whatever the actors do.
    """

    def __init__(self, config: AnchorConfig, policy: JointPolicy) -> None:
        self.config = config
        self.policy = copy.deepcopy(policy).requires_grad_(False)
        self.weights = [config.weight] * len(policy.action_sizes)
        self.is_set = self._teaches = bool(TEACHES[config.source])
        self.is_held = False
        self._divergences: list[float] = []

    def divergence(self, network: int, outputs: Tensor, rows: Tensor) -> Tensor:
        """KL_i (G,) of the G DUs that a network serves, from its outputs (n, G, 2 A_i) for the rows (n, G, d): the KL
        between what acts for DU i and its anchor [nats], mean over n."""
        with torch.no_grad():
            anchors = self.policy.networks[network](rows)
        return Actor.divergence_of(outputs, anchors, self.config.direction).mean(dim=0)

    def observe(self, divergences: Sequence[Tensor]) -> None:
        """Note the KL_i of this update, those of each network, at the unperturbed weights; none while there is no
        anchor."""
        self._divergences = [kl for of_network in divergences for kl in of_network.tolist()]

    def take(self, policy: JointPolicy) -> None:
        """`best_snapshot`: the actors have just done better on validation than ever, so they are the anchor now."""
        if not self._teaches and not self.is_held:
            self.adopt(policy.state_dict())

    def adopt(self, weights: Mapping[str, Tensor]) -> None:
        """Make the actors with these weights the anchor; raises `ValueError` when names or shapes differ."""
        copy_into(self.policy.state_dict(), weights)
        self.is_set = True

    def after_update(self, policy: JointPolicy) -> dict[str, list[float] | list[float | None] | None]:
        """Move the weights w_i and a teacher that follows the actors; returns KL_i per dimension and w_i as they were
        in this update, None where there is no anchor yet."""
        if not self._divergences:
            return {"anchor_kl": None, "anchor_weight": None}
        per_dim = [kl / size for kl, size in zip(self._divergences, policy.action_sizes, strict=True)]
        metrics: dict[str, list[float] | list[float | None] | None] = {
            "anchor_kl": per_dim,
            "anchor_weight": list(self.weights),
        }
        if WEIGHT_IS_DYNAMIC[self.config.weighting]:
            self.weights = [self._adapted(w, kl) for w, kl in zip(self.weights, per_dim, strict=True)]
        if self._teaches and not self.config.teacher_run and not self.is_held:
            self._follow(policy)
        return metrics

    def _adapted(self, weight: float, divergence: float) -> float:
        error = float(np.clip(divergence / self.config.target_kl_per_dim - 1.0, -CLIP, CLIP))
        return float(np.clip(weight * (1.0 + self.config.adaptation * error), *self.config.weight_range))

    @torch.no_grad()
    def _follow(self, policy: JointPolicy) -> None:
        torch._foreach_lerp_(list(self.policy.parameters()), list(policy.parameters()), self.config.teacher_step)
        for layer in spectral_layers(self.policy):
            layer.advance()  # averaged weights have norms of their own

    def state(self) -> dict[str, Any]:
        """What `load_state` needs beside the anchor's weights, as JSON types."""
        return {"weights": list(self.weights), "is_set": self.is_set, "is_held": self.is_held}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go on exactly where `state` was taken."""
        self.weights = list(state["weights"])
        self.is_set, self.is_held = state["is_set"], state["is_held"]
