"""metrics.jsonl: one JSON object per log step, readable after a kill, and known for what it was when it was saved."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tasam_agents.errors import Damaged
from tasam_agents.files.atomic_write import NO_LINK
from tasam_agents.files.bounded_read import MIB, checked_size, parsed_json, read_bytes
from tasam_agents.files.form import check_form

LIMIT = 512 * MIB
"""Most bytes of a log: some 300,000 lines."""

_FOLLOWERS: dict[Path, Callable[[Mapping[str, Any]], None]] = {}


@contextmanager
def followed(path: Path, follower: Callable[[Mapping[str, Any]], None]) -> Iterator[None]:
    """Within, a follower is told each line that this process adds to a log, once it is written."""
    _FOLLOWERS[path.absolute()] = follower
    try:
        yield
    finally:
        del _FOLLOWERS[path.absolute()]


def append(path: Path, line: Mapping[str, Any]) -> None:
    """Add a line to an existing log and hand it to the operating system at once.

    Raises:
        OSError: the log is gone or a link, or the disk is full; no part of the line stays.
    """
    content = (json.dumps(line, allow_nan=False) + "\n").encode()
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | NO_LINK)
    try:
        before = os.fstat(descriptor).st_size
        try:
            written = 0
            while written < len(content):
                written += os.write(descriptor, content[written:])
        except OSError as error:
            with suppress(OSError):
                os.ftruncate(descriptor, before)
            raise OSError(error.errno, f"{path} cannot be written: {error.strerror}") from error
    finally:
        os.close(descriptor)
    if path.absolute() in _FOLLOWERS:
        _FOLLOWERS[path.absolute()](line)


def lines(path: Path) -> list[dict[str, Any]]:
    """The lines; a last one that a crash cut off is left out, and no log has none.

    Raises:
        Damaged: another line is not a JSON object, or the file is none or too long.
    """
    try:
        texts = read_bytes(path, LIMIT).split(b"\n")
    except FileNotFoundError:
        return []
    return _parsed(path, texts[:-1])  # behind the last line break stands nothing, or what was cut off


def seal(path: Path) -> dict[str, Any]:
    """Length and checksum of the log as it is now, once it is on disk.

    Raises:
        OSError: it is gone.
    """
    with path.open("rb") as file:
        os.fsync(file.fileno())
        content = file.read()
    return {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def damage(path: Path, sealed: Mapping[str, Any]) -> str:
    """What is wrong with the log as it was when it was sealed, or "" if it still begins with that."""
    length = sealed["bytes"]
    if path.is_symlink():  # whose target would be cut
        return f"{path} is a link"
    try:
        size = checked_size(path, LIMIT)
    except (Damaged, OSError) as error:
        return f"{path} is missing" if isinstance(error, FileNotFoundError) else str(error)
    if size < length:
        return f"{path} is damaged: it has {size} bytes, written were {length}"
    with path.open("rb") as file:
        content = file.read(length)
    if hashlib.sha256(content).hexdigest() != sealed["sha256"]:
        return f"{path} is damaged: its checksum is not the one it was written with"
    return ""


def cut(path: Path, sealed: Mapping[str, Any]) -> None:
    """Let the log end where it was sealed, so that going on from there writes no line twice."""
    descriptor = os.open(path, os.O_WRONLY | NO_LINK)
    try:
        os.ftruncate(descriptor, sealed["bytes"])
    finally:
        os.close(descriptor)


def salvaged(path: Path, last: int) -> str:
    """The lines of a damaged log that can still be read, up to an iteration, as the text of a new one."""
    try:
        texts = read_bytes(path, LIMIT).split(b"\n")
    except (Damaged, OSError):
        return ""
    kept = []
    for text in texts:
        with suppress(Damaged):
            kept += [line for line in _parsed(path, [text]) if line["iteration"] <= last]
    return "".join(json.dumps(line) + "\n" for line in kept)


def _parsed(path: Path, texts: list[bytes]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    lengths: dict[str, int | None] = {}  # by metric
    for number, text in enumerate(texts, start=1):
        where = f"{path}, line {number}"
        try:
            line = parsed_json(text.decode("utf-8"), where)
        except UnicodeDecodeError as error:
            raise Damaged(f"{where} is damaged: {error}") from error
        if not isinstance(line, dict):
            raise Damaged(f"{where} is damaged: it is not a line of metrics")
        check_form(line, {"iteration": int}, where)
        for name, value in line.items():
            length = _length(value)
            if length == -1 or (value is not None and lengths.setdefault(name, length) != length):
                raise Damaged(f"{where} is damaged: {name[:40]} is no number, or not as many as before")
        found.append(line)
    return found


def _length(value: Any) -> int | None:
    """Of a row of numbers; None: a number, -1: neither."""
    entries = value if isinstance(value, list) else [value]
    fits = all(each is None or (isinstance(each, (int, float)) and abs(each) <= sys.float_info.max) for each in entries)
    return -1 if not fits else len(value) if isinstance(value, list) else None
