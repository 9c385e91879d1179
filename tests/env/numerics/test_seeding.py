"""From seeds to names to keys: every name another key, and one check of seeds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oran_env.numerics.seeding import (
    MAX_LENGTH,
    Name,
    checked_seed,
    network_keys,
    network_name,
    network_names,
    validation_networks,
)

names = st.builds(
    lambda seed, places: (seed, *places),
    st.one_of(st.integers(0, 9), st.integers(0, 2**128 - 1)),
    st.lists(st.one_of(st.integers(0, 3), st.integers(0, 2**32 - 1)), min_size=1, max_size=MAX_LENGTH - 1),
)


@given(names, names)
def test_two_names_share_a_key_only_if_they_are_the_same(one: Name, other: Name) -> None:
    keys = network_keys([one, other], 2)
    assert (keys[0] == keys[1]).all() == (one == other)


@given(st.integers(0, 2**128 - 1), st.integers(1, 9))
def test_an_integer_names_the_places_of_a_batch(seed: int, batch: int) -> None:
    assert network_names(seed, batch) == [(seed, b) for b in range(batch)]
    assert network_name(seed) == (seed, 0)
    expected = [np.random.SeedSequence(seed, spawn_key=(b,)).generate_state(2, np.uint32) for b in range(batch)]
    assert (network_keys(seed, batch) == expected).all()


def test_names_of_validation_are_those_of_no_seed() -> None:
    kept = validation_networks(100)
    assert len(set(kept)) == 100
    assert not set(kept) & {name for seed in range(10) for name in network_names(seed, 100)}
    assert all(network_name(name) == name for name in kept)


@pytest.mark.parametrize("seed", [True, np.True_, 3.0, np.float64(3), -1, np.int64(-1), np.array(3), "3", None, 2**128])
def test_what_is_no_seed(seed: Any) -> None:
    with pytest.raises(ValueError, match=r"seed is .*; allowed: integers >= 0"):
        checked_seed(seed)
    for batch in ([seed], [(seed, 0)], [(0, seed)]):
        with pytest.raises(ValueError, match=r"; allowed: "):
            network_names(batch, 1)


@pytest.mark.parametrize("seed", [np.int64(3), np.uint8(3), np.int32(3)])
def test_integers_of_numpy_are_integers(seed: Any) -> None:
    assert type(checked_seed(seed)) is int
    assert network_names(seed, 2) == network_names(3, 2)
    assert network_names([seed, (seed, seed)], 2) == [(3, 0), (3, 3)]


@pytest.mark.parametrize("name", [(3,), (), (0,) * (MAX_LENGTH + 1), (0, 2**32)])
def test_what_is_no_name(name: Any) -> None:
    with pytest.raises(ValueError, match=r"the name of a network is .*; allowed: a seed, 1 to 5 integers below 2\^32"):
        network_name(name)


def test_a_list_has_one_seed_per_network() -> None:
    with pytest.raises(ValueError, match=r"allowed: an integer >= 0, or one per network \(2\)"):
        network_names([1, 2, 3], 2)
    assert network_names(np.array([4, 5]), 2) == network_names((4, 5), 2) == [(4, 0), (5, 0)]
