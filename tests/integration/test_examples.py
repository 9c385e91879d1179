"""Every script in examples/ runs, and prints what it says it prints.

``EXAMPLES`` has a line for each: arguments that keep it short, a module it needs (or None), its marker (or None), and
a pattern of its output.
"""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
NUMBER = r"-?\d+\.\d+"


class Example(NamedTuple):
    """How to run an example in a few seconds."""

    arguments: tuple[str, ...]
    output: str
    needs: str | None = None
    marker: str | None = None


EXAMPLES = {
    "quickstart.py": Example((), rf"count_rule +reward +{NUMBER} per DU and step(.|\n)*first row equal: True"),
    "sb3_joint.py": Example(
        ("--steps", "120"), rf"untrained: {NUMBER} per DU and step\nafter 120 steps: {NUMBER}\n", "stable_baselines3"
    ),
    "sb3_shared.py": Example(
        ("--steps", "512"), rf"untrained: {NUMBER} per DU and step\nafter 512 .*: {NUMBER}\n", "stable_baselines3"
    ),
    "custom_reward.py": Example(
        (), rf"equal_shares: worst slice at {NUMBER}(.|\n)*count_rule: worst slice at {NUMBER}"
    ),
    "custom_traffic.py": Example((), r"step 3: du_0 +\d+  du_1 +\d+  du_2 +[1-9]\d*\n"),
    "custom_scheduler.py": Example((), rf"least_served +UE rate: 10th percentile {NUMBER}, median {NUMBER} Mbit/s"),
    "score_a_policy.py": Example((), rf"tiny-v1: my_rule scores {NUMBER}"),
    "rllib_ippo.py": Example(
        ("--iterations", "2", "--steps", "100"), rf"iteration 1: .*'du_0': {NUMBER}, 'du_1': {NUMBER}", "ray", "ray"
    ),
    "torchrl_ippo.py": Example(
        ("--iterations", "2", "--steps", "30"), rf"iteration 1: mean reward {NUMBER}", "torchrl", "torchrl"
    ),
}


def test_every_example_is_in_the_table() -> None:
    assert {path.name for path in (ROOT / "examples").glob("*.py")} == set(EXAMPLES)


def cases() -> list[Any]:
    """One case for each example, with its marker."""
    return [
        pytest.param(name, marks=getattr(pytest.mark, example.marker) if example.marker else ())
        for name, example in EXAMPLES.items()
    ]


@pytest.mark.parametrize("name", cases())
def test_example_runs(name: str) -> None:
    example = EXAMPLES[name]
    if example.needs and importlib.util.find_spec(example.needs) is None:
        pytest.skip(f"needs {example.needs}")
    done = subprocess.run(
        [sys.executable, ROOT / "examples" / name, *example.arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    assert re.search(example.output, done.stdout), done.stdout
    assert len((ROOT / "examples" / name).read_text().splitlines()) <= 70  # an example is read before it is run
