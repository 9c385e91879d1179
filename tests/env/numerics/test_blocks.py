"""A block shows a kernel what the named tuple holds, and phases that are called by address do what they should."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest

from oran_env.numerics.blocks import Block, Choice
from oran_env.numerics.jit import Floats, Integers, Singles, kernel, switch
from oran_env.numerics.phases import COMPILED, call_of, run

pytestmark = pytest.mark.skipif(not COMPILED, reason="blocks are for compiled kernels")


class Inner(NamedTuple):
    way: Choice
    half: float
    table: Singles


class Outer(NamedTuple):
    number: int
    yes: bool
    inner: Inner
    grid: Floats


@kernel
def double(x: float) -> float:
    return 2.0 * x


@kernel
def broken(x: float) -> float:
    """Cannot be compiled, and is not unless it is chosen."""
    return x.no_such_thing  # type: ignore[attr-defined,no-any-return]


way = switch("way", {"double": double, "broken": broken})


@kernel
def fill(which: Integers, p: Outer, out: Outer) -> None:
    for b in which:
        total = p.inner.half + p.number + (100.0 if p.yes else 0.0)
        for value in p.inner.table[b]:
            total += way(p.inner.way, float(value))
        out.grid[b, 1] = total


@kernel
def refuse(which: Integers, p: Outer) -> None:
    if p.number > 5:
        raise ValueError("a number above five")


def outer(number: int, rows: int) -> Outer:
    table = np.arange(2.0 * rows, dtype=np.float32).reshape(rows, 2)
    return Outer(number, True, Inner(0, 0.5, table), np.zeros((rows, 3)))


NO_ACTIONS = np.empty((1, 1, 0), dtype=np.float32)


def test_numbers_arrays_and_the_branch_that_is_taken() -> None:
    p, out = outer(7, 4), outer(0, 4)
    blocks = [Block(p), Block(out)]
    run(np.array([1, 3]), NO_ACTIONS, np.stack([call_of(fill, False, blocks)]))
    expected = 107.5 + 2.0 * p.inner.table.sum(axis=1)
    np.testing.assert_array_equal(out.grid[:, 1], [0.0, expected[1], 0.0, expected[3]])
    assert not out.grid[:, [0, 2]].any()


def test_a_block_that_has_moved() -> None:
    memory = np.zeros((2, 12))
    home = Outer(0, False, Inner(0, 0.0, np.zeros((4, 2), np.float32)), memory[0].reshape(4, 3))
    block, p = Block(home, memory[0].ctypes.data), Block(outer(7, 4))
    block.move(memory[1].ctypes.data)
    run(np.array([2]), NO_ACTIONS, np.stack([call_of(fill, False, [p, block])]))
    assert memory[1, 7] == 107.5 + 2.0 * (4.0 + 5.0)
    assert np.count_nonzero(memory) == 1


def test_an_error_in_a_phase_is_raised_and_ends_the_step() -> None:
    p, out = Block(outer(6, 2)), outer(0, 2)
    with pytest.raises(ValueError, match="a number above five"):
        run(np.arange(2), NO_ACTIONS, np.stack([call_of(refuse, False, [p]), call_of(fill, False, [p, Block(out)])]))
    assert not out.grid.any()
