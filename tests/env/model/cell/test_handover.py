"""Event A3, ping-pongs and interruptions against a plain reading of each."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from support.networks import idle, random_actions

from oran_env import Simulator

# Small cells and fast UEs: several handovers in every step.
BUSY: dict[str, Any] = {
    "num_dus": 4, "num_ues": 40, "site_spacing_m": 30.0, "margin_m": 15.0, "min_speed_mps": 20.0,
    "max_speed_mps": 60.0, "horizon": 1000,
}  # fmt: skip


def busy(networks: int = 2, **overrides: Any) -> Simulator:
    simulator = Simulator("tiny", networks, seed=4, **{**BUSY, **overrides})
    simulator.reset()
    return simulator


class PlainUe:
    """One UE: whom it is served by, from the gains [dB] that it measures once a step."""

    def __init__(self, gains: NDArray[np.float64], hysteresis_db: float, trigger_s: float, step_s: float) -> None:
        self.serving, self.hysteresis_db, self.trigger_s, self.step_s = (
            int(gains.argmax()),
            hysteresis_db,
            trigger_s,
            step_s,
        )
        self.since: tuple[int, float] | None = None  # candidate and when it became strong enough
        self.history: list[tuple[float, int]] = []  # when it left which DU

    def measure(self, now: float, gains: NDArray[np.float64]) -> tuple[bool, bool]:
        """Whether it hands over, and whether that is a ping-pong."""
        best = int(gains.argmax())
        if best == self.serving or gains[best] < gains[self.serving] + self.hysteresis_db:
            self.since = None
            return False, False
        if self.since is None or self.since[0] != best:
            self.since = (best, now)
        if now - self.since[1] < self.trigger_s - 1e-6:
            return False, False
        back = bool(self.history) and self.history[-1][1] == best and now - self.history[-1][0] < 1.0 - 1e-6
        self.history.append((now, self.serving))
        self.serving, self.since = best, None
        return True, back


@pytest.mark.parametrize("sessions", [False, True])
@pytest.mark.parametrize(
    ("hysteresis_db", "trigger_s"), [(0.0, 0.0), (3.0, 0.0), (0.0, 0.1), (0.0, 0.25), (2.0, 0.16), (1.0, 0.32)]
)
def test_a3_against_a_plain_reading(hysteresis_db: float, trigger_s: float, sessions: bool) -> None:
    comings: dict[str, Any] = {"session_s": 2.0, "absence_s": 0.5} if sessions else {}
    simulator = busy(1, handover_hysteresis_db=hysteresis_db, time_to_trigger_s=trigger_s, shadowing_nlos_db=3.0,
                     turns_rad=(-2.0, 0.0, 2.0), **comings)  # fmt: skip
    ues: dict[int, PlainUe] = {}
    handovers = returns = 0
    for t in range(60):
        before = simulator.state.serving[0].copy()
        if t == 0:
            for u in np.flatnonzero(before >= 0).tolist():
                ues[u] = PlainUe(simulator.state.gain[0, u], hysteresis_db, trigger_s, 0.1)
        info = simulator.step(idle(simulator)).info
        gains = 10 * np.log10(simulator.state.gain[0])
        now = simulator.state.serving[0]
        moved, back = np.zeros(4, dtype=int), np.zeros(4, dtype=int)
        for u in range(40):
            if now[u] < 0:
                ues.pop(u, None)
            elif u not in ues:
                assert before[u] < 0
                ues[u] = PlainUe(gains[u], hysteresis_db, trigger_s, 0.1)
            else:
                hands, returned = ues[u].measure(0.1 * t, gains[u])
                moved[ues[u].serving] += hands
                back[ues[u].serving] += returned
            assert u not in ues or ues[u].serving == now[u], (t, u)
        np.testing.assert_array_equal(info["handovers"][0], moved)
        np.testing.assert_array_equal(info["ping_pongs"][0], back)
        handovers, returns = handovers + int(moved.sum()), returns + int(back.sum())
    assert handovers > (20 if hysteresis_db + trigger_s else 60)
    assert returns > 0 or hysteresis_db + trigger_s > 0


def test_patience_and_hysteresis_save_handovers() -> None:
    def count(**overrides: Any) -> int:
        simulator = busy(turns_rad=(-1.0, 1.0), **overrides)
        return sum(int(simulator.step(idle(simulator)).info["handovers"].sum()) for _ in range(40))

    at_once = count()
    assert count(handover_hysteresis_db=2.0) < at_once
    assert count(time_to_trigger_s=0.3) < at_once
    assert count(handover_hysteresis_db=40.0) == 0


def lost_shares(simulator: Simulator, interruption_s: float, steps: int) -> tuple[NDArray[Any], NDArray[Any], int]:
    """Rates (steps, B, N) under random actions, what share each UE must lose, and how many handovers there were."""
    rng = np.random.default_rng(5)
    remaining = np.zeros(simulator.state.serving.shape)
    rates, shares, handovers = [], [], 0
    for _ in range(steps):
        serving = simulator.state.serving.copy()
        result = simulator.step(random_actions(simulator, rng))
        assert simulator.last_outcome is not None
        lost = np.minimum(remaining, 0.1) * (serving >= 0)
        cut = lost > 1e-12
        for b in range(len(serving)):
            told = [int(cut[b][serving[b] == m].sum()) for m in range(4)]
            if interruption_s:
                np.testing.assert_array_equal(result.info["interrupted_ues"][b], told)
        remaining -= lost
        changed = (serving != simulator.state.serving) & (simulator.state.serving >= 0) & (serving >= 0)
        remaining[changed] = interruption_s
        handovers += int(changed.sum())
        rates.append(simulator.last_outcome.rate.copy())
        shares.append(lost / 0.1)
    return np.array(rates), np.array(shares), handovers


@pytest.mark.parametrize("interruption_s", [0.03, 0.1, 0.27])
def test_an_interruption_takes_its_time_from_the_rate(interruption_s: float) -> None:
    """The rate is that of an uninterrupted twin times the share of the step that is left; the lost time adds up."""
    twin, _, _ = lost_shares(busy(), 0.0, 30)
    rates, shares, handovers = lost_shares(busy(handover_interruption_s=interruption_s), interruption_s, 30)
    np.testing.assert_allclose(rates, twin * (1 - shares), rtol=1e-9, atol=1e-6)
    assert handovers > 50
    assert (shares > 0).any()
    lost = 0.1 * shares.sum()
    assert lost <= handovers * interruption_s + 1e-9
    assert lost > 0.7 * handovers * interruption_s  # but for what begins anew, or has not ended yet


def test_the_queue_goes_with_the_ue() -> None:
    """Bits that arrive are either sent or still there, whoever serves the UE and however often it is cut off."""
    simulator = busy(
        latency="queue", throughput="served", handover_interruption_s=0.15, offered_bps=(2e6, 1e6, 64e3)
    )  # fmt: skip
    rng = np.random.default_rng(6)
    arrived, sent = np.zeros((2, 40)), np.zeros((2, 40))
    interrupted = 0
    for _ in range(40):
        interrupted += int(simulator.step(random_actions(simulator, rng)).info["interrupted_ues"].sum())
        assert simulator.last_outcome is not None
        arrived += simulator.last_outcome.arrived
        sent += simulator.last_outcome.served * 0.1
    np.testing.assert_allclose(sent + simulator.state.backlog, arrived, rtol=1e-9, atol=1e-3)
    assert interrupted > 50


def test_nothing_is_carried_over_to_the_next_episode_or_ue() -> None:
    simulator = busy(
        handover_interruption_s=5.0, time_to_trigger_s=0.3, handover_hysteresis_db=0.5, session_s=1.0, absence_s=0.2
    )  # fmt: skip
    for _ in range(15):
        was = simulator.state.serving.copy()
        simulator.step(idle(simulator))
        new = (was < 0) & (simulator.state.serving >= 0)
        assert (simulator.state.cut_off[new] == 0).all()
        assert (simulator.state.left[new] == -1).all()
        assert (simulator.state.candidate[new] == -1).all()
    assert (simulator.state.cut_off > 0).any()
    assert (simulator.state.waiting > 0).any()
    simulator.reset()
    assert (simulator.state.cut_off == 0).all()
    assert (simulator.state.waiting == 0).all()
    assert (simulator.state.left == -1).all()


def test_what_is_off_keeps_nothing() -> None:
    state = busy().get_state()
    assert state["cut_off"].size == state["waiting"].size == state["candidate"].size == 0


def test_a_short_stay_lasts_a_second_at_any_step() -> None:
    for step_s, steps in ((0.1, 10), (0.01, 100), (0.3, 4), (1.0, 1), (2.0, 1)):
        handover = Simulator("tiny", 1, step_s=step_s, time_to_trigger_s=0.32).parameters.handover
        assert handover.short_stay == steps
        assert handover.patience == math.ceil(0.32 / step_s - 1e-9)
