"""How far a film is: a bar with rate and time left on a terminal, now and then a line in a log."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TextIO, TypeVar

Item = TypeVar("Item")
BAR = 30  # characters


def counted(
    items: Iterable[Item], total: int, unit: str, stream: TextIO | None = None, interval_s: float = 10.0
) -> Iterator[Item]:
    """Pass the items on and show how many there have been.

    Args:
        items: of which ``total`` are expected.
        total: at least 1.
        unit: what they are, in the plural.
        stream: where to write, standard error by default; a bar if it is a terminal, otherwise lines.
        interval_s: least time between two lines of a log [s]; the last one always comes.
    """
    stream = sys.stderr if stream is None else stream
    bar = stream.isatty()
    began = last = time.perf_counter()
    for done, item in enumerate(items, start=1):
        yield item
        now = time.perf_counter()
        rate = done / max(now - began, 1e-9)
        words = f"{done} of {total} {unit}, {rate:.1f} {unit}/s, {(total - done) / rate:.0f} s left"
        if bar:
            full = BAR * done // total
            stream.write(f"\r[{'#' * full}{'.' * (BAR - full)}] {words}  " + ("\n" if done == total else ""))
            stream.flush()
        elif now - last >= interval_s or done == total:
            last = now
            print(words, file=stream, flush=True)
