"""What a terminal, a pipe or a log may do to a command: lack our signs, close, or be steered by what is printed."""

from __future__ import annotations

import contextlib
import os
import sys
import warnings
from typing import TextIO

from tasam_agents.errors import Note

READER_GONE = 141
"""What a shell calls a program that wrote into a closed pipe: 128 + SIGPIPE."""


def prepare() -> None:
    """Print what an encoding does not have as "?", and notes as one line."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, ValueError, OSError):  # none, replaced by a test, or closed
            stream.reconfigure(errors="replace")  # type: ignore[union-attr]
    plain = warnings.formatwarning

    def formatted(
        message: Warning | str, category: type[Warning], filename: str, lineno: int, line: str | None = None
    ) -> str:
        if issubclass(category, Note):
            return f"note: {harmless(str(message))}\n"
        return plain(message, category, filename, lineno, line)

    warnings.formatwarning = formatted


def harmless(text: str) -> str:
    """A message with control characters written out: a name from a file must not steer the terminal."""
    return "".join(sign if sign.isprintable() or sign == "\n" else repr(sign)[1:-1] for sign in text)


def is_reader_gone() -> bool:
    """Whether nobody reads the output any more, `| head`; then it is led to nowhere, so that the exit is quiet."""
    gone = [stream for stream in (sys.stdout, sys.stderr) if stream is not None and not _can_be_written(stream)]
    for stream in gone:
        silence(stream)
    return bool(gone)


def silence(stream: TextIO) -> None:
    """Lead what is still in the buffer of a stream to nowhere."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


def _can_be_written(stream: TextIO) -> bool:
    try:
        stream.flush()
    except (OSError, ValueError):
        return False
    return True
