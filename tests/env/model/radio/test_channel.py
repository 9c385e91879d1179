"""Eq. (1): ergodic closed forms, interference and power accounting."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from support.events import ergodic_rayleigh_rate, ergodic_rayleigh_rate_one_interferer
from support.networks import BITS_OF_SLICE, STANDING, serve_all

from oran_env import Simulator


def rates_of_step(simulator: Simulator, actions: NDArray[np.float32]) -> NDArray[np.float64]:
    simulator.step(actions)
    assert simulator.last_outcome is not None
    return simulator.last_outcome.rate


def z_scores(simulator: Simulator, ue: int, expected: NDArray[np.float64]) -> NDArray[np.float64]:
    """Distance of a UE's mean rate over an episode from its expectation, in standard errors, per network."""
    actions = serve_all(simulator)
    rates = np.array([rates_of_step(simulator, actions)[:, ue] for _ in range(simulator.scenario.control.horizon)])
    error = rates.std(axis=0, ddof=1) / np.sqrt(len(rates))
    z: NDArray[np.float64] = (rates.mean(axis=0) - expected) / error
    return z


def assert_standard_normal(z: NDArray[np.float64]) -> None:
    assert np.abs(z).max() < 5
    assert abs(z.mean()) < 4 / np.sqrt(z.size)
    assert 0.7 < z.std() < 1.3


def test_ergodic_rate_without_interference() -> None:
    """E[B·log2(1 + S·X)], X ~ Exp(1), for one UE alone: 64 networks of different SNR, 10,000 RBs and steps each."""
    simulator = Simulator("paper", 64, seed=1, num_dus=1, num_ues=1, power_dbm=-20.0, **STANDING)
    simulator.reset()
    p = simulator.parameters
    snr = simulator.state.gain[:, 0, 0] / p.channel.noise_mw
    assert snr.min() < 1 < snr.max()  # both sides of 0 dB: the logarithm and its linear part
    expected = np.array([100 * ergodic_rayleigh_rate(s, p.channel.bandwidth) for s in snr])
    assert_standard_normal(z_scores(simulator, 0, expected))


def test_ergodic_rate_with_one_interferer() -> None:
    simulator = Simulator("paper", 96, seed=2, num_dus=2, num_ues=2, power_dbm=0.0, **STANDING)
    simulator.reset()
    p, state = simulator.parameters, simulator.state
    both = state.serving[:, 0] != state.serving[:, 1]
    assert both.sum() > 30
    network = np.arange(96)
    snr = state.gain[network, 0, state.serving[:, 0]] / p.channel.noise_mw
    inr = state.gain[network, 0, 1 - state.serving[:, 0]] / p.channel.noise_mw
    expected = np.array(
        [100 * ergodic_rayleigh_rate_one_interferer(s, i, p.channel.bandwidth) for s, i in zip(snr, inr, strict=True)]
    )
    assert_standard_normal(z_scores(simulator, 0, expected)[both])


def test_mean_power_follows_the_path_loss() -> None:
    """State.gain is p·d^-η per RB in mW, p = 56 dBm - 10·log10(100), at 10 m and beyond."""
    simulator = Simulator("paper", 1, seed=3, site_spacing_m=30.0, margin_m=15.0)
    simulator.reset()
    state, p = simulator.state, simulator.parameters
    d = np.linalg.norm(state.position[0][:, None] - p.path_loss.sites[None], axis=-1)
    assert (d < 10).any()
    np.testing.assert_allclose(state.gain[0], 10**3.6 * np.maximum(d, 10.0) ** -3.5, rtol=1e-10)
    assert 10 * np.log10(p.channel.noise_mw) == pytest.approx(-173 + 10 * np.log10(200e3))


@pytest.mark.parametrize("fading", ["none", "rayleigh"])
def test_silence_of_a_du_raises_the_rates_of_the_others(fading: str) -> None:
    simulator = Simulator("paper", 4, seed=4, fading=fading)
    simulator.reset()
    state = simulator.get_state()
    loud = rates_of_step(simulator, serve_all(simulator))
    for silent in range(6):
        simulator.set_state(state)
        rates = rates_of_step(simulator, serve_all(simulator, [m for m in range(6) if m != silent]))
        served = (loud > 0) & (state["serving"] != silent)
        assert (rates[served] > loud[served]).all()
        assert (rates[state["serving"] == silent] == 0).all()


