"""Nobody can tell a late info from a dict, whatever he does with it first."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable
from typing import Any

import pytest

from oran_env.envs.late_info import LateInfo

CONTENT = {"a": 1, "b": 2}
FIRST: list[Callable[[Any], Any]] = [
    dict, list, len, bool, repr, json.dumps, copy.copy, copy.deepcopy, lambda d: {**d}, lambda d: d["a"],
    lambda d: "a" in d, lambda d: d == CONTENT, lambda d: d != CONTENT, lambda d: d | {"c": 3}, lambda d: {"c": 3} | d,
    lambda d: d.get("b"), lambda d: list(d.items()), lambda d: list(d.values()), lambda d: list(reversed(d)),
    lambda d: d.pop("a"), lambda d: d.setdefault("c", 3), lambda d: dict(**d), lambda d: {"c": 3}.update(d),
    lambda d: pickle.loads(pickle.dumps(d)), lambda d: d.copy(), lambda d: sorted(zip(d, d.values(), strict=True)),
]  # fmt: skip


@pytest.mark.parametrize("look", FIRST)
def test_it_is_filled_before_it_is_used(look: Callable[[Any], Any]) -> None:
    late, plain = LateInfo(lambda: dict(CONTENT)), dict(CONTENT)
    assert look(late) == look(plain)
    assert dict(late) == plain


def test_it_is_worked_out_once_and_can_be_changed() -> None:
    calls: list[int] = []

    def work_out() -> dict[str, Any]:
        calls.append(1)
        return dict(CONTENT)

    late = LateInfo(work_out)
    late["c"] = 3
    late["a"] = 0
    assert late == {"a": 0, "b": 2, "c": 3}
    late.clear()
    assert not late
    assert len(calls) == 1
    assert type(pickle.loads(pickle.dumps(late))) is dict
