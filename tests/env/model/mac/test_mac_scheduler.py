"""MAC schedulers: fairness, multi-user diversity against closed forms, and who may be served at all."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from support.events import scaled_exp1
from support.networks import BITS_OF_SLICE, STANDING, idle

from oran_env import Simulator

SCHEDULERS = ["round_robin", "proportional_fair", "equal_rate", "max_rate"]
CSI = ["wideband", "per_rb"]
UES = 5
CELL: dict[str, Any] = {"num_dus": 1, "num_ues": UES, "horizon": 10**5, "margin_m": 400.0, **STANDING}

Rates = NDArray[np.float64]


def one_slice(distances: list[float], networks: int = 1, seed: int = 1, **overrides: Any) -> Simulator:
    """One DU whose UEs all belong to eMBB and stand at these distances."""
    simulator = Simulator("tiny", networks, seed, **{**CELL, "num_ues": len(distances), **overrides})
    simulator.reset()
    state = simulator.get_state()
    state["slice_of_ue"][:] = 0
    state["position"][:] = simulator.parameters.path_loss.sites[0]
    state["position"][..., 0] += np.array(distances)
    simulator.set_state(state)
    simulator.step(idle(simulator))  # the gains follow the positions; nobody has been served yet
    return simulator


def all_to_embb(simulator: Simulator, num_rbs: int | None = None) -> NDArray[np.float32]:
    """Actions (B, 1, 2·K) of two_bit that give eMBB the first RBs, all by default."""
    k = simulator.scenario.radio.num_rbs
    actions = np.zeros((simulator.num_networks, 1, 2, k), dtype=np.float32)
    actions[..., : num_rbs or k] = BITS_OF_SLICE[0][:, None]
    return actions.reshape(simulator.num_networks, 1, 2 * k)


def run(simulator: Simulator, steps: int, num_rbs: int | None = None) -> tuple[Rates, NDArray[np.int64]]:
    """Rates and numbers of RBs of every UE, both (steps, B, N)."""
    rates, counts = [], []
    for _ in range(steps):
        simulator.step(all_to_embb(simulator, num_rbs))
        outcome = simulator.last_outcome
        assert outcome is not None
        rates.append(outcome.rate)
        ues = outcome.ue_of_rb[:, 0]
        counts.append((ues[:, :, None] == np.arange(outcome.rate.shape[1])).sum(axis=1))
    return np.array(rates), np.array(counts)


def jain(rates: Rates) -> float:
    """Jain's fairness index: 1 if all are equal, 1/n if one has everything."""
    return float(rates.sum() ** 2 / (rates.size * (rates**2).sum()))


NEAR_AND_FAR = [30.0, 60.0, 120.0, 200.0, 330.0]


@pytest.mark.parametrize("csi", CSI)
@pytest.mark.parametrize("fading", ["none", "rayleigh"])
def test_fairness_and_throughput_are_traded(csi: str, fading: str) -> None:
    mean = {}
    for scheduler in SCHEDULERS:
        simulator = one_slice(NEAR_AND_FAR, scheduler=scheduler, csi=csi, fading=fading, power_dbm=0.0)
        mean[scheduler] = run(simulator, 300)[0][100:].mean(axis=(0, 1))
    index = {name: jain(rates) for name, rates in mean.items()}
    total = {name: rates.sum() for name, rates in mean.items()}
    assert index["equal_rate"] > index["proportional_fair"] + 0.05
    assert index["proportional_fair"] > index["max_rate"] + 0.05
    assert total["max_rate"] > total["proportional_fair"] * 1.05
    assert total["proportional_fair"] > total["equal_rate"] * 1.05
    assert index["equal_rate"] > 0.999
    if csi == "wideband":
        assert index["max_rate"] == pytest.approx(1 / UES)  # everything goes to the nearest UE
        assert mean["max_rate"].argmax() == 0


def test_proportional_fair_gives_equal_shares_of_a_static_cell() -> None:
    """Without fading every UE gets the same number of RBs, so that rates are in proportion to the channels."""
    simulator = one_slice(NEAR_AND_FAR, scheduler="proportional_fair", fading="none", power_dbm=0.0)
    rates, counts = run(simulator, 300)
    shares = counts[100:, 0].mean(axis=0) / 10
    np.testing.assert_allclose(shares, 1 / UES, rtol=0.03)
    gain, p = simulator.state.gain[0, :, 0], simulator.parameters
    alone = 10 * p.channel.bandwidth * np.log2(1 + gain / p.channel.noise_mw)
    np.testing.assert_allclose(rates[100:, 0].mean(axis=0), alone / UES, rtol=0.03)


@pytest.mark.parametrize("csi", CSI)
def test_proportional_fair_is_even_handed(csi: str) -> None:
    """Equal channels, equal shares of time: each within the error of its own mean over 16 networks."""
    simulator = one_slice([100.0] * 4, networks=16, scheduler="proportional_fair", csi=csi, power_dbm=0.0)
    _, counts = run(simulator, 200)
    shares = counts[20:].mean(axis=0) / 10  # (B, N)
    error = shares.std(axis=0, ddof=1) / 4.0
    assert (np.abs(shares.mean(axis=0) - 0.25) < 5 * error + 1e-3).all()
    assert np.abs(shares.mean(axis=0) - 0.25).max() < 0.01


