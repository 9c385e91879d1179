"""A file is the old one or the new one, never a part of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tasam_agents.training.atomic_write import write_json_atomically, write_text_atomically


def test_the_file_is_replaced_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "report.md"
    for text in ("one\n", "two β\n"):
        assert write_text_atomically(path, text) == path
        assert path.read_text("utf-8") == text
    assert list(tmp_path.iterdir()) == [path]


def test_a_write_that_fails_leaves_the_file_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_text_atomically(tmp_path / "plan.json", "whole")
    write = Path.write_text

    def full_disk(self: Path, text: str, encoding: str) -> None:
        write(self, text[:2], encoding)
        raise OSError("no space left on device")

    monkeypatch.setattr(Path, "write_text", full_disk)
    with pytest.raises(OSError, match="no space"):
        write_text_atomically(path, "another text")
    assert path.read_text("utf-8") == "whole"


def test_json_has_no_nan_and_ends_its_line(tmp_path: Path) -> None:
    path = write_json_atomically(tmp_path / "record.json", {"a": [1, None]}, indent=1)
    assert json.loads(path.read_text("utf-8")) == {"a": [1, None]}
    assert path.read_text("utf-8").endswith("}\n")
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json_atomically(path, {"a": float("nan")})
    assert json.loads(path.read_text("utf-8")) == {"a": [1, None]}
