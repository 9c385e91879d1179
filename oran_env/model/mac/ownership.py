"""Who owns an RB: DU i owns the first P RBs with k mod M = i, that is k = i, i + M, …, i + (P-1)·M; the rest is shared.

So the RBs of each DU are spread evenly over the owned part of the band, and that part ends at RB M·P. The codec
``zones`` and the rule ``zone_rule`` go by this one function.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oran_env.numerics.jit import Integers, kernel
from oran_env.scenario.fields import Scenario

SHARED = -1  # owner of an RB that all DUs use


@kernel
def owner(k: int, num_dus: int, owned_rbs: int) -> int:
    """DU that owns RB k, or SHARED."""
    return k % num_dus if k < num_dus * owned_rbs else SHARED


def owners(num_rbs: int, num_dus: int, owned_rbs: int) -> NDArray[np.int64]:
    """DU that owns each RB (K,), or SHARED."""
    return np.array([owner(k, num_dus, owned_rbs) for k in range(num_rbs)], dtype=np.int64)


def checked_owned_rbs(given: int | Sequence[int], scenario: Scenario, batch: int) -> Integers:
    """P of each network (B,) from one number for all or one for each.

    Raises:
        ValueError: another codec than ``zones``, other than integers, another length, or more RBs than there are.
    """
    if scenario.control.codec != "zones":
        raise ValueError(f"owned_rbs is {given!r}, codec {scenario.control.codec!r}; allowed: with codec 'zones' only")
    numbers: NDArray[Any] = np.asarray(given)
    most = scenario.radio.num_rbs // scenario.layout.num_dus
    fits = numbers.dtype.kind in "iu" and numbers.shape in ((), (batch,))
    if not fits or (numbers.size and not (numbers.min() >= 0 and numbers.max() <= most)):
        raise ValueError(
            f"owned_rbs is {given!r}; allowed: an integer from 0 to {most}, or {batch} of them, one per network"
        )
    return np.broadcast_to(numbers.astype(np.int64), (batch,))
