"""How the numerical libraries compute: with how many threads, here and in a new process, and how precisely."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch

_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")


def thread_variables(threads: int) -> dict[str, str]:
    """The environment variables of a process with so many threads in every numerical library.

    Threads that wait sleep: spinning ones keep others, and on a busy machine each other, from the work they wait for.
    """
    return {**dict.fromkeys(_VARIABLES, str(threads)), "OMP_WAIT_POLICY": "PASSIVE"}


@contextmanager
def one_thread() -> Iterator[None]:
    """Within, new processes begin with one thread in every numerical library."""
    wanted = thread_variables(1)
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextmanager
def torch_threads(threads: int) -> Iterator[None]:
    """Within, torch computes with so many threads; afterwards with as many as before."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)
