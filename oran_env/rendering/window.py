"""A window that shows frames. pygame, because its wheel brings all it needs and Gymnasium's environments use it."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oran_env.rendering.optional import needed

_WITHOUT_SCREEN = ("dummy", "offscreen")  # what SDL falls back to


class NoDisplay(RuntimeError):
    """There is no screen to open a window on."""


class Window:
    """Opens at once; ``show`` replaces its content.

    Raises:
        MissingExtra: pygame is not installed.
        NoDisplay: the machine has no display.
    """

    def __init__(self, width: int, height: int, title: str) -> None:
        self._pygame: Any = needed("pygame")
        display = self._pygame.display
        try:
            display.init()
            driver = display.get_driver()
            # A test may ask for these by name; as a fallback they would show nothing without a word.
            if driver in _WITHOUT_SCREEN and os.environ.get("SDL_VIDEODRIVER") != driver:
                raise NoDisplay(f"SDL found only its {driver!r} driver")
            self._surface = display.set_mode((width, height))
        except (self._pygame.error, NoDisplay) as error:
            display.quit()
            raise NoDisplay(
                f"render_mode 'human' needs a display, and there is none ({error}); "
                "use render_mode='rgb_array', or `oran-env watch --out film.gif`"
            ) from None
        display.set_caption(title)
        self._clock = self._pygame.time.Clock()

    def show(self, frame: NDArray[np.uint8], fps: float) -> None:
        """Replace the content by a frame (height, width, 3), at most ``fps`` times per second."""
        self._pygame.event.pump()
        image = self._pygame.image.frombuffer(frame.tobytes(), frame.shape[1::-1], "RGB")
        self._surface.blit(image, (0, 0))
        self._pygame.display.flip()
        self._clock.tick(fps)

    def close(self) -> None:
        """Close the window."""
        self._pygame.display.quit()
