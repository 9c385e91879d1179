"""``make container``: do what the Dockerfile says, without Docker.

The base image becomes an environment of that Python and a home without files, ``COPY . .`` the committed files, each
``RUN`` a shell command there, and at last what ``CMD`` runs. It must compile nothing, the image has the kernels, and
leave an evaluated run. What only Docker can tell, whether the base image has all that is needed, stays open.

    PYTHONPATH=tests python3.11 -m newcomer.container [--reuse SITE_PACKAGES]
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from newcomer.__main__ import ROOT, surroundings

DOCKERFILE = ROOT / "Dockerfile"
MADE = "runs/tiny/evaluation.csv"
COMPILES = "compiling kernels"


class Image(NamedTuple):
    """What a Dockerfile says."""

    python: str  # of the base image, "3.11"
    runs: tuple[str, ...]
    command: tuple[str, ...]


def read(text: str) -> Image:
    """The steps of a Dockerfile.

    Raises:
        ValueError: an instruction that is not understood here.
    """
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    python, runs, command = "", [], ()
    for step in "\n".join(lines).replace("\\\n", " ").splitlines():
        instruction, _, rest = step.partition(" ")
        if instruction == "FROM" and (base := re.fullmatch(r"python:(\d+\.\d+)-slim", rest)):
            python = base[1]
        elif instruction == "RUN":
            runs.append(rest)
        elif instruction == "CMD":
            command = tuple(json.loads(rest))
        elif instruction != "WORKDIR" and (instruction, rest) != ("COPY", ". ."):
            raise ValueError(f"{step!r} is not understood; allowed: FROM python:N-slim, WORKDIR, COPY . ., RUN, CMD")
    return Image(python, tuple(runs), command)


def base(image: Image, folder: Path, reuse: Path | None) -> tuple[Path, dict[str, str]]:
    """The folder with the files, and the variables of a shell there, with the Python of the base image."""
    home, files = folder / "home", folder / "oran-tasam"
    home.mkdir()
    files.mkdir()
    archive = subprocess.run(["git", "archive", "HEAD"], cwd=ROOT, capture_output=True, check=True).stdout
    subprocess.run(["tar", "-x", "-C", files], input=archive, check=True)
    shell = surroundings(home, files)  # the environment stands where that of a clone would
    subprocess.run([f"python{image.python}", "-m", "venv", files / ".venv"], env=shell, check=True)
    if reuse is not None:
        (site,) = (files / ".venv").glob("lib/python*/site-packages")
        (site / "reused.pth").write_text(f"{reuse}\n", "utf-8")
    return files, shell


def build(image: Image, files: Path, shell: Mapping[str, str]) -> None:
    """Do the steps in a folder and print what each takes.

    Raises:
        RuntimeError: one fails, or the container's command compiles, or makes nothing.
    """
    for command in (*image.runs, image.command):
        begin = time.perf_counter()
        done = subprocess.run(
            command, shell=isinstance(command, str), cwd=files, env=shell, capture_output=True, text=True, check=False
        )
        shown = command if isinstance(command, str) else " ".join(command)
        if done.returncode != 0:
            raise RuntimeError(f"{shown}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
        print(f"{time.perf_counter() - begin:8.1f} s  {shown}", flush=True)
    if COMPILES in done.stderr:
        raise RuntimeError(f"a container compiles what the image should have:\n{done.stderr[-2000:]}")
    if not (files / MADE).is_file():
        raise RuntimeError(f"the container's command makes no {MADE}")


def main() -> int:
    """Build; 0: all went well."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reuse", type=Path, help="site-packages of another environment, for torch and the like")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="container-") as folder:
        try:
            image = read(DOCKERFILE.read_text("utf-8"))
            build(image, *base(image, Path(folder), options.reuse))
        except RuntimeError as error:
            print(f"FAILED: {error}", file=sys.stderr)
            return 1
    print("the image builds, and its command trains and compiles nothing")
    return 0


if __name__ == "__main__":
    sys.exit(main())
