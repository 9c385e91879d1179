"""How sharp a loss is at its weights: largest eigenvalue of its Hessian, and SAM's own measure of sharpness.

Pure functions of a loss and its parameters. The loss is a closure that reads the parameters and gives the same
number each time: batch, noise and temperature are fixed outside. H is never formed, only H·v, by differentiating the
scalar product of gradient and v. Shapes: P all weights in one flat vector, in the order of the parameters.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from tasam_agents.learner.sam import global_norm, perturbed
from tasam_agents.networks.compiled import flattened

Loss = Callable[[], Tensor]
"""The loss, a scalar with a graph, at the parameters' present values."""

CONVERGED = 1e-2
"""‖Hv − λv‖/|λ| up to which λ counts as found. The error of λ is of second order in it: residual²/gap."""


@dataclass(frozen=True)
class Eigenvalue:
    """The largest algebraic eigenvalue of a Hessian, as Lanczos found it."""

    largest: float
    """λ_max. A Ritz value: never above the true one but for rounding."""
    smallest: float
    """The least Ritz value, at or above λ_min: shows whether a negative eigenvalue has the larger modulus."""
    residual: float
    """‖Hv − λv‖ of the unit vector found, by a product of its own: some eigenvalue lies this close to λ."""
    products: int
    """Hessian-vector products, that of the residual included."""

    @property
    def relative_residual(self) -> float:
        """‖Hv − λv‖/|λ|; 0 for the zero Hessian."""
        if self.residual == 0.0:
            return 0.0
        return self.residual / abs(self.largest) if self.largest else math.inf

    @property
    def converged(self) -> bool:
        """Whether the relative residual is at most `CONVERGED`."""
        return self.relative_residual <= CONVERGED


@dataclass(frozen=True)
class Ascent:
    """What one ascent step of length ρ does to a loss."""

    loss: float
    """L(θ)."""
    gradient_norm: float
    """‖∇L(θ)‖; ρ times it is the part of the increase that is slope and not curvature."""
    increase: float
    """L(θ + ρ g/‖g‖) − L(θ)."""


def hessian_vector_product(loss: Loss, parameters: Sequence[Tensor]) -> Callable[[Tensor], Tensor]:
    """v (P,) → H·v (P,) of `loss` in `parameters` alone; a parameter the loss does not read has zeros.

    The gradient's graph is built once and kept, so the parameters must not change while the product is in use.
    """
    weights = list(parameters)
    gradient = _flat(torch.autograd.grad(loss(), weights, create_graph=True, materialize_grads=True))

    def product(vector: Tensor) -> Tensor:
        if not gradient.requires_grad:  # a linear loss: its gradient does not depend on the weights
            return torch.zeros_like(vector)
        columns = torch.autograd.grad(gradient, weights, vector, retain_graph=True, materialize_grads=True)
        return _flat(columns)

    return product


def largest_eigenvalue(loss: Loss, parameters: Sequence[Tensor], products: int = 30, seed: int = 0) -> Eigenvalue:
    """Largest algebraic eigenvalue of the Hessian of `loss`, by Lanczos with full reorthogonalisation.

    Power iteration would give the eigenvalue of largest modulus instead, and with it the wrong sign wherever a
    direction of negative curvature dominates, as near the saddles that actors pass. Everything is computed in the
    parameters' dtype but for the small tridiagonal matrix; the start is random, of a generator of its own.

    Args:
        loss, parameters: see `hessian_vector_product`.
        products: Hessian-vector products, at least 2; the last one measures the residual. Fewer are made when the
            Krylov space is exhausted, as on a small network.
        seed: of the start vector.

    Raises:
        ValueError: `products` < 2, or no parameters.
        FloatingPointError: a product is not finite.
    """
    if products < 2:
        raise ValueError(f"products is {products}; allowed: 2 or more, the last measures the residual")
    size = sum(weight.numel() for weight in parameters)
    if size == 0:
        raise ValueError("parameters hold no weight; allowed: one or more")
    product = hessian_vector_product(loss, parameters)
    dtype = parameters[0].dtype
    # Drawn in single precision always, so that both precisions start from the same vector.
    start = torch.randn(size, generator=torch.Generator().manual_seed(seed)).to(dtype)
    steps = min(products - 1, size)
    basis = torch.empty(steps, size, dtype=dtype)
    basis[0] = start / torch.linalg.vector_norm(start)
    tridiagonal = torch.zeros(steps, steps, dtype=torch.float64)
    for k in range(steps):
        image = _finite(product(basis[k]))
        tridiagonal[k, k] = float(torch.dot(basis[k], image))
        span = basis[: k + 1]
        for _ in range(2):  # once leaves a remainder of the order of rounding, which the division below would enlarge
            image = image - span.T @ (span @ image)
        length = float(torch.linalg.vector_norm(image))
        scale = float(tridiagonal.abs().max())
        if k + 1 == steps or length <= 100.0 * torch.finfo(dtype).eps * scale:
            break
        tridiagonal[k, k + 1] = tridiagonal[k + 1, k] = length
        basis[k + 1] = image / length
    values, vectors = torch.linalg.eigh(tridiagonal[: k + 1, : k + 1])
    largest = float(values[-1])
    vector = vectors[:, -1].to(dtype) @ basis[: k + 1]
    vector = vector / torch.linalg.vector_norm(vector)
    residual = float(torch.linalg.vector_norm(_finite(product(vector)) - largest * vector))
    return Eigenvalue(largest, float(values[0]), residual, k + 2)


def ascent_sharpness(loss: Loss, parameters: Sequence[Tensor], rho: float) -> Ascent:
    """max over ‖ε‖ <= ρ of L(θ + ε) − L(θ) to first order: with the ε of SAM's ascent step, eq. (12).

    Args:
        loss: see `Loss`.
        parameters: θ of one network; as before afterwards.
        rho: ρ >= 0.
    """
    if not (math.isfinite(rho) and rho >= 0.0):
        raise ValueError(f"rho is {rho}; allowed: a finite number >= 0")
    here = loss()
    gradient = torch.autograd.grad(here, list(parameters), materialize_grads=True)
    with perturbed(flattened(parameters), _flat(gradient), rho), torch.no_grad():
        raised = float(loss())
    return Ascent(float(here.detach()), global_norm(gradient), raised - float(here.detach()))


def _flat(tensors: Sequence[Tensor]) -> Tensor:
    return torch.cat([tensor.reshape(-1) for tensor in tensors])


def _finite(vector: Tensor) -> Tensor:
    if not torch.isfinite(vector).all():
        raise FloatingPointError("a Hessian-vector product is not finite")
    return vector
