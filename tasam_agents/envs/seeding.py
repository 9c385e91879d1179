"""Which episodes the envs of a training, a validation and a test begin with: names, and integers made of them.

The rule is that of ``oran_env/numerics/seeding.py`` (a test holds both to it): env b of a batch with an integer seed s
is (s, b), an integer in a list is (s, 0), and the envs of validation and test have longer names, (0, role, b), that no
seed leads to. So have those in which a training goes on: (s, RESUMED, iteration, b) where the state of its envs is
lost, (s, LATER, episode, …) for the later episodes of an env that is stepped in a loop.

An environment of somebody else takes an integer: (s, 0) gives s, any other name 29 bits of a hash, with the role above
them. Trainings, whose seeds are small, so stay below 2^29 and meet no integer of validation or test.
"""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import Any

import numpy as np

from tasam_agents.errors import UserError

Name = tuple[int, ...]
Seed = int | Name

VALIDATION, TEST, RESUMED, LATER = 1, 2, 3, 4
HASH_BITS = 29  # with the role below 2^31, which every library takes as a seed
MAX_LENGTH = 6  # of a name
MOST_NETWORKS = 1_000_000  # of one evaluation: their names alone fill some 100 MB


def training_networks(seed: int, num_envs: int, resumed_in: int = 0) -> list[Name]:
    """Names of the envs of a run; those that begin anew in an iteration, as their state is lost, get further ones."""
    lineage = (seed, RESUMED, resumed_in) if resumed_in else (seed,)
    return [(*lineage, b) for b in range(num_envs)]


def validation_networks(num_networks: int) -> list[Name]:
    """Names of the envs that policies and settings are chosen by."""
    return _first(VALIDATION, num_networks)


def held_out_networks(num_networks: int) -> list[Name]:
    """Names of the envs of tests, on which results are reported and by which nothing is chosen."""
    return _first(TEST, num_networks)


def _first(role: int, num_networks: int) -> list[Name]:
    if not 1 <= num_networks <= MOST_NETWORKS:
        raise UserError(f"networks is {num_networks}; allowed: 1 to {MOST_NETWORKS:_}")
    return [(0, role, b) for b in range(num_networks)]


def checked_seed(seed: Any) -> int:
    """The seed as an int; ValueError if it is no integer (of Python or NumPy), a bool or out of range."""
    if not isinstance(seed, Integral) or isinstance(seed, bool) or not 0 <= int(seed) < 1 << 128:
        raise ValueError(f"seed is {seed!r}; allowed: integers >= 0 (below 2^128)")
    return int(seed)


def batch_names(seed: int | Sequence[Seed], num_envs: int) -> list[Name]:
    """The names of the envs of a batch; ``seed``: an integer, or one seed or name per env.

    Raises:
        ValueError: a seed that is none, a name of other form, or another number of them.
    """
    if not (isinstance(seed, Sequence) or (isinstance(seed, np.ndarray) and seed.ndim == 1)):
        return [(checked_seed(seed), b) for b in range(num_envs)]
    if len(seed) != num_envs:
        raise ValueError(f"{len(seed)} seeds for {num_envs} envs; allowed: one each")
    return [_name(each) for each in seed]


def _name(seed: Any) -> Name:
    if not isinstance(seed, tuple):
        return checked_seed(seed), 0
    if not 2 <= len(seed) <= MAX_LENGTH:
        raise ValueError(f"the name of a network is {seed!r}; allowed: 2 to {MAX_LENGTH} integers")
    return tuple(map(checked_seed, seed))


def later_name(name: Name, episode: int) -> Name:
    """Of the episode after so many others of an env; 0: its own."""
    return (name[0], LATER, episode, *name[1:]) if episode else name


def integer_of(name: Name) -> int:
    """The seed that an environment gets which knows no names."""
    if name[1:] == (0,):
        return name[0]
    role = name[1] if len(name) > 2 and name[1] in (VALIDATION, TEST) else 0
    word = int(np.random.SeedSequence(name[0], spawn_key=name[1:]).generate_state(1)[0])
    return role << HASH_BITS | word >> (32 - HASH_BITS)
