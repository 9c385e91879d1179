"""Which DU serves which UE: the strongest RU at a reset and when a session begins, then what ``handover.py`` says."""

from __future__ import annotations

from oran_env.model.cell.deployment import draw_slice
from oran_env.model.cell.handover import Handover, record, settle, triggers
from oran_env.model.outcome import Outcome
from oran_env.model.state import State
from oran_env.numerics.jit import Floats, Integers, kernel
from oran_env.scenario.slices import NUM_SLICES

AWAY, COMING = -1, -2  # in place of the serving DU; who comes is attached once its gains are known


@kernel
def strongest(mean_gain: Floats) -> int:
    """The RU with the largest mean received power (M,)."""
    best = 0
    for m in range(1, len(mean_gain)):
        if mean_gain[m] > mean_gain[best]:
            best = m
    return best


@kernel
def attach_all(which: Integers, s: State) -> None:
    """At a reset: attach the UEs that are present and draw their slices, once their gains are known."""
    for b in which:
        for u in range(s.speed.shape[1]):
            if s.serving[b, u] >= 0:
                m = strongest(s.gain[b, u])
                s.serving[b, u] = m
                s.slice_of_ue[b, u] = draw_slice(s.key[b], u, 0, s.mix[b, m])
        group_ues(s.serving[b], s.slice_of_ue[b], s.first[b], s.members[b])


@kernel
def attach(which: Integers, p: Handover, s: State, out: Outcome) -> None:
    """Hand UEs over, attach those that come to the strongest RU, and list them by DU and slice.

    Handovers and arrivals are counted at the DU that a UE comes to.
    """
    for b in which:
        serving, slices, gain = s.serving[b], s.slice_of_ue[b], s.gain[b]
        candidate, waiting = s.candidate[b], s.waiting[b]
        out.handovers[b] = 0
        out.ping_pongs[b] = 0
        for u in range(len(serving)):
            if serving[u] == AWAY:
                continue
            best = strongest(gain[u])
            if serving[u] == COMING:
                slices[u] = draw_slice(s.key[b], u, 1, s.mix[b, best])
                out.arrivals[b, best] += 1
            elif best == serving[u] and p.patience == 0:
                continue  # most of them: spares them a call
            elif triggers(u, best, gain[u], serving[u], p, candidate, waiting):
                record(u, b, best, p, s, out)
            else:
                continue
            serving[u] = best
            settle(u, b, p, s)
        group_ues(serving, slices, s.first[b], s.members[b])


@kernel
def regroup(which: Integers, s: State) -> None:
    """List the UEs of each network by DU and slice."""
    for b in which:
        group_ues(s.serving[b], s.slice_of_ue[b], s.first[b], s.members[b])


@kernel
def group_ues(serving: Integers, slice_of_ue: Integers, first: Integers, members: Integers) -> None:
    """List the UEs of each (DU, slice) in ascending order.

    Group g = 3·m + l holds members[first[g] : first[g + 1]]; first: (3·M + 1,), members: (N,), which ends with -1 for
    UEs that are away.
    """
    first[:] = 0
    members[:] = -1
    for u in range(len(serving)):
        if serving[u] < 0:
            continue
        first[NUM_SLICES * serving[u] + slice_of_ue[u] + 1] += 1
    for g in range(1, len(first)):
        first[g] += first[g - 1]
    present = first[len(first) - 1]
    for u in range(len(serving) - 1, -1, -1):  # backwards: first[g + 1] counts down to the start of group g
        if serving[u] < 0:
            continue
        g = NUM_SLICES * serving[u] + slice_of_ue[u]
        first[g + 1] -= 1
        members[first[g + 1]] = u
    for g in range(len(first) - 1):
        first[g] = first[g + 1]
    first[len(first) - 1] = present
