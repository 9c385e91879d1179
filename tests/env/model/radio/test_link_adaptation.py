"""Link adaptation: the tables, the curve of lost blocks, reports that age, the outer loop."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracle import links as ref
from support.networks import BITS_OF_SLICE, STANDING, random_actions

from oran_env import Simulator, make_scenario
from oran_env.model.radio.link_adaptation import (
    CQI,
    MCS,
    arriving,
    behind_gap,
    cqi_of,
    decibels,
    efficiencies,
    links_of,
    mcs_of,
)

LINKS = links_of(make_scenario("paper", link_adaptation="mcs"))
# The column "spectral efficiency" as TS 38.214 prints it.
MCS_PRINTED = (
    0.2344, 0.3770, 0.6016, 0.8770, 1.1758, 1.4766, 1.6953, 1.9141, 2.1602, 2.4063, 2.5703, 2.7305, 3.0293, 3.3223,
    3.6094, 3.9023, 4.2129, 4.5234, 4.8164, 5.1152, 5.3320, 5.5547, 5.8906, 6.2266, 6.5703, 6.9141, 7.1602, 7.4063,
)  # fmt: skip
CQI_PRINTED = (
    0.1523, 0.3770, 0.8770, 1.4766, 1.9141, 2.4063, 2.7305, 3.3223, 3.9023, 4.5234, 5.1152, 5.5547, 6.2266, 6.9141,
    7.4063,
)  # fmt: skip

MCS_ON: dict[str, Any] = {"link_adaptation": "mcs", "outer_loop_db": 0.0}


def test_tables() -> None:
    np.testing.assert_allclose(efficiencies(MCS), MCS_PRINTED, atol=5.1e-5)
    np.testing.assert_allclose(efficiencies(CQI), (0.0, *CQI_PRINTED), atol=5.1e-5)
    np.testing.assert_array_equal(efficiencies(MCS), ref.MCS_EFFICIENCY)
    np.testing.assert_array_equal(efficiencies(CQI), ref.CQI_EFFICIENCY)
    for values in (LINKS.cqi_efficiency, LINKS.cqi_db, LINKS.mcs_efficiency, LINKS.mcs_db):
        assert (np.diff(values) > 0).all()
    assert set(efficiencies(CQI)[2:]) < set(efficiencies(MCS))  # what a CQI says can be sent exactly


@given(st.integers(0, 15), st.floats(-30, 30), st.floats(0, 20))
def test_a_better_report_or_offset_never_lowers_the_mcs(cqi: int, offset: float, more: float) -> None:
    def chosen(cqi: int, offset_db: float) -> int:
        return mcs_of(LINKS.cqi_db[cqi] + offset_db, LINKS.mcs_db)

    mcs = chosen(cqi, offset)
    assert mcs == ref.mcs_of(cqi, offset)
    assert mcs <= chosen(cqi, offset + more)
    assert mcs <= chosen(min(cqi + 1, 15), offset)
    plain = chosen(cqi, 0.0)
    assert plain == 0 or LINKS.mcs_efficiency[plain] == LINKS.cqi_efficiency[cqi]


@given(st.floats(0, 40), st.floats(0, 20))
def test_quality_and_report(efficiency: float, gap_db: float) -> None:
    quality = behind_gap(efficiency, 10 ** (-gap_db / 10))
    assert 0 <= quality <= efficiency * (1 + 1e-12)
    if quality > 1e-6:  # the gap is that between the two SINRs
        assert decibels(efficiency) - decibels(quality) == pytest.approx(gap_db, abs=1e-6)
    cqi = cqi_of(quality, LINKS.cqi_efficiency)
    assert LINKS.cqi_efficiency[cqi] <= quality
    assert cqi == 15 or LINKS.cqi_efficiency[cqi + 1] > quality


def test_curve_of_lost_blocks() -> None:
    assert arriving(0.0, 1.7) == pytest.approx(0.9)
    assert arriving(-1.7, 1.7) == pytest.approx(0.1)
    shares = np.array([arriving(x, 1.7) for x in np.linspace(-1e4, 50, 400)])
    assert (np.diff(shares) >= 0).all()
    assert ((shares > 0) & (shares <= 1)).all()
    assert shares[-1] == pytest.approx(1.0)


def test_off_keeps_nothing() -> None:
    simulator = Simulator("tiny", 2, 51)
    simulator.reset()
    info = simulator.step(random_actions(simulator, np.random.default_rng(52))).info
    assert simulator.state.reported.size == simulator.state.outer_loop.size == 0
    assert (info["bler"] == 0).all()
    assert (info["cqi"] == 0).all()


def rbs_of_ues(ue_of_rb: Any, num_ues: int) -> Any:
    """RBs (B, N) of each UE."""
    return np.array([[(row == u).sum() for u in range(num_ues)] for row in ue_of_rb])


def test_an_exact_report_is_shannon_rounded_down_to_the_table() -> None:
    """Without delay, gap and fading: the greatest MCS that what the RBs carry allows, less than 10 % lost."""
    settings: dict[str, Any] = {"fading": "none"}
    exact = Simulator("tiny", 4, 53, cqi_delay_steps=0, link_gap_db=0.0, **MCS_ON, **settings)
    shannon = Simulator("tiny", 4, 53, **settings)
    exact.reset(), shannon.reset()
    rng = np.random.default_rng(54)
    for _ in range(5):
        actions = random_actions(exact, rng)
        exact.step(actions), shannon.step(actions)
        assert exact.last_outcome is not None
        assert shannon.last_outcome is not None
        hertz = 2e6 * rbs_of_ues(shannon.last_outcome.ue_of_rb, 20)
        served = hertz > 0
        carried = shannon.last_outcome.rate[served] / hertz[served]
        sent = np.array([max([e for e in ref.CQI_EFFICIENCY if e <= c + 1e-12]) for c in carried])
        sent = np.maximum(sent, ref.MCS_EFFICIENCY[0])
        lost = exact.last_outcome.bler_of_ue[served]
        np.testing.assert_allclose(exact.last_outcome.rate[served], hertz[served] * sent * (1 - lost), rtol=1e-9)
        assert (lost[carried >= 0.2344] <= 0.1 + 1e-9).all()
        assert (exact.last_outcome.rate <= shannon.last_outcome.rate).all()


@pytest.mark.parametrize("delay", [0, 1, 3])
def test_the_mcs_follows_the_report_of_d_steps_ago(delay: int) -> None:
    simulator = Simulator("tiny", 3, 55, cqi_delay_steps=delay, **MCS_ON)
    simulator.reset()
    rng, measured = np.random.default_rng(56), []
    for step in range(7):
        simulator.step(random_actions(simulator, rng))
        out = simulator.last_outcome
        assert out is not None
        measured.append(simulator.state.reported[..., 0].copy())
        if step < delay:
            continue
        hertz = 2e6 * rbs_of_ues(out.ue_of_rb, 20)
        for b, u in zip(*np.nonzero((hertz > 0) & (out.bler_of_ue < 0.999)), strict=True):
            mcs = ref.mcs_of(ref.cqi_of(measured[step - delay][b, u]), 0.0)
            sent = out.rate[b, u] / hertz[b, u] / (1 - out.bler_of_ue[b, u])
            assert sent == pytest.approx(ref.MCS_EFFICIENCY[mcs], rel=1e-9)
    assert (np.diff(np.array(measured), axis=0) != 0).any()


def goodput_and_loss(delay: int, outer_loop_db: float = 0.0, steps: int = 25, **settings: Any) -> tuple[float, float]:
    """Mean rate per UE [Mbit/s], share of lost blocks in the second half; every RB of every DU is on the air."""
    several: dict[str, Any] = {"num_ues": 40, "slice_mix": "uniform", "horizon": 100, **settings}
    several |= {"link_adaptation": "mcs", "cqi_delay_steps": delay, "outer_loop_db": outer_loop_db}
    simulator = Simulator("tiny", 8, 57, **several)
    simulator.reset()
    actions = np.broadcast_to(BITS_OF_SLICE[np.arange(10) % 3].T.reshape(20), (8, 2, 20))
    rates, losses = [], []
    for _ in range(steps):
        simulator.step(actions)
        out = simulator.last_outcome
        assert out is not None
        rates.append(out.rate.mean() * 1e-6)
        losses.append(out.bler_of_ue[out.rate > 0].mean())
    return float(np.mean(rates)), float(np.mean(losses[steps // 2 :]))


FAST: dict[str, Any] = {"fading": "none", "link_gap_db": 0.0, "min_speed_mps": 25.0, "max_speed_mps": 40.0}


def test_reports_age_with_delay_and_speed() -> None:
    """Fast UEs lose by every step of delay; standing ones by none; so do all where a fade lasts for a step."""
    fast = [goodput_and_loss(delay, **FAST) for delay in (0, 2, 8)]
    assert fast[0][0] > 1.01 * fast[1][0] > 1.03 * fast[2][0]
    assert fast[0][1] < fast[2][1] - 0.02
    standing = [goodput_and_loss(delay, **{**FAST, **STANDING}) for delay in (0, 8)]
    assert standing[0] == pytest.approx(standing[1], rel=1e-6)
    slow = [goodput_and_loss(delay, **{**FAST, "min_speed_mps": 0.5, "max_speed_mps": 1.5}) for delay in (0, 8)]
    assert slow[0][0] - slow[1][0] < 0.2 * (fast[0][0] - fast[2][0])
    fading = [goodput_and_loss(delay, **STANDING) for delay in (0, 1)]
    assert fading[1][0] < 0.9 * fading[0][0]


def test_the_outer_loop_brings_lost_blocks_to_ten_percent() -> None:
    few: dict[str, Any] = {**STANDING, "num_ues": 14, "steps": 60}  # so that each is served often
    _, alone = goodput_and_loss(1, **few)
    _, steered = goodput_and_loss(1, outer_loop_db=2.0, **few)
    assert alone > 0.18
    assert steered == pytest.approx(0.1, abs=0.03)


def test_a_reset_forgets_the_reports() -> None:
    simulator = Simulator("tiny", 2, 58, link_adaptation="mcs")
    simulator.reset()
    for _ in range(3):
        simulator.step(random_actions(simulator, np.random.default_rng(59)))
    assert (simulator.state.reported >= 0).all()
    assert (simulator.state.outer_loop != 0).any()
    simulator.reset(which=np.array([True, False]))
    assert (simulator.state.reported[0] == -1).all()
    assert (simulator.state.outer_loop[0] == 0).all()
    assert (simulator.state.reported[1] >= 0).all()
