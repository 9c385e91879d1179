"""Small networks of linear and tanh layers, compiled: each way through one is a single call.

Shapes: n rows, which are columns here: units come first, so that the innermost loops run over the rows, which are many,
whatever the width of a layer. The weights come as one vector θ = (W_1, b_1, W_2, b_2, …), W_l (out, in) row by row, the
order of a network's parameters; `widths` are (inputs, hidden …, outputs). What the hidden layers put out is one vector,
too, layer after layer, (width, n) each.
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


TANH_LIMIT = np.float32(7.90531110763549805)
"""Beyond it tanh is ±1 in single precision."""


@contracted
def add_product(a: Any, b: Any, out: Any) -> None:
    """out (p, n) += a (p, q) · b (q, n). Four rows by four columns of `a` at once: each number loaded serves four
    times, as in BLAS, which for such sizes is no faster."""
    p, q = a.shape
    n = b.shape[1]
    p4, q4 = p // 4 * 4, q // 4 * 4
    for i in range(0, p4, 4):
        for k in range(0, q4, 4):
            a00, a01, a02, a03 = a[i, k], a[i, k + 1], a[i, k + 2], a[i, k + 3]
            a10, a11, a12, a13 = a[i + 1, k], a[i + 1, k + 1], a[i + 1, k + 2], a[i + 1, k + 3]
            a20, a21, a22, a23 = a[i + 2, k], a[i + 2, k + 1], a[i + 2, k + 2], a[i + 2, k + 3]
            a30, a31, a32, a33 = a[i + 3, k], a[i + 3, k + 1], a[i + 3, k + 2], a[i + 3, k + 3]
            for j in range(n):
                b0, b1, b2, b3 = b[k, j], b[k + 1, j], b[k + 2, j], b[k + 3, j]
                c0, c1, c2, c3 = out[i, j], out[i + 1, j], out[i + 2, j], out[i + 3, j]
                out[i, j] = c0 + a00 * b0 + a01 * b1 + a02 * b2 + a03 * b3
                out[i + 1, j] = c1 + a10 * b0 + a11 * b1 + a12 * b2 + a13 * b3
                out[i + 2, j] = c2 + a20 * b0 + a21 * b1 + a22 * b2 + a23 * b3
                out[i + 3, j] = c3 + a30 * b0 + a31 * b1 + a32 * b2 + a33 * b3
        for k in range(q4, q):
            a0, a1, a2, a3 = a[i, k], a[i + 1, k], a[i + 2, k], a[i + 3, k]
            for j in range(n):
                bj = b[k, j]
                c0, c1, c2, c3 = out[i, j], out[i + 1, j], out[i + 2, j], out[i + 3, j]
                out[i, j], out[i + 1, j] = c0 + a0 * bj, c1 + a1 * bj
                out[i + 2, j], out[i + 3, j] = c2 + a2 * bj, c3 + a3 * bj
    for i in range(p4, p):
        for k in range(q):
            for j in range(n):
                out[i, j] += a[i, k] * b[k, j]


@reordered
def add_dots(a: Any, b: Any, out: Any) -> None:
    """out (p, q) += a (p, n) · bᵀ, b (q, n): each entry a sum of its own, four by four of them at once."""
    p, q, n = len(a), len(b), a.shape[1]
    p4, q4 = p // 4 * 4, q // 4 * 4
    for i in range(0, p4, 4):
        for k in range(0, q4, 4):
            s00 = s01 = s02 = s03 = s10 = s11 = s12 = s13 = np.float32(0.0)
            s20 = s21 = s22 = s23 = s30 = s31 = s32 = s33 = np.float32(0.0)
            for j in range(n):
                a0, a1, a2, a3 = a[i, j], a[i + 1, j], a[i + 2, j], a[i + 3, j]
                b0, b1, b2, b3 = b[k, j], b[k + 1, j], b[k + 2, j], b[k + 3, j]
                s00, s01, s02, s03 = s00 + a0 * b0, s01 + a0 * b1, s02 + a0 * b2, s03 + a0 * b3
                s10, s11, s12, s13 = s10 + a1 * b0, s11 + a1 * b1, s12 + a1 * b2, s13 + a1 * b3
                s20, s21, s22, s23 = s20 + a2 * b0, s21 + a2 * b1, s22 + a2 * b2, s23 + a2 * b3
                s30, s31, s32, s33 = s30 + a3 * b0, s31 + a3 * b1, s32 + a3 * b2, s33 + a3 * b3
            for row, sums in enumerate(
                ((s00, s01, s02, s03), (s10, s11, s12, s13), (s20, s21, s22, s23), (s30, s31, s32, s33))
            ):
                for column, total in enumerate(sums):
                    out[i + row, k + column] += total
        for k in range(q4, q):
            s0 = s1 = s2 = s3 = np.float32(0.0)
            for j in range(n):
                bj = b[k, j]
                s0, s1, s2, s3 = s0 + a[i, j] * bj, s1 + a[i + 1, j] * bj, s2 + a[i + 2, j] * bj, s3 + a[i + 3, j] * bj
            for row, total in enumerate((s0, s1, s2, s3)):
                out[i + row, k] += total
    for i in range(p4, p):
        for k in range(q):
            total = np.float32(0.0)
            for j in range(n):
                total += a[i, j] * b[k, j]
            out[i, k] += total


@reordered
def add_sums(a: Any, out: Any) -> None:
    """out (p,) += the sums over a (p, n)."""
    for i in range(len(a)):
        total = np.float32(0.0)
        for j in range(a.shape[1]):
            total += a[i, j]
        out[i] += total


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
    """h_0 = rows, h_l = tanh(W_l h_{l−1} + b_l), outputs = W_L h_{L−1} + b_L; `hidden` and `outputs` (K, n) are
    written."""
    n, last = rows.shape[1], len(widths) - 2
    weights = filled = 0
    before = rows
    for layer in range(last + 1):
        p, q = widths[layer], widths[layer + 1]
        matrix = theta[weights : weights + q * p].reshape(q, p)
        bias = theta[weights + q * p : weights + q * p + q]
        weights += q * p + q
        out = outputs if layer == last else hidden[filled : filled + q * n].reshape(q, n)
        for i in range(q):
            for j in range(n):
                out[i, j] = bias[i]
        add_product(matrix, before, out)
        if layer < last:
            tanh(hidden[filled : filled + q * n])
            filled += q * n
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
    """From `slopes` (K, n) = ∂/∂outputs, ∂/∂θ in `gradient` or, where that is empty, ∂/∂rows in `of_inputs` (d, n);
    both are zero before."""
    n, last = rows.shape[1], len(widths) - 2
    weights, filled = len(theta), len(hidden)
    errors = slopes
    for layer in range(last, -1, -1):
        p, q = widths[layer], widths[layer + 1]
        weights -= q * p + q
        filled -= p * n if layer else 0
        before = hidden[filled : filled + p * n].reshape(p, n) if layer else rows
        if len(gradient):
            add_dots(errors, before, gradient[weights : weights + q * p].reshape(q, p))
            add_sums(errors, gradient[weights + q * p : weights + q * p + q])
            if layer == 0:
                return
        behind = np.zeros((p, n), dtype=np.float32) if layer else of_inputs
        add_product(theta[weights : weights + q * p].reshape(q, p).T, errors, behind)
        if layer:
            for k in range(p):
                for j in range(n):
                    behind[k, j] *= np.float32(1.0) - before[k, j] * before[k, j]
        errors = behind
