"""Frames into a file: a GIF, an MP4, or a PNG of the last one. What is not finished is not left behind."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oran_env.rendering.optional import needed
from oran_env.rendering.palette import CELL_COLOURS, GREY, INK, INTERFERENCE, LIGHT, SHADE, WHITE

Frame = NDArray[np.uint8]  # (height, width, 3)


class FilmError(ValueError):
    """A film cannot be written there; the message says why and what is allowed."""


def check_output(out: Path) -> None:
    """Refuse a file that ``write_film`` could not write, before any frame is drawn.

    Raises:
        FilmError: suffix unknown, directory missing or not writable, or the place is a directory.
        MissingExtra: the library that the format needs is not installed.
    """
    if out.suffix not in _WRITERS:
        raise FilmError(f"output is {out}; allowed: a file ending in {', '.join(_WRITERS)}")
    if not out.parent.is_dir():
        raise FilmError(f"output is {out}, but there is no directory {out.parent}; allowed: an existing directory")
    if out.is_dir():
        raise FilmError(f"output is {out}, a directory; allowed: a file ending in {', '.join(_WRITERS)}")
    if not os.access(out.parent, os.W_OK | os.X_OK):
        raise FilmError(f"output is {out}, but the directory {out.parent} is not writable")
    needed("imageio_ffmpeg" if out.suffix == ".mp4" else "PIL.Image")


def write_film(frames: Iterable[Frame], out: Path, fps: float = 10.0) -> None:
    """Write frames (height, width, 3) to ``out``: .gif, .mp4, or .png for the last frame alone.

    The file is written beside its place and then renamed: what stood there before stays until the new one is whole.

    Raises:
        FilmError: see ``check_output``; no frame at all; fps out of range.
        MissingExtra: the library that the format needs is not installed.
    """
    check_output(out)
    if not 0.1 <= fps <= 50:  # a GIF counts in hundredths of a second, and viewers slow down below 2 of them
        raise FilmError(f"fps is {fps:g}; allowed: 0.1 to 50")
    remaining = iter(frames)
    first = next(remaining, None)
    if first is None:
        raise FilmError("there is no frame to write; allowed: one or more")
    partial = out.with_name(f".{out.stem}-{os.getpid()}.partial{out.suffix}")
    try:
        _WRITERS[out.suffix](first, remaining, partial, fps)
        partial.replace(out)
    finally:
        partial.unlink(missing_ok=True)


def _write_gif(first: Frame, remaining: Iterator[Frame], path: Path, fps: float) -> None:
    image = needed("PIL.Image")
    # One palette for all, so that colours do not flicker; from two frames, because the first may lack some colours.
    second = next(remaining, first)
    colours, index_of = _palette(np.concatenate([first, second]))
    frames = itertools.chain([second], remaining) if second is not first else remaining

    def reduced(frame: Frame) -> Any:
        picture = image.fromarray(index_of[_box(frame)])
        picture.putpalette(colours)
        return picture

    reduced(first).save(path, save_all=True, append_images=map(reduced, frames), duration=round(1000 / fps), loop=0)


def _palette(sample: Frame) -> tuple[list[int], NDArray[np.uint8]]:
    """256 colours: those that mean something exactly, the rest as the sample has them; and the index of each box."""
    image = needed("PIL.Image")
    exact = np.array([*_shades(24), WHITE, INK, GREY, LIGHT, INTERFERENCE, *CELL_COLOURS], dtype=np.uint8)
    common = image.fromarray(sample).quantize(256 - len(exact), image.Quantize.MEDIANCUT, dither=image.Dither.NONE)
    colours = [*exact.reshape(-1).tolist(), *common.getpalette()][: 3 * 256]
    palette = image.new("P", (1, 1))
    palette.putpalette(colours)
    middle = np.arange(2, 256, 4, dtype=np.uint8)
    boxes = np.stack(np.meshgrid(middle, middle, middle, indexing="ij"), axis=-1).reshape(512, 512, 3)
    nearest = image.fromarray(boxes).quantize(palette=palette, dither=image.Dither.NONE)
    index_of = np.array(nearest, dtype=np.uint8).reshape(-1)
    index_of[_box(exact)] = np.arange(len(exact))  # where two meet in a box the later one wins
    return colours, index_of


def _box(colours: NDArray[np.uint8]) -> NDArray[np.int32]:
    """Which of 64³ boxes each colour (..., 3) lies in."""
    part = colours.astype(np.int32) >> 2
    box: NDArray[np.int32] = (part[..., 0] << 12) | (part[..., 1] << 6) | part[..., 2]
    return box


def _shades(number: int) -> NDArray[np.int64]:
    """Colours of service areas from the fewest to the most UEs (number, 3)."""
    shades: NDArray[np.int64] = np.linspace(*SHADE, number).round().astype(np.int64)
    return shades


def _write_mp4(first: Frame, remaining: Iterator[Frame], path: Path, fps: float) -> None:
    height, width = first.shape[:2]
    # H.264 in yuv420p plays everywhere; it needs even sizes, which ``macro_block_size`` would otherwise stretch to.
    writer = needed("imageio_ffmpeg").write_frames(
        str(path), (width, height), fps=fps, codec="libx264", quality=8, macro_block_size=2, ffmpeg_log_level="error"
    )
    writer.send(None)
    try:
        for frame in itertools.chain([first], remaining):
            writer.send(np.ascontiguousarray(frame))
    finally:
        writer.close()


def _write_png(first: Frame, remaining: Iterator[Frame], path: Path, fps: float) -> None:
    last = first
    for last in remaining:  # noqa: B007 (only the last one counts)
        pass
    needed("PIL.Image").fromarray(last).save(path, optimize=True)


_WRITERS = {".gif": _write_gif, ".mp4": _write_mp4, ".png": _write_png}
