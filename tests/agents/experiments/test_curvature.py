"""Lanczos against the exact Hessian, scipy and a library's power iteration; SAM's sharpness against closed forms."""

import itertools
from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy.sparse.linalg import LinearOperator, eigsh
from torch import Tensor

from tasam_agents.experiments.sharpness.curvature import (
    Eigenvalue,
    ascent_sharpness,
    hessian_vector_product,
    largest_eigenvalue,
)
from tasam_agents.networks.layers import HiddenLayers


def quadratic(spectrum: list[float], seed: int = 0) -> tuple[Callable[[], Tensor], list[Tensor], Tensor, Tensor]:
    """L(θ) = ½ θᵀAθ + bᵀθ with the eigenvalues `spectrum`; θ in two parameters. Returns L, θ, A and b."""
    generator = torch.Generator().manual_seed(seed)
    size = len(spectrum)
    turn, _ = torch.linalg.qr(torch.randn(size, size, generator=generator, dtype=torch.float64))
    matrix = turn @ torch.diag(torch.tensor(spectrum, dtype=torch.float64)) @ turn.T
    slope = torch.randn(size, generator=generator, dtype=torch.float64)
    theta = torch.randn(size, generator=generator, dtype=torch.float64)
    parameters = [theta[:2].clone().requires_grad_(), theta[2:].clone().requires_grad_()]

    def loss() -> Tensor:
        flat = torch.cat(parameters)
        return 0.5 * torch.dot(flat, matrix @ flat) + torch.dot(slope, flat)

    return loss, parameters, matrix, slope


class SmallNetwork:
    """A tanh network in double precision and a loss that is not convex, as closure and as function of a flat vector."""

    def __init__(self, seed: int = 0) -> None:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.network = HiddenLayers((5, 4)).make(3, 2).double()
            self.inputs = torch.randn(16, 3, dtype=torch.float64)
        self.named = dict(self.network.named_parameters())
        self.parameters: list[Tensor] = list(self.named.values())

    @staticmethod
    def of_outputs(outputs: Tensor) -> Tensor:
        first, second = outputs.unbind(dim=-1)
        return (first * (2.0 + second)).mean() - second.square().mean()

    def loss(self) -> Tensor:
        return self.of_outputs(self.network(self.inputs))

    def hessian(self) -> Tensor:
        """(P, P) by torch.autograd.functional, row after row."""
        flat = torch.cat([weight.detach().reshape(-1) for weight in self.parameters])
        sizes = [weight.numel() for weight in self.parameters]

        def at(vector: Tensor) -> Tensor:
            parts = zip(self.named.items(), torch.split(vector, sizes), strict=True)
            weights = {name: part.view_as(weight) for (name, weight), part in parts}
            return self.of_outputs(torch.func.functional_call(self.network, weights, (self.inputs,)))

        hessian: Tensor = torch.autograd.functional.hessian(at, flat)  # type: ignore[no-untyped-call]
        return hessian


