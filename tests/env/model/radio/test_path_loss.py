"""UMa of TR 38.901, lines of sight, shadowing and fading blocks, read off the gains of a simulator."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from oracle import radio
from scipy import stats
from support.networks import STANDING, idle, serve_all

from oran_env import Simulator

UMA: dict[str, Any] = {"path_loss": "uma", "carrier_ghz": 3.5, "bs_height_m": 25.0, "ue_height_m": 1.5}
HEIGHTS: dict[str, Any] = {"carrier_ghz": 3.5, "bs_height_m": 25.0, "ue_height_m": 1.5}
ALWAYS, NEVER = 0.0, 1.0 - 1e-9  # draws of a link that has a line of sight, or has none beyond 18 m


def at_distances(distances: NDArray[np.float64], los_draw: float | None = None, **overrides: Any) -> NDArray[Any]:
    """Loss (B, N) [dB] of UEs that stand this far (B, N) from the only RU, read off a simulator's gains."""
    settings = {"num_dus": 1, "num_ues": distances.shape[1], "margin_m": 1e5, **UMA, **STANDING, **overrides}
    simulator = Simulator("tiny", len(distances), seed=3, **settings)
    simulator.reset()
    state = simulator.get_state()
    state["position"] = simulator.parameters.path_loss.sites[0] + np.stack(
        [distances, np.zeros_like(distances)], axis=-1
    )
    if los_draw is not None:
        state["los_draw"][:] = los_draw
    simulator.set_state(state)
    simulator.step(idle(simulator))
    np.testing.assert_allclose(simulator.state.position, state["position"])
    s = simulator.scenario
    rb_power = 10 ** (s.radio.power_dbm / 10) / s.radio.num_rbs
    loss: NDArray[Any] = -10 * np.log10(simulator.state.gain[..., 0] / rb_power)
    return loss


def test_vectors() -> None:
    """3.5 GHz, 25 m and 1.5 m: 83.138 dB at 100 m with a line of sight, 103.038 dB without."""
    assert radio.uma_los_db(100.0, **HEIGHTS) == pytest.approx(83.138, abs=5e-4)
    assert radio.uma_nlos_db(100.0, **HEIGHTS) == pytest.approx(103.038, abs=5e-4)
    assert at_distances(np.full((1, 1), 100.0), ALWAYS)[0, 0] == pytest.approx(83.138, abs=5e-4)
    assert at_distances(np.full((1, 1), 100.0), NEVER)[0, 0] == pytest.approx(103.038, abs=5e-4)


@pytest.mark.parametrize("carrier_ghz", [0.7, 3.5, 6.0])
@pytest.mark.parametrize(("bs_height_m", "ue_height_m"), [(25.0, 1.5), (40.0, 13.0), (2.0, 1.5)])
def test_loss_over_distance(carrier_ghz: float, bs_height_m: float, ue_height_m: float) -> None:
    antennas = {"carrier_ghz": carrier_ghz, "bs_height_m": bs_height_m, "ue_height_m": ue_height_m}
    distances = np.geomspace(18.5, 5e4, 40)[None]
    los, nlos = (at_distances(distances, draw, **antennas)[0] for draw in (ALWAYS, NEVER))
    for d, with_sight, without in zip(distances[0], los, nlos, strict=True):
        assert with_sight == pytest.approx(radio.uma_los_db(d, **antennas), abs=1e-9)
        seen = radio.los_probability(d, ue_height_m=ue_height_m) > NEVER
        assert without == pytest.approx((radio.uma_los_db if seen else radio.uma_nlos_db)(d, **antennas), abs=1e-9)
    assert (np.diff(los) > 0).all()
    assert (nlos >= los - 1e-9).all()


def test_continuous_at_the_breakpoint_and_steeper_beyond() -> None:
    corner = radio.breakpoint_m(**HEIGHTS)
    assert corner == pytest.approx(560.0)
    around = corner * np.array([[0.5, 1 - 1e-9, 1.0, 1 + 1e-9, 2.0, 4.0]])
    loss = at_distances(around, ALWAYS)[0]
    assert np.ptp(loss[1:4]) < 1e-6
    assert loss[2] - loss[0] == pytest.approx(22 * math.log10(2), abs=0.03)  # d_3D is nearly d_2D out here
    assert loss[5] - loss[4] == pytest.approx(40 * math.log10(2), abs=0.03)
    assert loss[4] - loss[2] == pytest.approx(40 * math.log10(2), abs=0.03)


@pytest.mark.parametrize("path_loss", ["uma", "power_law"])
def test_distance_is_floored(path_loss: str) -> None:
    loss = at_distances(np.array([[0.0, 3.0, 17.0, 17.5]]), ALWAYS, path_loss=path_loss, min_distance_m=17.0)[0]
    assert np.ptp(loss[:3]) < 1e-9
    assert loss[3] > loss[2]
    expected = radio.uma_los_db(17.0, **HEIGHTS) if path_loss == "uma" else 35.0 * math.log10(17.0)
    assert loss[0] == pytest.approx(expected, abs=1e-9)


