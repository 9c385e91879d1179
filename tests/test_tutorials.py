"""Pages that are followed word by word: what stands in a block is run, and what stands below it is printed.

A page is one session: a folder of its own, the blocks one after the other, Python's variables kept. A block marked
``slow`` takes half a minute or more: by default a Python one trains for a moment and shows anything, a command waits
for ``make test-slow``.
"""

from __future__ import annotations

import contextlib
import io
import re
import shlex
from pathlib import Path
from typing import NamedTuple

import pytest

from oran_env import cli
from tasam_agents.cli import main as agents_cli

DOCS = Path(__file__).parents[1] / "docs"
PAGES = ("getting_started.md", *(f"tutorials/{path.name}" for path in sorted((DOCS / "tutorials").glob("*.md"))))
BLOCK = r"^```(\w+)( slow)?\n(.*?)^```\n(?:\n```text\n(.*?)^```\n)?"
COMMANDS = {"oran-env": cli.main, "tasam": agents_cli.main}
SHORT = {"learn(6000)": "learn(100)"}


class Block(NamedTuple):
    """A block of a page, and what it is said to print."""

    language: str
    slow: bool
    code: str
    printed: str | None


def blocks_of(page: str) -> list[Block]:
    """The blocks of a page in their order."""
    found = re.findall(BLOCK, (DOCS / page).read_text("utf-8"), re.MULTILINE | re.DOTALL)
    return [Block(language, bool(slow), code, printed or None) for language, slow, code, printed in found]


def shape(text: str) -> str:
    """The text with its numbers and spaces blurred: on another processor a training may go another way."""
    return re.sub(r"\s+|-+", " ", re.sub(r"[+-]?\d+(\.\d+)?%?", "N", text))


def run_commands(code: str) -> None:
    """Run each `$ command` of a block, and hold what is quoted below it against what it prints."""
    for command, quoted in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", code, re.MULTILINE):
        name, *arguments = shlex.split(command)
        with contextlib.redirect_stdout(io.StringIO()) as out:
            COMMANDS[name](arguments)
        for line in quoted.splitlines():
            assert shape(line) in shape(out.getvalue()), f"{command} does not print: {line}\n{out.getvalue()}"


def follow(page: str, slow: bool) -> None:
    """Run the blocks of a page."""
    session = {"__name__": "session"}
    for block in blocks_of(page):
        if block.language == "console" and (slow or not block.slow):
            run_commands(block.code)
        elif block.language == "python":
            code = block.code
            for long, short in SHORT.items() if block.slow and not slow else ():
                code = code.replace(long, short)
            with contextlib.redirect_stdout(io.StringIO()) as out:
                exec(compile(code, page, "exec"), session)
            if block.printed and not block.slow:
                assert out.getvalue() == block.printed
            elif block.printed:
                assert shape(out.getvalue()) == shape(block.printed)
        else:
            assert block.language in ("console", "sh", "text"), f"{page}: nobody runs {block.language}"


@pytest.mark.parametrize("page", PAGES)
def test_a_page_is_followed(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if "stable_baselines3" in page:
        pytest.importorskip("stable_baselines3")
    monkeypatch.chdir(tmp_path)
    if any("tasam train" in block.code for block in blocks_of(page)):
        monkeypatch.setitem(COMMANDS, "tasam", shortened)
    follow(page, slow=False)


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES)
def test_a_page_is_followed_in_full(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if "stable_baselines3" in page:
        pytest.importorskip("stable_baselines3")
    monkeypatch.chdir(tmp_path)
    follow(page, slow=True)


def shortened(arguments: list[str]) -> None:
    """`tasam`, with trainings that end soon."""
    agents_cli.main([*arguments, "--iterations", "4"] if arguments[0] == "train" else arguments)


def test_every_page_says_first_what_you_can_do_after_it() -> None:
    for page in (*PAGES, "concepts.md"):
        first = (DOCS / page).read_text("utf-8").split("\n\n")[1]
        assert first.startswith("After this page you"), page


def test_commands_that_differ_are_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(AssertionError, match="does not print: nothing"):
        run_commands("$ oran-env list\nnothing\n")
