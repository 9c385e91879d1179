"""Files written by us are what the libraries read; files of strangers take neither memory nor time."""

from __future__ import annotations

import hashlib
import io
import json
import os
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch

from tasam_agents.errors import Damaged
from tasam_agents.files.bounded_read import parsed_json, read_json, read_text
from tasam_agents.files.sealed import read_sealed, sealed
from tasam_agents.files.tensor_file import DTYPES, write_tensors


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 3)])
def test_the_library_reads_what_we_write(dtype: torch.dtype, shape: tuple[int, ...]) -> None:
    tensors = {"a": torch.arange(6).to(dtype)[: 6 if shape == (2, 3) else 3], "b": torch.ones(1)}
    tensors["a"] = tensors["a"].reshape(shape) if shape in ((3,), (2, 3)) else torch.zeros(shape).to(dtype)
    file = io.BytesIO()
    size, checksum = write_tensors(file, tensors)
    content = file.getvalue()
    assert (size, checksum) == (len(content), hashlib.sha256(content).hexdigest())
    read = safetensors.torch.load(content)
    assert read.keys() == tensors.keys()
    for name, tensor in tensors.items():
        assert read[name].dtype == tensor.dtype
        assert read[name].shape == tensor.shape
        assert bytes(read[name].reshape(-1).view(torch.uint8).tolist()) == bytes(
            tensor.reshape(-1).view(torch.uint8).tolist()
        )


def test_a_view_is_written_as_what_it_shows() -> None:
    file = io.BytesIO()
    view = torch.arange(6.0).reshape(2, 3).T
    write_tensors(file, {"view": view})
    assert torch.equal(safetensors.torch.load(file.getvalue())["view"], view)


@pytest.mark.parametrize(
    "text", ["NaN", "[1, Infinity]", "[1e400]", '{"a": 1, "a": 2}', "[" * 100_000, "9" * 5000, "", "{"]
)
def test_what_is_no_json_is_damaged(text: str) -> None:
    with pytest.raises(Damaged, match="here is damaged"):
        parsed_json(text, "here")


def test_pipes_directories_and_sparse_files_are_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "huge").touch()
    os.truncate(tmp_path / "huge", 6 << 30)
    for name, message in (("pipe", "is not a regular file"), ("huge", "allowed: at most"), (".", "is not a regular")):
        with pytest.raises(Damaged, match=message):
            read_text(tmp_path / name)
    (tmp_path / "link").symlink_to("/dev/zero")
    with pytest.raises(Damaged, match="is not a regular file"):
        read_json(tmp_path / "link")


def test_a_sealed_document_notices_every_change(tmp_path: Path) -> None:
    path = tmp_path / "file.json"
    document = {"a": [1.5, (2, None)], "b": "λ"}
    path.write_text(json.dumps(sealed(document)))
    assert read_sealed(path, "a document", {}) == {"a": [1.5, [2, None]], "b": "λ"}
    changes: list[Any] = [sealed(document) | {"b": "x"}, sealed(document) | {"c": 1}, {"a": 1}, []]
    for changed in changes:
        path.write_text(json.dumps(changed))
        with pytest.raises(Damaged):
            read_sealed(path, "a document", {})
