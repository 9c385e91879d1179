"""Files that are written whole or not at all: whoever reads meanwhile, or after a crash, finds the one before."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, TextIO

NO_LINK = getattr(os, "O_NOFOLLOW", 0)  # never through a link that somebody else put there
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | NO_LINK | getattr(os, "O_BINARY", 0)


@contextmanager
def new_file(path: Path) -> Iterator[BinaryIO]:
    """A file of our own to write into, on disk when the block ends; what stood there before is gone.

    Raises:
        OSError: the disk is full or not writable; no partial file stays.
    """
    path.unlink(missing_ok=True)
    descriptor = os.open(path, _NEW, 0o666)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
    except Exception:
        with suppress(OSError):
            path.unlink()
        raise


def flush_directory(path: Path) -> None:
    """fsync a directory, where the system has that: its names are on disk, too."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except PermissionError:  # Windows does not open directories
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def replacement(path: Path) -> Iterator[BinaryIO]:
    """A file beside `path`, which takes its place when the block ends well. A link there is replaced, not followed."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    with new_file(partial) as file:
        yield file
    partial.replace(path)


def write_text_atomically(path: Path, text: str) -> Path:
    """Write a whole file in the manner of `replacement`; returns `path`."""
    with replacement(path) as file:
        file.write(text.encode("utf-8"))
    return path


def opened_to_append(path: Path) -> TextIO:
    """A text file to add to, made if there is none; what stood there as a link is put aside, not followed."""
    if path.is_symlink():
        set_aside(path, "link")
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | NO_LINK, 0o666), "w", 1, "utf-8")


def write_json_atomically(path: Path, document: Any, indent: int | None = None) -> Path:
    """`document` as JSON, NaN and infinity refused, in the manner of `write_text_atomically`."""
    return write_text_atomically(path, json.dumps(document, indent=indent, allow_nan=False) + "\n")


def is_left_over(path: Path) -> bool:
    """Whether a file is what a process that was killed while it wrote has left."""
    return path.name.startswith(".") and path.name.endswith(".partial")


def set_aside(path: Path, why: str = "damaged") -> Path:
    """Rename what must not be used and not be lost; returns its new place."""
    for number in range(1, 1000):
        aside = path.with_name(f"{path.name}.{why}-{number}")
        if not os.path.lexists(aside):
            return path.rename(aside)
    raise OSError(f"{path} cannot be set aside: {aside} and all before it exist")