def test_what_silence_brings_is_exactly_what_interfered() -> None:
    """Without fading: alone B·log2(1 + S/σ²) per RB, beside one DU B·log2(1 + S/(I + σ²)), on each RB by itself."""
    simulator = Simulator("tiny", 32, seed=5, fading="none", num_ues=2)
    simulator.reset()
    state, p = simulator.get_state(), simulator.parameters
    both = np.flatnonzero(state["serving"][:, 0] != state["serving"][:, 1])
    assert both.size > 5
    mine = state["serving"][:, 0]
    network = np.arange(32)
    signal, disturbance = state["gain"][network, 0, mine], state["gain"][network, 0, 1 - mine]
    alone = p.channel.bandwidth * np.log2(1 + signal / p.channel.noise_mw)
    beside = p.channel.bandwidth * np.log2(1 + signal / (disturbance + p.channel.noise_mw))
    for overlap in range(11):
        actions = serve_all(simulator)
        for b in both:
            other = actions[b, 1 - mine[b]].reshape(2, 10)
            other[:, overlap:] = 0.0
        rates = rates_of_step(simulator, actions)
        expected = overlap * beside + (10 - overlap) * alone
        np.testing.assert_allclose(rates[both, 0], expected[both], rtol=1e-10)
        simulator.set_state(state)


def test_rbs_for_a_slice_without_ue_make_no_interference() -> None:
    """Such RBs count as idle: no transmission, the same rates elsewhere as if they had not been granted."""
    simulator = Simulator("tiny", 32, seed=6, num_ues=2)
    simulator.reset()
    state = simulator.get_state()
    both = np.flatnonzero(state["serving"][:, 0] != state["serving"][:, 1])
    alone = rates_of_step(simulator, only_first(simulator, state, empty_slice=False))
    simulator.set_state(state)
    result = simulator.step(only_first(simulator, state, empty_slice=True))
    assert simulator.last_outcome is not None
    assert (simulator.last_outcome.rate[both] == alone[both]).all()
    other = state["serving"][both, 1]
    assert (result.info["rbs_idle"][both, other] == 10).all()
    assert (result.info["rbs_granted"][both, other] == 0).all()
    assert (result.info["rbs_claimed"][both, other] == 10).all()


def only_first(simulator: Simulator, state: dict[str, Any], *, empty_slice: bool) -> NDArray[np.float32]:
    """Serve UE 0 in every network; the other DU stays idle, or grants all its RBs to a slice without UE."""
    actions = serve_all(simulator)
    for b in range(simulator.num_networks):
        other = int(state["serving"][b, 1])
        if other != state["serving"][b, 0]:
            absent = (state["slice_of_ue"][b, 1] + 1) % 3
            actions[b, other] = np.repeat(BITS_OF_SLICE[absent], 10) if empty_slice else 0.0
    return actions


def test_power_is_not_redistributed() -> None:
    """An RB carries the same power however many of the K RBs are in use."""
    simulator = Simulator("tiny", 8, seed=7, num_dus=1, num_ues=1, fading="none")
    simulator.reset()
    state = simulator.get_state()
    one = rates_of_step(simulator, serve_all(simulator, num_rbs=1))
    for used in range(2, 11):
        simulator.set_state(state)
        np.testing.assert_allclose(rates_of_step(simulator, serve_all(simulator, num_rbs=used)), used * one, rtol=1e-12)
    # One RB of ten gets a tenth of the RU's power, and its noise is that of one RB.
    p = 10**5.6 / 10
    d = np.linalg.norm(state["position"][:, 0], axis=-1).clip(10)
    snr = p * d**-3.5 / (10**-17.3 * 2e6)
    np.testing.assert_allclose(one[:, 0], 2e6 * np.log2(1 + snr), rtol=1e-10)


def test_a_lone_du_makes_no_interference_to_itself() -> None:
    """With one DU the two readings of the interference agree and equal the interference-free rate."""
    rates = []
    for interference in ("physical", "as_printed"):
        simulator = Simulator("tiny", 4, seed=8, num_dus=1, interference=interference)
        simulator.reset()
        p, gain = simulator.parameters, simulator.state.gain[:, :, 0].copy()
        power = np.array([[simulator.fading_power(b, u, k)[0] for b, u in np.ndindex(4, 20)] for k in range(10)])
        rates.append(rates_of_step(simulator, serve_all(simulator)))
        outcome = simulator.last_outcome
        assert outcome is not None
        got = outcome.ue_of_rb[:, 0, :, None] == np.arange(20)  # (B, K, N)
        alone = p.channel.bandwidth * np.log2(
            1 + gain[:, None] * power.reshape(10, 4, 20).swapaxes(0, 1) / p.channel.noise_mw
        )
        np.testing.assert_allclose(rates[-1], (got * alone).sum(axis=1), rtol=1e-10)
    assert (rates[0] == rates[1]).all()
    assert rates[0].max() > 0


def test_a_ue_without_rb_has_no_rate() -> None:
    simulator = Simulator("paper", 2, seed=9)
    simulator.reset()
    assert (rates_of_step(simulator, np.zeros((2, 6, 200), dtype=np.float32)) == 0).all()
