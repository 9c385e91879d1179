"""The generator: published known answers, distributions, and independence of everything that is drawn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats
from support.networks import idle, serve_all

from oran_env import Simulator
from oran_env.numerics.random_draws import exponential, philox, quick_exponential
from oran_env.numerics.seeding import network_keys

# Random123, kat_vectors, "philox4x32 10": counter, key, answer.
KNOWN_ANSWERS = [
    ("00000000 00000000 00000000 00000000", "00000000 00000000", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff", "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1"),
]


def words(text: str) -> list[np.uint64]:
    return [np.uint64(int(word, 16)) for word in text.split()]


@pytest.mark.parametrize(("counter", "key", "answer"), KNOWN_ANSWERS)
def test_known_answers(counter: str, key: str, answer: str) -> None:
    assert [int(word) for word in philox(*words(counter), *words(key))] == [int(w) for w in words(answer)]


def fading_sample(simulator: Simulator, network: int, ues: range, rbs: range) -> NDArray[np.float64]:
    """|h|² (UEs, RBs, M) of the coming step."""
    return np.array([[simulator.fading_power(network, u, k) for k in rbs] for u in ues])


@pytest.fixture(scope="module")
def gains() -> NDArray[np.float64]:
    """|h|² (100 UEs, 100 RBs, 6 RUs) of one step of the paper's scenario."""
    simulator = Simulator("paper", 1, seed=3)
    simulator.reset()
    return fading_sample(simulator, 0, range(100), range(100))


def test_fading_is_exponential(gains: NDArray[np.float64]) -> None:
    sample = gains.ravel()
    assert sample.min() > 0
    error = 4 / np.sqrt(sample.size)  # four standard errors of a unit-variance sample
    for power, moment, spread in [(1, 1, 1.0), (2, 2, np.sqrt(20)), (3, 6, np.sqrt(684))]:
        assert abs((sample**power).mean() - moment) < error * spread
    assert stats.kstest(sample, "expon").pvalue > 1e-3
    uniform = np.exp(-sample)
    assert stats.chisquare(np.histogram(uniform, 256, (0, 1))[0]).pvalue > 1e-3


def test_links_of_every_ru_are_exponential(gains: NDArray[np.float64]) -> None:
    for m in range(gains.shape[2]):
        assert stats.kstest(gains[..., m].ravel(), "expon").pvalue > 1e-4


def test_draws_of_different_indices_are_uncorrelated(gains: NDArray[np.float64]) -> None:
    limit = 5 / np.sqrt(gains[..., 0].size)
    rus: NDArray[np.float64] = np.asarray(np.corrcoef(gains.reshape(-1, gains.shape[2]).T))
    assert np.abs(rus - np.eye(len(rus))).max() < limit
    for axis in (0, 1):  # neighbouring UEs, neighbouring RBs
        here, there = np.delete(gains, 0, axis).ravel(), np.delete(gains, -1, axis).ravel()
        assert abs(np.corrcoef(here, there)[0, 1]) < limit


def test_no_gain_stands_for_two_links(gains: NDArray[np.float64]) -> None:
    # 60,000 draws of 32 bits: 0.4 coincidences are expected, a shared counter would make thousands.
    assert np.unique(gains).size >= gains.size - 10


def test_steps_episodes_and_networks_are_uncorrelated() -> None:
    simulator = Simulator("tiny", 2, seed=4)
    simulator.reset()
    ues, rbs = range(20), range(10)
    samples = [fading_sample(simulator, 0, ues, rbs), fading_sample(simulator, 1, ues, rbs)]
    for _ in range(2):
        simulator.step(idle(simulator))
        samples.append(fading_sample(simulator, 0, ues, rbs))
    simulator.reset()  # the next episode: step 0 again
    samples.append(fading_sample(simulator, 0, ues, rbs))
    simulator.reset(seed=5)
    samples.append(fading_sample(simulator, 0, ues, rbs))
    matrix = np.corrcoef([s.ravel() for s in samples])
    assert np.abs(matrix - np.eye(len(samples))).max() < 5 / np.sqrt(samples[0].size)
    assert all(np.intersect1d(a, b).size == 0 for i, a in enumerate(samples) for b in samples[:i])


