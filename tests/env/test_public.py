"""`oran_env` offers what the pages name, and its commands start without compiling."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import oran_env
from oran_env import cli

DOCS = Path(__file__).parents[2] / "docs"
PAGES = [*sorted(DOCS.rglob("*.md")), DOCS.parent / "README.md"]


@pytest.mark.parametrize("name", oran_env.__all__)
def test_every_public_name_is_there_and_on_the_page(name: str) -> None:
    assert getattr(oran_env, name) is not None
    names = (DOCS / "interfaces.md").read_text("utf-8").split("\n## Names\n")[1]
    assert re.search(rf"^\|.*`{name}`.*\|.*\w", names, re.MULTILINE)


def found(path: str) -> bool:
    """Whether `a.b.c` is a module, or a name in one."""
    module, _, name = path.rpartition(".")
    try:
        return hasattr(import_module(module), name) or import_module(path) is not None
    except ImportError:
        return False


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(DOCS.parent)))
def test_every_name_on_a_page_exists(page: Path) -> None:
    text = page.read_text("utf-8")
    named = set(re.findall(r"\b(oran_env(?:\.[A-Za-z_]\w*)+)", text))
    for module, names in re.findall(r"^from (oran_env[\w.]*) import (.*)$", text, re.MULTILINE):
        named |= {f"{module}.{name}" for name in names.split(", ")}
    extras = (
        "oran_env.adapters.rllib",
        "oran_env.adapters.torchrl",
        "oran_env.adapters.sb3",
        "oran_env.adapters.benchmarl",
    )
    assert [name for name in sorted(named) if not (name.startswith(extras) or found(name))] == []


@pytest.mark.parametrize("arguments", ["--help", "watch --help", "list"])
def test_commands_that_simulate_nothing_compile_nothing(arguments: str, tmp_path: Path) -> None:
    """The cache of the kernels, at a place of its own, stays empty."""
    command = [sys.executable, "-m", "oran_env.cli", *arguments.split()]
    environment = os.environ | {"XDG_CACHE_HOME": str(tmp_path)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout
    assert not list(tmp_path.rglob("*.nb*"))


def test_a_command_that_is_none_tells_what_was_meant(capsys: pytest.CaptureFixture[str]) -> None:
    for given, told in (("wach", "did you mean 'watch'?"), ("frobnicate", "allowed: list, score")):
        with pytest.raises(SystemExit) as leaving:
            cli.main([given])
        assert leaving.value.code == cli.BAD_INPUT
        assert told in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["watch", "--scenaro", "tiny"], "unrecognized: --scenaro tiny; did you mean '--scenario'?"),
        (["watch", "--polcy=static"], "unrecognized: --polcy=static; did you mean '--policy'?"),
        (["list", "tiny"], "unrecognized: tiny (oran-env list --help lists all)"),
        (["levels", "--suite", "oran-v3"], "did you mean 'oran-v2'? (oran-env levels --help lists all)"),
        (["watch", "--seed", "x"], "argument --seed: invalid int value: 'x' (oran-env watch --help lists all)"),
        (["score"], "the following arguments are required: --policy"),
    ],
)
def test_an_option_that_is_none_tells_what_was_meant(
    arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as leaving:
        cli.main(arguments)
    assert leaving.value.code == cli.BAD_INPUT
    error = capsys.readouterr().err
    assert told in error
    assert error.count("\n") == 1
