"""Colours and markers, the same in every panel.

The slices have colours of Okabe and Ito, which colour-blind readers can tell apart; they also differ in lightness,
so that a print in grey can be read, and on the map in their marker.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from oran_env.scenario.slices import NUM_SLICES

Colour = tuple[int, int, int]

SLICE_COLOURS: tuple[Colour, Colour, Colour] = ((0, 114, 178), (230, 159, 0), (0, 158, 115))
SLICE_MARKERS = ("o", "^", "s")
SLICE_HATCHES = ("", "////", "....")  # of bars and RBs, for prints in grey
INK: Colour = (34, 34, 34)
GREY: Colour = (102, 102, 102)
LIGHT: Colour = (190, 190, 190)
WHITE: Colour = (255, 255, 255)
IDLE: Colour = (243, 243, 243)
CONTESTED: Colour = (64, 64, 64)
INTERFERENCE: Colour = (204, 121, 167)
SHADE: tuple[Colour, Colour] = ((240, 241, 246), (178, 184, 200))  # of an area without UEs, with twice an even share


def pale(colour: Colour) -> Colour:
    """The colour mixed with white, for what is wanted but does not happen."""
    r, g, b = (round(0.3 * part + 0.7 * 255) for part in colour)
    return r, g, b


# Colour of a cell of the grid of RBs, by kind + 1; the kinds stand in snapshot.py.
CELL_COLOURS: NDArray[np.uint8] = np.array([IDLE, *SLICE_COLOURS, *map(pale, SLICE_COLOURS), CONTESTED], dtype=np.uint8)
assert len(CELL_COLOURS) == 2 * NUM_SLICES + 2


def rgb(colour: Colour) -> tuple[float, float, float]:
    """The colour as matplotlib wants it, three numbers in [0, 1]."""
    r, g, b = colour
    return r / 255, g / 255, b / 255
