"""A file is the old one or the new one, never a part of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tasam_agents.files.atomic_write import set_aside, write_json_atomically, write_text_atomically


def test_the_file_is_replaced_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "report.md"
    for text in ("one\n", "two β\n"):
        assert write_text_atomically(path, text) == path
        assert path.read_text("utf-8") == text
    assert list(tmp_path.iterdir()) == [path]


def test_a_write_that_fails_leaves_the_file_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_text_atomically(tmp_path / "plan.json", "whole")

    def full_disk(descriptor: int) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr("os.fsync", full_disk)
    with pytest.raises(OSError, match="no space"):
        write_text_atomically(path, "another text")
    assert path.read_text("utf-8") == "whole"
    assert list(tmp_path.iterdir()) == [path]  # and no part of the new one


def test_a_link_is_replaced_and_not_followed(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_text("mine")
    (tmp_path / "file").symlink_to(other)
    write_text_atomically(tmp_path / "file", "new")
    assert (other.read_text(), (tmp_path / "file").read_text()) == ("mine", "new")


def test_what_is_set_aside_replaces_nothing(tmp_path: Path) -> None:
    for text in ("one", "two"):
        (tmp_path / "log").write_text(text)
        set_aside(tmp_path / "log")
    assert [(tmp_path / f"log.damaged-{n}").read_text() for n in (1, 2)] == ["one", "two"]


def test_json_has_no_nan_and_ends_its_line(tmp_path: Path) -> None:
    path = write_json_atomically(tmp_path / "record.json", {"a": [1, None]}, indent=1)
    assert json.loads(path.read_text("utf-8")) == {"a": [1, None]}
    assert path.read_text("utf-8").endswith("}\n")
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json_atomically(path, {"a": float("nan")})
    assert json.loads(path.read_text("utf-8")) == {"a": [1, None]}
