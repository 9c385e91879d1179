"""Mean received power: path loss and shadowing of the links between UEs and RUs.

``power_law``: p·max(d, d_min)^-η, the form of eq. (1).

``uma``: urban macro of 3GPP TR 38.901, see ``uma_path_loss.py``. A link has line of sight while the number drawn for
the episode lies below the LOS probability at its distance, so that its state changes only as the UE moves.

The sectors of a site share line of sight and shadowing; each has an antenna of its own, see ``antenna.py``.

Shadowing multiplies the gain by 10^(σ·z/10), z standard normal per link and episode. UEs move some 40 m in an episode,
about the distance over which shadowing decorrelates, so it is kept.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from oran_env.model.radio.antenna import Antenna, antenna_of, sector_gain
from oran_env.model.radio.uma_path_loss import UrbanMacro, los_probability, uma_loss_db, urban_macro
from oran_env.model.radio.wrapping import nearest_image
from oran_env.model.state import State
from oran_env.numerics.blocks import Choice
from oran_env.numerics.jit import Floats, Integers, Key, kernel, switch
from oran_env.numerics.random_draws import LINK, draw, normal, uniform
from oran_env.scenario.choices import Registry
from oran_env.scenario.fields import Scenario

_NEPER = 0.1 * math.log(10.0)  # natural logarithm of a gain of 1 dB


class PathLoss(NamedTuple):
    """What the mean gain of a link depends on beside the position of its UE."""

    urban: UrbanMacro
    antenna: Antenna
    law: Choice
    sites: Floats  # (M, 2) RU positions [m]
    site: Integers  # (M,) number of the site, whose RUs share line of sight and shadowing
    wraps: bool
    period: Floats  # (2,) distance of the images of an RU with wrap-around [m]
    rb_power_mw: float  # p on one RB
    exponent: float
    min_distance: float
    shadowed: bool
    shadowing_los: float  # [dB]
    shadowing_nlos: float


@kernel
def offset(position: Floats, u: int, m: int, axis: int, p: PathLoss) -> float:
    """From RU m to UE u of positions (N, 2) along an axis [m]."""
    along: float = position[u, axis] - p.sites[m, axis]
    return nearest_image(along, p.period[axis]) if p.wraps else along


@kernel
def squared_distance(position: Floats, u: int, m: int, p: PathLoss) -> float:
    """From UE u of positions (N, 2) to RU m [m²], floored."""
    dx, dy = offset(position, u, m, 0, p), offset(position, u, m, 1, p)
    squared: float = max(dx * dx + dy * dy, p.min_distance * p.min_distance)
    return squared


@kernel
def power_law(position: Floats, los_draw: Floats, p: PathLoss, gain: Floats, sigma: Floats) -> None:
    """Write mean gain (N, M) and shadowing [dB] of the links of UEs at positions (N, 2), here without line of sight.

    los_draw: (N, sites) uniform numbers, read by ``uma``.
    """
    squared, loss = np.empty(gain.shape[0]), np.empty(gain.shape[0])
    for m in range(gain.shape[1]):
        for u in range(len(squared)):
            squared[u] = squared_distance(position, u, m, p)
        raise_to(p.exponent, squared, loss)
        for u in range(len(loss)):
            gain[u, m] = p.rb_power_mw / loss[u]
    sigma[:, :] = p.shadowing_nlos


@kernel
def raise_to(exponent: float, squared: Floats, power: Floats) -> None:
    """Write d^exponent (n,), d² being given (n,): by products and roots where twice the exponent is an integer."""
    twice = int(2.0 * exponent)
    if twice != 2.0 * exponent:
        for u in range(len(power)):
            power[u] = math.exp(0.5 * exponent * math.log(squared[u]))
        return
    power[:] = 1.0
    for _ in range(twice // 4):
        for u in range(len(power)):
            power[u] *= squared[u]
    if twice % 4 >= 2:
        for u in range(len(power)):
            power[u] *= math.sqrt(squared[u])
    if twice % 2 == 1:
        for u in range(len(power)):
            power[u] *= math.sqrt(math.sqrt(squared[u]))


@kernel
def uma(position: Floats, los_draw: Floats, p: PathLoss, gain: Floats, sigma: Floats) -> None:
    """The same by TR 38.901."""
    for u in range(gain.shape[0]):
        for m in range(gain.shape[1]):
            distance = math.sqrt(squared_distance(position, u, m, p))
            sees = los_draw[u, p.site[m]] < los_probability(distance)
            gain[u, m] = p.rb_power_mw * math.exp(-_NEPER * uma_loss_db(distance, sees, p.urban))
            sigma[u, m] = p.shadowing_los if sees else p.shadowing_nlos


PATH_LOSSES = Registry("path_loss", {"power_law": power_law, "uma": uma})
_law = switch("path_loss", PATH_LOSSES)


def path_loss_of(scenario: Scenario, sites: Floats, area: Floats) -> PathLoss:
    """The path loss of a scenario with RUs at sites (M, 2), whose service area has the corners (2, 2)."""
    radio = scenario.radio
    return PathLoss(
        law=PATH_LOSSES.number(radio.path_loss),
        sites=sites,
        site=np.arange(len(sites)) // scenario.layout.sectors,
        wraps=scenario.layout.wrap_around,
        period=area[1] - area[0],
        antenna=antenna_of(scenario),
        rb_power_mw=10 ** (radio.power_dbm / 10) / radio.num_rbs,
        exponent=float(radio.path_loss_exponent),
        min_distance=float(radio.min_distance_m),
        urban=urban_macro(radio.carrier_ghz, radio.bs_height_m, radio.ue_height_m),
        shadowed=radio.shadowing_los_db > 0.0 or radio.shadowing_nlos_db > 0.0,
        shadowing_los=float(radio.shadowing_los_db),
        shadowing_nlos=float(radio.shadowing_nlos_db),
    )


@kernel
def update_gains(which: Integers, p: PathLoss, s: State) -> None:
    """Mean received power per RB [mW] of every link, where the UEs are now."""
    sigma = np.empty(s.gain.shape[1:])
    for b in which:
        gain, shadow = s.gain[b], s.shadow[b]
        _law(p.law, s.position[b], s.los_draw[b], p, gain, sigma)
        if p.antenna.sectored:
            for u in range(gain.shape[0]):
                for m in range(gain.shape[1]):
                    dx, dy = offset(s.position[b], u, m, 0, p), offset(s.position[b], u, m, 1, p)
                    gain[u, m] *= sector_gain(dx, dy, m, p.antenna)
        if p.shadowed:
            for u in range(gain.shape[0]):
                for m in range(gain.shape[1]):
                    gain[u, m] *= math.exp(_NEPER * sigma[u, m] * shadow[u, p.site[m]])


@kernel
def draw_link(key: Key, u: int, visit: int, los_draw: Floats, shadow: Floats) -> None:
    """Draw what UE u keeps for its links in this episode; ``visit`` 0 at reset, 1 when it arrives later.

    los_draw, shadow: (N, sites), or (N, 0) where not needed.
    """
    for m in range(max(los_draw.shape[1], shadow.shape[1])):
        w0, w1, w2, _ = draw(key, LINK, u, (visit << 16) | m)
        if m < los_draw.shape[1]:
            los_draw[u, m] = uniform(w0)
        if m < shadow.shape[1]:
            shadow[u, m] = normal(w1, w2)
