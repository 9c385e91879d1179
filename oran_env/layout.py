"""Where RUs and UEs stand, and which DU serves which UE."""

from __future__ import annotations

import math

import numpy as np

from oran_env.kernels import Floats, Integers, Key, kernel
from oran_env.random_draws import PLACEMENT, SLICE_MIX, SLICE_OF_UE, draw, exponential, uniform
from oran_env.scenario import NUM_SLICES


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
def place_ues(
    key: Key, area: Floats, min_speed: float, max_speed: float, position: Floats, direction: Floats, speed: Floats
) -> None:
    """Draw position (N, 2), unit direction (N, 2) and speed (N,) of every UE, uniform over area, circle and range."""
    for u in range(position.shape[0]):
        w0, w1, w2, w3 = draw(key, PLACEMENT, u, 0)
        position[u, 0] = area[0, 0] + uniform(w0) * (area[1, 0] - area[0, 0])
        position[u, 1] = area[0, 1] + uniform(w1) * (area[1, 1] - area[0, 1])
        heading = 2.0 * math.pi * uniform(w2)
        direction[u, 0] = math.cos(heading)
        direction[u, 1] = math.sin(heading)
        speed[u] = min_speed + uniform(w3) * (max_speed - min_speed)


@kernel
def assign_slices(
    key: Key, serving: Integers, num_dus: int, heterogeneous: bool, concentration: int, slice_of_ue: Integers
) -> None:
    """Draw the slice of each UE from the mix of the DU area it starts in: Dirichlet(a, a, a), or 1/3 each."""
    mix = np.full((num_dus, NUM_SLICES), 1.0)
    if heterogeneous:
        for m in range(num_dus):
            for i in range(NUM_SLICES):  # Gamma(a) is a sum of a exponentials; their shares are Dirichlet
                mix[m, i] = 0.0
                for j in range(concentration):
                    word, _, _, _ = draw(key, SLICE_MIX, m, i * concentration + j)
                    mix[m, i] += exponential(word)
    for u in range(serving.shape[0]):
        share = mix[serving[u]]
        word, _, _, _ = draw(key, SLICE_OF_UE, u, 0)
        point = uniform(word) * (share[0] + share[1] + share[2])
        slice_of_ue[u] = 0 if point < share[0] else (1 if point < share[0] + share[1] else 2)


@kernel
def serve(mean_gain: Floats, serving: Integers, handovers: Integers) -> None:
    """Attach each UE to the DU with the largest mean received power; count arrivals by handover per DU (M,)."""
    num_dus = mean_gain.shape[1]
    handovers[:] = 0
    for u in range(mean_gain.shape[0]):
        best = 0
        for m in range(1, num_dus):
            if mean_gain[u, m] > mean_gain[u, best]:
                best = m
        if best != serving[u]:
            handovers[best] += 1
            serving[u] = best
