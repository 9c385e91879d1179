"""Checkpoints: nothing is lost in a crash, nothing damaged is loaded."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest
import torch

from tasam_agents.files.sealed import sealed
from tasam_agents.training import checkpoint
from tasam_agents.training.checkpoint import STATE, CheckpointError

TENSORS = {
    "learner": {
        "weight": torch.randn(3, 4),
        "transposed": torch.arange(6.0).reshape(2, 3).T,
        "generator": torch.Generator().manual_seed(1).get_state(),
        "flag": torch.tensor([True, False]),
        "count": torch.tensor(2**60, dtype=torch.int64),
    },
    "environment": {"key": torch.tensor([2**63 + 1], dtype=torch.uint64)},
    "empty": {},
}


def saved_number(directory: Path) -> int:
    loaded = checkpoint.load(directory)
    assert loaded.tensors["t"]["x"].item() == loaded.state["number"]
    return int(loaded.state["number"])


def save_number(directory: Path, number: int) -> None:
    checkpoint.save(directory, {"t": {"x": torch.tensor(number)}}, {"number": number})


def test_what_is_saved_comes_back_bit_for_bit(tmp_path: Path) -> None:
    state = {"third": 1 / 3, "none": None, "nested": {"list": [1, "two"]}}
    checkpoint.save(tmp_path / "latest", TENSORS, state)
    loaded = checkpoint.load(tmp_path / "latest")
    assert loaded.state == state == checkpoint.load_state(tmp_path / "latest")
    assert loaded.tensors.keys() == TENSORS.keys()
    for group, members in TENSORS.items():
        assert loaded.tensors[group].keys() == members.keys()
        for name, tensor in members.items():
            assert loaded.tensors[group][name].dtype == tensor.dtype
            assert torch.equal(loaded.tensors[group][name], tensor)


def test_files_can_be_read_without_this_package(tmp_path: Path) -> None:
    save_number(tmp_path / "c", 5)
    assert sorted(path.name for path in (tmp_path / "c").iterdir()) == ["manifest.json", "state.json", "t.safetensors"]
    assert json.loads((tmp_path / "c" / "state.json").read_text())["state"] == {"number": 5}
    assert [path.name for path in tmp_path.iterdir()] == ["c"]  # nothing temporary is left


class Killed(BaseException):
    """The process dies here: nothing catches this, and saving has nothing to clean up."""


def die_at_rename(monkeypatch: pytest.MonkeyPatch, survived: int) -> None:
    rename, left = Path.rename, [survived]

    def dying(self: Path, target: Path) -> Path:
        if left[0] == 0:
            raise Killed
        left[0] -= 1
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", dying)


@pytest.mark.parametrize("survived", [0, 1])
def test_dying_at_either_rename_leaves_the_old_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, survived: int
) -> None:
    save_number(tmp_path / "c", 1)
    with monkeypatch.context() as patch:
        die_at_rename(patch, survived)
        with pytest.raises(Killed):
            save_number(tmp_path / "c", 2)
    assert checkpoint.exists(tmp_path / "c")
    assert saved_number(tmp_path / "c") == 1
    for number in (3, 4):  # and the next saves do not stumble over what was left
        save_number(tmp_path / "c", number)
    assert saved_number(tmp_path / "c") == 4
    assert sorted(path.name for path in tmp_path.iterdir()) == ["c", "c.previous"]
    assert saved_number(tmp_path / "c.previous") == 3


def _flipped(path: Path, bit: int) -> None:
    content = bytearray(path.read_bytes())
    content[bit // 8] ^= 1 << bit % 8
    path.write_bytes(content)


@pytest.mark.parametrize("name", ["state.json", "manifest.json", "t.safetensors"])
def test_no_bit_of_a_checkpoint_can_flip_unseen(tmp_path: Path, name: str) -> None:
    """Refused, or the same after all: a flip in a blank of the manifest says nothing else."""
    save_number(tmp_path / "c", 1)
    path, written = tmp_path / "c" / name, (tmp_path / "c" / name).read_bytes()
    accepted = 0
    for bit in range(0, 8 * len(written), 7):  # every one of them: make trust
        _flipped(path, bit)
        try:
            assert saved_number(tmp_path / "c") == 1
            accepted += 1
        except CheckpointError:
            pass
        path.write_bytes(written)
    assert accepted <= (written.count(b" ") + written.count(b"\n") if name == "manifest.json" else 0)


@pytest.mark.parametrize("damaged", ["state.json", "manifest.json", "t.safetensors"])
def test_the_one_before_is_read_when_the_newest_is_damaged_and_that_is_said(tmp_path: Path, damaged: str) -> None:
    save_number(tmp_path / "c", 1)
    save_number(tmp_path / "c", 2)
    (tmp_path / "c" / damaged).write_bytes(b"")
    with pytest.warns(
        checkpoint.CheckpointWarning, match=rf"{damaged} is damaged.*; the one before it is used: .*c\.pre"
    ):
        loaded = checkpoint.load(tmp_path / "c")
    assert (loaded.state["number"], loaded.passed_over) == (1, tmp_path / "c")
    (tmp_path / "c.previous" / "state.json").unlink()
    with pytest.raises(CheckpointError, match=rf"c/{damaged} is damaged"):
        checkpoint.load(tmp_path / "c")


def test_no_name_in_a_manifest_leads_out_of_the_directory(tmp_path: Path) -> None:
    save_number(tmp_path / "c", 1)
    path = tmp_path / "c" / "manifest.json"
    document = json.loads(path.read_text())
    document.pop("sha256")
    for name in ("../t.safetensors", "/t.safetensors", "t.pickle", "a\x1b.safetensors"):
        files = document["files"] | {name: document["files"][STATE]}
        path.write_text(json.dumps(sealed({**document, "files": files})))
        with pytest.raises(CheckpointError, match=r"manifest\.json is damaged: it lists"):
            checkpoint.load(tmp_path / "c")


@pytest.mark.parametrize("limited", ["safetensors", "json"])
def test_a_file_that_would_be_too_long_is_an_os_error_that_names_the_last_good_one(
    tmp_path: Path, limited: str
) -> None:
    """In a process of its own: the limit cannot be raised again."""
    save_number(tmp_path / "c", 1)
    program = f"""
        import resource, sys, pathlib
        sys.path.insert(0, {str(Path(__file__).parents[2])!r})
        import torch
        from tasam_agents.training import checkpoint
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
        size = 10_000 if {limited!r} == "safetensors" else 1
        text = "x" * 30_000 if {limited!r} == "json" else ""
        try:
            place = pathlib.Path({str(tmp_path / "c")!r})
            checkpoint.save(place, {{"t": {{"x": torch.zeros(size)}}}}, {{"text": text}})
        except OSError as error:
            print(error)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, check=True)
    assert "File too large; the last good checkpoint is" in done.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["c"]
    assert saved_number(tmp_path / "c") == 1


