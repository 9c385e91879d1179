"""Checkpoints that survive a crash: a directory of safetensors files and two JSON files, no pickle.

A checkpoint is written into ``<name>.partial``, forced to disk, and only then takes the place of ``<name>`` by
renaming. The one before stays as ``<name>.previous``, and is read when the process dies between the two renames, or
when the newer one is damaged: then a warning says so. ``state.json`` holds format, version and the caller's state.
``manifest.json``, written last, holds size and SHA-256 of every other file, and its own.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
from torch import Tensor

from tasam_agents.errors import Damaged, Note
from tasam_agents.files.atomic_write import flush_directory, new_file
from tasam_agents.files.bounded_read import checked_size, parsed_json, read_bytes
from tasam_agents.files.form import check_form
from tasam_agents.files.sealed import read_sealed, sealed
from tasam_agents.files.tensor_file import checksum_of_file, physical_memory, write_tensors

FORMAT = "tasam-checkpoint"
VERSION = 2
STATE, MANIFEST = "state.json", "manifest.json"
_TENSOR_FILE = re.compile(r"[A-Za-z0-9_]+\.safetensors")
_ENTRY = {"bytes": int, "sha256": str}

TensorGroups = Mapping[str, Mapping[str, Tensor]]


class CheckpointError(Damaged):
    """A checkpoint is missing, damaged, of another version or does not fit; the message says which and where."""


class CheckpointWarning(Note):
    """The newest checkpoint is damaged and the one before it was read."""


@dataclass(frozen=True)
class Checkpoint:
    """What was saved: named groups of tensors and a state of JSON types."""

    tensors: dict[str, dict[str, Tensor]]
    state: dict[str, Any]
    passed_over: Path | None = None
    """The newer one, which is damaged."""


def save(directory: Path, tensors: TensorGroups, state: Mapping[str, Any]) -> None:
    """Replace the checkpoint ``directory`` by a new one, or leave the old one as it is.

    Args:
        directory: where the checkpoint is to stand, e.g. ``run/checkpoints/latest``; its parent exists.
        tensors: one file per group; an empty group is allowed.
        state: JSON types; NaN and infinity are refused.

    Raises:
        OSError: the disk is full or not writable, a file would be too long, or the parent is gone. What was written of
            the new checkpoint is removed, and the message names the last good one.
    """
    partial, previous = _beside(directory, "partial"), _beside(directory, "previous")
    document = {"format": FORMAT, "version": VERSION, "state": dict(state)}
    text = json.dumps(document, indent=1, allow_nan=False) + "\n"
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir()
        _write(partial, tensors, text.encode())
        if directory.exists():
            shutil.rmtree(previous, ignore_errors=True)
            directory.rename(previous)
        partial.rename(directory)
        flush_directory(directory.parent)
    except OSError as error:
        shutil.rmtree(partial, ignore_errors=True)
        good = _standing(directory)
        kept = f"the last good checkpoint is {good[0]}" if good else "there is no checkpoint yet"
        raise OSError(error.errno, f"{directory} cannot be saved: {error.strerror or error}; {kept}") from error


def exists(directory: Path) -> bool:
    """Whether there is a checkpoint, damaged or not."""
    return bool(_standing(directory))


def load(directory: Path) -> Checkpoint:
    """Read the newest checkpoint whose every file is the one that was written; warns when the newest one is not.

    Raises:
        CheckpointError: nothing there, another format or version, or a missing or damaged file.
    """
    return _newest_intact(directory, _load)


def load_state(directory: Path) -> dict[str, Any]:
    """The state alone, without the tensors; raises and warns as ``load`` does."""
    return _newest_intact(directory, lambda path: Checkpoint({}, _read_state(path))).state


def check_fits(tensors: Mapping[str, Tensor], expected: Mapping[str, Tensor], what: str) -> None:
    """Compare names, shapes and types of loaded tensors with those they are to replace.

    Raises:
        CheckpointError: naming every tensor that is missing, unknown, of another shape or type, or not finite.
    """
    problems = [f"{name} is missing" for name in expected.keys() - tensors.keys()]
    problems += [f"{name} is unknown" for name in tensors.keys() - expected.keys()]
    for name in expected.keys() & tensors.keys():
        found, wanted = tuple(tensors[name].shape), tuple(expected[name].shape)
        if found != wanted:
            problems.append(f"{name} has shape {found}, expected {wanted}")
        elif tensors[name].dtype != expected[name].dtype:
            problems.append(f"{name} has type {tensors[name].dtype}, expected {expected[name].dtype}")
        elif tensors[name].is_floating_point() and not bool(tensors[name].isfinite().all()):
            problems.append(f"{name} holds NaN or infinity")
    if problems:
        raise CheckpointError(f"{what} does not fit the configuration: {'; '.join(sorted(problems))}")


def _beside(directory: Path, suffix: str) -> Path:
    return directory.with_name(f"{directory.name}.{suffix}")


def _standing(directory: Path) -> list[Path]:
    """The complete checkpoints, newest first; where only the second is there, a crash fell between two renames."""
    return [path for path in (directory, _beside(directory, "previous")) if path.is_dir()]


def _inode(path: Path) -> int:
    try:
        return path.stat().st_ino
    except OSError:
        return -1


def _newest_intact(directory: Path, read: Callable[[Path], Checkpoint]) -> Checkpoint:
    problems: list[CheckpointError] = []
    for path in _standing(directory):
        which = _inode(path)
        try:
            found = read(path)
        except CheckpointError as error:
            if _inode(path) != which:  # a run that goes on has saved meanwhile
                return _newest_intact(directory, read)
            problems.append(error)
            continue
        if problems:
            warnings.warn(f"{problems[0]}; the one before it is used: {path}", CheckpointWarning, stacklevel=3)
            return replace(found, passed_over=directory)
        return found
    raise problems[0] if problems else CheckpointError(f"{directory} holds no checkpoint: it does not exist")


def _write(partial: Path, tensors: TensorGroups, state: bytes) -> None:
    files: dict[str, dict[str, Any]] = {}
    for group, members in tensors.items():
        name = f"{group}.safetensors"
        with new_file(partial / name) as file:
            size, checksum = write_tensors(file, members)
        files[name] = {"bytes": size, "sha256": checksum}
    with new_file(partial / STATE) as file:
        file.write(state)
    files[STATE] = {"bytes": len(state), "sha256": hashlib.sha256(state).hexdigest()}
    with new_file(partial / MANIFEST) as file:
        file.write((json.dumps(sealed({"version": VERSION, "files": files}), indent=1) + "\n").encode())
    flush_directory(partial)


def _load(found: Path) -> Checkpoint:
    state = _read_state(found)
    files = _manifest(found)
    total = sum(entry["bytes"] for entry in files.values())
    if total > physical_memory():
        raise CheckpointError(f"{found} has {total} bytes; allowed: what fits into memory, {physical_memory()}")
    tensors = {}
    for name, expected in files.items():
        if name == STATE:
            continue
        path = found / name
        _check_size(path, expected["bytes"])
        if checksum_of_file(path) != expected["sha256"]:
            raise CheckpointError(f"{path} is damaged: its checksum is not the one it was written with")
        try:
            tensors[path.stem] = safetensors.torch.load_file(path)
        except (safetensors.SafetensorError, ValueError, KeyError, OSError) as error:
            raise CheckpointError(f"{path} is not a safetensors file: {error}") from error
    return Checkpoint(tensors, state)


def _read_state(found: Path) -> dict[str, Any]:
    path, expected = found / STATE, _manifest(found)[STATE]
    _check_size(path, expected["bytes"])
    try:
        content = read_bytes(path)
        if hashlib.sha256(content).hexdigest() != expected["sha256"]:
            raise CheckpointError(f"{path} is damaged: its checksum is not the one it was written with")
        document = parsed_json(content.decode(), str(path))
    except (Damaged, OSError, UnicodeDecodeError) as error:
        raise CheckpointError(str(error)) from error
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise CheckpointError(f"{path} is not a {FORMAT}")
    if document.get("version") != VERSION:
        raise CheckpointError(f"{path} has version {document.get('version')!r}; this program reads {VERSION}")
    state = document.get("state")
    if not isinstance(state, dict):
        raise CheckpointError(f"{path} is damaged: it lacks state")
    return state


def _manifest(found: Path) -> dict[str, dict[str, Any]]:
    """Size and checksum by name of every other file; whoever made it, no name leads out of the directory."""
    path = found / MANIFEST
    try:
        document = read_sealed(path, "a manifest", {"version": int, "files": {STATE: _ENTRY}})
    except FileNotFoundError as error:
        raise CheckpointError(f"{path} is missing from the checkpoint") from error
    except (Damaged, OSError) as error:
        raise CheckpointError(str(error)) from error
    if document["version"] != VERSION:
        raise CheckpointError(f"{path} has version {document['version']}; this program reads {VERSION}")
    files: dict[str, dict[str, Any]] = document["files"]
    for name, entry in files.items():
        if not (name == STATE or _TENSOR_FILE.fullmatch(name)):
            raise CheckpointError(f"{path} is damaged: it lists {name!r}")
        try:
            check_form(entry, _ENTRY, f"{path}, {name}")
        except Damaged as error:
            raise CheckpointError(str(error)) from error
    return files


def _check_size(path: Path, expected: int) -> None:
    try:
        size = checked_size(path, limit=1 << 62)
    except FileNotFoundError as error:
        raise CheckpointError(f"{path} is missing from the checkpoint") from error
    except (Damaged, OSError) as error:
        raise CheckpointError(str(error)) from error
    if size != expected:
        raise CheckpointError(f"{path} is damaged: {size} bytes, written were {expected}")
