"""Where RUs and UEs stand, and which DU serves which UE."""

from __future__ import annotations

import math

import numpy as np

from oran_env.numerics.jit import Floats, Integers, Key, kernel
from oran_env.numerics.random_draws import PLACEMENT, SLICE_MIX, SLICE_OF_UE, draw, exponential, uniform
from oran_env.scenario.slices import NUM_SLICES


def hexagonal_sites(num_dus: int, spacing_m: float) -> Floats:
    """Return RU positions (M, 2) [m]: floor(√M) rows filled left to right, odd rows shifted by half a spacing."""
    rows = math.isqrt(num_dus)
    columns = -(-num_dus // rows)
    row, column = np.divmod(np.arange(num_dus), columns)
    x = (column + 0.5 * (row % 2)) * spacing_m
    y = row * spacing_m * math.sqrt(3) / 2
    return np.stack([x, y], axis=1)


def service_area(sites: Floats, margin_m: float) -> Floats:
    """Return ((x_min, y_min), (x_max, y_max)) [m]: the bounding box of the RUs, wider by the margin on each side."""
    return np.stack([sites.min(axis=0) - margin_m, sites.max(axis=0) + margin_m])


@kernel
def place_ue(
    key: Key,
    u: int,
    visit: int,
    area: Floats,
    min_speed: float,
    max_speed: float,
    position: Floats,
    direction: Floats,
    speed: Floats,
) -> None:
    """Draw position (N, 2), unit direction (N, 2) and speed (N,) of UE u, uniform over area, circle and range.

    visit: 0 at reset, 1 when the UE arrives later.
    """
    w0, w1, w2, w3 = draw(key, PLACEMENT, u, visit)
    position[u, 0] = area[0, 0] + uniform(w0) * (area[1, 0] - area[0, 0])
    position[u, 1] = area[0, 1] + uniform(w1) * (area[1, 1] - area[0, 1])
    heading = 2.0 * math.pi * uniform(w2)
    direction[u, 0] = math.cos(heading)
    direction[u, 1] = math.sin(heading)
    speed[u] = min_speed + uniform(w3) * (max_speed - min_speed)


@kernel
def draw_mix(key: Key, heterogeneous: bool, concentration: int, mix: Floats) -> None:
    """Weights of the slices in each DU area, mix (M, 3): Dirichlet(a, a, a) but for their sum, or equal."""
    mix[:] = 1.0
    if heterogeneous:
        for m in range(mix.shape[0]):
            for i in range(NUM_SLICES):  # Gamma(a) is a sum of a exponentials; their shares are Dirichlet
                mix[m, i] = 0.0
                for j in range(concentration):
                    word, _, _, _ = draw(key, SLICE_MIX, m, i * concentration + j)
                    mix[m, i] += exponential(word)


@kernel
def draw_slice(key: Key, u: int, visit: int, share: Floats) -> int:
    """Draw the slice of UE u from the weights (3,) of the DU area it stands in; visit as in ``place_ue``."""
    word, _, _, _ = draw(key, SLICE_OF_UE, u, visit)
    point = uniform(word) * (share[0] + share[1] + share[2])
    return 0 if point < share[0] else (1 if point < share[0] + share[1] else 2)


@kernel
def strongest(mean_gain: Floats) -> int:
    """The RU with the largest mean received power (M,)."""
    best = 0
    for m in range(1, len(mean_gain)):
        if mean_gain[m] > mean_gain[best]:
            best = m
    return best


@kernel
def hand_over(mean_gain: Floats, serving: Integers, handovers: Integers) -> None:
    """Attach each UE that is present to its strongest RU; count those that come over from another, per DU (M,)."""
    handovers[:] = 0
    for u in range(mean_gain.shape[0]):
        if serving[u] >= 0:
            best = strongest(mean_gain[u])
            if best != serving[u]:
                handovers[best] += 1
                serving[u] = best
