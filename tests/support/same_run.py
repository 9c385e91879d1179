"""When two run directories hold the same run."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import torch

from tasam_agents.training import checkpoint
from tasam_agents.training.run_directory import RunDirectory

TIMINGS = frozenset({"updates_per_second", "environment_steps_per_second", "wall_time_s", "cpu_time_s"})


def assert_same_run(one: Path, two: Path, but: Collection[str] = ()) -> None:
    """Equal to the last bit: weights, optimisers, generators, replay, environment, and metrics except timings.

    but: further keys of metrics.jsonl that do not count.
    """
    first, second = RunDirectory.open(one), RunDirectory.open(two)
    for directory in ("latest", "best"):
        a, b = checkpoint.load(getattr(first, directory)), checkpoint.load(getattr(second, directory))
        assert a.tensors.keys() == b.tensors.keys()
        for group, members in a.tensors.items():
            assert members.keys() == b.tensors[group].keys()
            for name, tensor in members.items():
                assert torch.equal(tensor, b.tensors[group][name]), f"{directory} {group} {name}"
        timings = {"wall_time_s": 0, "cpu_time_s": 0, "log": 0}  # the log holds some
        assert a.state | timings == b.state | timings
    left_out = TIMINGS | set(but)
    lines, others = (
        [{name: value for name, value in line.items() if name not in left_out} for line in run.metrics()]
        for run in (first, second)
    )
    assert lines == others
