"""What the commands of `tasam` share: reading their arguments and naming the files they wrote."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import tyro
from tyro.conf import AvoidSubcommands, OmitArgPrefixes

from tasam_agents.config.reading import with_members
from tasam_agents.training.run_directory import RunError


def parse(kind: Any, program: str, arguments: Sequence[str], flat: bool = False, **options: Any) -> Any:
    """tyro.cli, but a mistake of the user becomes one line instead of a box of them.

    Args:
        kind: what is made of the arguments.
        program: name of the command.
        arguments: behind the command.
        flat: whether fields of fields are options without the names of what they belong to.
        options: of tyro.cli.
    """
    messages = io.StringIO()
    markers = (AvoidSubcommands, OmitArgPrefixes) if flat else (AvoidSubcommands,)
    try:
        with contextlib.redirect_stderr(messages):
            if "default" in options:
                options["default"] = with_members(options["default"], arguments)
            return tyro.cli(kind, prog=program, args=list(arguments), config=markers, **options)
    except SystemExit as leaving:
        if not leaving.code:  # --help
            raise
        raise RunError(f"{_first_paragraph(messages.getvalue())} ({program} --help lists all)") from None
    except (ValueError, TypeError) as error:
        raise RunError(str(error)) from error


def _first_paragraph(box: str) -> str:
    """What stands in tyro's box above its first rule; the rest repeats the help text."""
    words: list[str] = []
    for line in box.splitlines()[1:]:
        text = line.strip("│╭╮╰╯ ")
        if text.startswith("──"):
            break
        words += text.split()
    return " ".join(words)


def print_paths(paths: Sequence[Path]) -> None:
    """One line per file."""
    for path in paths:
        print(f"written: {path}")
