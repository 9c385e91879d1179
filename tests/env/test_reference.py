"""Whole steps of the simulator against the plain reading of eqs. (1)-(8) in `reference.py`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import reference as ref
from reference_step import expected_observation, expected_step, serving_now

from oran_env import Simulator
from oran_env.state import INFO

INFO_OF_THE_STEP = {"handovers", "rbs_contested", "arrivals", "departures"}
EXACT: dict[str, Any] = {"rtol": 1e-9, "atol": 1e-9}

# Small enough for loops in plain Python; the area is dense, so that several UEs hand over in every step.
SMALL: dict[str, Any] = {
    "num_dus": 3,
    "num_ues": 24,
    "num_rbs": 12,
    "rb_bandwidth_hz": 1.5e6,
    "site_spacing_m": 60.0,
    "margin_m": 30.0,
}

VARIANTS: dict[str, dict[str, Any]] = {
    "defaults": {},
    "as_printed": {"interference": "as_printed"},
    "slice_mask": {"codec": "slice_mask"},
    "queue": {"latency": "queue", "offered_bps": (2e6, 1e6, 64e3)},
    "capped": {"max_spectral_efficiency": 7.4},
    "no_fading": {"fading": "none"},
    "literal_alpha": {"alpha": "literal"},
    "fixed_alpha": {"alpha": "fixed", "fixed_alpha": (3.0, 0.2, 1.1)},
    "short_window": {"availability_window": 2, "rate_threshold_mbps": (2.0, 1.0, 1.0)},
    "window_of_one": {"availability_window": 1},
    "other_numbers": {
        "power_dbm": 40.0,
        "noise_dbm_per_hz": -160.0,
        "path_loss_exponent": 2.7,
        "min_distance_m": 25.0,
        "priority": (0.3, 2.0, 1.0),
        "zeta": 0.7,
        "alpha_floor": 1.2,
        "min_normalised_qos": 0.8,
        "q_min": (30.0, 20.0, 0.5),
        "packet_bytes": (100.0, 50.0, 400.0),
        "latency_cap_s": 0.01,
        "step_s": 0.5,
        "slice_mix": "uniform",
    },
    "as_printed_slice_mask_queue_capped": {
        "interference": "as_printed",
        "codec": "slice_mask",
        "latency": "queue",
        "max_spectral_efficiency": 5.0,
    },
}


def sparse_actions(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Random actions with a random number of set bits per DU, the exact threshold and values outside [0, 1]."""
    density = rng.uniform(0.1, 1.0, (*shape[:-1], 1))
    actions = np.where(rng.random(shape) < density, rng.uniform(0.5, 1.1, shape), rng.uniform(-0.1, 0.5, shape))
    actions[rng.random(shape) < 0.02] = 0.5  # not above the threshold: not set
    return actions.astype(np.float32)


