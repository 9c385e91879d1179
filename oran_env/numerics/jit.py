"""Compilation of the hot loops with numba, and where the compiled code is kept.

numba's own disk cache notices an edit in the file of a function but not in a file it calls into, crashes on a
truncated entry, and fails at import when it cannot write. So the package has a cache directory of its own, named after
a hash of all its sources (``cache_directory.py``) and of nothing else: the same code installed elsewhere finds it.
With ``NUMBA_DISABLE_JIT=1`` the same functions run as plain Python.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import inspect
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import numba
import numpy as np
from filelock import FileLock
from numba import types
from numba.core.caching import CompileResultCacheImpl, FunctionCache, _CacheLocator
from numba.extending import overload
from numpy.typing import NDArray

from oran_env.numerics.cache_directory import cache_directory

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]
Integers = NDArray[np.int64]
Key = NDArray[np.uint64]  # (4,): two key words, episode, step

Function = TypeVar("Function", bound=Callable[..., Any])


_PACKAGE = Path(__file__).parents[1]


def _source_hash() -> str:
    digest = hashlib.sha256(numba.__version__.encode())
    for path in sorted(_PACKAGE.rglob("*.py")):
        digest.update(path.relative_to(_PACKAGE).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


class _Place(_CacheLocator):  # type: ignore[misc]
    """Where the compiled functions of this package are, for any of its copies."""

    def __init__(self, folder: str) -> None:
        self._folder = folder

    def get_cache_path(self) -> str:
        return str(_DIRECTORY)

    def get_source_stamp(self) -> str:
        return ""  # the directory has it in its name

    def get_disambiguator(self) -> str:
        return self._folder

    @classmethod
    def from_function(cls, function: Any, file: str) -> _Place | None:
        """None for a function of somebody else's, which numba finds a place for."""
        if not Path(file).is_relative_to(_PACKAGE):
            return None
        return cls("_".join(Path(file).relative_to(_PACKAGE).parent.parts))


class _Implementation(CompileResultCacheImpl):  # type: ignore[misc]
    _locator_classes = (_Place, *CompileResultCacheImpl._locator_classes)

    def __init__(self, function: Any) -> None:
        super().__init__(function)
        if not isinstance(self.locator, _Place):
            stamp = (self.locator.get_source_stamp(), _package_stamp(Path(inspect.getfile(function)).resolve().parent))
            self.locator.get_source_stamp = lambda: stamp


@functools.cache
def _package_stamp(folder: Path) -> str:
    """Of all sources of the outermost package that a folder belongs to, as they are when first asked for."""
    while (folder.parent / "__init__.py").is_file():
        folder = folder.parent
    files = sorted(folder.rglob("*.py")) if (folder / "__init__.py").is_file() else []
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in files)).hexdigest()


class _ForgivingCache(FunctionCache):  # type: ignore[misc]
    """numba's cache, except that an unreadable entry is recompiled and an unwritable one is not stored."""

    _impl_class = _Implementation

    def holds(self, signature: tuple[Any, ...], codegen: Any) -> bool:
        """Whether it has the function for arguments of these types."""
        try:
            return self._index_key(signature, codegen) in self._cache_file._load_index()
        except Exception:  # damaged
            return False

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


def kernel(function: Function, freedoms: Iterable[str] = ()) -> Function:
    """Compile ``function`` in nopython mode, releasing the GIL, with the package's own disk cache.

    Args:
        function: to be compiled.
        freedoms: of LLVM with floating point, its fast-math flags; none: every operation is rounded as it stands.
    """
    compiled = numba.njit(nogil=True, error_model="numpy", no_cfunc_wrapper=True, fastmath=set(freedoms))(function)
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


def compile_once(compiled: Any, signature: tuple[Any, ...]) -> Any:
    """What numba made of a kernel for arguments of these types, compiled by one process while others wait for it.

    The first time that something is not in the cache, a line on stderr says why nothing happens.
    """
    found = compiled.overloads.get(signature)
    if found is None:
        with contextlib.ExitStack() as waiting:
            if _DIRECTORY is None or not compiled._cache.holds(signature, compiled.targetctx.codegen()):
                _announce()
                if _DIRECTORY is not None:
                    with contextlib.suppress(OSError, NotImplementedError):  # a file system without locks
                        waiting.enter_context(FileLock(_DIRECTORY / "compiling.lock"))
            compiled.compile(signature)
        found = compiled.overloads[signature]
    return found


@functools.cache  # once
def _announce() -> None:
    where = "this process alone, as no cache can be written" if _DIRECTORY is None else _DIRECTORY
    print(f"oran_env: compiling kernels, some 20 s on a quiet machine, kept in {where}", file=sys.stderr, flush=True)


def switch(name: str, branches: Mapping[str, Callable[..., Any]]) -> Callable[..., Any]:
    """A kernel that calls one of its branches, by number, which is its first argument, with the other arguments.

    A table of functions would cost numba their inlining or the disk cache; so the chain of ifs is written out here, and
    no branch can be forgotten in it: another number raises. Where the number is known to the compiler, as a ``Choice``
    of ``blocks.py`` is, the branch is called at once, and the others are not compiled.

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
    chosen = [f"def chosen_{n}(branch, {arguments}): return branch_{n}({arguments})" for n in range(len(branches))]
    scope: dict[str, Any] = {f"branch_{number}": branch for number, branch in enumerate(branches.values())}
    exec("\n".join([*lines, *chosen]), scope)
    chain = scope[name]

    def choose(branch: Any, *others: Any) -> Callable[..., Any]:
        known = isinstance(branch, types.Literal) and 0 <= branch.literal_value < len(branches)
        return scope[f"chosen_{branch.literal_value}"] if known else chain  # type: ignore[no-any-return]

    exec(f"def chooser(branch, {arguments}): return choose(branch)", scope := {"choose": choose} | scope)
    options = {"nogil": True, "error_model": "numpy"}
    overload(chain, jit_options=options, prefer_literal=True, inline="always")(scope["chooser"])
    return chain  # type: ignore[no-any-return]
