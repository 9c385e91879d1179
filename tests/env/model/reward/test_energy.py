"""Energy: idle RBs save, an idle RU sleeps, and what of it the reward counts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from support.networks import idle, random_actions, serve_all

from oran_env import Simulator, make_scenario
from oran_env.model.reward.energy import energy_of, full_use


def test_figures_of_a_site_with_one_amplifier() -> None:
    """EARTH's macro: 130 W + 4.7 · 20 W = 224 W at full load, 75 W asleep; here for a second."""
    scenario = make_scenario("tiny", power_dbm=10 * np.log10(20e3), step_s=1.0)
    assert full_use(scenario) == pytest.approx(224.0)
    assert energy_of(scenario).asleep == pytest.approx(75.0)
    assert full_use(make_scenario("paper")) == pytest.approx(0.1 * 10**2.6 * (130 / 20 + 4.7))


def test_every_idle_rb_saves_the_same_and_all_of_them_let_it_sleep() -> None:
    simulator = Simulator("tiny", 3, 41)
    simulator.reset()
    num_rbs = simulator.scenario.radio.num_rbs
    drawn = []
    for rbs in range(num_rbs + 1):
        info = simulator.step(serve_all(simulator, num_rbs=rbs) if rbs else idle(simulator)).info
        np.testing.assert_array_equal(info["rbs_idle"], num_rbs - rbs)
        assert (info["energy_j"] == info["energy_j"][0, 0]).all()
        drawn.append(info["energy_j"][0, 0])
    p = energy_of(simulator.scenario)
    assert drawn[0] == p.asleep < p.awake
    np.testing.assert_allclose(np.diff(drawn[1:]), p.transmitting / num_rbs)
    assert drawn[-1] == pytest.approx(full_use(simulator.scenario))


def test_lower_power_saves_its_part() -> None:
    """Half the RBs at -10 dB: a twentieth of the power; on the air, however low."""
    simulator = Simulator("tiny", 2, 44, power_range_db=10.0)
    simulator.reset()
    served = serve_all(simulator, num_rbs=5)[..., :20]
    p = energy_of(simulator.scenario)
    for value, share in ((1.0, 0.5), (0.0, 0.05)):
        powers = np.full((*served.shape[:2], 10), value, dtype=np.float32)
        info = simulator.step(np.concatenate([served, powers], axis=-1)).info
        np.testing.assert_allclose(info["energy_j"], p.awake + p.transmitting * share)


@pytest.mark.parametrize("sharing", ["individual", "team"])
def test_the_reward_counts_energy_by_its_weight(sharing: str) -> None:
    settings: dict[str, Any] = {"codec": "slice_mask", "reward_sharing": sharing}
    free, paying = (Simulator("tiny", 4, 42, energy_weight=weight, **settings) for weight in (0.0, 0.5))
    rng = np.random.default_rng(43)
    free.reset(), paying.reset()
    for _ in range(4):
        actions = random_actions(free, rng)
        actions[0] = 0.0
        one, other = free.step(actions), paying.step(actions)
        want = -0.5 * one.info["energy_j"] / full_use(free.scenario)
        np.testing.assert_allclose(other.info["penalty_energy"], want)
        assert (other.info["penalty_energy"][1:] < other.info["penalty_energy"][0]).all()
        assert (one.info["penalty_energy"] == 0).all()
        names = ("reward_qos", "penalty_resource", "penalty_min_qos", "penalty_energy")
        total = np.sum([other.info[name] for name in names], axis=0)
        paid = total.mean(axis=1, keepdims=True) if sharing == "team" else total
        np.testing.assert_allclose(other.rewards, np.broadcast_to(paid, total.shape), rtol=1e-6)
        for name in set(one.info) - {"penalty_energy"}:
            np.testing.assert_array_equal(one.info[name], other.info[name], err_msg=name)
