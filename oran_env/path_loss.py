"""Mean received power: path loss and shadowing of the links between UEs and RUs.

``power_law``: p·max(d, d_min)^-η, the form of eq. (1).

``uma``: urban macro of 3GPP TR 38.901, table 7.4.1-1. A link has line of sight while the number it drew for the episode
lies below the LOS probability of table 7.4.2-1 at its distance, so that its state changes only as the UE moves.

Shadowing multiplies the gain by 10^(σ·z/10), z standard normal per link and episode. UEs move some 40 m in an episode,
about the distance over which shadowing decorrelates, so it is kept.
"""

from __future__ import annotations

import math

from oran_env.kernels import Floats, Key, kernel
from oran_env.parameters import Parameters
from oran_env.random_draws import LINK, draw, normal, uniform

_SPEED_OF_LIGHT = 3.0e8  # [m/s], as in TR 38.901
_CLUTTER_M = 1.0  # h_E: effective height of the environment [m]


@kernel
def mean_gains(position: Floats, los_draw: Floats, shadow: Floats, p: Parameters, gain: Floats) -> None:
    """Mean received power per RB [mW] of every link, gain (N, M), from UE positions (N, 2).

    los_draw: (N, M) uniform numbers, read with ``uma`` only; shadow: (N, M) normal numbers, read if there is shadowing.
    """
    for u in range(position.shape[0]):
        for m in range(p.sites.shape[0]):
            dx = position[u, 0] - p.sites[m, 0]
            dy = position[u, 1] - p.sites[m, 1]
            squared = max(dx * dx + dy * dy, p.min_distance * p.min_distance)
            sigma = p.shadowing_nlos
            if p.uma:
                distance = math.sqrt(squared)
                if los_draw[u, m] < los_probability(distance, p.ue_height):
                    sigma = p.shadowing_los
                    loss = uma_los_db(distance, p.carrier, p.bs_height, p.ue_height)
                else:
                    loss = uma_nlos_db(distance, p.carrier, p.bs_height, p.ue_height)
                gain[u, m] = p.rb_power_mw * 10.0 ** (-0.1 * loss)
            else:
                gain[u, m] = p.rb_power_mw * math.exp(-0.5 * p.exponent * math.log(squared))
            if p.shadowed:
                gain[u, m] *= 10.0 ** (0.1 * sigma * shadow[u, m])


@kernel
def uma_los_db(distance: float, carrier: float, bs_height: float, ue_height: float) -> float:
    """Path loss with line of sight [dB]; d_2D and heights [m], carrier [GHz]."""
    height = bs_height - ue_height
    slope = math.sqrt(distance * distance + height * height)
    breakpoint_m = 4.0 * (bs_height - _CLUTTER_M) * (ue_height - _CLUTTER_M) * carrier * 1e9 / _SPEED_OF_LIGHT
    near = 28.0 + 20.0 * math.log10(carrier)
    if distance <= breakpoint_m:
        return near + 22.0 * math.log10(slope)
    return near + 40.0 * math.log10(slope) - 9.0 * math.log10(breakpoint_m * breakpoint_m + height * height)


@kernel
def uma_nlos_db(distance: float, carrier: float, bs_height: float, ue_height: float) -> float:
    """Path loss without line of sight [dB], never below that with it."""
    height = bs_height - ue_height
    slope = math.sqrt(distance * distance + height * height)
    loss = 13.54 + 39.08 * math.log10(slope) + 20.0 * math.log10(carrier) - 0.6 * (ue_height - 1.5)
    return max(loss, uma_los_db(distance, carrier, bs_height, ue_height))


@kernel
def los_probability(distance: float, ue_height: float) -> float:
    """Probability of line of sight at d_2D [m]."""
    if distance <= 18.0:
        return 1.0
    near = 18.0 / distance
    probability = near + math.exp(-distance / 63.0) * (1.0 - near)
    if ue_height > 13.0:
        height = ((ue_height - 13.0) / 10.0) ** 1.5
        probability *= 1.0 + height * 1.25 * (distance / 100.0) ** 3 * math.exp(-distance / 150.0)
    return probability


@kernel
def draw_link(key: Key, u: int, visit: int, los_draw: Floats, shadow: Floats) -> None:
    """Draw what UE u keeps for its links in this episode; ``visit`` 0 at reset, 1 when it arrives later.

    los_draw, shadow: (M,), or (0,) where not needed.
    """
    for m in range(max(len(los_draw), len(shadow))):
        w0, w1, w2, _ = draw(key, LINK, u, (visit << 16) | m)
        if m < len(los_draw):
            los_draw[m] = uniform(w0)
        if m < len(shadow):
            shadow[m] = normal(w1, w2)
