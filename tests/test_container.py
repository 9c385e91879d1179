"""`make container` does the Dockerfile's steps; here, whether it understands them and sees what goes wrong."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from newcomer.container import COMPILES, DOCKERFILE, MADE, Image, build, read


def test_it_reads_the_dockerfile() -> None:
    image = read(DOCKERFILE.read_text("utf-8"))
    assert image.python == "3.11"
    assert len(image.runs) == 2
    assert "--no-deps torch" in image.runs[0]
    assert image.runs[0].endswith("-e '.[agents,render]'"), "lines that go on are one command"
    assert image.command[:2] == ("tasam", "train")
    assert str(Path(MADE).parent) == image.command[-1]
    for wrong in ("FROM debian", "ADD . .", "COPY a b"):
        with pytest.raises(ValueError, match="not understood"):
            read(wrong)


@pytest.mark.parametrize(
    ("runs", "command", "wrong"),
    [
        (("mkdir -p runs/tiny",), f"touch {MADE}", ""),
        (("echo what is wrong >&2; false",), "true", "what is wrong"),
        ((), "true", f"makes no {MADE}"),
        ((), f"echo oran_env: {COMPILES} >&2", "compiles what the image should have"),
        (("false | true", f"echo {COMPILES} >&2"), "exit 3", "exit 3"),
    ],
)
def test_a_step_that_fails_is_seen(runs: tuple[str, ...], command: str, wrong: str, tmp_path: Path) -> None:
    image = Image("3.11", runs, ("sh", "-c", command))
    if not wrong:
        build(image, tmp_path, os.environ)
        return
    with pytest.raises(RuntimeError, match=wrong):
        build(image, tmp_path, os.environ)
