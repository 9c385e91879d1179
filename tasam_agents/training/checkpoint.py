"""Checkpoints that survive a crash: a directory of safetensors files and one JSON file, no pickle.

A checkpoint is written into ``<name>.partial``, forced to disk, and only then takes the place of ``<name>`` by
renaming. The one before is called ``<name>.previous`` for the moment between the two renames and read if the
process dies there. ``state.json`` holds format, version, size and checksum of every file, and the caller's state.
"""

from __future__ import annotations

import json
import os
import shutil
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
from torch import Tensor

from tasam_agents.errors import UserError

FORMAT = "tasam-checkpoint"
VERSION = 1

TensorGroups = Mapping[str, Mapping[str, Tensor]]


class CheckpointError(UserError):
    """A checkpoint is missing, damaged, of another version or does not fit; the message says which and where."""


@dataclass(frozen=True)
class Checkpoint:
    """What was saved: named groups of tensors and a state of JSON types."""

    tensors: dict[str, dict[str, Tensor]]
    state: dict[str, Any]


def save(directory: Path, tensors: TensorGroups, state: Mapping[str, Any]) -> None:
    """Replace the checkpoint ``directory`` by a new one, or leave the old one as it is.

    Args:
        directory: where the checkpoint is to stand, e.g. ``run/checkpoints/latest``.
        tensors: one file per group; an empty group is allowed.
        state: JSON types; NaN and infinity are refused.

    Raises:
        OSError: the disk is full or not writable.
    """
    partial, previous = _beside(directory, "partial"), _beside(directory, "previous")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    files = {}
    for group, members in tensors.items():
        path = partial / f"{group}.safetensors"
        safetensors.torch.save_file({name: t.detach().cpu().contiguous() for name, t in members.items()}, path)
        files[path.name] = {"bytes": path.stat().st_size, "crc32": _checksum(path)}
    document = {"format": FORMAT, "version": VERSION, "files": files, "state": dict(state)}
    (partial / "state.json").write_text(json.dumps(document, indent=1, allow_nan=False) + "\n", "utf-8")
    for path in partial.iterdir():
        _flush_to_disk(path)
    _flush_to_disk(partial)
    if directory.exists():
        shutil.rmtree(previous, ignore_errors=True)
        directory.rename(previous)
    partial.rename(directory)
    _flush_to_disk(directory.parent)
    shutil.rmtree(previous, ignore_errors=True)


def exists(directory: Path) -> bool:
    """Whether ``load`` would find a checkpoint there."""
    return _standing(directory) is not None


def load(directory: Path) -> Checkpoint:
    """Read a checkpoint and verify that every file is the one that was written.

    Raises:
        CheckpointError: nothing there, another format or version, or a missing or damaged file.
    """
    found, document = _find(directory)
    tensors = {}
    for name, expected in document["files"].items():
        path = found / name
        if not path.is_file():
            raise CheckpointError(f"{path} is missing from the checkpoint")
        if path.stat().st_size != expected["bytes"]:
            raise CheckpointError(f"{path} is damaged: {path.stat().st_size} bytes, written were {expected['bytes']}")
        if _checksum(path) != expected["crc32"]:
            raise CheckpointError(f"{path} is damaged: its checksum is not the one it was written with")
        try:
            tensors[path.stem] = safetensors.torch.load_file(path)
        except safetensors.SafetensorError as error:
            raise CheckpointError(f"{path} is not a safetensors file: {error}") from error
    return Checkpoint(tensors, document["state"])


def load_state(directory: Path) -> dict[str, Any]:
    """The state alone, without the tensors; raises CheckpointError as ``load`` does."""
    state: dict[str, Any] = _find(directory)[1]["state"]
    return state


def check_fits(tensors: Mapping[str, Tensor], expected: Mapping[str, Tensor], what: str) -> None:
    """Compare names and shapes of loaded tensors with those they are to replace.

    Raises:
        CheckpointError: naming every tensor that is missing, unknown or of another shape.
    """
    problems = [f"{name} is missing" for name in expected.keys() - tensors.keys()]
    problems += [f"{name} is unknown" for name in tensors.keys() - expected.keys()]
    for name in expected.keys() & tensors.keys():
        found, wanted = tuple(tensors[name].shape), tuple(expected[name].shape)
        if found != wanted:
            problems.append(f"{name} has shape {found}, expected {wanted}")
    if problems:
        raise CheckpointError(f"{what} does not fit the configuration: {'; '.join(sorted(problems))}")


def _beside(directory: Path, suffix: str) -> Path:
    return directory.with_name(f"{directory.name}.{suffix}")


def _standing(directory: Path) -> Path | None:
    """The complete checkpoint: ``directory``, or the one before it when a crash fell between the two renames."""
    candidates = (directory, _beside(directory, "previous"))
    return next((path for path in candidates if (path / "state.json").is_file()), None)


def _find(directory: Path) -> tuple[Path, dict[str, Any]]:
    """Where the checkpoint stands, and its state.json."""
    found = _standing(directory)
    if found is None:
        raise CheckpointError(f"{directory} holds no checkpoint: there is no {directory / 'state.json'}")
    return found, _read_document(found / "state.json")


def _read_document(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_text("utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise CheckpointError(f"{path} is damaged: {error}") from error
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise CheckpointError(f"{path} is not a {FORMAT}")
    if document.get("version") != VERSION:
        raise CheckpointError(f"{path} has version {document.get('version')!r}; this program reads {VERSION}")
    missing = {"files", "state"} - document.keys()
    if missing:
        raise CheckpointError(f"{path} is damaged: it lacks {', '.join(sorted(missing))}")
    return document


def _checksum(path: Path) -> int:
    checksum = 0
    with path.open("rb") as file:
        while block := file.read(1 << 22):
            checksum = zlib.crc32(block, checksum)
    return checksum


def _flush_to_disk(path: Path) -> None:
    """fsync a file or, where the system allows it, a directory."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except PermissionError:  # Windows does not open directories
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
