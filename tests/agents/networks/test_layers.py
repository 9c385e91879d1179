"""Regularised layers against torch's own, and which layers are the encoder."""

from typing import Any

import pytest
import torch
from torch import nn

from tasam_agents.config import NetworkRegularisation
from tasam_agents.networks.layers import (
    CReLU,
    HeldDropout,
    HiddenLayers,
    SpectralLinear,
    dropout_layers,
    encoder_and_head,
    held_masks,
    num_encoder_weights,
)


def seeded(seed: int = 0, hidden: tuple[int, ...] = (8, 7, 6), **fields: Any) -> nn.Sequential:
    torch.manual_seed(seed)
    return HiddenLayers(hidden, NetworkRegularisation(**fields)).make(5, 2)


def kinds(network: nn.Sequential) -> list[str]:
    return [type(layer).__name__ for layer in network]


def test_each_switch_adds_its_layer_and_nothing_else() -> None:
    assert kinds(seeded(hidden=(8,))) == ["Linear", "Tanh", "Linear"]
    assert kinds(seeded(hidden=(8,), layer_norm=True)) == ["Linear", "LayerNorm", "Tanh", "Linear"]
    assert kinds(seeded(hidden=(8,), activation="crelu")) == ["Linear", "CReLU", "Linear"]
    assert kinds(seeded(hidden=(8,), dropout=0.1)) == ["Linear", "Tanh", "HeldDropout", "Linear"]
    assert kinds(seeded(hidden=(8,), spectral_norm=True)) == ["SpectralLinear", "Tanh", "Linear"]
    every = seeded(hidden=(8,), layer_norm=True, activation="crelu", dropout=0.1, spectral_norm=True)
    assert kinds(every) == ["SpectralLinear", "LayerNorm", "CReLU", "HeldDropout", "Linear"]
    assert kinds(seeded(hidden=(8,), dropout=0.0, l2=1.0)) == ["Linear", "Tanh", "Linear"]


def test_switches_that_keep_the_widths_keep_the_initial_weights() -> None:
    plain = [p.clone() for p in seeded().parameters() if p.ndim > 1]
    for fields in ({"layer_norm": True}, {"dropout": 0.5}, {"spectral_norm": True}):
        others = [p for p in seeded(**fields).parameters() if p.ndim > 1]
        assert all(torch.equal(p, q) for p, q in zip(plain, others, strict=True)), fields


def test_crelu_keeps_both_signs() -> None:
    rows = torch.tensor([[1.5, -2.0]])
    assert CReLU()(rows).tolist() == [[1.5, 0.0, 0.0, 2.0]]
    layer = [layer for layer in seeded(activation="crelu") if isinstance(layer, nn.Linear)]
    assert [(linear.in_features, linear.out_features) for linear in layer] == [(5, 8), (16, 7), (14, 6), (12, 2)]


def test_spectral_layer_agrees_with_that_of_torch() -> None:
    """Same outputs and gradients for the same weights and vectors; then one power iteration by hand."""
    torch.manual_seed(1)
    ours = SpectralLinear(5, 4).double()
    theirs = nn.Linear(5, 4).double()
    theirs.load_state_dict({"weight": ours.weight, "bias": ours.bias})
    torch.nn.utils.parametrizations.spectral_norm(theirs, n_power_iterations=1)
    parametrization: Any = theirs.parametrizations.weight[0]  # type: ignore[index, union-attr]
    with torch.no_grad():  # far from the singular vectors, so that an iteration shows
        ours.u.copy_(torch.nn.functional.normalize(torch.arange(1.0, 5.0).double(), dim=0))
        ours.v.copy_(torch.nn.functional.normalize(torch.arange(1.0, 6.0).double(), dim=0))
    parametrization._u, parametrization._v = ours.u.clone(), ours.v.clone()
    rows = torch.randn(3, 5).double()
    theirs.eval()
    before = ours.u.clone()
    torch.testing.assert_close(ours(rows), theirs(rows))
    (gradient,) = torch.autograd.grad(ours(rows).square().sum(), ours.weight)
    original: Any = theirs.parametrizations.weight.original  # type: ignore[union-attr]
    (expected,) = torch.autograd.grad(theirs(rows).square().sum(), original)
    torch.testing.assert_close(gradient, expected)
    assert torch.equal(ours.u, before), "a pass must not move the vectors"
    ours.advance()
    v = torch.nn.functional.normalize(ours.weight.T @ before, dim=0)
    torch.testing.assert_close(ours.v, v.detach())
    torch.testing.assert_close(ours.u, torch.nn.functional.normalize(ours.weight @ v, dim=0).detach())
    assert not torch.equal(ours.u, before)


