"""Counter-based random numbers: Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011).

Every draw is a pure function of (key of the network, episode, step, purpose, indices): no draw depends on which
others were made, so any fading gain can be asked for, in any order, by any thread, with the same result.

Counter words: step | episode | purpose << 24 + UE or DU | group of RBs << 16 + fading block << 8 + four RUs, or other
indices.
Each counter gives four 32-bit words.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oran_env.numerics.jit import Key, inlined, kernel

# Purposes: what a draw is for.
FADING, PLACEMENT, SLICE_MIX, SLICE_OF_UE, TURN, ARRIVALS, LINK, DEMAND, SESSION, USER, PATHS = range(11)

Words = tuple[np.uint64, np.uint64, np.uint64, np.uint64]

_MASK = np.uint64(0xFFFFFFFF)
_SHIFT = np.uint64(32)
_MULTIPLIER_0, _MULTIPLIER_1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_WEYL_0, _WEYL_1 = np.uint64(0x9E3779B9), np.uint64(0xBB67AE85)
_UNIT = 2.0**-32


@inlined
def philox(c0: np.uint64, c1: np.uint64, c2: np.uint64, c3: np.uint64, k0: np.uint64, k1: np.uint64) -> Words:
    """Return the four 32-bit words (as uint64) of Philox4x32-10 for a counter and a key of uint64 words < 2^32."""
    for _ in (0, 1, 2, 3, 4, 5, 6, 7, 8, 9):  # a tuple: numba writes the rounds out
        product_0 = _MULTIPLIER_0 * c0
        product_1 = _MULTIPLIER_1 * c2
        c0 = (product_1 >> _SHIFT) ^ c1 ^ k0
        c2 = (product_0 >> _SHIFT) ^ c3 ^ k1
        c1 = product_1 & _MASK
        c3 = product_0 & _MASK
        k0 = (k0 + _WEYL_0) & _MASK
        k1 = (k1 + _WEYL_1) & _MASK
    return c0, c1, c2, c3


@kernel
def draw(key: Key, purpose: int, index: int, sub_index: int) -> Words:
    """Four words for one purpose. ``key``: (4,) uint64 = two key words, episode, step (see ``network_keys``)."""
    c2 = np.uint64((purpose << 24) | index)
    return philox(key[3], key[2], c2, np.uint64(sub_index), key[0], key[1])


@kernel
def uniform(word: np.uint64) -> float:
    """Map a 32-bit word to the open interval (0, 1)."""
    return (float(word) + 0.5) * _UNIT


@kernel
def exponential(word: np.uint64) -> float:
    """Map a 32-bit word to Exp(1)."""
    return -math.log((float(word) + 0.5) * _UNIT)


@kernel
def normal(word_0: np.uint64, word_1: np.uint64) -> float:
    """Map two 32-bit words to N(0, 1), by Box and Muller."""
    return math.sqrt(-2.0 * math.log(uniform(word_0))) * math.cos(2.0 * math.pi * uniform(word_1))


@kernel
def draw_uniforms(keys: Key, purpose: int, resetting: bool, numbers: NDArray[np.float64]) -> None:
    """Fill numbers (B, n) with uniforms of the networks with keys (B, 4); other ones for a reset than for step 0."""
    for b in range(numbers.shape[0]):
        for j in range(numbers.shape[1]):
            if j % 4 == 0:
                words = draw(keys[b], USER, purpose, (int(resetting) << 31) | (j // 4))
            numbers[b, j] = uniform(words[j % 4])


def network_keys(seed: int | Sequence[int], num_networks: int) -> NDArray[np.uint64]:
    """Return the Philox keys (num_networks, 2) of a batch.

    ``seed`` int: network i is (seed, i). A sequence gives the seed of each network, each counted as its
    network 0; so the network that ``parallel_env().reset(seed=s)`` shows is row 0 of ``network_keys(s, n)``.
    """
    if isinstance(seed, Integral):
        pairs: list[tuple[Any, int]] = [(seed, i) for i in range(num_networks)]
    elif isinstance(seed, (Sequence, np.ndarray)) and len(seed) == num_networks:
        pairs = [(s, 0) for s in seed]
    else:
        raise ValueError(f"seed is {seed!r}; allowed: an integer >= 0, or one per network ({num_networks})")
    for s, _ in pairs:
        if not isinstance(s, Integral) or isinstance(s, bool) or s < 0:
            raise ValueError(f"seed is {s!r}; allowed: integers >= 0")
    words = [np.random.SeedSequence(int(s), spawn_key=(i,)).generate_state(2, np.uint32) for s, i in pairs]
    return np.array(words, dtype=np.uint64).reshape(num_networks, 2)
