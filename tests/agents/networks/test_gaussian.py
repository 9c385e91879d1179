"""The distribution of the actors in NumPy against its definition in torch, and its way back against autograd."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from tasam_agents.networks import gaussian
from tasam_agents.networks.actors import Actor
from tasam_agents.networks.layers import HiddenLayers

TOLERANCES = {torch.float64: 1e-12, torch.float32: 1e-5}


def actor(size: int) -> Actor:
    torch.manual_seed(0)
    return Actor(4, HiddenLayers((8,)), size)


def sampled(outputs: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
    actions, log_probs = gaussian.sample(outputs.numpy(), noise.numpy())
    return torch.from_numpy(np.asarray(actions)), torch.from_numpy(np.asarray(log_probs))


def slopes_of(outputs: Tensor, noise: Tensor, by_actions: Tensor, by_log_probs: Tensor) -> Tensor:
    arrays = (outputs, noise, sampled(outputs, noise)[0], by_actions, by_log_probs)
    return torch.from_numpy(gaussian.sample_slopes(*(each.numpy() for each in arrays)))


def by_autograd(outputs: Tensor, noise: Tensor, by_actions: Tensor, by_log_probs: Tensor) -> Tensor:
    leaf = outputs.clone().requires_grad_()
    actions, log_probs = actor(noise.shape[-1]).sample_of(leaf, noise)
    return torch.autograd.grad((actions * by_actions).sum() + (log_probs * by_log_probs).sum(), leaf)[0]


def cases(shape: tuple[int, ...], size: int, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Outputs and noise such that |z| < 20, where torch's softplus begins to drop e^−|z|."""
    generator = torch.Generator().manual_seed(1)
    outputs = torch.randn(*shape, 2 * size, generator=generator, dtype=dtype).clamp(-4.0, 4.0)
    return outputs, torch.randn(*shape, size, generator=generator, dtype=dtype).clamp(-2.0, 2.0)


@pytest.mark.parametrize("dtype", TOLERANCES)
@pytest.mark.parametrize("size", [1, 3, 5])
@pytest.mark.parametrize("shape", [(1,), (7,), (6, 3), (258,)])
def test_a_sample_is_that_of_the_definition(shape: tuple[int, ...], size: int, dtype: torch.dtype) -> None:
    outputs, noise = cases(shape, size, dtype)
    found, expected = sampled(outputs, noise), actor(size).sample_of(outputs, noise)
    for one, other in zip(found, expected, strict=True):
        assert (one.dtype, one.shape) == (dtype, other.shape)
        torch.testing.assert_close(one, other, rtol=TOLERANCES[dtype], atol=TOLERANCES[dtype])


