"""The MAC scheduler inside a DU: which UE of a slice gets which of the slice's RBs."""

from __future__ import annotations

from oran_env.kernels import Integers, kernel
from oran_env.scenario import NUM_SLICES


@kernel
def group_ues(serving: Integers, slice_of_ue: Integers, first: Integers, members: Integers) -> None:
    """List the UEs of each (DU, slice) in ascending order.

    Group g = 3·m + l holds members[first[g] : first[g + 1]]; first: (3·M + 1,), members: (N,).
    """
    first[:] = 0
    for u in range(len(serving)):
        first[NUM_SLICES * serving[u] + slice_of_ue[u] + 1] += 1
    for g in range(1, len(first)):
        first[g] += first[g - 1]
    for u in range(len(serving) - 1, -1, -1):  # backwards: first[g + 1] counts down to the start of group g
        g = NUM_SLICES * serving[u] + slice_of_ue[u]
        first[g + 1] -= 1
        members[first[g + 1]] = u
    for g in range(len(first) - 1):
        first[g] = first[g + 1]
    first[len(first) - 1] = len(serving)


@kernel
def round_robin(
    slice_of_rb: Integers,
    m: int,
    first: Integers,
    members: Integers,
    pointer: Integers,
    ue_of_rb: Integers,
    granted: Integers,
) -> None:
    """Deal the RBs of each slice to its UEs in turn, going on where the last step stopped.

    slice_of_rb: (K,) of DU m; pointer: (3,) state, next UE of each slice; ue_of_rb: (K,) output, -1 where nobody
    is served (idle RB, or a slice without UE: then the RU does not transmit); granted: (3,) output.
    """
    granted[:] = 0
    for i in range(NUM_SLICES):
        number = first[NUM_SLICES * m + i + 1] - first[NUM_SLICES * m + i]
        pointer[i] = pointer[i] % number if number > 0 else 0
    for k in range(len(slice_of_rb)):
        i = slice_of_rb[k]
        ue_of_rb[k] = -1
        if i < 0:
            continue
        start = first[NUM_SLICES * m + i]
        number = first[NUM_SLICES * m + i + 1] - start
        if number > 0:
            ue_of_rb[k] = members[start + pointer[i]]
            granted[i] += 1
            pointer[i] = pointer[i] + 1 if pointer[i] + 1 < number else 0
