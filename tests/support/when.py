"""To do something to a run at a certain point of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


def when(is_so: Callable[[], bool], do: Callable[[], None]) -> threading.Thread:
    """In a thread: wait for a condition, then act."""

    def watch() -> None:
        deadline = time.monotonic() + 240.0
        while not is_so():
            assert time.monotonic() < deadline
            time.sleep(0.01)
        do()

    thread = threading.Thread(target=watch)
    thread.start()
    return thread