@pytest.mark.parametrize("dtype", TOLERANCES)
@pytest.mark.parametrize("z", [-60.0, -20.0, 0.0, 20.0, 60.0])
def test_a_sample_far_out_overflows_nowhere(z: float, dtype: torch.dtype) -> None:
    """By its mean or by the noise: log π grows with |z|, although 1 − a is rounded to 0."""
    mean, size = torch.tensor([[z, 0.0]], dtype=dtype), torch.tensor([[z]], dtype=dtype)
    by_mean, by_noise = (mean, torch.zeros_like(size)), (torch.zeros_like(mean), size * torch.tensor(1.5).exp())
    for outputs, noise in (by_mean, by_noise):
        found, expected = sampled(outputs, noise), actor(1).sample_of(outputs, noise)
        for one, other in zip(found, expected, strict=True):
            torch.testing.assert_close(one, other, rtol=TOLERANCES[dtype], atol=TOLERANCES[dtype])
            assert one.isfinite().all()


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-10), (torch.float32, 1e-4)])
@pytest.mark.parametrize("size", [1, 3, 5])
@pytest.mark.parametrize("shape", [(1,), (7,), (6, 3), (258,)])
def test_the_way_back_is_that_of_autograd(
    shape: tuple[int, ...], size: int, dtype: torch.dtype, tolerance: float
) -> None:
    outputs, noise = cases(shape, size, dtype)
    by_actions, by_log_probs = torch.randn(noise.shape, dtype=dtype), torch.randn(shape, dtype=dtype)
    nothing = torch.zeros_like(by_actions), torch.zeros_like(by_log_probs)
    for slopes in ((by_actions, by_log_probs), (by_actions, nothing[1]), (nothing[0], by_log_probs)):
        found = slopes_of(outputs, noise, *slopes)
        assert found.dtype is dtype
        torch.testing.assert_close(found, by_autograd(outputs, noise, *slopes), rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("z", [-60.0, 60.0])
def test_the_way_back_from_far_out(z: float) -> None:
    outputs, noise = torch.tensor([[z, 0.3]], dtype=torch.float64), torch.full((1, 1), 0.7, dtype=torch.float64)
    slopes = torch.full((1, 1), 2.0, dtype=torch.float64), torch.full((1,), 0.5, dtype=torch.float64)
    found = slopes_of(outputs, noise, *slopes)
    torch.testing.assert_close(found, by_autograd(outputs, noise, *slopes), rtol=1e-10, atol=1e-12)


def test_slopes_that_lie_apart_in_memory_are_read_as_they_are() -> None:
    """As those of a policy are, which are cut out of what belongs to all DUs; or one number for all."""
    outputs, noise = cases((6, 3), 4, torch.float64)
    wide = torch.randn(6, 3, 9, dtype=torch.float64)
    by_actions, by_log_probs = wide[..., :4], torch.tensor([0.1, 0.2, 0.3], dtype=torch.float64).expand(6, 3)
    apart = outputs.transpose(0, 1).contiguous().transpose(0, 1), noise.transpose(0, 1).contiguous().transpose(0, 1)
    assert not apart[0].is_contiguous()
    found = slopes_of(*apart, by_actions, by_log_probs)
    torch.testing.assert_close(found, by_autograd(outputs, noise, by_actions, by_log_probs), rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(sampled(*apart)[1], sampled(outputs, noise)[1], rtol=1e-13, atol=1e-13)


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
@pytest.mark.parametrize("dtype", TOLERANCES)
@pytest.mark.parametrize("wrong", [torch.nan, torch.inf, -torch.inf])
@pytest.mark.parametrize("column", range(4))
def test_what_is_not_finite_shows(column: int, wrong: float, dtype: torch.dtype) -> None:
    """In its own row alone. log σ is bounded, so an infinite output for it still makes a number."""
    outputs, noise = cases((3,), 2, dtype)
    outputs[1, column] = wrong
    actions, log_probs = sampled(outputs, noise)
    torch.testing.assert_close(actions, actor(2).sample_of(outputs, noise)[0], rtol=1e-5, atol=1e-5, equal_nan=True)
    is_bounded = column >= 2 and math.isinf(wrong)
    assert log_probs.isfinite().tolist() == [True, is_bounded, True]
    slopes = slopes_of(outputs, noise, torch.ones(3, 2, dtype=dtype), torch.ones(3, dtype=dtype))
    for each in (actions, slopes):
        assert each[[0, 2]].isfinite().all()
    if math.isnan(wrong):
        assert actions[1].isnan().tolist() == [column % 2 == 0, column % 2 == 1]
        assert slopes[1].isnan().tolist() == [column % 2 == 0, column % 2 == 1] * 2


@pytest.mark.parametrize("place", ["noise", "by_actions", "by_log_probs"])
def test_a_slope_that_is_not_a_number_stays_none(place: str) -> None:
    outputs, noise = cases((3,), 2, torch.float32)
    given = {"noise": noise, "by_actions": torch.ones(3, 2), "by_log_probs": torch.ones(3)}
    given[place][1] = torch.nan
    slopes = slopes_of(outputs, **given)
    assert slopes[1].isnan().all()
    assert slopes[[0, 2]].isfinite().all()
