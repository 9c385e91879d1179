"""Three sectors at a site: the pattern of TR 38.901, and what cells of one site share; the cap by the transmitter."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.networks import serve_all

from oran_env import ScenarioError, Simulator, make_scenario
from oran_env.model.radio.antenna import antenna_of, pattern_db
from oran_env.model.radio.impairments import limited
from oran_env.policies.reuse_plan import colours

UMA: dict[str, Any] = {"path_loss": "uma", "shadowing_los_db": 4.0, "shadowing_nlos_db": 6.0}


def towards(azimuth: float, depression: float = 0.0, **overrides: Any) -> float:
    return pattern_db(azimuth, depression, antenna_of(make_scenario("tiny", num_dus=3, sectors=3, **overrides)))


@pytest.mark.parametrize(
    ("azimuth", "depression", "expected"),
    [(0, 0, 8), (32.5, 0, 5), (-32.5, 0, 5), (0, 32.5, 5), (65, 0, -4), (180, 0, -22), (-180, 0, -22), (540, 0, -22),
     (0, 90, 8 - 12 * (90 / 65) ** 2), (32.5, 32.5, 2), (120, 80, -22), (392.5, 0, 5), (-327.5, 0, 5)],
)  # fmt: skip
def test_the_pattern_by_hand(azimuth: float, depression: float, expected: float) -> None:
    """8 dBi ahead, 3 dB less at half the beamwidth, 30 dB less behind and no more than that anywhere."""
    assert towards(azimuth, depression) == pytest.approx(expected, abs=1e-9)


def test_a_column_of_elements_is_narrow_and_tilted() -> None:
    narrow: dict[str, Any] = {"vertical_beamwidth_deg": 10.0, "downtilt_deg": 12.0, "antenna_gain_dbi": 14.0}
    assert towards(0.0, 12.0, **narrow) == pytest.approx(14.0)
    assert towards(0.0, 7.0, **narrow) == towards(0.0, 17.0, **narrow) == pytest.approx(11.0)
    assert towards(0.0, -20.0, **narrow) == pytest.approx(-16.0)


def sectored(networks: int = 4, **overrides: Any) -> Simulator:
    simulator = Simulator("tiny", networks, seed=2, **{"num_dus": 9, "sectors": 3, "num_ues": 100, **overrides})
    simulator.reset()
    return simulator


def test_gains_by_a_plain_reading() -> None:
    """d^-3.5 times the pattern, in degrees and decibels, from positions."""
    simulator = sectored(vertical_beamwidth_deg=30.0, downtilt_deg=8.0)
    plain = Simulator("tiny", 4, seed=2, num_dus=3, num_ues=100)
    plain.reset()
    sites, position = simulator.parameters.path_loss.sites, simulator.state.position
    np.testing.assert_allclose(position, plain.state.position)
    for m in range(9):
        dx, dy = np.moveaxis(position - sites[m], -1, 0)
        azimuth = np.degrees(np.arctan2(dy, dx)) - (30.0, 150.0, 270.0)[m % 3]
        azimuth = (azimuth + 180.0) % 360.0 - 180.0
        depression = np.degrees(np.arctan((25.0 - 1.5) / np.hypot(dx, dy)))
        loss = np.minimum(12 * (azimuth / 65) ** 2, 30) + np.minimum(12 * ((depression - 8.0) / 30) ** 2, 30)
        seen = 10 * np.log10(simulator.state.gain[..., m] / plain.state.gain[..., m // 3])
        np.testing.assert_allclose(seen, 8.0 - np.minimum(loss, 30.0), atol=1e-9)
    # Each UE is served where it is loudest: mostly the sector that looks at it.
    assert (simulator.state.serving == simulator.state.gain.argmax(axis=-1)).all()
    assert np.bincount(simulator.state.serving.ravel(), minlength=9).min() > 10


def test_cells_of_a_site_share_its_links() -> None:
    """Line of sight and shadowing are the site's: without antennas its three cells would be equally loud."""
    simulator = sectored(**UMA)
    assert simulator.state.los_draw.shape == simulator.state.shadow.shape == (4, 100, 3)
    plain = Simulator("tiny", 4, seed=2, num_dus=3, num_ues=100, **UMA)
    plain.reset()
    p = simulator.parameters.path_loss
    ratio = simulator.state.gain / np.repeat(plain.state.gain, 3, axis=-1)
    for m in range(9):
        dx, dy = np.moveaxis(simulator.state.position - p.sites[m], -1, 0)
        down = np.degrees(np.arctan(23.5 / np.hypot(dx, dy)))
        azimuth = np.degrees(np.arctan2(dy, dx)) - p.antenna.boresight[m]
        expected = np.vectorize(lambda a, d: pattern_db(a, d, p.antenna))(azimuth, down)
        np.testing.assert_allclose(10 * np.log10(ratio[..., m]), expected, atol=1e-9)


def test_sites_and_colours() -> None:
    sites = sectored().parameters.path_loss.sites
    assert len(np.unique(sites, axis=0)) == 3
    assert all(sorted(colours(sites)[3 * i : 3 * i + 3]) == [0, 1, 2] for i in range(3))
    assert sorted(colours(sectored(num_dus=3).parameters.path_loss.sites)) == [0, 1, 2]


@pytest.mark.parametrize(("fields", "message"), [
    ({"sectors": 2}, "sectors is 2; allowed: 1 or 3"),
    ({"sectors": 3, "num_dus": 4}, r"num_dus is 4; allowed: multiples of sectors \(3\)"),
    ({"sectors": 3, "num_dus": 6, "wrap_around": True}, "wrap_around is True with 2 sites in 1 rows"),
])  # fmt: skip
def test_refusals(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ScenarioError, match=message):
        make_scenario("tiny", **fields)


@given(st.floats(0, 1e12), st.floats(1e-6, 1))
def test_the_transmitter_caps_the_sinr(sinr: float, evm: float) -> None:
    found = limited(sinr, evm**2)
    assert found <= min(sinr, evm**-2) * (1 + 1e-12)
    assert found == pytest.approx(0.0 if sinr < 1e-300 else 1.0 / (1.0 / sinr + evm**2), rel=1e-9)
    assert limited(sinr, 0.0) == sinr


@pytest.mark.parametrize("scheduler", ["round_robin", "max_rate"])
def test_the_rate_under_an_error_vector(scheduler: str) -> None:
    """A UE alone has 29.1 dB with 3.5 %, however near it stands."""
    simulator = Simulator("tiny", 1, seed=3, num_dus=1, num_ues=1, fading="none", tx_evm=0.035, scheduler=scheduler)
    simulator.reset()
    simulator.step(serve_all(simulator))
    assert simulator.last_outcome is not None
    snr = simulator.state.gain[0, 0, 0] / simulator.parameters.channel.noise_mw
    assert 10 * math.log10(0.035**-2) == pytest.approx(29.12, abs=0.01)
    expected = 20e6 * math.log2(1 + 1 / (1 / snr + 0.035**2))
    assert simulator.last_outcome.rate[0, 0] == pytest.approx(expected, rel=1e-3)  # it has moved since
    assert simulator.last_outcome.rate[0, 0] < 20e6 * math.log2(1 + 0.035**-2)