def check_steps(scenario: str, steps: int, networks: int, seed: int, **overrides: Any) -> None:
    """Run ``steps`` steps with random actions and hold everything against the reference."""
    simulator = Simulator(scenario, networks, seed, **overrides)
    observations = simulator.reset()
    layout = simulator.observation_layout
    assert (observations[..., layout["qos"]] == 0).all()
    assert (observations[..., layout["previous_action"]] == 0).all()
    rng = np.random.default_rng(seed)
    past: list[list[Any]] = [[] for _ in range(networks)]
    for _ in range(steps):
        actions = sparse_actions(rng, (networks, len(simulator.agents), simulator.action_size))
        before = simulator.get_state()
        arrived = arrivals_of_the_step(simulator)
        expected = [expected_step(simulator, b, actions[b], past[b]) for b in range(networks)]
        result = simulator.step(actions)
        after, outcome = simulator.state, simulator.last_outcome
        assert outcome is not None
        assert set(INFO) == set(result.info) == INFO_OF_THE_STEP | set(expected[0].info)
        for b, want in enumerate(expected):
            np.testing.assert_allclose(outcome.rate[b], want.rate, **EXACT, err_msg="rate")
            np.testing.assert_allclose(outcome.tau[b], want.tau, **EXACT, err_msg="tau")
            for name, value in want.info.items():
                np.testing.assert_allclose(result.info[name][b], value, **EXACT, err_msg=name)
            np.testing.assert_allclose(result.rewards[b], want.reward, rtol=1e-6, atol=1e-6, err_msg="reward")
            np.testing.assert_array_equal(after.pointer[b], want.pointer, err_msg="pointer")
            np.testing.assert_array_equal(after.serving[b], serving_now(simulator, b), err_msg="serving")
            changed = after.serving[b] != before["serving"][b]
            arrivals = np.bincount(after.serving[b][changed], minlength=len(simulator.agents))
            np.testing.assert_array_equal(result.info["handovers"][b], arrivals, err_msg="handovers")
            for u in range(simulator.scenario.layout.num_ues):
                want_backlog = (
                    ref.next_backlog(
                        backlog_bits=before["backlog"][b, u],
                        arrived_bits=arrived[b, u],
                        rate_bps=want.rate[u],
                        step_s=simulator.scenario.control.step_s,
                    )
                    if simulator.scenario.traffic.latency == "queue"
                    else 0.0
                )
                assert after.backlog[b, u] == pytest.approx(want_backlog, rel=1e-9, abs=1e-3), "backlog [bit]"
            np.testing.assert_allclose(
                result.observations[b],
                expected_observation(simulator, b, want.info["qos_normalised"], actions[b]),
                rtol=1e-6,
                atol=1e-6,
                err_msg="observation",
            )


def arrivals_of_the_step(simulator: Simulator) -> Any:
    """Bits that arrive at each UE (B, N) in the coming step: the growth of the backlog if nobody is served."""
    twin = Simulator(simulator.scenario, simulator.num_networks, 0)
    twin.set_state(simulator.get_state())
    twin.step(np.zeros((simulator.num_networks, len(simulator.agents), simulator.action_size), dtype=np.float32))
    return twin.state.backlog - simulator.state.backlog


@pytest.mark.parametrize("variant", VARIANTS)
def test_consecutive_steps(variant: str) -> None:
    check_steps("paper", steps=14, networks=2, seed=11, **{**SMALL, **VARIANTS[variant]})


@pytest.mark.parametrize("num_dus", [1, 2, 4, 7])
@pytest.mark.parametrize("interference", ["physical", "as_printed"])
def test_numbers_of_dus(num_dus: int, interference: str) -> None:
    check_steps("paper", 3, 2, seed=num_dus, **{**SMALL, "num_dus": num_dus, "interference": interference})


@pytest.mark.parametrize("scenario", ["paper", "paper_capped", "tiny"])
def test_presets(scenario: str) -> None:
    check_steps(scenario, steps=2, networks=1, seed=5)


def test_sliding_window_forgets() -> None:
    """Availability, eq. (4), over ten full windows and after a reset, which begins an empty history."""
    overrides = {**SMALL, "availability_window": 3, "rate_threshold_mbps": (3.0, 3.0, 3.0)}
    check_steps("paper", steps=30, networks=1, seed=21, **overrides)
    simulator = Simulator("paper", 1, 21, **overrides)
    simulator.reset()
    rng = np.random.default_rng(0)
    for _ in range(2):
        past: list[Any] = []
        for _ in range(4):
            actions = sparse_actions(rng, (1, 3, simulator.action_size))
            expected = expected_step(simulator, 0, actions[0], past)
            result = simulator.step(actions)
            np.testing.assert_allclose(result.info["availability"][0], expected.info["availability"], **EXACT)
        simulator.reset()


def test_a_capped_network_is_capped() -> None:
    """No RB carries more than 7.4 bit/s/Hz, and the cap is reached."""
    simulator = Simulator("paper_capped", 1, 3, num_dus=1)
    simulator.reset()
    simulator.step(np.full((1, 1, 200), 0.9, dtype=np.float32))  # every RB to mMTC
    assert simulator.last_outcome is not None
    total = simulator.last_outcome.rate.sum()
    assert total <= 100 * 200e3 * 7.4 * (1 + 1e-12)
    assert total > 0.9 * 100 * 200e3 * 7.4
