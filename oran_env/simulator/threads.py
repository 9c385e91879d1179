"""Threads that share the networks of a batch; the trajectories do not depend on them."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from oran_env.numerics.jit import Integers


class Threads:
    """So many threads; a pickled, copied or forked one begins its own."""

    def __init__(self, number: int) -> None:
        self.number = number
        self._begin()

    def _begin(self) -> None:
        self._process = os.getpid()
        self._pool = ThreadPoolExecutor(self.number) if self.number > 1 else None

    def run(self, work: Callable[[Integers], None], which: Integers) -> None:
        """Do ``work`` for the networks ``which``, in one piece or shared between the threads."""
        if self._pool is not None and self._process != os.getpid():
            self._begin()  # no thread lives on behind a fork
        if self._pool is None:
            work(which)
        else:
            list(self._pool.map(work, np.array_split(which, self.number)))

    def __reduce__(self) -> tuple[Any, ...]:
        """For pickle and copy: all but the threads."""
        return Threads, (self.number,)
