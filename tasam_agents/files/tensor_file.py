"""A safetensors file, written piece by piece: no second copy in memory, errors of the disk as what they are.

The format: eight bytes with the length of the header, a header of JSON (name → dtype, shape, where the data begins and
ends), the data. https://github.com/huggingface/safetensors reads it.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

import torch
from torch import Tensor

DTYPES = {
    torch.float64: "F64", torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16",
    torch.int64: "I64", torch.int32: "I32", torch.int16: "I16", torch.int8: "I8",
    torch.uint64: "U64", torch.uint32: "U32", torch.uint16: "U16", torch.uint8: "U8", torch.bool: "BOOL",
}  # fmt: skip
_BLOCK = 1 << 22


def write_tensors(file: BinaryIO, tensors: Mapping[str, Tensor]) -> tuple[int, str]:
    """Write named tensors; returns how many bytes, and their SHA-256.

    Raises:
        OSError: the disk is full, the file too long.
    """
    kept = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    # The widest types first, so that each tensor begins at a multiple of its size.
    names = sorted(kept, key=lambda name: (-kept[name].element_size(), name))
    header: dict[str, object] = {}
    end = 0
    for name in names:
        begin, end = end, end + kept[name].nbytes
        header[name] = {
            "dtype": DTYPES[kept[name].dtype],
            "shape": list(kept[name].shape),
            "data_offsets": [begin, end],
        }
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    digest, count = hashlib.sha256(), 0
    pieces: list[bytes | memoryview[int]] = [len(text).to_bytes(8, "little"), text]
    for piece in pieces + [_bytes_of(kept[name]) for name in names]:
        for begin in range(0, len(piece), _BLOCK):
            block = piece[begin : begin + _BLOCK]
            file.write(block)
            digest.update(block)
            count += len(block)
    return count, digest.hexdigest()


def checksum_of_file(path: Path) -> str:
    """SHA-256 of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def physical_memory() -> int:
    """Bytes of memory of this machine, or a guess where the system does not tell."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # Windows
        return 64 << 30


def _bytes_of(tensor: Tensor) -> bytes | memoryview[int]:
    if not tensor.numel():
        return b""
    data: memoryview[int] = tensor.reshape(-1).view(torch.uint8).numpy().data
    return data
