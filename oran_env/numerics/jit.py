"""Compilation of the hot loops with numba, and where the compiled code is kept.

numba's own disk cache notices an edit in the file of a function but not in a file it calls into, crashes on a
truncated entry, and fails at import when it cannot write. So the package has a cache directory of its own,
named after a hash of all its sources (``cache_directory.py``).
With ``NUMBA_DISABLE_JIT=1`` the same functions run as plain Python.
"""

from __future__ import annotations

import contextlib
import hashlib
import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import numba
import numpy as np
from numba.core.caching import FunctionCache
from numpy.typing import NDArray

from oran_env.numerics.cache_directory import cache_directory

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]
Integers = NDArray[np.int64]
Key = NDArray[np.uint64]  # (4,): two key words, episode, step

Function = TypeVar("Function", bound=Callable[..., Any])


def _source_hash() -> str:
    digest = hashlib.sha256(numba.__version__.encode())
    package = Path(__file__).parents[1]
    for path in sorted(package.rglob("*.py")):
        digest.update(path.relative_to(package).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


class _ForgivingCache(FunctionCache):  # type: ignore[misc]
    """numba's cache, except that an unreadable entry is recompiled and an unwritable one is not stored."""

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        try:
            return super().load_overload(sig, target_context)
        except Exception:  # whatever a damaged file makes pickle raise
            with contextlib.suppress(OSError):
                self.flush()
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        with contextlib.suppress(OSError, EOFError):
            super().save_overload(sig, data)


_DIRECTORY = None if numba.config.DISABLE_JIT else cache_directory(_source_hash())


def kernel(function: Function) -> Function:
    """Compile ``function`` in nopython mode, releasing the GIL, with the package's own disk cache."""
    compiled = numba.njit(nogil=True, error_model="numpy", no_cfunc_wrapper=True)(function)
    if _DIRECTORY is not None:
        outer = numba.config.CACHE_DIR
        numba.config.CACHE_DIR = str(_DIRECTORY)
        try:
            compiled._cache = _ForgivingCache(compiled.py_func)
        finally:
            numba.config.CACHE_DIR = outer
    return compiled  # type: ignore[no-any-return]


def inlined(function: Function) -> Function:
    """Compile ``function`` into each kernel that calls it, so that a loop of calls can run in vector registers."""
    return numba.njit(nogil=True, error_model="numpy", inline="always")(function)  # type: ignore[no-any-return]


def switch(name: str, branches: Mapping[str, Callable[..., Any]]) -> Callable[..., Any]:
    """A kernel that calls one of its branches, by number, which is its first argument, with the other arguments.

    A table of functions would cost numba their inlining or the disk cache; so the chain of ifs is written out here, and
    no branch can be forgotten in it: another number raises.

    Args:
        name: what is chosen, for the error.
        branches: kernels with the same arguments; the number of one is its place.

    Raises:
        TypeError: branches with different arguments.
    """
    taken = {branch: tuple(inspect.signature(function).parameters) for branch, function in branches.items()}
    arguments = ", ".join(next(iter(taken.values())))
    if len(set(taken.values())) > 1:
        raise TypeError(f"{name}: branches take {taken}; needed: the same arguments, by the same names")
    lines = [f"def {name}(branch, {arguments}):"]
    for number in range(len(branches)):
        lines += [f"    if branch == {number}:", f"        return branch_{number}({arguments})"]
    lines.append(f"    raise ValueError('{name}: no such branch; allowed: {', '.join(branches)}')")
    scope: dict[str, Any] = {f"branch_{number}": branch for number, branch in enumerate(branches.values())}
    exec("\n".join(lines), scope)
    return numba.njit(nogil=True, error_model="numpy")(scope[name])  # type: ignore[no-any-return]
