"""The actors π_i: networks from rows of inputs to distributions of actions in (0, 1).

Shapes: n mini-batch, M agents, d inputs per agent, A action size (A_i of agent i, A the largest; the columns beyond
A_i are padding, constant 0.5, and count nowhere).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tasam_agents.config.fields import NetworkRegularisation, PolicyConfig
from tasam_agents.networks.critics import PADDING, PLAIN
from tasam_agents.networks.layers import make_network

# Range of log σ, the usual one of soft actor-critic. Its centre, −1.5, gives sigmoid actions of about −1.5 nats per
# dimension, so that a fresh policy starts near its target entropy.
LOG_STD_MIN, LOG_STD_MAX = -5.0, 2.0


class RelaxedActor(nn.Module):
    """π_i: a = sigmoid(z), z = mean + σ·u per action dimension, mean and log σ from one network.

    u is standard normal. With shared noise u = ε + s·g: the columns of one kind (those that claim a resource for the
    same purpose) have g in common, so its covariance is I + s²·11ᵀ within a kind.

    Args:
        kinds: per kind, its columns.
        shared_noise: s.
    """

    kind_of: Tensor

    def __init__(
        self,
        num_inputs: int,
        hidden: Sequence[int],
        action_size: int,
        regularisation: NetworkRegularisation = PLAIN,
        kinds: Sequence[Sequence[int]] = (),
        shared_noise: float = 0.0,
    ) -> None:
        super().__init__()
        self.action_size = action_size
        self.shared_noise = shared_noise
        kind_of = torch.zeros(len(kinds), action_size)  # one row per kind, 1 in its columns
        for row, columns in zip(kind_of, kinds, strict=True):
            row[list(columns)] = 1.0
        self.register_buffer("kind_of", kind_of, persistent=False)
        self.network = make_network(num_inputs, hidden, 2 * action_size, regularisation)

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
        (mean_p, log_std_p), (mean_q, log_std_q) = (own, other) if direction == "policy_to_anchor" else (other, own)
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
    """

    sharpness: Tensor

    def __init__(
        self,
        num_inputs: int,
        hidden: Sequence[int],
        action_size: int,
        regularisation: NetworkRegularisation = PLAIN,
        gradient: str = "straight_through",
        softness: float = 1.0,
    ) -> None:
        super().__init__()
        self.action_size = action_size
        self.gradient, self.softness = gradient, softness
        self.network = make_network(num_inputs, hidden, action_size, regularisation)
        self.register_buffer("sharpness", torch.ones(()))

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
        slope = probability
        if self.gradient == "gumbel_sigmoid":
            slope = torch.sigmoid((logits + logistic) / self.softness)
        negative_entropy = (logits * probability - F.softplus(logits)).sum(dim=-1)
        return bits + (slope - slope.detach()), negative_entropy

    def divergence(self, inputs: Tensor, anchor: Actor, direction: str) -> Tensor:
        """KL between this policy and another one at each input, (n,) [nats]; as `RelaxedActor.divergence`."""
        assert isinstance(anchor, BernoulliActor)
        with torch.no_grad():
            other = anchor.logits(inputs)
        own = self.logits(inputs)
        p, q = (own, other) if direction == "policy_to_anchor" else (other, own)
        divergence: Tensor = (torch.sigmoid(p) * (p - q) - F.softplus(p) + F.softplus(q)).sum(dim=-1)
        return divergence

    def most_likely(self, inputs: Tensor) -> Tensor:
        """The likelier value of each bit, (n, A_i)."""
        logits = self.logits(inputs)
        return (logits > 0.0).to(logits.dtype)


Actor = RelaxedActor | BernoulliActor