def test_everyone_within_18_m_is_in_sight() -> None:
    distances = np.full((20, 50), 18.0)
    np.testing.assert_allclose(at_distances(distances), radio.uma_los_db(18.0, **HEIGHTS), rtol=1e-12)


@pytest.mark.parametrize("ue_height_m", [1.5, 13.0])
@pytest.mark.parametrize("distance_m", [40.0, 60.0, 100.0, 250.0, 800.0])
def test_how_many_links_are_in_sight(distance_m: float, ue_height_m: float) -> None:
    """Over 4,000 links: the exact binomial test of TR 38.901's probability."""
    loss = at_distances(np.full((200, 20), distance_m), ue_height_m=ue_height_m, margin_m=1e4)
    antennas = {**HEIGHTS, "ue_height_m": ue_height_m}
    los, nlos = radio.uma_los_db(distance_m, **antennas), radio.uma_nlos_db(distance_m, **antennas)
    assert nlos > los + 1e-3
    seen = np.abs(loss - los) < 1e-6
    assert (seen | (np.abs(loss - nlos) < 1e-6)).all()
    p = min(1.0, radio.los_probability(distance_m, ue_height_m=ue_height_m))
    assert stats.binomtest(int(seen.sum()), seen.size, p).pvalue > 1e-3


def test_probability_by_hand() -> None:
    """TR 38.901, table 7.4.2-1, worked out by hand at 100 m."""
    ground = 0.18 + 0.2044766 * 0.82
    assert radio.los_probability(100.0, ue_height_m=1.5) == pytest.approx(ground, abs=1e-6)
    lifted = ground * (1 + 0.9**1.5 * 1.25 * math.exp(-2 / 3))
    assert radio.los_probability(100.0, ue_height_m=22.0) == pytest.approx(lifted, abs=1e-6)
    assert radio.los_probability(18.0, ue_height_m=22.0) == 1.0


def test_a_link_changes_only_as_its_ue_moves() -> None:
    standing = Simulator("tiny", 8, seed=5, num_ues=60, **UMA, shadowing_los_db=4.0, shadowing_nlos_db=6.0, **STANDING)
    standing.reset()
    gain, draws, shadow = (standing.state._asdict()[name].copy() for name in ("gain", "los_draw", "shadow"))
    for _ in range(3):
        standing.step(idle(standing))
    np.testing.assert_array_equal(standing.state.gain, gain)
    standing.reset()
    assert (standing.state.los_draw != draws).all()  # another episode, other links
    assert (standing.state.shadow != shadow).all()
    moving = Simulator("tiny", 8, seed=5, num_ues=60, **UMA, min_speed_mps=300.0, max_speed_mps=300.0)
    moving.reset()
    changes = 0
    for _ in range(3):
        before = moving.get_state()
        moving.step(idle(moving))
        np.testing.assert_array_equal(moving.state.los_draw, before["los_draw"])
        changes += int((in_sight(moving, moving.state.position) != in_sight(moving, before["position"])).sum())
    assert changes > 50


