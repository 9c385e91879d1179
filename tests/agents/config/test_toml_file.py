"""Configurations as TOML: written, read, changed and refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tasam_agents.cli.arguments import parse_with_configuration
from tasam_agents.cli.commands.train import Begun
from tasam_agents.config.toml_file import as_toml, read_toml
from tasam_agents.config.variants import VARIANTS
from tasam_agents.errors import UserError


@pytest.mark.parametrize("name", VARIANTS)
def test_what_is_written_is_read_again(name: str, tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(as_toml(name))
    assert read_toml(tmp_path / "own.toml") == VARIANTS[name]


def test_a_few_lines_change_a_base_and_options_change_the_file(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text('base = "tiny"\niterations = 7\n[learner]\ngamma = 0.5\n')
    tiny = VARIANTS["tiny"]
    expected = replace(tiny, iterations=7, learner=replace(tiny.learner, gamma=0.5))
    assert read_toml(path) == expected
    _, config = parse_with_configuration(
        Begun, "tasam train", ["--config", str(path), "--seed", "3", "--env", "num_dus=3"]
    )
    assert config == replace(expected, seed=3, env_kwargs={**tiny.env_kwargs, "num_dus": 3})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("iterations =", "cannot be read"),
        (f"iterations = {'9' * 5000}", "cannot be read"),
        (f"env_kwargs = {{load = 0x{'f' * 5000}}}", "cannot be read"),
        ('base = "tini"', "base is 'tini'; did you mean 'tiny'"),
        ("base = [1]", r"base is \[1\]; allowed: "),
        (f"colour = {'[' * 100_000}", "cannot be read"),
        ("colour = 3", "no field"),
        ("iterations = -1", "iterations = -1, allowed: an integer >= 1"),
        ("learner = 3", "own.toml"),
    ],
)
def test_refusals_name_the_file(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(text)
    with pytest.raises(UserError, match=message) as refused:
        read_toml(tmp_path / "own.toml")
    assert "own.toml" in str(refused.value)
    with pytest.raises(UserError, match="cannot be read"):
        read_toml(tmp_path / "none.toml")