class JointPolicy(nn.Module):
    """The M actors. Six modules in a loop run as fast as stacked weights and stay six separate networks."""

    def __init__(self, actors: Sequence[Actor], noise_size: int) -> None:
        super().__init__()
        self.action_sizes = tuple(actor.action_size for actor in actors)
        self.noise_size = noise_size
        self.actors = nn.ModuleList(actors)

    @property
    def networks(self) -> list[nn.Sequential]:
        """The layers of each actor."""
        return [cast(Actor, actor).network for actor in self.actors]

    def sample_one(self, i: int, inputs: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        """Actor i: actions (n, A_i) and log-probabilities (n,); inputs (n, M, d) and noise (n, M, A) of all."""
        size = self.action_sizes[i]
        shared = noise[:, i, max(self.action_sizes) :]
        actions, log_prob = self.actors[i](inputs[:, i], torch.cat([noise[:, i, :size], shared], dim=-1))
        return actions, log_prob

    def sample_each(self, inputs: Tensor, noise: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """All actors: lists of actions (n, A_i) and of log-probabilities (n,)."""
        samples = [self.sample_one(i, inputs, noise) for i in range(len(self.actors))]
        return [actions for actions, _ in samples], [log_prob for _, log_prob in samples]

    def most_likely_each(self, inputs: Tensor) -> list[Tensor]:
        """All actors: deterministic actions (n, A_i)."""
        return [cast(Actor, actor).most_likely(inputs[:, i]) for i, actor in enumerate(self.actors)]

    def sharpen(self, factor: float) -> None:
        """Set the factor on the logits of all bits."""
        for actor in self.actors:
            if isinstance(actor, BernoulliActor):
                actor.sharpness.fill_(factor)

    def pad(self, actions: Tensor) -> Tensor:
        """(n, A_i) → (n, A)."""
        missing = max(self.action_sizes) - actions.shape[-1]
        return F.pad(actions, (0, missing), value=PADDING) if missing else actions

    def stack(self, actions: Sequence[Tensor]) -> Tensor:
        """Per actor (n, A_i) → (n, M, A)."""
        return torch.stack([self.pad(own) for own in actions], dim=1)


def make_policy(
    config: PolicyConfig,
    num_inputs: int,
    hidden: Sequence[int],
    action_sizes: Sequence[int],
    resource_columns: Sequence[Sequence[int]] = (),
    regularisation: NetworkRegularisation = PLAIN,
) -> JointPolicy:
    """One actor per agent.

    Raises:
        ValueError: shared noise where the environment names no resources.
    """
    if config.kind == "bernoulli":
        bits = [
            BernoulliActor(num_inputs, hidden, size, regularisation, config.gradient, config.softness)
            for size in action_sizes
        ]
        if config.reserved_share > 0.0:
            _reserve(bits, resource_columns, config)
        return JointPolicy(bits, max(action_sizes))
    if config.shared_noise == 0.0:
        return JointPolicy(
            [RelaxedActor(num_inputs, hidden, size, regularisation) for size in action_sizes], max(action_sizes)
        )
    if not resource_columns:
        raise ValueError(
            f"policy.shared_noise = {config.shared_noise}, allowed: 0; this environment names no resources"
        )
    if min(action_sizes) < max(action_sizes):
        raise ValueError(
            f"policy.shared_noise = {config.shared_noise}, allowed: 0, or actions of one size, not {list(action_sizes)}"
        )
    kinds = list(zip(*resource_columns, strict=True))
    shared = [
        RelaxedActor(num_inputs, hidden, size, regularisation, kinds, config.shared_noise) for size in action_sizes
    ]
    return JointPolicy(shared, max(action_sizes) + len(kinds))


def _reserve(actors: Sequence[BernoulliActor], resource_columns: Sequence[Sequence[int]], config: PolicyConfig) -> None:
    """Let the first resources begin as reserved: the first for actor 0, the next for actor 1, and around again."""
    if not resource_columns:
        raise ValueError(
            f"policy.reserved_share = {config.reserved_share}, allowed: 0; this environment names no resources"
        )
    each = int(config.reserved_share * len(resource_columns) / len(actors))
    seldom = math.log(config.reserved_claim / (1.0 - config.reserved_claim))
    for k, columns in enumerate(resource_columns[: each * len(actors)]):
        for i, actor in enumerate(actors):
            if i != k % len(actors):
                with torch.no_grad():
                    cast(Tensor, actor.network[-1].bias)[list(columns)] = seldom
