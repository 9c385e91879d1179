"""How far a run is: a bar on a terminal, now and then a line in a log.

Nobody may be reading any more: a closed pipe, a terminal that is gone, a full disk or an encoding without our signs end
the report, and never the run.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from types import TracebackType
from typing import TextIO, TypeVar

from tqdm import tqdm

Item = TypeVar("Item")

_UNREAD = (OSError, ValueError)
"""What writing raises when nobody reads: a broken pipe, a closed file, a sign that the encoding does not have."""


def duration(seconds: float) -> str:
    """Seconds for a reader: "45 s", "12 min 5 s", "3 h 20 min"."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


class Progress:
    """Shows iterations, return, rate and the time left.

    Args:
        total: iterations of the whole run.
        done: of these, how many an earlier session has finished.
        stream: where to write; a bar if it is a terminal, otherwise lines.
        interval_s: least time between two lines of a log [s].
        quiet: show nothing.
        unit: what is counted, for the lines of a log.
    """

    def __init__(
        self,
        total: int,
        done: int = 0,
        stream: TextIO | None = None,
        interval_s: float = 15.0,
        quiet: bool = False,
        unit: str = "iteration",
    ) -> None:
        self._stream: TextIO | None = sys.stderr if stream is None else stream  # None: a process without a console
        self._total, self._done, self._first = total, done, done
        self._interval_s, self._quiet, self._unit = interval_s, quiet, unit
        self._began = self._last_line = time.perf_counter()
        self._values = ""
        self._bar = None
        with suppress(*_UNREAD):
            if not quiet and self._stream is not None and self._stream.isatty():
                bar_format = "{percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} [{elapsed}<{remaining}{postfix}]"
                self._bar = tqdm(
                    total=total, initial=done, file=self._stream, dynamic_ncols=True, bar_format=bar_format
                )

    def show(self, values: str) -> None:
        """What to say beside the count from now on, e.g. "return 1.43, 8.2 updates/s"."""
        self._values = values
        if self._bar is not None:
            self._bar.set_postfix_str(values, refresh=False)

    def advance(self) -> None:
        """One iteration is finished."""
        self._done += 1
        if self._bar is not None:
            with suppress(*_UNREAD):
                self._bar.update(1)
            return
        now = time.perf_counter()
        if not self._quiet and (now - self._last_line >= self._interval_s or self._done == self._total):
            self._last_line = now
            left = (now - self._began) / (self._done - self._first) * (self._total - self._done)
            values = f", {self._values}" if self._values else ""
            self.say(f"{self._unit} {self._done} of {self._total}{values}, {duration(left)} left")

    def say(self, text: str) -> None:
        """A line of its own, above the bar."""
        with suppress(*_UNREAD, RuntimeError):  # RuntimeError: a signal came while the same stream was being written
            if self._bar is not None:
                self._bar.write(text, file=self._stream)
            elif not self._quiet and self._stream is not None:
                print(text, file=self._stream, flush=True)

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            with suppress(*_UNREAD):
                self._bar.close()


def counted(items: Iterable[Item], total: int, unit: str) -> Iterator[Item]:
    """Pass the items on and show how many of ``total`` there have been; ``unit`` is what one of them is."""
    with Progress(total, unit=unit) as progress:
        for item in items:
            yield item
            progress.advance()
