"""Where RUs stand, how wide their service area is, and which slices its UEs are of."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from oran_env.model.radio.wrapping import torus
from oran_env.numerics.jit import Floats, Key, kernel
from oran_env.numerics.random_draws import SLICE_MIX, SLICE_OF_UE, draw, exponential, uniform
from oran_env.scenario.choices import Registry
from oran_env.scenario.fields import Scenario
from oran_env.scenario.slices import NUM_SLICES

SLICE_MIXES = Registry("slice_mix", {"heterogeneous": True, "uniform": False})  # whether it is drawn per DU area


def hexagonal_sites(num_dus: int, spacing_m: float) -> Floats:
    """Return RU positions (M, 2) [m]: floor(√M) rows filled left to right, odd rows shifted by half a spacing."""
    rows = math.isqrt(num_dus)
    columns = -(-num_dus // rows)
    row, column = np.divmod(np.arange(num_dus), columns)
    x = (column + 0.5 * (row % 2)) * spacing_m
    y = row * spacing_m * math.sqrt(3) / 2
    return np.stack([x, y], axis=1)


def sites_of(scenario: Scenario) -> Floats:
    """RU positions (M, 2) [m] of a scenario: the sectors of a site stand together."""
    layout = scenario.layout
    return np.repeat(hexagonal_sites(layout.num_dus // layout.sectors, layout.site_spacing_m), layout.sectors, axis=0)


def area_of(scenario: Scenario) -> Floats:
    """Corners (2, 2) [m] of the service area of a scenario."""
    layout = scenario.layout
    sites = hexagonal_sites(layout.num_dus // layout.sectors, layout.site_spacing_m)
    return torus(sites, layout.site_spacing_m) if layout.wrap_around else service_area(sites, layout.margin_m)


def service_area(sites: Floats, margin_m: float) -> Floats:
    """Return ((x_min, y_min), (x_max, y_max)) [m]: the bounding box of the RUs, wider by the margin on each side."""
    return np.stack([sites.min(axis=0) - margin_m, sites.max(axis=0) + margin_m])


class Deployment(NamedTuple):
    """How the slices mix in the area of each DU."""

    heterogeneous: bool
    concentration: int


def deployment_of(scenario: Scenario) -> Deployment:
    """The deployment of a scenario."""
    return Deployment(SLICE_MIXES[scenario.layout.slice_mix], scenario.layout.mix_concentration)


@kernel
def draw_mix(key: Key, p: Deployment, mix: Floats) -> None:
    """Weights of the slices in each DU area, mix (M, 3): Dirichlet(a, a, a) but for their sum, or equal."""
    mix[:] = 1.0
    if p.heterogeneous:
        for m in range(mix.shape[0]):
            for i in range(NUM_SLICES):  # Gamma(a) is a sum of a exponentials; their shares are Dirichlet
                mix[m, i] = 0.0
                for j in range(p.concentration):
                    word, _, _, _ = draw(key, SLICE_MIX, m, i * p.concentration + j)
                    mix[m, i] += exponential(word)


@kernel
def draw_slice(key: Key, u: int, visit: int, share: Floats) -> int:
    """Draw the slice of UE u from the weights (3,) of the DU area it stands in; visit as in ``mobility.place_ue``."""
    word, _, _, _ = draw(key, SLICE_OF_UE, u, visit)
    point = uniform(word) * (share[0] + share[1] + share[2])
    return 0 if point < share[0] else (1 if point < share[0] + share[1] else 2)