def test_equal_rate_equalises_from_any_start() -> None:
    """A UE that has had more waits until the others have caught up."""
    simulator = one_slice([50.0, 50.0, 200.0], scheduler="equal_rate", fading="none", power_dbm=0.0)
    state = simulator.get_state()
    state["average"][0] = [1e9, 0.0, 0.0]
    simulator.set_state(state)
    rates, _ = run(simulator, 150)
    assert (rates[:10, 0, 0] == 0).all()
    late = rates[-50:, 0].mean(axis=0)
    assert late.max() / late.min() < 1.02


def test_the_tracked_average_is_exponential() -> None:
    """A_u <- (1 - 1/T) A_u + C_u / T, in closed form over the episode, and 0 again after a reset."""
    simulator = one_slice(NEAR_AND_FAR, scheduler="proportional_fair", fairness_window=4.0)
    rates, _ = run(simulator, 12)
    weights = 0.25 * 0.75 ** np.arange(11, -1, -1)
    np.testing.assert_allclose(simulator.state.average[0], weights @ rates[:, 0], rtol=1e-12)
    simulator.reset()
    assert (simulator.state.average == 0).all()


EQUAL_FORMULAS: tuple[Callable[[float, float], float], ...] = (
    lambda c, t: c / max(t, 1.0),
    lambda c, t: -max(t, 1.0) / c,
    lambda c, t: (0.1 * c / max(t, 1.0)) ** 2,
    lambda c, t: (3.0 * c) / (max(t, 1.0) * 7.0),
)


def test_rounding_does_not_choose() -> None:
    """In the first step c_u / t_u ties on nearly every RB: formulas that are equal on paper choose alike, in turn."""
    simulator = Simulator("paper", 8, seed=3, scheduler="proportional_fair", offered_bps=(0.0, 0.0, 0.0))
    simulator.reset()
    before, channel = simulator.get_state(), simulator.parameters.channel
    gain, serving, members = before["gain"], before["serving"], before["slice_of_ue"]
    simulator.step(np.repeat(BITS_OF_SLICE[0], 100) * np.ones((8, 6, 1), dtype=np.float32))
    assert simulator.last_outcome is not None
    for b, m in np.ndindex(8, 6):
        mine = np.flatnonzero((serving[b] == m) & (members[b] == 0))
        noise = channel.noise_mw + gain[b, mine].sum(axis=1) - gain[b, mine, m]
        expected = channel.bandwidth * np.log2(1 + gain[b, mine, m] / noise)
        for formula in EQUAL_FORMULAS:
            dealt, chosen = np.zeros(len(mine)), []
            for _ in range(100 if len(mine) else 0):
                wishes = [formula(c, t / 10.0) for c, t in zip(expected, dealt, strict=True)]
                most = max(wishes)
                best = next(j for j, w in enumerate(wishes) if w >= most - 1e-9 * abs(most))
                dealt[best] += expected[best]
                chosen.append(mine[best])
            assert simulator.last_outcome.ue_of_rb[b, m].tolist() == (chosen or [-1] * 100)


@pytest.mark.parametrize("num_ues", [1, 2, 4, 9])
def test_diversity_of_max_rate(num_ues: int) -> None:
    """With csi="per_rb" the best of n equal UEs is served: E|h|² = H_n, and the rate is that of the maximum.

    P(max > y) = Σ_i (-1)^(i+1) C(n, i) e^(-i y), so E log2(1 + S·max) = Σ_i (-1)^(i+1) C(n, i) f(i/S) / ln 2.
    """
    simulator = one_slice([150.0] * num_ues, networks=8, seed=3, scheduler="max_rate", csi="per_rb", power_dbm=0.0)
    p = simulator.parameters
    chosen, rates = [], []
    for _ in range(40):
        power = np.array(
            [[[simulator.fading_power(b, u, k)[0] for u in range(num_ues)] for k in range(10)] for b in range(8)]
        )
        simulator.step(all_to_embb(simulator))
        outcome = simulator.last_outcome
        assert outcome is not None
        best = outcome.ue_of_rb[:, 0]
        np.testing.assert_array_equal(best, power.argmax(axis=-1))
        chosen.append(np.take_along_axis(power, best[..., None], axis=-1))
        rates.append(outcome.rate.sum(axis=1) / (10 * p.channel.bandwidth))
    sample = np.array(chosen).ravel()
    harmonic = sum(1 / i for i in range(1, num_ues + 1))
    variance = sum(1 / i**2 for i in range(1, num_ues + 1))
    assert abs(sample.mean() - harmonic) < 4 * math.sqrt(variance / sample.size)
    snr = float(simulator.state.gain[0, 0, 0]) / p.channel.noise_mw
    assert 0.1 < snr < 1000
    expected = sum((-1) ** (i + 1) * math.comb(num_ues, i) * scaled_exp1(i / snr) for i in range(1, num_ues + 1))
    measured = np.array(rates).ravel()
    error = measured.std(ddof=1) / math.sqrt(measured.size)
    assert abs(measured.mean() - expected / math.log(2.0)) < 4 * error