def test_every_file_has_the_mode_that_the_user_asks_for(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        save_number(tmp_path / "c", 1)
    finally:
        os.umask(before)
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "c").iterdir()} == {0o640}


def test_a_run_that_was_deleted_is_not_made_anew(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"latest cannot be saved: No such file or directory; there is no checkpoint yet"):
        save_number(tmp_path / "gone" / "checkpoints" / "latest", 1)
    assert not (tmp_path / "gone").exists()


def test_a_process_killed_between_the_renames_leaves_a_complete_checkpoint(tmp_path: Path) -> None:
    save_number(tmp_path / "c", 1)
    program = f"""
        import os, pathlib, signal, sys
        sys.path.insert(0, {str(Path(__file__).parents[2])!r})
        from agents.training.test_checkpoint import save_number
        rename = pathlib.Path.rename
        def dying(self, target):
            rename(self, target)
            os.kill(os.getpid(), signal.SIGKILL)
        pathlib.Path.rename = dying
        save_number(pathlib.Path({str(tmp_path / "c")!r}), 2)
    """
    died = subprocess.run([sys.executable, "-c", textwrap.dedent(program)], check=False)
    assert died.returncode == -signal.SIGKILL
    assert not (tmp_path / "c").exists()
    assert saved_number(tmp_path / "c") == 1


def test_a_full_disk_leaves_the_old_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_number(tmp_path / "c", 1)

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        save_number(tmp_path / "c", 2)
    assert saved_number(tmp_path / "c") == 1


def test_nan_in_the_state_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    save_number(tmp_path / "c", 1)
    with pytest.raises(ValueError, match="JSON"):
        checkpoint.save(tmp_path / "c", {}, {"number": float("nan")})
    assert saved_number(tmp_path / "c") == 1


def flip_last_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def replace_by_a_pipe(path: Path) -> None:
    """Whose reader waits for ever."""
    path.unlink()
    os.mkfifo(path)


def edit_document(path: Path, **changes: Any) -> None:
    """As a stranger would, with a manifest that fits."""
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    manifest = path.with_name("manifest.json")
    document = json.loads(manifest.read_text())
    document.pop("sha256")
    content = path.read_bytes()
    document["files"]["state.json"] = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    manifest.write_text(json.dumps(sealed(document)))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda c: flip_last_byte(c / "t.safetensors"), "t.safetensors is damaged: its checksum"),
        (lambda c: (c / "t.safetensors").write_bytes(b"short"), "t.safetensors is damaged: 5 bytes, written were"),
        (lambda c: (c / "t.safetensors").unlink(), "t.safetensors is missing"),
        (lambda c: (c / "state.json").unlink(), "state.json is missing"),
        (lambda c: (c / "manifest.json").unlink(), "manifest.json is missing"),
        (lambda c: (c / "state.json").write_text('{"format": '), "state.json is damaged"),
        (lambda c: (c / "manifest.json").write_text("[" * 100_000), "manifest.json is damaged"),
        (lambda c: os.truncate(c / "manifest.json", 6 << 30), "has 6442450944 bytes; allowed: at most"),
        (lambda c: os.truncate(c / "t.safetensors", 6 << 30), "6442450944 bytes, written were"),
        (lambda c: replace_by_a_pipe(c / "state.json"), "is not a regular file"),
        (lambda c: edit_document(c / "state.json", version=99), "has version 99; this program reads 2"),
        (lambda c: edit_document(c / "state.json", format="other"), "is not a tasam-checkpoint"),
        (lambda c: edit_document(c / "state.json", state=[]), "it lacks state"),
    ],
)
def test_damage_is_named(tmp_path: Path, damage: Any, message: str) -> None:
    save_number(tmp_path / "c", 1)
    damage(tmp_path / "c")
    with pytest.raises(CheckpointError, match=message):
        checkpoint.load(tmp_path / "c")


def test_tensors_that_do_not_fit_are_all_named() -> None:
    loaded = {"a": torch.zeros(2), "b": torch.zeros(3), "d": torch.zeros(1)}
    expected = {"a": torch.zeros(2), "b": torch.zeros(4), "c": torch.zeros(1)}
    with pytest.raises(CheckpointError) as refusal:
        checkpoint.check_fits(loaded, expected, "run/latest")
    for part in ("run/latest", "b has shape (3,), expected (4,)", "c is missing", "d is unknown"):
        assert part in str(refusal.value)
    checkpoint.check_fits(expected, expected, "same")
