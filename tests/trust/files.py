"""Damaged and foreign files: each is refused, or read as what was written; nothing in between."""

from __future__ import annotations

import os
import shutil
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
from support.short_runs import FAKE

from tasam_agents.errors import UserError
from tasam_agents.training import checkpoint
from tasam_agents.training.run_directory import RunDirectory
from tasam_agents.training.trainer import train
from trust.part import NotRun, Part

SHORT = replace(FAKE, iterations=3, checkpoint_every_s=0.0)
TRUSTED = (FAKE.env_id,)


def read_texts(run: RunDirectory) -> list[object]:
    """What a reader of a run asks for, but for the weights."""
    states = [checkpoint.load_state(each) for each in (run.latest, run.best)]
    return [run.config(TRUSTED), *states, run.saved_metrics()]


def read_all(run: RunDirectory) -> list[object]:
    """Everything that a reader of a run asks for."""
    latest, best = checkpoint.load(run.latest), checkpoint.load(run.best)
    weights = [torch.hash_tensor(each).item() if hasattr(torch, "hash_tensor") else float(each.double().sum())
               for found in (latest, best) for group in found.tensors.values() for each in group.values()]  # fmt: skip
    return [run.config(TRUSTED), latest.state, best.state, run.saved_metrics(), weights]


def bits(place: Path, is_quick: bool) -> str:
    """Every bit of every JSON file that stands for a configuration or a state."""
    run = RunDirectory(train(SHORT, place / "run", quiet=True))
    for kept in (run.latest, run.best):
        shutil.rmtree(kept.with_name(f"{kept.name}.previous"), ignore_errors=True)
    flips = 0
    for name in ("checkpoints/latest/state.json", "checkpoints/best/state.json", "config.json",
                 "checkpoints/latest/manifest.json"):  # fmt: skip
        path = run.path / name
        written = path.read_bytes()
        read = read_all if name.endswith("manifest.json") else read_texts  # which alone says what weights there are
        own = read(run)
        for bit in range(0, 8 * len(written), 97 if is_quick else 1):
            content = bytearray(written)
            content[bit // 8] ^= 1 << bit % 8
            path.write_bytes(content)
            flips += 1
            with suppress(UserError):
                assert read(run) == own, f"bit {bit} of {name} was accepted as something else"
        path.write_bytes(written)
    return f"{flips} flips, none accepted as something else"


def _cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def _nul(path: Path) -> None:
    path.write_bytes(bytes(path.stat().st_size))


def _pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _link(path: Path) -> None:
    path.unlink()
    path.symlink_to("nowhere")


def _directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _swap(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[len(content) // 2 :] + content[: len(content) // 2])


DAMAGES: dict[str, Callable[[Path], object]] = {
    "deleted": Path.unlink,
    "emptied": lambda path: path.write_bytes(b""),
    "halved": _cut,
    "filled with NUL": _nul,
    "a pipe": _pipe,
    "a dangling link": _link,
    "a directory": _directory,
    "its halves swapped": _swap,
    "a byte more": lambda path: path.write_bytes(path.read_bytes() + b"x"),
    "6 GiB, sparse": lambda path: os.truncate(path, 6 << 30),
    "an empty object": lambda path: path.write_text("{}"),
    "nested without end": lambda path: path.write_text("[" * 200_000),
    "text of another encoding": lambda path: path.write_bytes("λ".encode("utf-16") * 50),
}


def damages(place: Path, is_quick: bool) -> str:
    """Each file of a run, damaged in each way: resuming says so, goes on from the one before, or is right."""
    whole = train(SHORT, place / "whole", quiet=True)
    own = read_all(RunDirectory(whole))
    names = [path.relative_to(whole) for path in sorted(whole.rglob("*")) if path.is_file()]
    names = [name for name in names if "previous" not in str(name)]
    count, refused = 0, 0
    for name in names:
        for number, (what, damage) in enumerate(DAMAGES.items()):
            if is_quick and (number + len(str(name))) % 3:
                continue
            run = RunDirectory(place / "run")
            shutil.copytree(whole, run.path)
            for kept in (run.latest, run.best):
                shutil.rmtree(kept.with_name(f"{kept.name}.previous"), ignore_errors=True)
            damage(run.path / name)
            count += 1
            try:
                train(run.config(TRUSTED), run.path, resume=True, quiet=True)
                assert read_all(run)[0] == own[0], f"{name} {what}: another configuration"
                assert read_all(run)[4] == own[4], f"{name} {what}: other weights"
            except UserError:
                refused += 1
            shutil.rmtree(run.path)
    return f"{len(names)} files, {count} damages: {refused} refused, the others made good"


def another_user(place: Path, is_quick: bool) -> str:
    """A kernel cache that another user has prepared."""
    if not hasattr(os, "getuid") or os.getuid() != 0:
        raise NotRun("only root can give a directory to another user")
    from oran_env.numerics import cache_directory

    os.environ["XDG_CACHE_HOME"] = str(place / "home")
    around = place / "home" / "oran-env"
    around.mkdir(parents=True)
    os.chown(around, 12345, 12345)
    found = cache_directory.cache_directory("hash")
    del os.environ["XDG_CACHE_HOME"]
    assert found is None or place not in found.parents, found
    return "not used"


def disk_full(place: Path, is_quick: bool) -> str:
    """Every write of a save fails once: the last good checkpoint stays, and nothing of the new one."""
    at = place / "c"
    fsync = os.fsync
    failures = 0
    for which in range(12):
        left = [which]

        def failing(descriptor: Any, left: list[int] = left) -> None:
            if left[0] == 0:
                raise OSError(28, "No space left on device")
            left[0] -= 1
            fsync(descriptor)

        checkpoint.save(at, {"t": {"x": torch.tensor(which)}}, {"number": which})
        try:
            with patch.object(os, "fsync", failing):
                checkpoint.save(at, {"t": {"x": torch.tensor(-1)}}, {"number": -1})
        except OSError as error:
            if "last good checkpoint is" not in str(error):
                raise
            failures += 1
            assert checkpoint.load(at).state["number"] in (which, -1)
            assert not at.with_name("c.partial").exists()
    return f"{failures} failed saves, each left a whole checkpoint"


def quietly(run: Callable[[Path, bool], str]) -> Callable[[Path, bool], str]:
    """The same part, without the warnings that it is about."""

    def quiet(place: Path, is_quick: bool) -> str:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return run(place, is_quick)

    return quiet


FILES = {
    "bits": Part("single flipped bits of state, manifest and configuration", quietly(bits)),
    "damages": Part("every file of a run, damaged in 13 ways, then resumed", quietly(damages)),
    "disk-full": Part("ENOSPC at every write of a save", quietly(disk_full)),
    "another-user": Part("a kernel cache that another user has prepared", another_user),
}