def in_sight(simulator: Simulator, position: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which links (B, N, M) have a line of sight, by the draws of the simulator and the reference's probability."""
    d = np.linalg.norm(position[:, :, None] - simulator.parameters.path_loss.sites, axis=-1)
    d = np.maximum(d, simulator.scenario.radio.min_distance_m)
    p = np.vectorize(lambda x: radio.los_probability(x, ue_height_m=simulator.scenario.radio.ue_height_m))(d)
    seen: NDArray[np.bool_] = simulator.state.los_draw < p
    return seen


def shadows_db(simulator: Simulator) -> tuple[NDArray[Any], NDArray[Any]]:
    """What shadowing adds to the gain of each link (B, N, M) [dB], and which links are in sight."""
    s = simulator.scenario
    rb_power = 10 ** (s.radio.power_dbm / 10) / s.radio.num_rbs
    d = np.linalg.norm(simulator.state.position[:, :, None] - simulator.parameters.path_loss.sites, axis=-1)
    d = np.maximum(d, s.radio.min_distance_m)
    if s.radio.path_loss == "power_law":
        return 10 * np.log10(simulator.state.gain / rb_power) + 35 * np.log10(d), np.zeros(d.shape, dtype=bool)
    seen = in_sight(simulator, simulator.state.position)
    los = np.vectorize(lambda x: radio.uma_los_db(x, **HEIGHTS))(d)
    nlos = np.vectorize(lambda x: radio.uma_nlos_db(x, **HEIGHTS))(d)
    return 10 * np.log10(simulator.state.gain / rb_power) + np.where(seen, los, nlos), seen


def assert_normal(sample: NDArray[Any], sigma: float) -> None:
    """Mean 0, standard deviation sigma (exact chi-square bounds) and the bell in between."""
    n = sample.size
    assert n > 1000
    low, high = stats.chi2.ppf([5e-4, 1 - 5e-4], n) * sigma**2
    assert low < float((sample**2).sum()) < high
    assert abs(sample.mean()) < 4 * sigma / math.sqrt(n)
    assert stats.kstest(sample / sigma, "norm").pvalue > 1e-3


def test_shadowing_is_normal_in_db() -> None:
    simulator = Simulator("tiny", 200, seed=6, num_ues=40, **UMA, shadowing_los_db=4.0, shadowing_nlos_db=6.0)
    simulator.reset()
    shadow, seen = shadows_db(simulator)
    assert_normal(shadow[seen], 4.0)
    assert_normal(shadow[~seen], 6.0)
    for one, other in [(shadow[:, :, 0], shadow[:, :, 1]), (shadow[:, :-1], shadow[:, 1:]), (shadow[:-1], shadow[1:])]:
        assert abs(np.corrcoef(one.ravel(), other.ravel())[0, 1]) < 5 / math.sqrt(one.size)
    # The lines of sight do not depend on the shadows.
    assert abs(np.corrcoef(simulator.state.shadow.ravel(), simulator.state.los_draw.ravel())[0, 1]) < 5 / math.sqrt(
        shadow.size
    )


def test_shadowing_of_the_power_law() -> None:
    """A power-law link has the shadowing of one without a line of sight; the UE goes where it hears best."""
    simulator = Simulator("tiny", 100, seed=7, num_ues=40, shadowing_nlos_db=8.0)
    simulator.reset()
    assert_normal(shadows_db(simulator)[0].ravel(), 8.0)
    assert (simulator.state.serving == simulator.state.gain.argmax(axis=-1)).all()
    nearest = np.linalg.norm(
        simulator.state.position[:, :, None] - simulator.parameters.path_loss.sites, axis=-1
    ).argmin(axis=-1)
    assert (simulator.state.serving != nearest).mean() > 0.05


def test_what_is_not_needed_is_not_kept() -> None:
    sizes = {}
    for name, overrides in {"plain": {}, "uma": UMA, "shadow": {"shadowing_nlos_db": 1.0}}.items():
        state = Simulator("tiny", 2, **overrides).get_state()
        sizes[name] = (state["los_draw"].size, state["shadow"].size)
    assert sizes == {"plain": (0, 0), "uma": (2 * 20 * 2, 0), "shadow": (0, 2 * 20 * 2)}


@pytest.mark.parametrize("blocks", [1, 2, 7])
def test_fading_blocks_are_averaged(blocks: int) -> None:
    """The rate of a UE alone is the mean of log2(1 + S |h|²) over its blocks, each below the cap."""
    simulator = Simulator(
        "tiny", 4, seed=8, num_dus=1, num_ues=1, power_dbm=-20.0, fading_blocks=blocks, max_spectral_efficiency=2.0
    )
    simulator.reset()
    p = simulator.parameters
    for _ in range(3):
        gain = simulator.state.gain[:, 0, 0].copy()
        power = np.array(
            [
                [[simulator.fading_power(b, 0, k, block=j)[0] for j in range(blocks)] for k in range(10)]
                for b in range(4)
            ]
        )
        simulator.step(serve_all(simulator))
        assert simulator.last_outcome is not None
        efficiency = np.minimum(np.log2(1 + gain[:, None, None] / p.channel.noise_mw * power), 2.0)
        expected = p.channel.bandwidth * efficiency.mean(axis=-1).sum(axis=-1)
        np.testing.assert_allclose(simulator.last_outcome.rate[:, 0], expected, rtol=1e-9)
        assert np.unique(power).size == power.size


def test_fading_of_the_blocks_is_exponential_and_independent() -> None:
    simulator = Simulator("tiny", 1, seed=9, num_dus=5, fading_blocks=4)
    simulator.reset()
    power = np.array(
        [[[simulator.fading_power(0, u, k, block=j) for j in range(4)] for k in range(10)] for u in range(20)]
    )  # (N, K, blocks, M)
    assert stats.kstest(power.ravel(), "expon").pvalue > 1e-3
    for j in range(3):
        one, other = power[:, :, j].ravel(), power[:, :, j + 1].ravel()
        assert abs(np.corrcoef(one, other)[0, 1]) < 4 / math.sqrt(one.size)
    plain = Simulator("tiny", 1, seed=9, num_dus=5)
    plain.reset()
    np.testing.assert_array_equal(plain.fading_power(0, 3, 4), power[3, 4, 0])  # the first block is the only one's
