"""Threads that share the networks of a batch; the trajectories do not depend on them."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from oran_env.numerics.jit import Integers


class Threads:
    """So many threads, begun when they are first needed; a pickled, copied or forked one begins its own."""

    def __init__(self, number: int) -> None:
        self.number = number
        self._process = os.getpid()
        self._pool: ThreadPoolExecutor | None = None

    def run(self, work: Callable[[Integers], None], which: Integers) -> None:
        """Do ``work`` for the networks ``which``, in one piece or shared between the threads."""
        if self.number == 1:
            work(which)
            return
        if self._pool is None or self._process != os.getpid():  # no thread lives on behind a fork
            self._process, self._pool = os.getpid(), ThreadPoolExecutor(self.number)
        list(self._pool.map(work, np.array_split(which, self.number)))

    def close(self) -> None:
        """End the threads; whoever runs something later begins new ones."""
        if self._pool is not None and self._process == os.getpid():
            self._pool.shutdown()
        self._pool = None

    def __reduce__(self) -> tuple[Any, ...]:
        """For pickle and copy: all but the threads."""
        return Threads, (self.number,)
