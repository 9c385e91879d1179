"""The form of a document, held against it before anything is used: a seal does not say that it is one."""

from __future__ import annotations

from typing import Any

import pytest

from tasam_agents.errors import Damaged
from tasam_agents.files.form import OrNone, check_form

FORM = {"name": str, "count": int, "rows": [(str, float)], "share": OrNone(float)}
WHOLE: dict[str, Any] = {"name": "λ", "count": 3, "rows": [["a", 1], ["b", -0.5]], "share": None}


def test_what_fits() -> None:
    changes: tuple[dict[str, Any], ...] = ({}, {"rows": []}, {"share": 0.5}, {"another": object()})
    for more in changes:
        check_form(WHOLE | more, FORM, "here")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": 3}, "here, name is not what was written; allowed: a text"),
        ({"name": "\x1b[31m"}, "name .*allowed: a text"),
        ({"name": "\ud800"}, "name .*allowed: a text"),
        ({"name": "x" * 100_000}, "name .*allowed: a text"),
        ({"count": True}, "count .*allowed: an integer >= 0"),
        ({"count": -1}, "count .*allowed: an integer >= 0"),
        ({"count": 3.0}, "count .*allowed: an integer >= 0"),
        ({"count": 10**400}, "count .*allowed: an integer >= 0"),
        ({"rows": {}}, "rows .*allowed: a row"),
        ({"rows": [["a", 1.0, 2.0]]}, r"rows\[0\] .*allowed: a row of 2"),
        ({"rows": [["a", 1.0], ["b", "nan"]]}, r"rows\[1\]\[1\] .*allowed: a finite number"),
        ({"rows": [["a", 10**400]]}, "allowed: a finite number"),
        ({"rows": [["a", float("nan")]]}, "allowed: a finite number"),
        ({"rows": [["a", False]]}, "allowed: a finite number"),
        ({"share": "0.5"}, "share .*allowed: a finite number"),
    ],
)
def test_what_does_not(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(Damaged, match=message):
        check_form(WHOLE | changes, FORM, "here")


@pytest.mark.parametrize("name", FORM)
def test_nothing_may_lack(name: str) -> None:
    with pytest.raises(Damaged, match=f"here is not what was written; allowed: with {name}"):
        check_form({key: value for key, value in WHOLE.items() if key != name}, FORM, "here")
    with pytest.raises(Damaged, match="allowed: an object"):
        check_form([], FORM, "here")
