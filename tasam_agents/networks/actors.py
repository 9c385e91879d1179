"""The actors π_i: networks from rows of inputs to distributions of actions in (0, 1).

Shapes: n mini-batch, M agents, d inputs per agent, A action size (A_i of agent i, A the largest; the columns beyond
A_i are padding, constant 0.5, and count nowhere).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tasam_agents.config import BernoulliPolicy, RelaxedPolicy
from tasam_agents.networks.layers import HiddenLayers

# Range of log σ, the usual one of soft actor-critic. Its centre, −1.5, gives sigmoid actions of about −1.5 nats per
# dimension, so that a fresh policy starts near its target entropy.
LOG_STD_MIN, LOG_STD_MAX = -5.0, 2.0

DIRECTIONS: dict[str, Callable[[Any, Any], tuple[Any, Any]]] = {
    "anchor_to_policy": lambda policy, anchor: (anchor, policy),
    "policy_to_anchor": lambda policy, anchor: (policy, anchor),
}
"""The two distributions of KL(first ‖ second) by `AnchorConfig.direction`."""

BIT_SLOPES: dict[str, Callable[[Tensor, Tensor, Tensor, float], Tensor]] = {
    "straight_through": lambda probability, logits, logistic, softness: probability,
    "gumbel_sigmoid": lambda probability, logits, logistic, softness: torch.sigmoid((logits + logistic) / softness),
}
"""By `BernoulliPolicy.gradient`, what has the slope that a bit lacks: of p, ℓ, logistic noise and softness."""


class RelaxedActor(nn.Module):
    """π_i: a = sigmoid(z), z = mean + σ·u per action dimension, mean and log σ from one network.

    u is standard normal. With shared noise u = ε + s·g: the columns of one kind (those that claim a resource for the
    same purpose) have g in common, so its covariance is I + s²·11ᵀ within a kind.

    Args:
        config: with s.
        kinds: per kind, its columns.
    """

    kind_of: Tensor

    def __init__(
        self,
        config: RelaxedPolicy,
        num_inputs: int,
        hidden: HiddenLayers,
        action_size: int,
        kinds: Sequence[Sequence[int]] = (),
    ) -> None:
        super().__init__()
        self.action_size = action_size
        self.shared_noise = config.shared_noise
        kind_of = torch.zeros(len(kinds), action_size)  # one row per kind, 1 in its columns
        for row, columns in zip(kind_of, kinds, strict=True):
            row[list(columns)] = 1.0
        self.register_buffer("kind_of", kind_of, persistent=False)
        self.network = hidden.make(num_inputs, 2 * action_size)

    def set_progress(self, progress: float) -> None:
        """Nothing of it follows the run."""

    def distribution(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log σ of z, each (n, A_i); log σ is bounded softly, so its gradient never stops."""
        mean, raw = self.network(inputs).chunk(2, dim=-1)
        log_std = LOG_STD_MIN + 0.5 * (LOG_STD_MAX - LOG_STD_MIN) * (torch.tanh(raw) + 1.0)
        return mean, log_std

    def forward(self, inputs: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        """Reparameterised sample: actions (n, A_i) and log π(a|s) (n,).

        noise: standard normal (n, A_i), or with shared noise (n, A_i + kinds).
        """
        mean, log_std = self.distribution(inputs)
        noise, shared = noise[:, : self.action_size], noise[:, self.action_size :]
        correction: Tensor | float = 0.0
        if self.shared_noise > 0.0:
            noise = noise + self.shared_noise * (shared @ self.kind_of)
            correction = self._shared_correction(noise)
        z = mean + log_std.exp() * noise
        # log π(a) = log N(z) − log da/dz, and −log da/dz = −log(a(1 − a)) = 2·softplus(z) − z holds without overflow.
        log_prob = (2.0 * F.softplus(z) - z - log_std - 0.5 * noise.square()).sum(dim=-1)
        return torch.sigmoid(z), log_prob - 0.5 * math.log(2.0 * math.pi) * self.action_size + correction

    def _shared_correction(self, u: Tensor) -> Tensor:
        """log N(u; 0, I + s²·11ᵀ per kind) − log N(u; 0, I), (n,): the inverse and the determinant of a matrix that
        differs from I by one direction are known (Sherman and Morrison)."""
        growth = self.shared_noise**2 * self.kind_of.sum(dim=-1)  # s²·size of the kind
        along = (u @ self.kind_of.T).square() * (self.shared_noise**2 / (1.0 + growth))
        return 0.5 * (along - torch.log1p(growth)).sum(dim=-1)

    def divergence(self, inputs: Tensor, anchor: Actor, direction: str) -> Tensor:
        """KL between this policy and another one at each input, (n,) [nats], summed over action dimensions.

        In closed form: the sigmoid is one to one, so the KL of the actions is that of the normal z. No gradient flows
        into the anchor.

        Args:
            inputs: (n, d).
            anchor: the other policy, of the same kind.
            direction: `anchor_to_policy`, KL(anchor ‖ this), or `policy_to_anchor`, KL(this ‖ anchor).
        """
        assert isinstance(anchor, RelaxedActor)
        with torch.no_grad():
            other = anchor.distribution(inputs)
        own = self.distribution(inputs)
        (mean_p, log_std_p), (mean_q, log_std_q) = DIRECTIONS[direction](own, other)
        # KL(p ‖ q) = log σ_q/σ_p + (σ_p² + (μ_p − μ_q)²)/(2σ_q²) − 1/2 in every dimension.
        ratio = (log_std_p - log_std_q).exp()
        shift = (mean_p - mean_q) * (-log_std_q).exp()
        divergence: Tensor = (log_std_q - log_std_p + 0.5 * (ratio.square() + shift.square() - 1.0)).sum(dim=-1)
        if self.shared_noise > 0.0:
            divergence = divergence + 0.5 * self._shared_divergence(ratio, shift)
        return divergence

    def _shared_divergence(self, ratio: Tensor, shift: Tensor) -> Tensor:
        """What the covariance R = I + s²·11ᵀ of a kind adds to 2·KL, (n,): tr(R⁻¹ r R r) + δᵀR⁻¹δ − |r|² − |δ|² with
        R⁻¹ = I − c·11ᵀ, r = σ_p/σ_q and δ = (μ_p − μ_q)/σ_q, both (n, A)."""
        square = self.shared_noise**2
        c = square / (1.0 + square * self.kind_of.sum(dim=-1))
        of_squares = ratio.square() @ self.kind_of.T * (square - c)
        of_sums = (ratio @ self.kind_of.T).square() * (-c * square) - (shift @ self.kind_of.T).square() * c
        return (of_squares + of_sums).sum(dim=-1)

    def most_likely(self, inputs: Tensor) -> Tensor:
        """Deterministic action sigmoid(mean), (n, A_i)."""
        mean, _ = self.distribution(inputs)
        return torch.sigmoid(mean)


class BernoulliActor(nn.Module):
    """π_i: bits, independent given the state, 1 with probability p = sigmoid(ℓ), one logit ℓ each from one network
    times `sharpness`.

    A bit has no slope in ℓ; what stands in for it is p(1 − p) (`straight_through`, exact where the value is linear in
    the bit) or the slope of sigmoid((ℓ + logistic noise)/softness) (`gumbel_sigmoid`).

    Args:
        config: gradient, softness, and how `sharpness` follows the run.
    """

    sharpness: Tensor

    def __init__(self, config: BernoulliPolicy, num_inputs: int, hidden: HiddenLayers, action_size: int) -> None:
        super().__init__()
        self.action_size = action_size
        self.config = config
        self.network = hidden.make(num_inputs, action_size)
        self.register_buffer("sharpness", torch.ones(()))

    def set_progress(self, progress: float) -> None:
        """Set the factor on the logits to that of t/T = progress."""
        self.sharpness.fill_(self.config.sharpness_at(progress))

    def logits(self, inputs: Tensor) -> Tensor:
        """ℓ, (n, A_i), for inputs (n, d)."""
        logits: Tensor = self.network(inputs) * self.sharpness
        return logits

    def forward(self, inputs: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        """Sampled bits (n, A_i), and −H(π(·|s)) (n,): the exact mean of log π in place of a sample of it.

        noise: standard normal (n, A_i).
        """
        logits = self.logits(inputs)
        probability = torch.sigmoid(logits)
        # Φ(ε) is uniform, its logit logistic; in single precision Φ reaches 0 and 1, whose logits are not finite.
        logistic = torch.logit(torch.special.ndtr(noise), eps=1e-7)
        bits = (logits.detach() + logistic > 0.0).to(logits.dtype)
        slope = BIT_SLOPES[self.config.gradient](probability, logits, logistic, self.config.softness)
        negative_entropy = (logits * probability - F.softplus(logits)).sum(dim=-1)
        return bits + (slope - slope.detach()), negative_entropy

    def divergence(self, inputs: Tensor, anchor: Actor, direction: str) -> Tensor:
        """KL between this policy and another one at each input, (n,) [nats]; as `RelaxedActor.divergence`."""
        assert isinstance(anchor, BernoulliActor)
        with torch.no_grad():
            other = anchor.logits(inputs)
        own = self.logits(inputs)
        p, q = DIRECTIONS[direction](own, other)
        divergence: Tensor = (torch.sigmoid(p) * (p - q) - F.softplus(p) + F.softplus(q)).sum(dim=-1)
        return divergence

    def most_likely(self, inputs: Tensor) -> Tensor:
        """The likelier value of each bit, (n, A_i)."""
        logits = self.logits(inputs)
        return (logits > 0.0).to(logits.dtype)


Actor = RelaxedActor | BernoulliActor
