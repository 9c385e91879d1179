"""What is searched for each rule that has numbers: these as points of a lattice, and how to climb there."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from oran_env.policies.reading_rules import searchable
from oran_env.policies.rules import SEARCHED
from oran_env.scenario.fields import Scenario

Point = tuple[int, ...]


@dataclass(frozen=True)
class Space:
    """The numbers of one rule.

    Args:
        parameters: the rule's own numbers at a point of the lattice; None outside of what is allowed.
        grid: points from the best of which the search goes on.
        steps: of the moves, one size after the other.
        exchanges: pairs of coordinates that may also move against each other.
        after: a rule that has the first of these numbers, too; the points of the grid go on from its best.
        unsearched: these first numbers, where that rule has not been searched.
    """

    parameters: Callable[[Point], dict[str, Any] | None]
    grid: Iterable[Point]
    steps: tuple[int, ...]
    exchanges: tuple[tuple[int, int], ...] = ()
    after: str | None = None
    unsearched: Point = ()


def climb(score: Callable[[Point], float], space: Space, start: Point = ()) -> tuple[Point, float]:
    """Best point of the grid, each behind ``start``, then along each coordinate and exchange for as long as that pays.

    ``score`` is asked once per point; outside the space it is minus infinity.
    """
    known: dict[Point, float] = {}

    def value(point: Point) -> float:
        if point not in known:
            known[point] = float("-inf") if space.parameters(point) is None else score(point)
        return known[point]

    best = max(((*start, *point) for point in space.grid), key=value)
    units = [tuple(int(k == i) for k in range(len(best))) for i in range(len(best))]
    moves = [*units, *(tuple(a - b for a, b in zip(units[i], units[j], strict=True)) for i, j in space.exchanges)]
    for step in space.steps:
        paid = True
        while paid:
            paid = False
            for move, sign in itertools.product(moves, (step, -step)):
                while value(ahead := tuple(x + sign * d for x, d in zip(best, move, strict=True))) > value(best):
                    best, paid = ahead, True
    return best, value(best)


def spaces_of(scenario: Scenario) -> dict[str, Space]:
    """The space of each searched rule in a scenario."""
    num_rbs, num_dus = scenario.radio.num_rbs, scenario.layout.num_dus

    def shares(p: Point) -> dict[str, Any] | None:
        return {"shares": [x / 100 for x in p]} if min(p) >= 0 and sum(p) <= 100 else None

    def counts(p: Point) -> dict[str, Any] | None:
        return {"rbs_per_urllc_ue": p[0] / 20, "embb_share": p[1] / 100} if min(p) >= 0 and p[1] <= 100 else None

    def zones(p: Point) -> dict[str, Any] | None:
        """Own RBs of eMBB, mMTC and URLLC [% of K / M], RBs per URLLC UE [1/20], shared eMBB [%], 1 for colours."""
        groups = 3 if p[5] else num_dus
        own = [round(x * num_rbs / (100 * groups)) for x in p[:3]]
        if min(p) < 0 or p[4] > 100 or p[5] > 1 or sum(own) * groups > num_rbs:
            return None
        return {
            "owned_rbs": sum(own),
            "own_embb": own[0],
            "own_mmtc": own[1],
            "rbs_per_urllc_ue": p[3] / 20,
            "shared_embb": p[4] / 100,
            "colours_own": bool(p[5]),
        }

    queued = scenario.traffic.latency == "queue"  # elsewhere what a slice does not get is lost for one step only

    def weighted(p: Point) -> dict[str, Any] | None:
        """Weights of URLLC and eMBB in quarters of an octave, against mMTC's 1; powers, and room in eighths."""
        if min(p[2:]) < 0 or max(p[2:5]) > 12:
            return None
        weights = [round(2 ** (p[1] / 4), 3), 1.0, round(2 ** (p[0] / 4), 3)]
        return {"weights": weights, "powers": [x / 8 for x in p[2:5]], **({"room": p[5] / 8} if queued else {})}

    def reading(p: Point) -> dict[str, Any] | None:
        """The same, and gains and the tracking in eighths."""
        *gains, tracking = p[-4:]
        found = weighted(p[:-4])
        if found is None or max(map(abs, gains)) > 16 or not 0 <= tracking <= 8:
            return None
        return {**found, "gains": [x / 8 for x in gains], "tracking": tracking / 8}

    hundred = range(0, 101, 10)
    powers, rooms = ((0, 0, 0), (0, 0, 8), (8, 8, 8)), ((0,), (4,)) if queued else ((),)
    starts = itertools.product((10, 20, 40), (0, 35), (0, 20), (0, 30, 55), (0,), (0, 1))
    spaces = {
        "static": Space(
            shares,
            (p for p in itertools.product(hundred, repeat=3) if sum(p) <= 100),
            (5, 2, 1),
            ((0, 1), (0, 2), (1, 2)),
        ),
        "count_rule": Space(counts, itertools.product(range(0, 121, 10), hundred), (5, 2, 1), ((0, 1),)),
        "zone_rule": Space(zones, [*starts, (0, 0, 0, 55, 22, 0)], (12, 6, 3, 1), ((0, 1), (1, 2))),
        "weighted_counts": Space(
            weighted,
            [(*w, *p, *r) for w in itertools.product(range(-8, 17, 4), repeat=2) for p in powers for r in rooms],
            (4, 2, 1),
        ),
        "backlog_rule": Space(
            reading,
            list(itertools.product((-4, 0, 4), (-4, 0, 4), (-4, 0, 4), (0, 4))),
            (4, 2, 1),
            after="weighted_counts",
            unsearched=(0, 0, 0, 0, 8, *rooms[0]),
        ),
    }
    assert set(spaces) >= {*SEARCHED, *searchable(scenario)}, "a searched rule without a space"
    return spaces
