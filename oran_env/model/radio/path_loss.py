"""Mean received power: path loss and shadowing of the links between UEs and RUs.

``power_law``: p·max(d, d_min)^-η, the form of eq. (1).

``uma``: urban macro of 3GPP TR 38.901, see ``urban_macro.py``. A link has line of sight while the number drawn for the
episode lies below the LOS probability at its distance, so that its state changes only as the UE moves.

Shadowing multiplies the gain by 10^(σ·z/10), z standard normal per link and episode. UEs move some 40 m in an episode,
about the distance over which shadowing decorrelates, so it is kept.
"""

from __future__ import annotations

import math

from oran_env.model.parameters import Parameters
from oran_env.model.radio.uma_path_loss import los_probability, uma_loss_db
from oran_env.numerics.jit import Floats, Key, kernel
from oran_env.numerics.random_draws import LINK, draw, normal, uniform

_NEPER = 0.1 * math.log(10.0)  # natural logarithm of a gain of 1 dB


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
                sees = los_draw[u, m] < los_probability(distance, p.urban.elevation)
                sigma = p.shadowing_los if sees else p.shadowing_nlos
                gain[u, m] = p.rb_power_mw * math.exp(-_NEPER * uma_loss_db(distance, sees, p.urban))
            else:
                gain[u, m] = p.rb_power_mw * math.exp(-0.5 * p.exponent * math.log(squared))
            if p.shadowed:
                gain[u, m] *= math.exp(_NEPER * sigma * shadow[u, m])


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
