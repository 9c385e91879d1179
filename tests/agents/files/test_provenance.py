"""What a run records of the code that made it: all that decides a number, and nothing that is only said of it."""

from __future__ import annotations

import pytest

from tasam_agents.files.provenance import SOURCES, code, other_versions, source_files, sources, versions

PLAIN = b"def rate(x):\n    return 2 * x\n"


@pytest.mark.parametrize(
    "source",
    [
        b'"""Eq. (1)."""\n\n# why\ndef rate(x):  # a comment\n    """A docstring."""\n\n    return (2 * x)\n',
        b"def rate( x ):\n  return 2*x",
        b'def rate(x):\n    return 2 * x\n\n\n"""Of a constant."""\n',
    ],
)
def test_comments_docstrings_and_layout_do_not_count(source: bytes) -> None:
    assert code(source) == code(PLAIN)


@pytest.mark.parametrize(
    "source",
    [
        b"def rate(x):\n    return 2 * x + 0\n",
        b"def rate(x):\n    return x * 2\n",
        b"def rate(x):\n    return 2.0 * x\n",
        b"import math\n" + PLAIN,
        b'def rate(x):\n    return "2" * x\n',
    ],
)
def test_everything_else_does(source: bytes) -> None:
    assert code(source) != code(PLAIN)


def test_what_computes_is_among_them_and_what_only_writes_is_not() -> None:
    names = {name for _, name in source_files()}
    for own in ("learner/actor_update.py", "networks/traces.py", "envs/seeding.py", "training/rollout.py"):
        assert f"tasam_agents/{own}" in names
    for own in ("model/step.py", "model/radio/channel.py", "numerics/jit.py", "simulator/simulator.py"):
        assert f"oran_env/{own}" in names
    assert not {name for name in names if "/cli/" in name or "checkpoint" in name or "rendering" in name}
    assert versions()[SOURCES] == sources()
    assert len(sources()) == 12


def test_sources_count_where_they_are_recorded() -> None:
    assert other_versions(versions()) == ""
    assert other_versions({name: own for name, own in versions().items() if name != SOURCES}) == ""
    told = other_versions(versions() | {SOURCES: "0123456789ab"})
    assert told == f"this program's sources differ: their hash is {sources()}, began with '0123456789ab'"
