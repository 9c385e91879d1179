"""Wrap-around: the service area as a torus, in which the lattice of the RUs goes on without a seam.

A UE that leaves on one side comes in on the other, and a link is as long as the way to the nearest of the RU's images,
which stand a width or height of the area apart:

    |Δ| = min over integers n of |Δ + n·period|        on each axis, as the area is a rectangle

So every RU has six neighbours at the same distance, and none stands at an edge. The row lattice closes when its rows
are complete and of even number: 4, 6, 8, 16, 20, 24, … sites.
"""

from __future__ import annotations

import math

import numpy as np

from oran_env.numerics.jit import Floats, kernel


def torus(sites: Floats, spacing_m: float) -> Floats:
    """Corners (2, 2) of the area that the images of sites (S, 2) tile [m]: columns·d wide, rows·d·√3/2 high."""
    rows = math.isqrt(len(sites))
    size = np.array([len(sites) // rows * spacing_m, rows * spacing_m * math.sqrt(3) / 2])
    low = sites.min(axis=0) - np.array([spacing_m / 4, spacing_m * math.sqrt(3) / 4])
    return np.stack([low, low + size])


@kernel
def nearest_image(offset: float, period: float) -> float:
    """An offset [m] along one axis, to the nearest of the images that stand a period apart."""
    return offset - period * math.floor(offset / period + 0.5)


@kernel
def wrapped(coordinate: float, low: float, high: float) -> float:
    """Where a UE that has left the area on one side comes in on the other [m]."""
    return coordinate - (high - low) * math.floor((coordinate - low) / (high - low))