@pytest.mark.parametrize("scheduler", ["proportional_fair", "max_rate"])
def test_wideband_schedulers_do_not_see_the_fading(scheduler: str) -> None:
    """Equal mean gains and no history: the mean of the chosen |h|² stays 1."""
    simulator = one_slice([150.0] * 6, networks=8, seed=4, scheduler=scheduler, csi="wideband")
    chosen = []
    for _ in range(30):
        power = np.array(
            [[[simulator.fading_power(b, u, k)[0] for u in range(6)] for k in range(10)] for b in range(8)]
        )
        simulator.step(all_to_embb(simulator))
        assert simulator.last_outcome is not None
        best = simulator.last_outcome.ue_of_rb[:, 0]
        chosen.append(np.take_along_axis(power, best[..., None], axis=-1))
    sample = np.array(chosen)
    assert abs(sample.mean() - 1) < 4 / math.sqrt(sample.size)


def test_ties_go_to_the_earlier_ue() -> None:
    for scheduler in ("proportional_fair", "equal_rate", "max_rate"):
        simulator = one_slice([150.0] * 4, scheduler=scheduler, fading="none")
        simulator.step(all_to_embb(simulator))
        assert simulator.last_outcome is not None
        order = simulator.last_outcome.ue_of_rb[0, 0].tolist()
        assert order == ([0] * 10 if scheduler == "max_rate" else [0, 1, 2, 3, 0, 1, 2, 3, 0, 1])


def test_who_is_expected_to_gain_from_interference() -> None:
    """The expected rate counts every other RU, whether it transmits or not."""
    simulator = Simulator("tiny", 1, seed=1, num_ues=2, scheduler="max_rate", fading="none", **STANDING)
    simulator.reset()
    sites = simulator.parameters.path_loss.sites
    state = simulator.get_state()
    toward = (sites[1] - sites[0]) / np.linalg.norm(sites[1] - sites[0])
    # UE 0 is nearer to RU 0, but half-way to RU 1; UE 1 stands farther from RU 0, on the other side of it.
    state["position"][0] = [sites[0] + 215.0 * toward, sites[0] - 235.0 * toward]
    state["slice_of_ue"][:] = 0
    simulator.set_state(state)
    simulator.step(idle(simulator))
    assert simulator.state.serving[0].tolist() == [0, 0]
    assert simulator.state.gain[0, 0, 0] > simulator.state.gain[0, 1, 0]
    actions = np.zeros((1, 2, 2, 10), dtype=np.float32)
    actions[0, 0] = BITS_OF_SLICE[0][:, None]  # RU 1 is silent
    simulator.step(actions.reshape(1, 2, 20))
    assert simulator.last_outcome is not None
    assert simulator.last_outcome.ue_of_rb[0, 0].tolist() == [1] * 10


@pytest.mark.parametrize("scheduler", SCHEDULERS)
@pytest.mark.parametrize("csi", CSI)
def test_only_ues_of_the_slice_and_du_are_served(scheduler: str, csi: str) -> None:
    simulator = Simulator("tiny", 8, seed=6, num_dus=3, num_ues=25, scheduler=scheduler, csi=csi)
    simulator.reset()
    rng = np.random.default_rng(7)
    granted = 0
    for _ in range(6):
        serving, slices = simulator.state.serving.copy(), simulator.state.slice_of_ue.copy()
        info = simulator.step(rng.random((8, 3, 20), dtype=np.float32)).info
        outcome = simulator.last_outcome
        assert outcome is not None
        assert (info["rbs_granted"].sum(axis=-1) + info["rbs_idle"] == 10).all()
        for b, m, k in np.ndindex(8, 3, 10):
            u, sl = int(outcome.ue_of_rb[b, m, k]), int(outcome.slice_of_rb[b, m, k])
            waiting = bool(((serving[b] == m) & (slices[b] == sl)).any())
            assert (u >= 0) == waiting  # no RB of a slice with UEs stays idle, none goes astray
            if u >= 0:
                assert serving[b, u] == m
                assert slices[b, u] == sl
                granted += 1
    assert granted > 500


def test_schedulers_differ() -> None:
    """Each setting has an effect: no two of them lead to the same rates."""
    rates = {}
    for scheduler in SCHEDULERS:
        for csi in CSI if scheduler != "round_robin" else ["wideband"]:
            simulator = one_slice(NEAR_AND_FAR, scheduler=scheduler, csi=csi, power_dbm=0.0)
            rates[scheduler, csi] = run(simulator, 5)[0]
    names = list(rates)
    for i, one in enumerate(names):
        for other in names[:i]:
            # The order in which equal rates are restored does not follow the channel, except through what was dealt.
            assert (rates[one] != rates[other]).any(), (one, other)
