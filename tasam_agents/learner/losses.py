"""Losses of the soft actor-critic, eqs. (9) and (10), as pure functions of tensors or of arrays.

Shapes: n mini-batch, M agents. Every function checks them and raises `ValueError` on a mismatch, because a silent
broadcast of (n, M) against (M,) or (n, 1) trains without complaint and learns nothing.
"""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Values = TypeVar("Values", Tensor, NDArray[np.floating[Any]])


def _check_shapes(**tensors: tuple[Any, tuple[int, ...]]) -> None:
    for name, (tensor, shape) in tensors.items():
        if tuple(tensor.shape) != shape:
            raise ValueError(f"{name} has shape {tuple(tensor.shape)}, expected {shape}")


def bellman_target(
    rewards: Values,
    terminated: Values,
    next_values: Values,
    next_log_probs: Values,
    temperatures: Values,
    gamma: float,
) -> Values:
    """y_i = r_i + γ(1 − d_i)(Q_i(s', a') − β_i log π_i(a'_i|s'_i)), the target of eq. (10), (n, M).

    The entropy term stands at s', as in soft actor-critic; eq. (10) prints it at (s_t, a_t). d is true termination:
    a time limit is not an end of the task, so the target goes on through it.

    Args:
        rewards, terminated (0 or 1), next_values (least of the target twins), next_log_probs: (n, M).
        temperatures: β, (M,).
    """
    n, m = rewards.shape
    _check_shapes(
        terminated=(terminated, (n, m)),
        next_values=(next_values, (n, m)),
        next_log_probs=(next_log_probs, (n, m)),
        temperatures=(temperatures, (m,)),
    )
    return rewards + gamma * (1.0 - terminated) * (next_values - temperatures * next_log_probs)


def td_error(rewards: Values, terminated: Values, next_values: Values, values: Values, gamma: float) -> Values:
    """δ_i = r_i + γ(1 − d_i)Q_i(s', a') − Q_i(s, a) of section IV-C, no entropy term; all (n, M)."""
    n, m = rewards.shape
    _check_shapes(terminated=(terminated, (n, m)), next_values=(next_values, (n, m)), values=(values, (n, m)))
    return rewards + gamma * (1.0 - terminated) * next_values - values


def critic_loss(values: Values, targets: Values) -> Any:
    """Mean over n and M of (y − Q)², eq. (10)."""
    n, m = values.shape
    _check_shapes(targets=(targets, (n, m)))
    return ((targets - values) ** 2).sum() / (n * m)


def actor_losses(log_probs: Values, values: Values, temperatures: Values) -> Values:
    """L_i = mean over n of β_i log π_i(a_i|s_i) − V_i, (M,): eq. (9) with its sign turned, for a minimiser.

    Eq. (9) prints the score-function form; with reparameterised actions the gradient of L_i is the same expectation
    with far less variance. V_i is what actor i ascends: its own value, or the sum of all DUs' values.

    Args:
        log_probs, values: (n, M).
        temperatures: β, (M,).
    """
    n, m = log_probs.shape
    _check_shapes(values=(values, (n, m)), temperatures=(temperatures, (m,)))
    means: Values = (temperatures * log_probs - values).sum(0) / n
    return means


def temperature_loss(log_temperatures: Tensor, log_probs: Tensor, target_entropies: Tensor) -> Tensor:
    """Sum over actors of −log β_i · mean over n of (log π_i + H̄_i): β_i rises while the entropy is below H̄_i.

    A sum, so that each actor's log β has the gradient it would have alone.

    Args:
        log_temperatures, target_entropies [nats]: (M,).
        log_probs: (n, M), no gradient flows into it.
    """
    m = log_probs.shape[1]
    _check_shapes(log_temperatures=(log_temperatures, (m,)), target_entropies=(target_entropies, (m,)))
    shortfall = log_probs.detach().mean(dim=0) + target_entropies
    return -torch.dot(log_temperatures, shortfall)
