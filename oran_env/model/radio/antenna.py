"""The antenna of a sector: the element of 3GPP TR 38.901, table 7.3-1, three of them at a site.

    A_h(φ) = min(12·(φ/65°)², 30 dB)                  φ: from the boresight of the sector, 30°, 150° or 270°
    A_v(θ) = min(12·((θ − tilt)/θ_3dB)², 30 dB)       θ: below the horizon
    gain   = 8 dBi − min(A_h + A_v, 30 dB)

θ_3dB is 65° for one element. A narrower beam stands for a column of elements that is tilted electrically (TR 36.814,
table A.2.1.1-2, has 10°). With one sector the antenna is a point that radiates alike in all directions, 0 dBi.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from oran_env.model.radio.wrapping import nearest_image
from oran_env.numerics.jit import Floats, kernel
from oran_env.scenario.fields import Scenario

_BORESIGHTS = (30.0, 150.0, 270.0)  # [°]
_HORIZONTAL_BEAMWIDTH = 65.0  # [°]
_MOST_DB = 30.0  # A_max and SLA_V
_NEPER = 0.1 * math.log(10.0)  # natural logarithm of a gain of 1 dB


class Antenna(NamedTuple):
    """Where the antenna of each RU looks."""

    sectored: bool
    boresight: Floats  # (M,) [°]
    gain_dbi: float
    beamwidth: float  # vertical [°]
    tilt: float  # below the horizon [°]
    height: float  # of the RU above the UE [m]


def antenna_of(scenario: Scenario) -> Antenna:
    """The antennas of a scenario."""
    layout, radio = scenario.layout, scenario.radio
    return Antenna(
        sectored=layout.sectors > 1,
        boresight=np.resize(_BORESIGHTS, layout.num_dus),
        gain_dbi=float(radio.antenna_gain_dbi),
        beamwidth=float(radio.vertical_beamwidth_deg),
        tilt=float(radio.downtilt_deg),
        height=float(radio.bs_height_m - radio.ue_height_m),
    )


@kernel
def pattern_db(azimuth: float, depression: float, p: Antenna) -> float:
    """Gain [dBi] towards an azimuth from the boresight and an angle below the horizon [°]."""
    across = nearest_image(azimuth, 360.0) / _HORIZONTAL_BEAMWIDTH
    down = (depression - p.tilt) / p.beamwidth
    loss = min(12.0 * across * across, _MOST_DB) + min(12.0 * down * down, _MOST_DB)
    return p.gain_dbi - min(loss, _MOST_DB)


@kernel
def sector_gain(dx: float, dy: float, m: int, p: Antenna) -> float:
    """What the antenna of RU m multiplies the gain of a link by, towards a UE that stands (dx, dy) [m] from it."""
    azimuth = math.degrees(math.atan2(dy, dx)) - p.boresight[m]
    depression = math.degrees(math.atan2(p.height, math.sqrt(dx * dx + dy * dy)))
    return math.exp(_NEPER * pattern_db(azimuth, depression, p))
