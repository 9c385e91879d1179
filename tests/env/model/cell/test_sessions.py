"""UEs that come and go: stationary, geometric, and new when they return."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from oracle import traffic
from scipy import stats
from support.networks import idle, random_actions, within

from oran_env import Simulator

STEP_S = 0.1


def sessions(networks: int, **overrides: Any) -> Simulator:
    simulator = Simulator("tiny", networks, seed=7, **{"horizon": 10**6, **overrides})
    simulator.reset()
    return simulator


@pytest.mark.parametrize(("session_s", "absence_s"), [(4.0, 1.0), (0.5, 2.0), (0.05, 0.3)])
def test_sessions_are_stationary(session_s: float, absence_s: float) -> None:
    """Share of active UEs at reset and later, and the chances to leave and to return, by exact binomial tests.

    The stationary share is session/(session + absence) as long as both last longer than a step.
    """
    simulator = sessions(100, session_s=session_s, absence_s=absence_s)
    active = [simulator.state.serving >= 0]
    for _ in range(40):
        info = simulator.step(idle(simulator)).info
        active.append(simulator.state.serving >= 0)
        came, went = active[-1] & ~active[-2], ~active[-1] & active[-2]
        np.testing.assert_array_equal(info["arrivals"].sum(axis=1), came.sum(axis=1))
        np.testing.assert_array_equal(info["departures"].sum(axis=1), went.sum(axis=1))
    there = np.array(active)
    leaves, returns = min(1.0, STEP_S / session_s), min(1.0, STEP_S / absence_s)
    share = traffic.share_of_time(begins=returns, ends=leaves)
    if session_s >= STEP_S:
        assert share == pytest.approx(session_s / (session_s + absence_s))
    for time in (0, -1):
        assert stats.binomtest(int(there[time].sum()), there[time].size, share).pvalue > 1e-3
    was, then = there[:-1], there[1:]
    assert stats.binomtest(int((was & ~then).sum()), int(was.sum()), leaves).pvalue > 1e-3
    assert stats.binomtest(int((~was & then).sum()), int((~was).sum()), returns).pvalue > 1e-3


def test_sessions_have_geometric_lengths() -> None:
    """Lengths of the sessions that begin in the first steps: geometric with mean session_s (all have ended)."""
    simulator = sessions(60, session_s=0.5, absence_s=0.5)
    there = [simulator.state.serving >= 0]
    for _ in range(140):
        simulator.step(idle(simulator))
        there.append(simulator.state.serving >= 0)
    active = np.array(there).reshape(len(there), -1)
    lengths = []
    for begin in range(1, 40):
        for u in np.flatnonzero(active[begin] & ~active[begin - 1]):
            still = active[begin:, u]
            assert not still.all()
            lengths.append(int(still.argmin()))
    sample = np.array(lengths)
    assert sample.size > 3000
    assert within(sample, 5.0)
    seen = np.array([(sample == n).sum() for n in range(1, 15)] + [(sample >= 15).sum()])
    chances = np.array([0.2 * 0.8 ** (n - 1) for n in range(1, 15)] + [0.8**14])
    assert stats.chisquare(seen, chances * sample.size).pvalue > 1e-3


def test_absent_ues_take_no_part() -> None:
    simulator = sessions(20, session_s=1.0, absence_s=1.0, latency="queue", num_dus=3)
    rng = np.random.default_rng(8)
    for _ in range(10):
        before = simulator.get_state()
        here = before["serving"] >= 0
        result = simulator.step(random_actions(simulator, rng))
        outcome = simulator.last_outcome
        assert outcome is not None
        assert (outcome.rate[~here] == 0).all()
        assert (result.info["num_ues"].sum(axis=(1, 2)) == here.sum(axis=1)).all()
        for b in range(20):
            assert set(outcome.ue_of_rb[b].ravel().tolist()) <= {-1, *np.flatnonzero(here[b]).tolist()}
            now = np.flatnonzero(simulator.state.serving[b] >= 0)
            assert simulator.state.first[b, -1] == now.size
            assert sorted(simulator.state.members[b, : now.size].tolist()) == now.tolist()
            assert (simulator.state.members[b, now.size :] == -1).all()
        seen = result.observations[..., simulator.observation_layout["num_ues"]].sum(axis=(1, 2)) * 20 / 3
        np.testing.assert_allclose(seen, (simulator.state.serving >= 0).sum(axis=1), atol=1e-4)


def test_who_returns_is_new() -> None:
    """A new position, direction, speed and slice, new links, and no memory; who stays keeps all of these."""
    simulator = sessions(
        40, session_s=1.0, absence_s=0.5, latency="queue", path_loss="uma", shadowing_nlos_db=6.0,
        scheduler="equal_rate", slice_mix="uniform", min_speed_mps=1.0, max_speed_mps=20.0,
    )  # fmt: skip
    rng = np.random.default_rng(9)
    returned, same_slice = 0, 0
    fresh: list[Any] = []
    last = {name: array.copy() for name, array in simulator.get_state().items()}
    for _ in range(15):
        was = simulator.get_state()
        simulator.step(random_actions(simulator, rng))
        now = simulator.state
        new, stayed = (was["serving"] < 0) & (now.serving >= 0), (was["serving"] >= 0) & (now.serving >= 0)
        for name in ("speed", "slice_of_ue", "los_draw", "shadow"):
            np.testing.assert_array_equal(getattr(now, name)[stayed], was[name][stayed], err_msg=name)
        for name in ("speed", "los_draw", "shadow"):
            assert (getattr(now, name)[new] != last[name][new]).all(), name
        for name in ("backlog", "history", "on_time", "average"):
            assert (getattr(now, name)[new] == 0).all(), name
        moved = np.linalg.norm(now.position - last["position"], axis=-1)
        assert (moved[stayed] < 2.0 + 1e-9).all()
        fresh.append(now.position[new])
        returned += int(new.sum())
        same_slice += int((now.slice_of_ue[new] == last["slice_of_ue"][new]).sum())
        for name in last:
            if last[name].shape[:2] == now.serving.shape:
                last[name][now.serving >= 0] = getattr(now, name)[now.serving >= 0]
    assert returned > 500
    assert stats.binomtest(same_slice, returned, 1 / 3).pvalue > 1e-3
    low, high = simulator.parameters.mobility.area
    places = (np.concatenate(fresh) - low) / (high - low)
    for axis in range(2):
        assert stats.kstest(places[:, axis], "uniform").pvalue > 1e-3