def test_norm_is_one_from_the_start_and_power_iteration_follows_the_weights() -> None:
    torch.manual_seed(0)
    layer = SpectralLinear(40, 30)
    assert torch.linalg.matrix_norm(layer.normalised_weight, 2).item() == pytest.approx(1.0, abs=1e-5)
    with torch.no_grad():
        layer.weight.mul_(3.0)
    assert torch.linalg.matrix_norm(layer.normalised_weight, 2).item() == pytest.approx(1.0, abs=1e-5)
    with torch.no_grad():
        layer.weight.add_(2.0 * torch.outer(torch.randn(30), torch.randn(40)))
    assert torch.linalg.matrix_norm(layer.normalised_weight, 2).item() > 1.1
    for _ in range(30):
        layer.advance()
    assert torch.linalg.matrix_norm(layer.normalised_weight, 2).item() == pytest.approx(1.0, abs=1e-4)
    layer.reset_parameters()
    assert torch.linalg.matrix_norm(layer.normalised_weight, 2).item() == pytest.approx(1.0, abs=1e-5)


def test_dropout_is_the_identity_outside_and_one_mask_inside() -> None:
    network, rows = seeded(dropout=0.4, hidden=(50, 50)), torch.randn(16, 5)
    plain = seeded(hidden=(50, 50))
    generator = torch.Generator().manual_seed(3)
    assert torch.equal(network(rows), plain(rows))
    with held_masks(dropout_layers([network]), generator):
        first, second = network(rows), network(rows)
        masks = [layer.mask for layer in network if isinstance(layer, HeldDropout)]
        with pytest.raises(ValueError, match=r"shape \(8, 50\), allowed"):
            network(rows[:8])
    assert torch.equal(first, second)
    assert not torch.equal(first, plain(rows))
    assert len(masks) == 2
    for mask in masks:
        assert mask is not None
        assert sorted(set(mask.flatten().tolist())) == pytest.approx([0.0, 1.0 / 0.6])
        assert (mask == 0).float().mean().item() == pytest.approx(0.4, abs=0.06)
    assert torch.equal(network(rows), plain(rows))
    with held_masks(dropout_layers([network]), generator):
        assert not torch.equal(network(rows), first), "the next update has masks of its own"


def test_masks_are_given_up_after_an_error() -> None:
    network, rows = seeded(dropout=0.4), torch.randn(4, 5)
    before = network(rows)

    def fail_inside() -> None:
        with held_masks(dropout_layers([network]), torch.Generator()):
            network(rows)
            raise RuntimeError("inside")

    with pytest.raises(RuntimeError, match="inside"):
        fail_inside()
    assert torch.equal(network(rows), before)


@pytest.mark.parametrize(("hidden", "encoder_layers"), [((8, 7, 6), 2), ((8, 7, 6, 5), 2), ((8, 7), 2), ((8,), 1)])
@pytest.mark.parametrize("fields", [{}, {"layer_norm": True, "activation": "crelu", "dropout": 0.1}])
def test_encoder_is_the_first_two_hidden_layers(
    hidden: tuple[int, ...], encoder_layers: int, fields: dict[str, Any]
) -> None:
    network = seeded(hidden=hidden, **fields)
    encoder, head = encoder_and_head(network)
    assert [layer.out_features for layer in encoder if isinstance(layer, nn.Linear)] == list(hidden[:encoder_layers])
    assert isinstance(head[0], nn.Linear)
    parameters = list(network.parameters())
    per_layer = 4 if fields else 2  # a matrix and a bias, and as many vectors of the normalisation
    assert len(list(encoder.parameters())) == encoder_layers * per_layer
    assert num_encoder_weights(network) == sum(p.numel() for p in parameters[: encoder_layers * per_layer])
    assert all(a is b for a, b in zip([*encoder.parameters(), *head.parameters()], parameters, strict=True))
    rows = torch.randn(3, 5)
    torch.testing.assert_close(head(encoder(rows)), network(rows))
