"""The gradients of the losses of a critic and of an actor, compiled: one call for a mini-batch.

Shapes as in `kernels`: n rows are columns here, units come first.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tasam_agents.networks.gaussian import HALF_RANGE, LOG_STD_MIN
from tasam_agents.networks.kernels import Integers, Singles, backward, contracted, forward, tanh

HALF, ONE, TWO = np.float32(0.5), np.float32(1.0), np.float32(2.0)
RANGE, CENTRE = np.float32(HALF_RANGE), np.float32(LOG_STD_MIN + HALF_RANGE)
LOG_ROOT_2PI = np.float32(0.5 * math.log(2.0 * math.pi))


@contracted
def critic_gradient(theta: Singles, widths: Integers, rows: Singles, targets: Singles, gradient: Singles) -> float:
    """∂/∂θ of the mean of (y − Q)² over all entries, in `gradient`, which is zero before; returns the mean.

    Args:
        rows: what the critic reads, (F, n).
        targets: y, (K, n).
    """
    k, n = targets.shape
    hidden = np.empty(n * widths[1:-1].sum(), dtype=np.float32)
    outputs = np.empty((k, n), dtype=np.float32)
    forward(theta, widths, rows, hidden, outputs)
    total, share = 0.0, np.float32(2.0 / (k * n))
    for i in range(k):
        for j in range(n):
            error = outputs[i, j] - targets[i, j]
            total += error * error
            outputs[i, j] = error * share
    backward(theta, widths, rows, hidden, outputs, gradient, np.empty((1, 0), dtype=np.float32))
    return float(total / (k * n))


@contracted
def sample(outputs: Singles, noise: Singles, stds: Singles, actions: Singles, log_probs: Singles) -> None:
    """`gaussian.sample`: of outputs (2A, n), whose second half becomes tanh of itself, and noise u (A, n) the σ and the
    actions, both (A, n), and log π (n,), which are written."""
    size, n = noise.shape
    tanh(outputs[size:].reshape(size * n))
    for j in range(n):
        log_probs[j] = -LOG_ROOT_2PI * np.float32(size)
    for a in range(size):
        for j in range(n):
            log_std, u = RANGE * outputs[size + a, j] + CENTRE, noise[a, j]
            std = np.exp(log_std)
            z = outputs[a, j] + std * u
            distance = abs(z)
            small = np.exp(-distance)
            stds[a, j] = std
            actions[a, j] = (ONE if z >= 0.0 else small) / (ONE + small)
            log_probs[j] += distance + TWO * np.log(ONE + small) - log_std - HALF * u * u


@contracted
def least(twins: Any, widths: Integers, rows: Singles, values: Singles, slopes: Singles) -> None:
    """min(Q¹, Q²) (n,) of both networks θ for rows (d, n), and its slopes ∂/∂rows (d, n), which are zero before."""
    n = rows.shape[1]
    hidden = np.empty((2, n * widths[1:-1].sum()), dtype=np.float32)
    outputs = np.empty((2, 1, n), dtype=np.float32)
    for k in range(2):
        forward(twins[k], widths, rows, hidden[k], outputs[k])
    own = np.empty((1, n), dtype=np.float32)
    nothing = np.empty(0, dtype=np.float32)
    for k in range(2):
        for j in range(n):
            first, second = outputs[0, 0, j], outputs[1, 0, j]
            is_least = first <= second if k == 0 else not first <= second
            own[0, j] = ONE if is_least else np.float32(0.0)
            values[j] = first if first <= second or np.isnan(first) else second
        backward(twins[k], widths, rows, hidden[k], own, nothing, slopes)


@contracted
def actor_gradient(
    theta: Singles,
    widths: Integers,
    twins: Any,
    critic_widths: Integers,
    rows: Singles,
    noise: Singles,
    temperatures: Singles,
    action_scale: float,
    share: float,
    log_probs: Singles,
    values: Singles,
    gradient: Singles,
) -> None:
    """∂/∂θ of Σ share·(β log π(a) − min(Q¹, Q²)(a)) over n rows, a reparameterised by the noise u (A, n), where a
    critic reads one DU's row.

    Args:
        rows: what the critics read, (F, n): first what the actor reads, then the actions, which are written.
        temperatures: β (G,) of the G DUs, whose rows take turns.
        log_probs, values, gradient: written, (n,), (n,) and like θ; the gradient is zero before.
    """
    size, n = noise.shape
    num_inputs, scale = widths[0], np.float32(action_scale)
    hidden = np.empty(n * widths[1:-1].sum(), dtype=np.float32)
    outputs = np.empty((2 * size, n), dtype=np.float32)
    stds, actions = np.empty((size, n), dtype=np.float32), np.empty((size, n), dtype=np.float32)
    inputs = rows[:num_inputs]
    forward(theta, widths, inputs, hidden, outputs)
    sample(outputs, noise, stds, actions, log_probs)
    for a in range(size):
        for j in range(n):
            rows[num_inputs + a, j] = (actions[a, j] - HALF) * scale
    by_rows = np.zeros(rows.shape, dtype=np.float32)
    least(twins, critic_widths, rows, values, by_rows)
    # ∂a/∂z = a(1 − a), ∂log π/∂z = 2a − 1, ∂log π/∂log σ = −1 at a given z; ∂z/∂μ = 1, ∂z/∂log σ = σ·u.
    for a in range(size):
        for j in range(n):
            by_log_prob = temperatures[j % len(temperatures)] * np.float32(share)
            by_action = -by_rows[num_inputs + a, j] * scale * np.float32(share)
            action, bounded = actions[a, j], outputs[size + a, j]
            by_z = by_action * action * (ONE - action) + by_log_prob * (TWO * action - ONE)
            outputs[a, j] = by_z
            by_log_std = by_z * stds[a, j] * noise[a, j] - by_log_prob
            outputs[size + a, j] = by_log_std * RANGE * (ONE - bounded * bounded)
    backward(theta, widths, inputs, hidden, outputs, gradient, np.empty((1, 0), dtype=np.float32))
