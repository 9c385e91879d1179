"""Text out of docstrings and comments, as Markdown."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterable
from typing import Any

HEAD = "<!-- Written by docs/generate.py from the docstrings: change those, then run it. -->\n"


def doc(thing: Any) -> str:
    """A docstring as Markdown, without its indentation."""
    return re.sub(r"(?<!`)``(?!`)", "`", inspect.cleandoc(thing.__doc__))


def comments(source: str) -> dict[str, str]:
    """The comment behind each annotated name of a class body, as ``Class.name``."""
    lines, found = source.splitlines(), {}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ClassDef):
            for member in node.body:
                if isinstance(member, ast.AnnAssign) and isinstance(member.target, ast.Name):
                    found[f"{node.name}.{member.target.id}"] = lines[member.lineno - 1].partition("  # ")[2].strip()
    return found


def named(text: str, pattern: str) -> dict[str, str]:
    """Paragraphs or lines that begin with a name and a colon (the pattern has a group for it), continued by others."""
    found: dict[str, str] = {}
    name = None
    for line in text.splitlines():
        match = re.match(pattern, line)
        if match:
            name = match[1]
            found[name] = line[match.end() :].strip()
        elif name and line.strip():
            found[name] += " " + line.strip()
        else:
            name = None
    return found


def table(header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """A Markdown table."""
    lines = [header, ("---",) * len(header), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def code(value: Any) -> str:
    """A value as it is written in Python; long numbers shortened for reading."""
    text = re.sub(r"\d\.\d{5,}", lambda number: f"{float(number[0]):.3f}", repr(value))
    text = re.sub(r"\b(\d+)000000\.0\b", r"\1e6", text)
    return "`" + re.sub(r"\b(\d{2,})000\.0\b", r"\1e3", text) + "`"
