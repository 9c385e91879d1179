"""Power per RB: what an action sets, what it does to signal and interference, and that rules use all of it."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import ArrayLike, NDArray
from support.networks import serve_all

from oran_env import Simulator, parallel_env, reference_policies


def with_power(simulator: Simulator, values: ArrayLike) -> NDArray[np.float32]:
    """Everybody served on every RB, the last K values of the actions (B, M, K) as given."""
    bits = serve_all(simulator)
    return np.concatenate([bits, np.broadcast_to(np.asarray(values, dtype=np.float32), (*bits.shape[:2], 10))], axis=-1)


def test_a_lone_ue_gets_what_the_lower_power_carries() -> None:
    simulator = Simulator("tiny", 3, seed=1, num_dus=1, num_ues=1, fading="none", power_range_db=20.0)
    simulator.reset()
    p, gain = simulator.parameters.channel, simulator.state.gain[:, 0, 0].copy()
    values = np.linspace(-0.2, 1.2, 10)
    result = simulator.step(with_power(simulator, values))
    assert simulator.last_outcome is not None
    share = 10 ** (-2.0 * (1 - np.clip(values, 0, 1)))
    expected = p.bandwidth * np.log2(1 + gain[:, None] * share / p.noise_mw).sum(axis=1)
    np.testing.assert_allclose(simulator.last_outcome.rate[:, 0], expected, rtol=1e-6)  # float32 actions
    seen = result.observations[..., simulator.observation_layout["previous_action"]][..., -10:]
    np.testing.assert_allclose(seen, np.broadcast_to(np.clip(values, 0, 1), seen.shape), rtol=1e-6)
    assert (result.info["clipped_actions"] == 4).all()


def test_lower_power_of_one_du_raises_the_rates_of_the_others() -> None:
    simulator = Simulator("tiny", 8, seed=2, power_range_db=10.0)
    simulator.reset()
    state = simulator.get_state()
    rates = []
    for quiet in (1.0, 0.0):
        simulator.set_state(state)
        values = np.ones((8, 2, 10))
        values[:, 1] = quiet
        simulator.step(with_power(simulator, values))
        assert simulator.last_outcome is not None
        rates.append(simulator.last_outcome.rate.copy())
    served = rates[0] > 0
    assert (rates[1] > rates[0])[served & (state["serving"] == 0)].all()
    assert (rates[1] < rates[0])[served & (state["serving"] == 1)].all()


@pytest.mark.parametrize("fading", ["rayleigh", "ergodic"])
def test_full_power_is_as_without_the_option(fading: str) -> None:
    plain, able = (Simulator("tiny", 2, seed=3, fading=fading, power_range_db=db) for db in (0.0, 12.0))
    plain.reset()
    able.reset()
    assert (plain.action_size, able.action_size) == (20, 30)
    for _ in range(3):
        one, other = plain.step(serve_all(plain)), able.step(with_power(able, 1.0))
        np.testing.assert_array_equal(one.rewards, other.rewards)
    assert plain.last_outcome is not None
    assert plain.last_outcome.rb_power.size == 0


@pytest.mark.parametrize("codec", ["two_bit", "slice_mask", "ue_grid", "slice_share"])
def test_rules_use_full_power(codec: str) -> None:
    simulator = Simulator("tiny", 2, seed=4, codec=codec, power_range_db=12.0)
    observations = simulator.reset()
    for name, policy in reference_policies(simulator.scenario).items():
        actions = policy(observations)
        assert actions.shape == (2, 2, simulator.action_size)
        assert name in ("random", "idle") or (actions[..., -10:] == 1.0).all()


def test_values_that_are_no_bits_are_not_offered_as_bits() -> None:
    with pytest.raises(ValueError, match="power_range_db"):
        parallel_env("tiny", action_type="multi_binary", power_range_db=3.0)
