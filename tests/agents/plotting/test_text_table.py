"""Tables as text, by hand."""

from __future__ import annotations

from tasam_agents.plotting.text_table import text_table

ROWS = [["agent", "kind", "return"], ["sac", "b", "1.5"], ["both_sam", "ours", ""]]


def test_columns_are_aligned_under_a_head_with_a_rule() -> None:
    assert text_table(ROWS).splitlines() == [
        "agent     kind  return",
        "----------------------",
        "sac          b     1.5",
        "both_sam  ours",  # nothing trails
    ]


def test_the_first_columns_may_stand_to_the_left() -> None:
    assert text_table(ROWS, left=2).splitlines()[2] == "sac       b        1.5"
    assert text_table(ROWS[:1]).splitlines() == ["agent  kind  return", "-------------------"]
