"""Whole steps of the simulator against the plain reading of eqs. (1)-(8) in `equations.py`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from oracle.step import expected_step
from support.step_check import EXACT, SMALL, check_steps, sparse_actions

from oran_env import Simulator

VARIANTS: dict[str, dict[str, Any]] = {
    "defaults": {},
    "as_printed": {"interference": "as_printed"},
    "slice_mask": {"codec": "slice_mask"},
    "queue": {"latency": "queue", "offered_bps": (2e6, 1e6, 64e3)},
    "capped": {"max_spectral_efficiency": 7.4},
    "no_fading": {"fading": "none"},
    "jakes": {"fading": "jakes", "rbs_per_fade": 3, "fading_blocks": 2},
    "jakes_reported": {"fading": "jakes", "rbs_per_fade": 3, "scheduler": "proportional_fair", "csi": "per_rb"},
    "coherent": {"fading_blocks": None, "rbs_per_fade": None, "step_s": 0.01, "interference": "as_printed"},
    "reported_by_groups": {"rbs_per_fade": 4, "scheduler": "max_rate", "csi": "per_rb"},
    "power": {"power_range_db": 20.0},
    "power_as_printed_shares": {"power_range_db": 6.0, "interference": "as_printed", "codec": "slice_share"},
    "power_claimed_reported": {
        "power_range_db": 30.0,
        "codec": "slice_mask",
        "scheduler": "max_rate",
        "csi": "per_rb",
        "rbs_per_fade": 2,
    },
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
