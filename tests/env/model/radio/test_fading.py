"""Fading that hangs together in time and frequency: laws, closed forms, and an independent reading of the waves."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import integrate, special
from support.networks import STANDING, serve_all

from oran_env import Simulator, make_scenario
from oran_env.model.radio.coherence import SPEED_OF_LIGHT, bessel_j0, blocks_of, group_of, independent_fades
from oran_env.model.radio.fading import draw_fades, fading_of, room_for
from oran_env.model.radio.jakes import WAVES
from oran_env.numerics.random_draws import PATHS, philox

MANY = 20_000


def fades(step: int, block: int = 0, groups: int | NDArray[np.int64] = 0, **overrides: Any) -> NDArray[np.float64]:
    """|h|² of one link to each of many UEs at 15 m/s, in a step."""
    p = fading_of(make_scenario("paper", **overrides))
    key = np.array([7, 8, 2, step], dtype=np.uint64)
    ues, speed, power = np.arange(MANY), np.full(MANY, 15.0), np.empty((1, MANY))
    draw_fades(key, ues, np.broadcast_to(groups, MANY).copy(), block, 0, speed, p, room_for(MANY), power)
    row: NDArray[np.float64] = power[0]
    return row


def wave_sum(key: Any, u: int, m: int, group: int, turns: float) -> float:
    """|h|² by the equation, f_D·t = turns."""
    h = 0j
    for part in range(WAVES // 4):
        counter = (0, int(key[2]), (PATHS << 24) | u, (group << 16) | (m << 1) | part)
        c0, c1, c2, c3 = (np.uint64(c) for c in counter)
        for word in philox(c0, c1, c2, c3, key[0], key[1]):
            alpha, phi = (int(word) >> 16) / 2**16, (int(word) & 0xFFFF) / 2**16
            h += np.exp(2j * math.pi * (turns * math.cos(2 * math.pi * alpha) + phi))
    return float(abs(h) ** 2 / WAVES)


def test_jakes_is_the_sum_of_its_waves() -> None:
    simulator = Simulator("tiny", 2, seed=3, num_dus=5, fading="jakes", fading_blocks=4, rbs_per_fade=3, step_s=0.01)
    simulator.reset()
    doppler = 3.5e9 / SPEED_OF_LIGHT
    for step in range(3):
        for b, u, k, block in ((0, 0, 0, 0), (1, 7, 9, 3), (0, 19, 4, 1)):
            turns = doppler * float(simulator.state.speed[b, u]) * (step + (block + 0.5) / 4) * 0.01
            expected = [wave_sum(simulator.state.key[b], u, m, k // 3, turns) for m in range(5)]
            np.testing.assert_allclose(simulator.fading_power(b, u, k, block), expected, rtol=1e-9, atol=1e-12)
        simulator.step(serve_all(simulator))


@pytest.mark.parametrize("step_s", [0.0005, 0.002, 0.1])
def test_jakes_covariance_is_that_of_clarke(step_s: float) -> None:
    """E|h|² = 1, and the covariance of |h|² from step to step is (1 - 1/S)·J0²(2πf_D·τ)."""
    power = [fades(step, fading="jakes", step_s=step_s) for step in range(4)]
    doppler = 15.0 * 3.5e9 / SPEED_OF_LIGHT
    for lag in range(4):
        product = (power[0] - 1.0) * (power[lag] - 1.0)
        expected = (1 - 1 / WAVES) * special.j0(2 * math.pi * doppler * lag * step_s) ** 2
        assert abs(product.mean() - expected) < 4 * product.std() / math.sqrt(MANY)
        assert abs(power[lag].mean() - 1.0) < 4 / math.sqrt(MANY)


@pytest.mark.parametrize("fading", ["rayleigh", "jakes"])
def test_groups_of_rbs_share_a_fade_and_differ_from_each_other(fading: str) -> None:
    simulator = Simulator("tiny", 1, seed=1, num_dus=3, fading=fading, rbs_per_fade=4)
    simulator.reset()
    power = np.array([simulator.fading_power(0, 5, k) for k in range(10)])
    assert [len(np.unique(power[first:stop], axis=0)) for first, stop in ((0, 4), (4, 8), (8, 10))] == [1, 1, 1]
    assert len(np.unique(power)) == 9
    one, other = fades(0, groups=0, fading=fading), fades(0, groups=1, fading=fading)
    assert abs(np.corrcoef(one, other)[0, 1]) < 4 / math.sqrt(MANY)


def test_a_group_of_rbs_carries_what_its_one_fade_says() -> None:
    """A lone UE: the rate of a group is that of one RB times its size; without groups it is not."""
    for group, same in ((5, True), (1, False)):
        simulator = Simulator("tiny", 2, seed=2, num_dus=1, num_ues=1, power_dbm=0.0, rbs_per_fade=group)
        simulator.reset()
        state, rates = simulator.get_state(), []
        for num_rbs in (1, 5, 6, 10):
            simulator.set_state(state)
            simulator.step(serve_all(simulator, num_rbs=num_rbs))
            assert simulator.last_outcome is not None
            rates.append(simulator.last_outcome.rate[:, 0])
        assert np.allclose(5 * rates[0], rates[1], rtol=1e-9) == same
        assert np.allclose(5 * (rates[2] - rates[1]), rates[3] - rates[1], rtol=1e-9) == same


def test_bessel_function() -> None:
    x = np.linspace(0.0, 1300.0, 501)
    np.testing.assert_allclose(bessel_j0(x), special.j0(x), atol=1e-12)


@pytest.mark.parametrize(("doppler_hz", "seconds"), [(100.0, 1e-3), (116.7, 0.1), (233.5, 0.1), (50.0, 1.0)])
def test_fades_of_a_step(doppler_hz: float, seconds: float) -> None:
    def weighted(tau: float) -> float:
        return float((1 - tau / seconds) * special.j0(2 * math.pi * doppler_hz * tau) ** 2)

    expected = seconds / (2 * integrate.quad(weighted, 0, seconds, limit=500)[0])
    assert independent_fades(doppler_hz, seconds) == pytest.approx(expected, rel=2e-3)


def test_blocks_follow_speed_carrier_and_step() -> None:
    def blocks(**overrides: Any) -> int:
        return blocks_of(make_scenario("paper", fading_blocks=None, **overrides))

    assert [blocks(min_speed_mps=v, max_speed_mps=v) for v in (0.0, 10.0, 20.0)] == [1, 19, 35]
    assert blocks(step_s=1e-3) == 1
    assert blocks(min_speed_mps=20.0, carrier_ghz=1.75) == 19  # half the carrier, twice the speed
    assert blocks(max_speed_mps=1e4, carrier_ghz=100.0) == 256
    assert blocks_of(make_scenario("paper", fading_blocks=7)) == 7


def test_rbs_of_a_fade_follow_the_delay_spread() -> None:
    def group(**overrides: Any) -> int:
        return group_of(make_scenario("paper", rbs_per_fade=None, **overrides))

    assert [group(delay_spread_ns=spread) for spread in (0.0, 363.0, 726.0, 1e6)] == [100, 9, 5, 1]
    assert group_of(make_scenario("paper", rbs_per_fade=12)) == 12


def test_a_step_averages_as_many_fades_as_are_told() -> None:
    """The mean of |h|² over a finely sampled step varies as that of so many independent fades."""
    overrides: dict[str, Any] = {"fading": "jakes", "fading_blocks": 64, "step_s": 0.02}
    mean = np.mean([fades(0, block, **overrides) for block in range(64)], axis=0)
    fades_told = independent_fades(15.0 * 3.5e9 / SPEED_OF_LIGHT, 0.02)
    assert fades_told > 4
    assert mean.var() == pytest.approx((1 - 1 / WAVES) / fades_told, rel=0.06)


@pytest.mark.parametrize("fading", ["none", "ergodic"])
def test_what_is_not_drawn_is_one(fading: str) -> None:
    simulator = Simulator("tiny", 1, seed=0, fading=fading, fading_blocks=None, rbs_per_fade=None)
    simulator.reset()
    assert (simulator.fading_power(0, 3, 4) == 1.0).all()
    assert simulator.parameters.channel.fading.blocks == 1


def test_a_standing_ue_keeps_its_jakes_fade() -> None:
    simulator = Simulator("tiny", 1, seed=4, fading="jakes", **STANDING)
    simulator.reset()
    power = simulator.fading_power(0, 3, 4)
    simulator.step(serve_all(simulator))
    np.testing.assert_array_equal(simulator.fading_power(0, 3, 4), power)
    simulator.reset()
    assert (simulator.fading_power(0, 3, 4) != power).all()
