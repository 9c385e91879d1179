"""What a codec must say of itself, and the marks by which RBs are told apart."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from oran_env.numerics.jit import Integers, Singles
from oran_env.scenario.fields import Scenario

THRESHOLD = 0.5  # a value above it is a set bit
IDLE = -1  # slice of an RB that nobody claims; UE of an RB that serves nobody
CONTESTED = -2  # slice of an RB whose claims contradict each other
TO_SCHEDULE = -2  # UE of an RB that the MAC scheduler has still to deal
BITS, SHARES, AS_GIVEN = range(3)  # what is seen of an action once it is executed


class Du(NamedTuple):
    """The DU whose action is read, and what it may depend on."""

    m: int  # which one
    num_dus: int  # M
    owned_rbs: int  # P, RBs that each DU owns, see ``ownership.owner``
    first: Integers  # (4,) its groups in ``members``, see ``association.group_ues``
    members: Integers  # (N,)
    sending: Integers  # (3,) UEs of each slice that have something to send; with "prb_quota" only


class Codec(NamedTuple):
    """One meaning of an action.

    ``decode`` is a kernel: from the action (A,) of a DU it writes the slice of each RB (K,), IDLE or CONTESTED, and
    with ``named_ues`` the UE of each RB (K,), IDLE or TO_SCHEDULE, and returns the number of claims, Σ_l Σ_k b_{l,k}.
    ``encode`` is its inverse: the action (..., A) by which each slice gets the RBs that it owns (..., 3, K); it may
    need the number of UEs of each slice (..., 3).
    """

    size: Callable[[int], int]  # A, number of values in the action of one DU, from K
    claims: int  # columns of the action that claim an RB, i·K + k for RB k; 0 if the codec names no RB
    named_ues: int  # UEs of a DU that the action can name; the others of a claimed RB are dealt by the MAC scheduler
    seen: int  # BITS, SHARES of the RBs that eMBB, mMTC, URLLC and nobody got, or AS_GIVEN
    decode: Callable[[Singles, Du, Integers, Integers], int]
    encode: Callable[[NDArray[np.bool_], NDArray[np.float64] | None, Scenario], NDArray[np.float32]]