def test_purposes_are_uncorrelated() -> None:
    """Where UEs stand and head, how fast they are, which slice they have, how they turn, and their fading."""
    simulator = Simulator("paper", 32, seed=6, slice_mix="uniform")
    simulator.reset()
    state = simulator.get_state()
    fading = np.array([simulator.fading_power(b, u, 0)[0] for b in range(32) for u in range(200)])
    simulator.step(idle(simulator))
    after = simulator.state.direction
    turn = np.arctan2(
        state["direction"][..., 0] * after[..., 1] - state["direction"][..., 1] * after[..., 0],
        (state["direction"] * after).sum(axis=-1),
    )
    columns: list[NDArray[Any]] = [
        state["position"][..., 0],
        state["position"][..., 1],
        state["direction"][..., 0],
        state["direction"][..., 1],
        state["speed"],
        state["slice_of_ue"],
        turn,
        fading,
    ]
    matrix = np.corrcoef([np.asarray(column, dtype=float).ravel() for column in columns])
    assert np.abs(matrix - np.eye(len(columns))).max() < 5 / np.sqrt(fading.size)


@pytest.mark.parametrize("interference", ["physical", "as_printed"])
def test_the_step_uses_the_gains_that_can_be_asked_for(interference: str) -> None:
    """The rates of a step follow from the gains asked for before it, in whatever order they are asked."""
    simulator = Simulator("tiny", 16, seed=7, interference=interference, num_ues=2)
    simulator.reset()
    parameters, state = simulator.parameters, simulator.get_state()
    mine = state["serving"][:, 0]
    both = np.flatnonzero(mine != state["serving"][:, 1]).tolist()
    assert len(both) > 3
    asked = {(b, u, k): simulator.fading_power(b, u, k).copy() for k in range(9, -1, -1) for b in both for u in (1, 0)}
    assert all((power == simulator.fading_power(*index)).all() for index, power in asked.items())
    simulator.step(serve_all(simulator))
    assert simulator.last_outcome is not None
    victim = 0 if interference == "physical" else 1
    for b in both:
        other = 1 - mine[b]
        rate = 0.0
        for k in range(10):
            signal = state["gain"][b, 0, mine[b]] * asked[b, 0, k][mine[b]]
            disturbance = state["gain"][b, victim, other] * asked[b, victim, k][other]
            rate += parameters.channel.bandwidth * np.log2(1 + signal / (disturbance + parameters.channel.noise_mw))
        assert simulator.last_outcome.rate[b, 0] == pytest.approx(rate, rel=1e-9)


def test_without_fading_every_gain_is_one() -> None:
    simulator = Simulator("tiny", 1, seed=0, fading="none")
    simulator.reset()
    assert (fading_sample(simulator, 0, range(20), range(10)) == 1.0).all()


def test_keys_of_a_batch() -> None:
    """One int seeds a row of networks, a sequence seeds each; network 0 of an int is the network of that seed."""
    row = network_keys(9, 64)
    assert len(np.unique(row, axis=0)) == 64
    assert (network_keys(9, 3) == row[:3]).all()
    assert (network_keys([9], 1) == row[:1]).all()
    seeds = [0, 1, 9, 2**40]
    assert (network_keys(seeds, 4) == np.concatenate([network_keys(s, 1) for s in seeds])).all()
    assert len(np.unique(network_keys(range(500), 500), axis=0)) == 500


def test_asking_does_not_change_the_trajectory() -> None:
    asked, silent = (Simulator("tiny", 1, seed=8) for _ in range(2))
    actions = np.full((1, 2, 20), 0.7, dtype=np.float32)
    for simulator in (asked, silent):
        simulator.reset()
    fading_sample(asked, 0, range(5), range(5))
    assert (asked.step(actions).observations == silent.step(actions).observations).all()
    assert asked.last_outcome is not None
    assert silent.last_outcome is not None
    assert (asked.last_outcome.rate == silent.last_outcome.rate).all()


def test_the_table_of_logarithms() -> None:
    """As exact as the library, from the least word to the greatest."""
    words = np.unique(np.concatenate([2 ** np.arange(32) - 1, 2 ** np.arange(32), np.arange(0, 2**32, 9_999_991)]))
    words = np.append(words, 2**32 - 1).astype(np.uint64)
    exact = np.array([exponential(word) for word in words])
    np.testing.assert_allclose([quick_exponential(word) for word in words], exact, rtol=1e-11, atol=1e-14)
    assert min(quick_exponential(word) for word in words) > 0.0
