"""Checkpoints: nothing is lost in a crash, nothing damaged is loaded."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest
import torch

from tasam_agents.training import checkpoint
from tasam_agents.training.checkpoint import CheckpointError

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
    assert sorted(path.name for path in (tmp_path / "c").iterdir()) == ["state.json", "t.safetensors"]
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
    save_number(tmp_path / "c", 3)  # and the next save does not stumble over what was left
    assert saved_number(tmp_path / "c") == 3
    assert [path.name for path in tmp_path.iterdir()] == ["c"]


def test_dying_after_the_last_rename_leaves_the_new_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_number(tmp_path / "c", 1)
    with monkeypatch.context() as patch:
        patch.setattr("shutil.rmtree", _dies_once_complete(tmp_path / "c"))
        with pytest.raises(Killed):
            save_number(tmp_path / "c", 2)
    assert saved_number(tmp_path / "c") == 2
    save_number(tmp_path / "c", 3)
    assert saved_number(tmp_path / "c") == 3
    assert [path.name for path in tmp_path.iterdir()] == ["c"]


def _dies_once_complete(directory: Path) -> Any:
    def rmtree(path: Path, ignore_errors: bool = False) -> None:
        if directory.exists() and directory.with_name("c.previous").exists():
            raise Killed

    return rmtree


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


def edit_document(path: Path, **changes: Any) -> None:
    document = json.loads(path.read_text())
    path.write_text(json.dumps(document | changes))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda c: flip_last_byte(c / "t.safetensors"), "t.safetensors is damaged: its checksum"),
        (lambda c: (c / "t.safetensors").write_bytes(b"short"), "t.safetensors is damaged: 5 bytes, written were"),
        (lambda c: (c / "t.safetensors").unlink(), "t.safetensors is missing"),
        (lambda c: (c / "state.json").unlink(), "holds no checkpoint: there is no .*state.json"),
        (lambda c: (c / "state.json").write_text('{"format": '), "state.json is damaged"),
        (lambda c: (c / "state.json").write_text("[]"), "is not a tasam-checkpoint"),
        (lambda c: edit_document(c / "state.json", version=99), "has version 99; this program reads 1"),
        (lambda c: edit_document(c / "state.json", format="other"), "is not a tasam-checkpoint"),
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
