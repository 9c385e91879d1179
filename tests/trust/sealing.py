"""Structural edits of what is sealed, with the seal made anew: what a stranger can do, and no checksum notices."""

from __future__ import annotations

import copy
import hashlib
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor

from tasam_agents.files.sealed import SEAL
from tasam_agents.files.tensor_file import checksum_of_file
from tasam_agents.training.checkpoint import MANIFEST, STATE, VERSION

Chance = random.Random
Key = str | int
VALUES: tuple[Any, ...] = (
    None, True, False, -1, 0, 3, 0.5, 1e308, -1e308, 1 << 62, 10**400, float("nan"), float("inf"),
    "", "x", "1", "nan", "../x", "\x1b[31mred", [], {}, [[]], [1.0, [2.0]], {"x": 1}, [0.5] * 3, ["x"] * 2,
)  # fmt: skip
TEXTS = ("[" * 200_000, '{"x": 1, "x": 2}', "9" * 5000, "NaN", '"\\ud800"')
"""In place of a value, what no document of Python is written as."""
_MARK = "here stands what json does not write"


def place(document: Any, chance: Chance) -> tuple[Any, Key]:
    """A container within a document that is not empty, and one of its keys; what lies high is met more often."""
    while True:
        key = chance.choice(sorted(document)) if isinstance(document, dict) else chance.randrange(len(document))
        if not isinstance(document[key], (dict, list)) or not document[key] or chance.random() < 0.3:
            return document, key
        document = document[key]


def edit(document: Any, chance: Chance) -> None:
    """Once, at a random place: a key is deleted or added, a value becomes another one, a row longer or shorter."""
    owner, key = place(document, chance)
    what = chance.choice(("delete", "add", "replace", "replace", "replace", "repeat"))
    if what == "delete":
        del owner[key]
    elif what == "add":
        value = copy.deepcopy(chance.choice(VALUES))
        owner.update({"added": value}) if isinstance(owner, dict) else owner.append(value)
    elif what == "repeat" and isinstance(owner[key], (list, str)):
        owner[key] = owner[key] * chance.choice((0, 2, 3))
    else:
        owner[key] = copy.deepcopy(chance.choice((*VALUES, _MARK)))


def text_of(document: Any, chance: Chance) -> str:
    """As JSON, with what no writer would write where `edit` has left room for it."""
    return json.dumps(document).replace(json.dumps(_MARK), chance.choice(TEXTS))


def edited_text(text: str, chance: Chance) -> str:
    """One to three edits of a document of JSON."""
    document = [json.loads(text)]  # so that all of it can be replaced, too
    for _ in range(chance.randint(1, 3)):
        if document:
            edit(document, chance)
    return text_of(document[0], chance) if document else ""


def sealed_text(text: str, chance: Chance) -> str:
    """The same for a document whose last key is its checksum."""
    document = json.loads(text)
    document.pop(SEAL)
    for _ in range(chance.randint(1, 3)):
        if document:
            edit(document, chance)
    written = text_of(document, chance)
    try:  # the seal is that of what a reader finds there
        plain = json.dumps(json.loads(written), separators=(",", ":"))
    except (ValueError, RecursionError):
        plain = written
    seal = json.dumps(hashlib.sha256(plain.encode("utf-8", "surrogatepass")).hexdigest())
    return f'{written[:-1]}{", " if document else ""}"{SEAL}": {seal}}}'


def seal_checkpoint(directory: Path) -> None:
    """A fresh manifest of the files that stand there."""
    files = {
        path.name: {"bytes": path.stat().st_size, "sha256": checksum_of_file(path)}
        for path in sorted(directory.iterdir())
        if path.name != MANIFEST
    }
    document = {"version": VERSION, "files": files}
    seal = hashlib.sha256(json.dumps(document, separators=(",", ":")).encode()).hexdigest()
    (directory / MANIFEST).write_text(json.dumps(document | {SEAL: seal}))


def edit_state(directory: Path, chance: Chance) -> None:
    """What the state of a checkpoint says."""
    path = directory / STATE
    path.write_text(edited_text(path.read_text(), chance))
    seal_checkpoint(directory)


def edit_manifest(directory: Path, chance: Chance) -> None:
    """What the manifest says of the others."""
    path = directory / MANIFEST
    path.write_text(sealed_text(path.read_text(), chance))


def seal_log(run: Path) -> None:
    """Length and checksum of the log in the newest checkpoint."""
    latest, content = run / "checkpoints" / "latest", (run / "metrics.jsonl").read_bytes()
    document = json.loads((latest / STATE).read_text())
    document["state"]["log"] = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    (latest / STATE).write_text(json.dumps(document))
    seal_checkpoint(latest)


def edit_log(run: Path, chance: Chance) -> None:
    """A line of the log, or all of them alike."""
    log = run / "metrics.jsonl"
    lines = log.read_text().splitlines()
    chosen, seed = chance.choice([range(len(lines)), [chance.randrange(len(lines))], [len(lines) - 1]]), chance.random()
    for number in chosen:
        lines[number] = edited_text(lines[number], random.Random(seed))
    log.write_text("".join(f"{line}\n" for line in lines))
    seal_log(run)


SHAPES: tuple[Callable[[Tensor], Tensor], ...] = (
    lambda own: own.flatten(),
    lambda own: own.unsqueeze(0),
    lambda own: own.flatten()[:0],
    lambda own: own.flatten()[: own.numel() // 2],
    lambda own: torch.cat([own.flatten(), own.flatten()]),
    lambda own: torch.zeros((0, 1 << 40)),
    lambda own: own.double(),
    lambda own: own.long(),
    lambda own: own.bool(),
    lambda own: own.to(torch.bfloat16),
    lambda own: own.to(torch.complex64),
    lambda own: torch.full_like(own, 127),
    lambda own: -torch.ones_like(own),
    lambda own: own * float("nan") if own.is_floating_point() else own.flip(0) if own.ndim else own + 1,
    lambda own: own + 1e38 if own.is_floating_point() else own * 0,
)
"""What becomes of a tensor."""


def edit_tensors(directory: Path, chance: Chance) -> None:
    """A tensor of a checkpoint: gone, new, renamed, of another shape, type or value; or the header of its file."""
    path = chance.choice(sorted(directory.glob("*.safetensors")))
    tensors = safetensors.torch.load_file(path)
    what, name = chance.choice(("delete", "add", "rename", "header", "file", *["change"] * 6)), ""
    if what == "file":
        path.rename(path.with_stem(chance.choice(("x", "learner", "actors", "environment"))))
    elif what == "header" or not tensors:
        content = path.read_bytes()
        length = int.from_bytes(content[:8], "little")
        header = edited_text(content[8 : 8 + length].decode(), chance).encode()
        path.write_bytes(len(header).to_bytes(8, "little") + header + content[8 + length :])
    else:
        name = chance.choice(sorted(tensors))
        own = tensors.pop(name)
        if what != "delete":
            tensors[f"{name}x" if what in ("add", "rename") else name] = (
                chance.choice(SHAPES)(own).contiguous() if what == "change" else own
            )
        if what == "add":
            tensors[name] = own.clone()
        safetensors.torch.save_file(tensors, path)
    seal_checkpoint(directory)
