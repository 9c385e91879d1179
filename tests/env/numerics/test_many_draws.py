"""Draws side by side are the draws one at a time."""

from __future__ import annotations

import math

import numpy as np

from oran_env.numerics.many_draws import cos_turn, draw_many, to_exponentials
from oran_env.numerics.random_draws import draw, exponential

KEY = np.array([5, 6, 1, 3], dtype=np.uint64)


def test_words() -> None:
    c2, c3 = np.arange(37, dtype=np.uint64), np.arange(37, dtype=np.uint64)[::-1] * np.uint64(99_999_989)
    words = np.empty((4, 37), dtype=np.uint64)
    draw_many(KEY, KEY[3], c2, c3, words)
    for i in range(37):
        assert tuple(map(int, words[:, i])) == tuple(map(int, draw(KEY, 0, int(c2[i]), int(c3[i]))))


def test_exponentials_to_the_last_place() -> None:
    """Largest, smallest, around 2^e and √½·2^e, where the logarithm is put together anew, and at random."""
    edges = [int(2**e * f) + d for e in range(2, 32) for f in (1.0, math.sqrt(0.5)) for d in (-1, 0, 1)]
    words = np.array([0, 1, 2**32 - 1, *edges, *np.random.default_rng(0).integers(0, 2**32, 500)], dtype=np.uint64)
    numbers = np.empty(len(words))
    to_exponentials(words.copy(), numbers)
    np.testing.assert_allclose(numbers, [exponential(word) for word in words], rtol=1e-15, atol=0)


def test_cosine_of_turns() -> None:
    for x in (*np.linspace(-3.0, 3.0, 97), 1e6 + 0.125, -1e9 - 0.3):
        assert abs(cos_turn(x) - math.cos(2 * math.pi * (x % 1.0))) < 1e-12
