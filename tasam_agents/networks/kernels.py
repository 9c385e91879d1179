"""Small networks of linear and tanh layers, compiled: each way through one is a single call.

Shapes: n rows. The weights come as one vector θ = (W_1, b_1, W_2, b_2, …), W_l (out, in) row by row, the order of a
network's parameters; `widths` are (inputs, hidden …, outputs). What the hidden layers put out is one vector, too, layer
after layer, (n, width) each.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from oran_env.numerics.jit import kernel

Singles = NDArray[np.float32]
Integers = NDArray[np.int64]

Function = TypeVar("Function", bound=Callable[..., Any])


def contracted(function: Function) -> Function:
    """A kernel in which a product and the sum that it goes into may be one instruction."""
    return kernel(function, ("contract", "nsz"))


def reordered(function: Function) -> Function:
    """The same, and the terms of a sum may be added in vectors."""
    return kernel(function, ("contract", "nsz", "reassoc"))


NARROW = 8
"""Up to so many outputs of a layer are sums of their own, one after the other."""

TANH_LIMIT = np.float32(7.90531110763549805)
"""Beyond it tanh is ±1 in single precision."""


@contracted
def add_product(a: Any, b: Any, out: Any) -> None:
    """out (n, q) += a (n, p) · b (p, q). Four rows by four columns of `a` at once: each number loaded serves four
    times, as in BLAS, which for such sizes is no faster."""
    n, p = a.shape
    q = b.shape[1]
    n4, p4 = n // 4 * 4, p // 4 * 4
    for i in range(0, n4, 4):
        for k in range(0, p4, 4):
            a00, a01, a02, a03 = a[i, k], a[i, k + 1], a[i, k + 2], a[i, k + 3]
            a10, a11, a12, a13 = a[i + 1, k], a[i + 1, k + 1], a[i + 1, k + 2], a[i + 1, k + 3]
            a20, a21, a22, a23 = a[i + 2, k], a[i + 2, k + 1], a[i + 2, k + 2], a[i + 2, k + 3]
            a30, a31, a32, a33 = a[i + 3, k], a[i + 3, k + 1], a[i + 3, k + 2], a[i + 3, k + 3]
            for j in range(q):
                b0, b1, b2, b3 = b[k, j], b[k + 1, j], b[k + 2, j], b[k + 3, j]
                c0, c1, c2, c3 = out[i, j], out[i + 1, j], out[i + 2, j], out[i + 3, j]
                out[i, j] = c0 + a00 * b0 + a01 * b1 + a02 * b2 + a03 * b3
                out[i + 1, j] = c1 + a10 * b0 + a11 * b1 + a12 * b2 + a13 * b3
                out[i + 2, j] = c2 + a20 * b0 + a21 * b1 + a22 * b2 + a23 * b3
                out[i + 3, j] = c3 + a30 * b0 + a31 * b1 + a32 * b2 + a33 * b3
        for r in range(i, i + 4):
            for k in range(p4, p):
                for j in range(q):
                    out[r, j] += a[r, k] * b[k, j]
    for i in range(n4, n):
        for k in range(p):
            for j in range(q):
                out[i, j] += a[i, k] * b[k, j]


@reordered
def add_dots(a: Any, b: Any, out: Any) -> None:
    """out (n, q) += a (n, p) · bᵀ, b (q, p): each entry a sum of its own."""
    for i in range(len(a)):
        for j in range(len(b)):
            total = np.float32(0.0)
            for k in range(a.shape[1]):
                total += a[i, k] * b[j, k]
            out[i, j] += total


@contracted
def tanh(x: Any) -> None:
    """In place; x·P(x²)/Q(x²) with the coefficients of Eigen, which runs in vectors; within 2·10⁻⁷."""
    for i in range(len(x)):
        v = x[i]  # NaN stays NaN
        v = TANH_LIMIT if v > TANH_LIMIT else v
        v = -TANH_LIMIT if v < -TANH_LIMIT else v
        s = v * v
        p = np.float32(-2.76076847742355e-16)
        p = p * s + np.float32(2.00018790482477e-13)
        p = p * s + np.float32(-8.60467152213735e-11)
        p = p * s + np.float32(5.12229709037114e-08)
        p = p * s + np.float32(1.48572235717979e-05)
        p = p * s + np.float32(6.37261928875436e-04)
        p = p * s + np.float32(4.89352455891786e-03)
        q = np.float32(1.19825839466702e-06)
        q = q * s + np.float32(1.18534705686654e-04)
        q = q * s + np.float32(2.26843463243900e-03)
        q = q * s + np.float32(4.89352518554385e-03)
        x[i] = v * p / q


@contracted
def forward(theta: Singles, widths: Integers, rows: Singles, hidden: Singles, outputs: Singles) -> None:
    """h_0 = rows, h_l = tanh(W_l h_{l−1} + b_l), outputs = W_L h_{L−1} + b_L; `hidden` and `outputs` (n, K) are
    written."""
    n, last = len(rows), len(widths) - 2
    weights = filled = 0
    before = rows
    for layer in range(last + 1):
        p, q = widths[layer], widths[layer + 1]
        matrix = theta[weights : weights + q * p].reshape(q, p)
        bias = theta[weights + q * p : weights + q * p + q]
        weights += q * p + q
        out = outputs if layer == last else hidden[filled : filled + n * q].reshape(n, q)
        for i in range(n):
            for j in range(q):
                out[i, j] = bias[j]
        if q <= NARROW:
            add_dots(before, matrix, out)
        else:
            turned = np.empty((p, q), dtype=np.float32)
            for j in range(q):
                for k in range(p):
                    turned[k, j] = matrix[j, k]
            add_product(before, turned, out)
        if layer < last:
            tanh(hidden[filled : filled + n * q])
            filled += n * q
            before = out


@contracted
def backward(
    theta: Singles,
    widths: Integers,
    rows: Singles,
    hidden: Singles,
    slopes: Singles,
    gradient: Singles,
    of_inputs: Singles,
) -> None:
    """From `slopes` (n, K) = ∂/∂outputs, ∂/∂θ in `gradient` or, where that is empty, ∂/∂rows in `of_inputs` (n, d);
    both are zero before."""
    n, last = len(rows), len(widths) - 2
    weights, filled = len(theta), len(hidden)
    errors = slopes
    for layer in range(last, -1, -1):
        p, q = widths[layer], widths[layer + 1]
        weights -= q * p + q
        filled -= n * p if layer else 0
        before = hidden[filled : filled + n * p].reshape(n, p) if layer else rows
        if len(gradient):
            add_product(errors.T, before, gradient[weights : weights + q * p].reshape(q, p))
            of_bias = gradient[weights + q * p : weights + q * p + q]
            for i in range(n):
                for j in range(q):
                    of_bias[j] += errors[i, j]
            if layer == 0:
                return
        behind = np.zeros((n, p), dtype=np.float32) if layer else of_inputs
        add_product(errors, theta[weights : weights + q * p].reshape(q, p), behind)
        if layer:
            for i in range(n):
                for k in range(p):
                    behind[i, k] *= np.float32(1.0) - before[i, k] * before[i, k]
        errors = behind
