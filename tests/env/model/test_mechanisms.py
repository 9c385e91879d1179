"""Whole steps with any combination of the mechanisms against the plain reading; batches, threads and resumption."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pytest
from support.networks import random_actions
from support.step_check import SMALL, check_steps, claiming_actions

from oran_env import Simulator

FACTORS: dict[str, dict[str, dict[str, Any]]] = {
    "codec": {
        name: {"codec": name} for name in ("two_bit", "slice_mask", "ue_grid", "slice_share", "zones", "prb_quota")
    },
    "scheduler": {
        "round_robin": {},
        "proportional_fair": {"scheduler": "proportional_fair"},
        "equal_rate": {"scheduler": "equal_rate", "fairness_window": 3.0},
        "max_rate": {"scheduler": "max_rate"},
    },
    "csi": {"wideband": {}, "per_rb": {"csi": "per_rb"}},
    "radio": {
        "power_law": {},
        "uma": {"path_loss": "uma", "shadowing_los_db": 4.0, "shadowing_nlos_db": 6.0, "power_dbm": 30.0},
        "shadowed": {"shadowing_nlos_db": 7.0, "fading_blocks": 3, "max_spectral_efficiency": 6.0},
        "high": {"path_loss": "uma", "ue_height_m": 13.0, "carrier_ghz": 0.9, "fading_blocks": 2},
    },
    "fades": {
        "drawn": {},
        "grouped": {"rbs_per_fade": 5, "fading": "jakes", "tx_evm": 0.08},
    },
    "power": {"even": {}, "set": {"power_range_db": 20.0}},
    "links": {"shannon": {}, "mcs": {"link_adaptation": "mcs", "cqi_delay_steps": 2, "energy_weight": 0.3}},
    "interference": {"physical": {}, "as_printed": {"interference": "as_printed"}},
    "latency": {
        "mm1": {"offered_bps": (3e6, 2e6, 1e6)},
        "queue": {"latency": "queue", "offered_bps": (20e6, 0.0, 4e6), "load": 0.8},
        "constant": {
            "latency": "queue",
            "offered_bps": (9e6, 5e6, 3e6),
            "arrivals": ("constant", "poisson", "constant"),
            "packet_size": ("fixed", "fixed", "exponential"),
        },
    },
    "throughput": {"achievable": {}, "served": {"throughput": "served", "rate_threshold_mbps": (8.0, 3.0, 2.0)}},
    "demand": {
        "steady": {},
        "drift": {"drift_sigma": 0.8, "drift_s": 0.4},
        "bursts": {"drift_sigma": 0.3, "burst_factor": 4.0, "burst_every_s": 0.3, "burst_s": 0.2},
    },
    "sessions": {"stay": {}, "go": {"session_s": 0.6, "absence_s": 0.3}},
    "qos": {
        "slice": {},
        "weighted_kpi": {
            "qos": "weighted_kpi",
            "kpi_weights": ((0.1, 0.2, 0.7), (0.5, 0.3, 0.05), (0.2, 0.4, 0.2), (0.2, 0.1, 0.05)),
            "kpi_latency_ms": (1.0, 0.5, 0.1),
        },
    },
    "sharing": {"individual": {}, "team": {"reward_sharing": "team"}},
}

Case = dict[str, str]


def covering_cases(seed: int = 0) -> list[Case]:
    """Cases in which any two levels of any two factors meet at least once, greedily chosen."""
    levels = [(factor, level) for factor, choices in FACTORS.items() for level in choices]
    missing = {frozenset(pair) for pair in combinations(levels, 2) if pair[0][0] != pair[1][0]}
    rng = np.random.default_rng(seed)

    def met(case: Case) -> set[frozenset[tuple[str, str]]]:
        return {frozenset(pair) for pair in combinations(case.items(), 2)}

    cases: list[Case] = []
    while missing:
        candidates = []
        for _ in range(50):
            start = sorted(missing, key=sorted)[int(rng.integers(len(missing)))]
            candidates.append({factor: str(rng.choice(list(choices))) for factor, choices in FACTORS.items()})
            candidates[-1].update(dict(start))
        best = max(candidates, key=lambda case: len(met(case) & missing))
        missing -= met(best)
        cases.append(best)
    return cases


CASES = covering_cases()


def settings_of(case: Case) -> dict[str, Any]:
    chosen: dict[str, Any] = {}
    for factor, level in case.items():
        chosen.update(FACTORS[factor][level])
    return chosen


def test_the_cases_cover_all_pairs() -> None:
    pairs = {frozenset(pair) for case in CASES for pair in combinations(case.items(), 2)}
    sizes = [len(choices) for choices in FACTORS.values()]
    assert len(pairs) == sum(a * b for a, b in combinations(sizes, 2))
    assert len(CASES) < 45


@pytest.mark.parametrize("case", CASES, ids=lambda case: "-".join(case.values()))
def test_steps(case: Case) -> None:
    check_steps("paper", steps=4, networks=2, seed=13, **{**SMALL, **settings_of(case)})


@pytest.mark.parametrize("scheduler", ["round_robin", "proportional_fair"])
def test_steps_of_a_crowd_with_surplus_ues(scheduler: str) -> None:
    """More than 64 UEs at a DU, some of whom have no column in `ue_grid`."""
    crowd = {**SMALL, "num_dus": 2, "num_ues": 170, "num_rbs": 8, "rb_bandwidth_hz": 2.2e6}
    simulator = check_steps("paper", 3, 1, seed=14, codec="ue_grid", scheduler=scheduler, csi="per_rb", **crowd)
    assert np.bincount(simulator.state.serving[0]).max() > 64


def test_steps_over_a_whole_episode() -> None:
    """Forgetting windows, tracked averages and sessions far beyond their memory."""
    settings = settings_of({factor: list(choices)[-1] for factor, choices in FACTORS.items()})
    check_steps("paper", 25, 1, seed=15, **{**SMALL, **settings, "availability_window": 3})


def test_steps_with_everyone_away() -> None:
    """Sessions far shorter than absences: a network that is often empty."""
    simulator = check_steps(
        "paper", 12, 3, seed=16, **{**SMALL, "num_ues": 3, "session_s": 0.1, "absence_s": 1.0, "num_dus": 2}
    )
    assert (simulator.state.serving < 0).mean() > 0.5


EVERYTHING: dict[str, dict[str, Any]] = {
    "scheduled": {
        "codec": "slice_share", "scheduler": "proportional_fair", "csi": "per_rb", "path_loss": "uma",
        "shadowing_los_db": 4.0, "shadowing_nlos_db": 6.0, "fading_blocks": 2, "latency": "queue",
        "offered_bps": (5e6, 1e6, 1e6), "throughput": "served", "drift_sigma": 0.5, "burst_factor": 3.0,
        "session_s": 1.0, "absence_s": 0.5, "qos": "weighted_kpi", "reward_sharing": "team", "observation": "extended",
    },
    "grid": {
        "codec": "ue_grid", "scheduler": "round_robin", "shadowing_nlos_db": 8.0, "latency": "queue",
        "arrivals": ("constant", "poisson", "poisson"), "packet_size": ("exponential", "fixed", "exponential"),
        "offered_bps": (5e6, 1e6, 1e6), "drift_sigma": 0.3, "session_s": 2.0, "absence_s": 2.0,
        "link_adaptation": "mcs", "cqi_delay_steps": 2, "observation": "kpm", "energy_weight": 0.2,
    },
}  # fmt: skip


def trajectory(simulator: Simulator, networks: slice, steps: int, first: int = 0) -> list[Any]:
    """Observations, rewards, info and state of some networks over the next steps, under actions of their own."""
    rows: list[Any] = []
    for step in range(first, first + steps):
        shape = (len(simulator.agents), simulator.action_size)
        actions = np.stack(
            [np.random.default_rng([step, b]).random(shape, dtype=np.float32) for b in range(simulator.num_networks)]
        )
        result = simulator.step(actions)
        rows += [result.observations[networks], result.rewards[networks]]
        rows += [result.info[name][networks] for name in sorted(result.info)]
        rows += [array[networks].copy() for _, array in sorted(simulator.get_state().items())]
    return rows


def assert_same(one: list[Any], other: list[Any]) -> None:
    assert len(one) == len(other) > 0
    for mine, theirs in zip(one, other, strict=True):
        np.testing.assert_array_equal(mine, theirs)


@pytest.mark.parametrize("name", EVERYTHING)
def test_batch_size_and_threads_do_not_matter(name: str) -> None:
    want: list[Any] = []
    for networks, threads in [(6, 1), (6, 3), (2, 1), (2, 2)]:
        simulator = Simulator("tiny", networks, 17, threads, **EVERYTHING[name])
        first = simulator.reset()[:2]
        rows = [first, *trajectory(simulator, slice(0, 2), 6)]
        want = want or rows
        assert_same(rows, want)


@pytest.mark.parametrize("name", EVERYTHING)
def test_a_resumed_simulator_goes_on_bit_for_bit(name: str) -> None:
    everyone = slice(None)
    simulator = Simulator("tiny", 3, 18, **EVERYTHING[name])
    simulator.reset()
    trajectory(simulator, everyone, 4)
    saved = simulator.get_state()
    want = trajectory(simulator, everyone, 5, first=4)
    other = Simulator("tiny", 3, 99, **EVERYTHING[name])
    other.set_state(saved)
    np.testing.assert_array_equal(other.observations, saved["observation"])
    assert_same(trajectory(other, everyone, 5, first=4), want)
    simulator.set_state(saved)
    assert_same(trajectory(simulator, everyone, 5, first=4), want)
    for name_of_array in ("average", "los_draw", "shadow", "drift", "burst", "demand"):
        lacking = {key: value for key, value in saved.items() if key != name_of_array}
        with pytest.raises(ValueError, match=name_of_array):
            other.set_state(lacking)


@pytest.mark.parametrize("name", EVERYTHING)
def test_seeds_and_episodes(name: str) -> None:
    """The same seed, the same trajectory; the next episode and another seed, another one."""
    everyone = slice(None)
    runs = []
    for seed in (19, 19, 20):
        simulator = Simulator("tiny", 2, seed, **EVERYTHING[name])
        simulator.reset()
        runs.append(trajectory(simulator, everyone, 3))
    assert_same(runs[0], runs[1])
    assert any((a != b).any() for a, b in zip(runs[0], runs[2], strict=True))
    again = Simulator("tiny", 2, 19, **EVERYTHING[name])
    again.reset()
    links = {key: again.get_state()[key] for key in ("position", "shadow", "drift")}
    trajectory(again, everyone, 3)
    again.reset()
    for key, value in links.items():
        assert (again.get_state()[key] != value).any(), key
    again.reset(19)
    assert_same(trajectory(again, everyone, 3), runs[0])


@pytest.mark.parametrize("codec", ["two_bit", "slice_mask", "ue_grid", "slice_share", "zones", "prb_quota"])
@pytest.mark.parametrize("scheduler", ["round_robin", "proportional_fair", "equal_rate", "max_rate"])
def test_rbs_are_conserved(codec: str, scheduler: str) -> None:
    """Granted + idle = K; an RB serves one UE of the DU that grants it; nothing is granted to an empty slice."""
    simulator = Simulator(
        "tiny", 4, seed=20, codec=codec, scheduler=scheduler, num_dus=3, num_ues=14, session_s=1.0, absence_s=1.0
    )
    simulator.reset()
    rng = np.random.default_rng(21)
    granted_rbs = contested = 0
    for step in range(8):
        serving, slices = simulator.state.serving.copy(), simulator.state.slice_of_ue.copy()
        actions = claiming_actions(rng, simulator) if step % 2 else random_actions(simulator, rng)
        info = simulator.step(actions).info
        outcome = simulator.last_outcome
        assert outcome is not None
        granted = info["rbs_granted"]
        assert (granted >= 0).all()
        np.testing.assert_array_equal(granted.sum(axis=-1) + info["rbs_idle"], 10)
        np.testing.assert_array_equal(granted.sum(axis=-1), (outcome.ue_of_rb >= 0).sum(axis=-1))
        assert (granted.sum(axis=-1) <= info["rbs_claimed"]).all()
        assert (granted[info["num_ues"] == 0] == 0).all()
        assert (info["rbs_contested"] <= info["rbs_idle"]).all()
        for b, m, k in zip(*np.nonzero(outcome.ue_of_rb >= 0), strict=True):
            u = outcome.ue_of_rb[b, m, k]
            assert serving[b, u] == m
            assert outcome.slice_of_rb[b, m, k] == slices[b, u]
        granted_rbs += int(granted.sum())
        contested += int(info["rbs_contested"].sum())
    assert granted_rbs > 50
    assert (contested > 0) == (codec in ("slice_mask", "ue_grid"))
