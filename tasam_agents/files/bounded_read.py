"""Reading what may be damaged or a stranger's: nothing is read that could fill the memory or never end."""

from __future__ import annotations

import json
import math
import os
import stat
from pathlib import Path
from typing import Any, NoReturn

from tasam_agents.errors import Damaged

KIB, MIB = 1 << 10, 1 << 20
JSON_LIMIT = 16 * MIB
"""Most bytes of a JSON file: the largest that we write, a measurement, has some hundred KiB."""


def checked_size(path: Path, limit: int) -> int:
    """Bytes of a regular file of at most ``limit``.

    Raises:
        FileNotFoundError: there is none.
        Damaged: a directory, a pipe, a device; or more bytes, which a sparse file has without taking any space.
    """
    found = os.stat(path)
    if not stat.S_ISREG(found.st_mode):
        raise Damaged(f"{path} is not a regular file")
    if found.st_size > limit:
        raise Damaged(f"{path} has {found.st_size} bytes; allowed: at most {limit}")
    return found.st_size


def read_bytes(path: Path, limit: int = JSON_LIMIT) -> bytes:
    """The content of a file; errors as those of ``checked_size``, also when it grows meanwhile."""
    checked_size(path, limit)
    with path.open("rb") as file:
        content = file.read(limit + 1)
    if len(content) > limit:
        raise Damaged(f"{path} has more than {limit} bytes; allowed: at most {limit}")
    return content


def read_text(path: Path, limit: int = JSON_LIMIT) -> str:
    """The content of a file of text; errors as those of ``read_bytes``."""
    try:
        return read_bytes(path, limit).decode("utf-8")
    except UnicodeDecodeError as error:
        raise Damaged(f"{path} is damaged: {error}") from error


def read_json(path: Path, limit: int = JSON_LIMIT) -> Any:
    """The document in a JSON file; errors as those of ``read_text``."""
    return parsed_json(read_text(path, limit), str(path))


def parsed_json(text: str, where: str) -> Any:
    """A JSON document; NaN, infinity, a key twice and endless nesting are none.

    Raises:
        Damaged: naming ``where``.
    """
    try:
        return json.loads(text, parse_float=_finite, parse_constant=_no_number, object_pairs_hook=_once_each)
    except (ValueError, RecursionError) as error:
        raise Damaged(f"{where} is damaged: {error}") from error


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise ValueError(f"{digits[:20]} is beyond all numbers")
    return number


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key stands there twice")
    return found