def test_products_are_those_of_the_exact_hessian() -> None:
    net = SmallNetwork()
    product = hessian_vector_product(net.loss, net.parameters)
    exact = net.hessian()
    columns = torch.stack([product(unit) for unit in torch.eye(len(exact), dtype=torch.float64)])
    torch.testing.assert_close(columns, exact, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_small_network_has_the_eigenvalues_of_its_exact_hessian(seed: int) -> None:
    net = SmallNetwork(seed)
    spectrum = torch.linalg.eigvalsh(net.hessian())
    found = largest_eigenvalue(net.loss, net.parameters, products=30)
    assert found.largest == pytest.approx(float(spectrum[-1]), rel=1e-6)
    assert found.smallest == pytest.approx(float(spectrum[0]), rel=1e-6)
    assert found.converged
    assert found.residual < 1e-5 * abs(found.largest)
    assert found.products == 30


def test_same_as_scipy_on_the_same_operator() -> None:
    net = SmallNetwork(3)
    product = hessian_vector_product(net.loss, net.parameters)
    size = sum(weight.numel() for weight in net.parameters)
    operator = LinearOperator(
        (size, size), matvec=lambda v: product(torch.from_numpy(np.ravel(v))).numpy(), dtype=np.float64
    )
    (expected,) = eigsh(operator, k=1, which="LA", return_eigenvectors=False, v0=np.ones(size))
    assert largest_eigenvalue(net.loss, net.parameters).largest == pytest.approx(expected, rel=1e-6)


def test_agrees_with_the_power_iteration_of_pytorch_optimizer_once_the_spectrum_is_shifted() -> None:
    matrices = pytest.importorskip("pytorch_optimizer.optimizer.utils.matrix")
    net = SmallNetwork()
    hessian = net.hessian()
    # Its matrix must be positive semidefinite: with a shift by more than |λ_min|, the largest modulus is λ_max's.
    shift = 1.1 * float(torch.linalg.matrix_norm(hessian, 2))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        shifted = matrices.power_iteration(hessian + shift * torch.eye(len(hessian), dtype=torch.float64), 3000)
    found = largest_eigenvalue(net.loss, net.parameters)
    assert found.largest == pytest.approx(float(shifted) - shift, rel=1e-6)


def test_largest_is_algebraic_where_a_negative_eigenvalue_has_the_larger_modulus() -> None:
    spectrum = [-7.0, -2.0, -0.5, 0.0, 0.25, 1.0, 1.5, 3.0]
    loss, parameters, matrix, _ = quadratic(spectrum)
    found = largest_eigenvalue(loss, parameters)
    assert found.largest == pytest.approx(3.0, rel=1e-9)
    assert found.smallest == pytest.approx(-7.0, rel=1e-9)
    assert found.products == len(spectrum) + 1
    vector = torch.ones(len(spectrum), dtype=torch.float64)
    for _ in range(200):  # power iteration, for comparison
        vector = matrix @ vector / torch.linalg.vector_norm(matrix @ vector)
    assert float(vector @ matrix @ vector) == pytest.approx(-7.0, rel=1e-9)
    negative = largest_eigenvalue(*quadratic([-4.0, -3.0, -1.0])[:2])
    assert negative.largest == pytest.approx(-1.0, rel=1e-9)
    assert negative.converged


def test_repeated_eigenvalues_exhaust_the_krylov_space_early() -> None:
    loss, parameters, _, _ = quadratic([2.0] * 6 + [-1.0] * 6)
    found = largest_eigenvalue(loss, parameters)
    assert found.largest == pytest.approx(2.0, rel=1e-9)
    assert found.products == 3
    assert found.residual < 1e-9


def test_orthogonality_survives_many_steps_on_a_wide_spectrum() -> None:
    # Without reorthogonalisation, rounding brings copies of the outer eigenvalues and the inner ones come late.
    spectrum = np.geomspace(1e-6, 1e3, 60).tolist()
    loss, parameters, _, _ = quadratic(spectrum)
    found = largest_eigenvalue(loss, parameters, products=61)
    assert found.largest == pytest.approx(1e3, rel=1e-9)
    assert found.smallest == pytest.approx(1e-6, rel=1e-3)


def test_too_few_products_are_reported_as_not_converged() -> None:
    spectrum = np.linspace(-1.0, 1.0, 400).tolist()
    loss, parameters, _, _ = quadratic(spectrum)
    few, many = (largest_eigenvalue(loss, parameters, products) for products in (4, 60))
    assert few.largest < many.largest <= 1.0 + 1e-9
    assert not few.converged
    assert few.relative_residual > 0.1
    assert many.converged
    # The residual is a bound: an eigenvalue lies within it.
    nearest = np.abs(np.asarray(spectrum) - few.largest).min()
    assert nearest <= few.residual


def test_order_of_parameters_does_not_matter() -> None:
    net = SmallNetwork()
    results = [
        largest_eigenvalue(net.loss, list(order), products=43).largest
        for order in itertools.islice(itertools.permutations(net.parameters), 0, 720, 240)
    ]
    assert len(results) == 3
    assert max(results) - min(results) < 1e-9 * abs(results[0])


def test_same_seed_same_bits_other_seed_same_eigenvalue_and_the_global_generator_is_left_alone() -> None:
    net = SmallNetwork()
    state = torch.get_rng_state()
    one, two, other = (largest_eigenvalue(net.loss, net.parameters, seed=seed) for seed in (0, 0, 1))
    assert one == two
    assert other != one
    assert other.largest == pytest.approx(one.largest, rel=1e-6)
    assert torch.equal(torch.get_rng_state(), state)


def test_single_precision_is_close_and_starts_from_the_same_vector() -> None:
    net = SmallNetwork()
    double, early_double = (largest_eigenvalue(net.loss, net.parameters, products) for products in (30, 4))
    net.network.float()
    net.inputs = net.inputs.float()
    single, early_single = (largest_eigenvalue(net.loss, net.parameters, products) for products in (30, 4))
    assert single.largest == pytest.approx(double.largest, rel=1e-4)
    assert single.largest != double.largest
    assert not early_double.converged  # another start would show
    assert early_single.largest == pytest.approx(early_double.largest, rel=1e-4)


def test_only_the_given_parameters_are_moved() -> None:
    left, right = (torch.ones(2, dtype=torch.float64, requires_grad=True) for _ in range(2))

    def loss() -> Tensor:
        return left.square().sum() + 10.0 * right.square().sum() + 50.0 * (left * right).sum()

    assert largest_eigenvalue(loss, [left]).largest == pytest.approx(2.0)
    assert largest_eigenvalue(loss, [right]).largest == pytest.approx(20.0)
    unread = torch.ones(3, dtype=torch.float64, requires_grad=True)
    assert largest_eigenvalue(loss, [left, unread]).largest == pytest.approx(2.0)


def test_a_linear_loss_has_no_curvature() -> None:
    theta = torch.ones(4, requires_grad=True)
    found = largest_eigenvalue(lambda: theta.sum(), [theta])
    assert (found.largest, found.residual, found.converged) == (0.0, 0.0, True)
    assert not Eigenvalue(largest=0.0, smallest=0.0, residual=0.1, products=3).converged


def test_ascent_of_a_quadratic_is_the_closed_form() -> None:
    loss, parameters, matrix, slope = quadratic([-2.0, 0.5, 1.0, 4.0])
    theta = torch.cat(parameters).detach()
    gradient = matrix @ theta + slope
    unit = gradient / gradient.norm()
    for rho in (0.0, 0.05, 0.7):
        found = ascent_sharpness(loss, parameters, rho)
        expected = rho * gradient.norm() + 0.5 * rho**2 * unit @ matrix @ unit
        assert found.increase == pytest.approx(float(expected), rel=1e-9, abs=1e-15)
        assert found.gradient_norm == pytest.approx(float(gradient.norm()), rel=1e-12)
        assert found.loss == pytest.approx(float(0.5 * theta @ matrix @ theta + slope @ theta), rel=1e-12)
        assert torch.equal(torch.cat(parameters).detach(), theta)


def test_ascent_at_a_stationary_point_goes_nowhere() -> None:
    theta = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    assert ascent_sharpness(lambda: theta.square().sum(), [theta], 0.5).increase == 0.0


def test_bad_arguments_and_infinite_losses_are_named() -> None:
    theta = torch.ones(3, requires_grad=True)
    with pytest.raises(ValueError, match="products is 1; allowed: 2 or more"):
        largest_eigenvalue(lambda: theta.square().sum(), [theta], products=1)
    with pytest.raises(ValueError, match="parameters hold no weight"):
        largest_eigenvalue(lambda: theta.square().sum(), [])
    with pytest.raises(ValueError, match=r"rho is -0\.1; allowed: a finite number >= 0"):
        ascent_sharpness(lambda: theta.square().sum(), [theta], -0.1)
    with pytest.raises(FloatingPointError, match="product is not finite"):
        largest_eigenvalue(lambda: (theta * torch.inf).square().sum(), [theta])
