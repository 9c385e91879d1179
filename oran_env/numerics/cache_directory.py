"""Where compiled code is kept: a directory that nobody else can write into, or none.

The cache is read by unpickling, which runs what is in it. So a directory is used only if it and the one around it are
ours, are no links and can be written by us alone, and if nobody can put another one in their place.
"""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path


def cache_directory(name: str) -> Path | None:
    """The first candidate that is safe and can be written, or None: then each process compiles for itself.

    The candidates are ``oran-env/NAME`` in the user's cache (XDG_CACHE_HOME, or ~/.cache), then ``oran-env-USER/NAME``
    in the directory for temporary files.
    """
    for around in _candidates():
        directory = around / name
        try:
            around.parent.mkdir(parents=True, exist_ok=True)
            for made in (around, directory):
                made.mkdir(mode=0o700, exist_ok=True)
            if not _is_ours_alone(directory):
                continue
            with tempfile.TemporaryFile(dir=directory):
                return directory
        except (OSError, RuntimeError):  # RuntimeError: links in a circle
            continue
    return None


def _candidates() -> Iterator[Path]:
    given = os.environ.get("XDG_CACHE_HOME", "")
    # "All paths set in these environment variables must be absolute. […] consider the path invalid and ignore it."
    home = Path(given) if os.path.isabs(given) else Path(os.path.expanduser("~")) / ".cache"
    if home.is_absolute():  # there is a home
        yield home / "oran-env"
    yield Path(tempfile.gettempdir()) / f"oran-env-{os.getuid() if hasattr(os, 'getuid') else 0}"


def _is_ours_alone(directory: Path) -> bool:
    if not hasattr(os, "getuid"):  # Windows: the home and its directory for temporary files are the user's own
        return True
    for path in (directory, directory.parent):
        found = path.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
            return False
        if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            return False
    return all(_keeps_its_names(path) for path in directory.parent.resolve(strict=True).parents)


def _keeps_its_names(path: Path) -> bool:
    """Whether strangers cannot rename what is ours in this directory: not writable for all, or sticky as /tmp is."""
    found = path.stat()
    return found.st_uid in (0, os.getuid()) and (not found.st_mode & stat.S_IWOTH or bool(found.st_mode & stat.S_ISVTX))
