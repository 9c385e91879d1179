"""One rule from a seed to a network: network b of a batch is (seed, b), in every entry that takes a seed.

A network has a name, a tuple of integers, and its random draws a key that is a function of the name:
``SeedSequence(name[0], spawn_key=name[1:])``.

| given | name of network b |
|---|---|
| an integer s | (s, b) |
| a list, one seed per network | (s_b, 0): what a single environment shows after ``reset(seed=s_b)`` |
| a list of names | as given |
| networks of validation, which searches and trainings choose by | (0, 1, b) |
| networks of tests, on which results are reported | (0, 2, b) |

Names of validation and test are longer than those that an integer leads to, and so differ from them in what
``SeedSequence`` reads. No seed, in no entry, leads to one of their networks, nor do two seeds or two places in a batch
to the same network. (A key has 64 bits of a hash of the name; that two names meet there is left to chance.)
Neighbouring seeds are as good as any. The scoring suites have listed integers: see ``scoring/suites.py``.
"""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import Any, TypeGuard

import numpy as np
from numpy.typing import NDArray

Name = tuple[int, ...]
Seed = int | Name

VALIDATION = 1  # role, the second integer of a longer name; the learner's are in tasam_agents/envs/seeding.py
SEED_BITS, PLACE_BITS = 128, 32  # so that different names are different input of SeedSequence
MAX_LENGTH = 6  # of a name


def validation_networks(num_networks: int) -> list[Name]:
    """Names of the first networks that policies and settings are chosen by."""
    return [(0, VALIDATION, b) for b in range(num_networks)]


def checked_seed(seed: Any) -> int:
    """The seed as an int.

    Raises:
        ValueError: no integer (of Python or NumPy; not a bool, a float or an array), negative, or 2^128 and more.
    """
    if not isinstance(seed, Integral) or isinstance(seed, bool) or not 0 <= int(seed) < 1 << SEED_BITS:
        raise ValueError(f"seed is {seed!r}; allowed: integers >= 0 (below 2^{SEED_BITS})")
    return int(seed)


def network_name(seed: Any) -> Name:
    """The name that a seed, or a name, of a single network stands for.

    Raises:
        ValueError: see ``checked_seed``; a name of other form.
    """
    if not isinstance(seed, tuple):
        return checked_seed(seed), 0
    if not 2 <= len(seed) <= MAX_LENGTH or any(checked_seed(place) >> PLACE_BITS for place in seed[1:]):
        raise ValueError(
            f"the name of a network is {seed!r}; allowed: a seed, 1 to {MAX_LENGTH - 1} integers below 2^{PLACE_BITS}"
        )
    return checked_seed(seed[0]), *map(int, seed[1:])


def is_list(seed: Any) -> TypeGuard[Sequence[Any]]:
    """Whether it is meant as one seed per network."""
    return isinstance(seed, Sequence) or (isinstance(seed, np.ndarray) and seed.ndim == 1)


def network_names(seed: Any, num_networks: int) -> list[Name]:
    """The names of the networks of a batch; ``seed``: an integer, or one seed or name per network.

    Raises:
        ValueError: see ``network_name``; a list of another length.
    """
    if not is_list(seed):
        return [(checked_seed(seed), b) for b in range(num_networks)]
    if len(seed) != num_networks:
        raise ValueError(f"seed is {seed!r}; allowed: an integer >= 0, or one per network ({num_networks})")
    return [network_name(each) for each in seed]


def network_keys(seed: Any, num_networks: int) -> NDArray[np.uint64]:
    """The Philox keys (num_networks, 2) of a batch; ``seed`` as of ``network_names``."""
    names = network_names(seed, num_networks)
    words = [np.random.SeedSequence(name[0], spawn_key=name[1:]).generate_state(2, np.uint32) for name in names]
    return np.array(words, dtype=np.uint64).reshape(num_networks, 2)
