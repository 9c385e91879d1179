"""Ctrl-C, SIGTERM and a closed terminal as a request to stop at the next good moment."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any

SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK") if hasattr(signal, name))
"""SIGHUP: the terminal was closed. SIGBREAK: Windows, likewise. Each where the system has it."""


class StopRequest:
    """Within ``with StopRequest(...)``, the first of ``SIGNALS`` sets ``made``; a second SIGINT stops at once.

    Outside the main thread signals cannot be caught, and nothing is changed. A SIGHUP that is ignored, as under nohup,
    stays so.

    Args:
        announce: called with a sentence for the user when the request is made.
    """

    def __init__(self, announce: Callable[[str], None]) -> None:
        self.made = False
        self._announce = announce
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> StopRequest:
        if threading.current_thread() is threading.main_thread():
            for number in SIGNALS:
                if number == getattr(signal, "SIGHUP", None) and signal.getsignal(number) == signal.SIG_IGN:
                    continue
                self._before[number] = signal.signal(number, self._receive)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _receive(self, number: int, frame: FrameType | None) -> None:
        if self.made and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.made = True
        self._announce("stopping after this iteration (Ctrl-C again: at once, without saving)")
