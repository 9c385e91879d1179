"""Path loss of the urban macro cell (UMa) of 3GPP TR 38.901, tables 7.4.1-1 and 7.4.2-1."""

from __future__ import annotations

import math
from typing import NamedTuple

from oran_env.numerics.jit import kernel

_SPEED_OF_LIGHT = 3.0e8  # [m/s], as in TR 38.901
_CLUTTER_M = 1.0  # h_E: effective height of the environment, of UEs up to 13 m, which are all there are [m]


class UrbanMacro(NamedTuple):
    """What TR 38.901's loss needs of carrier and heights; losses in dB are a + b·log10(d_3D)."""

    height: float  # of the RU above the UE [m]
    breakpoint_m: float  # d'_BP
    near: float  # a with line of sight, up to the breakpoint; b = 22
    far: float  # beyond it; b = 40
    hidden: float  # without line of sight; b = 39.08


def urban_macro(carrier_ghz: float, bs_height_m: float, ue_height_m: float) -> UrbanMacro:
    """Constants of table 7.4.1-1 for a carrier [GHz] and the heights [m] of RUs and UEs."""
    height = bs_height_m - ue_height_m
    effective = (bs_height_m - _CLUTTER_M) * (ue_height_m - _CLUTTER_M)
    breakpoint_m = 4.0 * effective * carrier_ghz * 1e9 / _SPEED_OF_LIGHT
    near = 28.0 + 20.0 * math.log10(carrier_ghz)
    return UrbanMacro(
        height=height,
        breakpoint_m=breakpoint_m,
        near=near,
        far=near - 9.0 * math.log10(breakpoint_m**2 + height**2),
        hidden=13.54 + 20.0 * math.log10(carrier_ghz) - 0.6 * (ue_height_m - 1.5),
    )


@kernel
def uma_loss_db(distance: float, line_of_sight: bool, urban: UrbanMacro) -> float:
    """Path loss [dB] at d_2D [m]; without line of sight never less than with it."""
    slope = 0.5 * math.log10(distance * distance + urban.height * urban.height)  # log10 of d_3D
    if distance <= urban.breakpoint_m:
        loss = urban.near + 22.0 * slope
    else:
        loss = urban.far + 40.0 * slope
    return loss if line_of_sight else max(loss, urban.hidden + 39.08 * slope)


@kernel
def los_probability(distance: float) -> float:
    """Probability of line of sight at d_2D [m], where C' = 0."""
    if distance <= 18.0:
        return 1.0
    near = 18.0 / distance
    return near + math.exp(-distance / 63.0) * (1.0 - near)
