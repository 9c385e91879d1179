"""Films, the command that writes them, and what is said when the extra is missing."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from support.networks import idle, random_actions
from support.pictures import cell, started, stepped

from oran_env import parallel_env
from oran_env.cli import BAD_INPUT, FAILED, main
from oran_env.rendering import (
    HEIGHT,
    WIDTH,
    FilmError,
    Viewer,
    check_output,
    draw,
    write_film,
)
from oran_env.rendering.progress import counted

image = pytest.importorskip("PIL.Image")
pytest.importorskip("matplotlib")

Frame = NDArray[np.uint8]


def test_a_gif_has_every_frame_in_its_colours(tmp_path: Path) -> None:
    simulator, viewer, rng = started(), Viewer(), np.random.default_rng(0)
    frames = []
    for _ in range(5):
        simulator.step(random_actions(simulator, rng))
        frames.append(viewer.frame(simulator))
    write_film(iter(frames), tmp_path / "film.gif", fps=5)
    with image.open(tmp_path / "film.gif") as film:
        assert (film.n_frames, film.size, film.info["duration"], film.info["loop"]) == (5, (WIDTH, HEIGHT), 200, 0)
        for number, frame in enumerate(frames):
            film.seek(number)
            shown = np.asarray(film.convert("RGB"))
            for m in range(2):
                for k in range(10):
                    assert cell(shown, simulator, m, k) == cell(frame, simulator, m, k)
            assert (shown[0, 0] == 255).all()
            assert np.abs(shown.astype(int) - frame).mean() < 0.5
    write_film(frames[:1], tmp_path / "one.gif")
    with image.open(tmp_path / "one.gif") as film:
        assert film.n_frames == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["film.gif", "one.gif"]


def test_an_mp4_has_every_frame(tmp_path: Path) -> None:
    ffmpeg = pytest.importorskip("imageio_ffmpeg")
    simulator, viewer = started(), Viewer()
    frames = []
    for _ in range(5):
        simulator.step(idle(simulator))
        frames.append(viewer.frame(simulator))
    write_film(frames, tmp_path / "film.mp4", fps=5)
    assert ffmpeg.count_frames_and_secs(str(tmp_path / "film.mp4")) == (5, pytest.approx(1.0))
    reader = ffmpeg.read_frames(str(tmp_path / "film.mp4"))
    assert next(reader)["size"] == (WIDTH, HEIGHT)
    first = np.frombuffer(next(reader), np.uint8).reshape(HEIGHT, WIDTH, 3)
    reader.close()
    assert np.abs(first.astype(int) - frames[0]).mean() < 3


@pytest.mark.parametrize("suffix", [".gif", ".mp4", ".png"])
def test_nothing_half_written_is_left_and_the_old_file_stays(tmp_path: Path, suffix: str) -> None:
    out = tmp_path / f"film{suffix}"
    out.write_text("what was there before")
    frame = draw(stepped())

    def broken() -> Iterator[Frame]:
        for _ in range(3):
            assert out.read_text() == "what was there before"
            yield frame
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_film(broken(), out)
    assert list(tmp_path.iterdir()) == [out]
    assert out.read_text() == "what was there before"


def test_films_that_cannot_be(tmp_path: Path) -> None:
    frame = np.zeros((2, 2, 3), np.uint8)
    with pytest.raises(FilmError, match=r"film\.avi; allowed: a file ending in \.gif, \.mp4, \.png"):
        check_output(tmp_path / "film.avi")
    with pytest.raises(FilmError, match=r"there is no directory .*nowhere; allowed: an existing directory"):
        write_film([frame], tmp_path / "nowhere" / "film.gif")
    (tmp_path / "dir.gif").mkdir()
    with pytest.raises(FilmError, match=r"dir\.gif, a directory"):
        check_output(tmp_path / "dir.gif")
    with pytest.raises(FilmError, match="there is no frame"):
        write_film([], tmp_path / "film.gif")
    with pytest.raises(FilmError, match=r"fps is 0; allowed: 0\.1 to 50"):
        write_film([frame], tmp_path / "film.gif", fps=0)
    assert [path.name for path in tmp_path.iterdir()] == ["dir.gif"]


class Terminal:
    def __init__(self, interactive: bool) -> None:
        self.text, self._interactive = "", interactive

    def write(self, text: str) -> int:
        self.text += text
        return len(text)

    def flush(self) -> None:
        pass

    def isatty(self) -> bool:
        return self._interactive


def test_progress_is_a_bar_on_a_terminal_and_lines_in_a_log() -> None:
    terminal, log = Terminal(True), Terminal(False)
    for stream in (terminal, log):
        assert list(counted(range(4), 4, "frames", stream, interval_s=0.0)) == [0, 1, 2, 3]  # type: ignore[arg-type]
    assert terminal.text.count("\r") == 4
    assert terminal.text.endswith("\n")
    assert "2 of 4 frames" in terminal.text
    assert "frames/s" in terminal.text
    assert "s left" in terminal.text
    assert "\r" not in log.text
    assert len(log.text.splitlines()) == 4
    quiet = Terminal(False)
    list(counted(range(4), 4, "frames", quiet, interval_s=60.0))  # type: ignore[arg-type]
    assert len(quiet.text.splitlines()) == 1


# The command


def test_watch_writes_a_film(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "film.gif"
    arguments = ["watch", "--scenario", "tiny", "--policy", "count_rule", "--seed", "4", "--out", str(out)]
    main([*arguments, "--steps", "7", "--env", "horizon=5", "--env", "turns_rad=[0.0, 0.5]"])
    printed = capsys.readouterr()
    assert printed.out == f"written: {out}\n"
    assert "7 of 7 frames" in printed.err
    with image.open(out) as film:
        assert film.n_frames == 7  # five of one episode, two of the next
    main([*arguments[:-1], str(tmp_path / "last.png"), "--env", "horizon=3"])  # one episode
    env = parallel_env("tiny", "rgb_array", horizon=3)
    env.caption = "policy: count_rule"
    observations, _ = env.reset(seed=4)
    policy = env.reference_policies()["count_rule"]
    while env.agents:
        actions = {agent: policy(observation) for agent, observation in observations.items()}
        observations, *_ = env.step(actions)
    with image.open(tmp_path / "last.png") as picture:
        assert (np.asarray(picture) == env.render()).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--policy", "best"], "no policy 'best'; allowed: random, idle, equal_shares"),
        (["--policy", "count_rul"], "did you mean 'count_rule'? allowed: random"),
        (["--out", "{dir}/film.avi"], "film.avi; allowed: a file ending in .gif, .mp4, .png"),
        (["--out", "{dir}/no/film.gif"], "there is no directory"),
        (["--scenario", "huge"], "unknown scenario 'huge'; allowed: paper"),
        (["--env", "colour=red"], "unknown scenario field 'colour'"),
        (["--env", "num_ues=-3"], "num_ues is -3; allowed: 0 to"),
        (["--env", "num_ues"], "--env is 'num_ues'; allowed: NAME=VALUE"),
        (["--steps", "0"], "steps is 0; allowed: 1 or more"),
        (["--seed", "-1"], "seed is -1; allowed: integers >= 0"),
        (["--seed", "9" * 40], "9; allowed: integers >= 0 (below 2^128)"),
        (["--fps", "nan"], "fps is nan; allowed: 0.1 to 50"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    given = [argument.format(dir=tmp_path) for argument in arguments]
    with pytest.raises(SystemExit) as leaving:
        main(["watch", "--scenario", "tiny", "--out", str(tmp_path / "film.gif"), *given])
    assert leaving.value.code == BAD_INPUT
    printed = capsys.readouterr()
    assert printed.err.startswith("error: ")
    assert len(printed.err.splitlines()) == 1
    assert message in printed.err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("preset", ["tiny", "dynamic"])
def test_whatever_policy_is_listed_can_be_watched(
    preset: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["list", "--scenario", preset])
    listed = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("policies of"))
    for policy in listed.partition(": ")[2].split(", "):
        if policy != "lookahead" or preset == "tiny":  # it searches for a while
            main(["watch", "--scenario", preset, "--policy", policy, "--steps", "1", "--out", str(tmp_path / "x.png")])


def test_help_and_unknown_commands(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as leaving:
        main(["--help"])
    assert not leaving.value.code
    assert "watch" in capsys.readouterr().out
    with pytest.raises(SystemExit) as leaving:
        main(["frobnicate"])
    assert leaving.value.code == BAD_INPUT
    assert "frobnicate" in capsys.readouterr().err


# Without the extra

BLOCKED = """
import sys
for name in ("matplotlib", "PIL", "imageio_ffmpeg", "pygame"):
    sys.modules[name] = None
import oran_env, oran_env.rendering, oran_env.cli
env = oran_env.parallel_env("tiny", render_mode="rgb_array")
env.reset(seed=0)
env.step({agent: env.action_space(agent).sample() for agent in env.agents})
for attempt in (env.render, lambda: oran_env.rendering.draw(env.simulator)):
    try:
        attempt()
    except ImportError as error:
        print(error)
oran_env.cli.main(["watch", "--scenario", "tiny", "--out", sys.argv[1]])
"""
LEAN = """
import sys, oran_env, oran_env.rendering, oran_env.cli
env = oran_env.parallel_env("tiny", render_mode="rgb_array")
print(*{"matplotlib", "PIL", "imageio_ffmpeg", "pygame"} & set(sys.modules))
"""


@pytest.mark.parametrize("suffix", ["gif", "mp4", "png"])
def test_without_the_extra_the_error_names_it(tmp_path: Path, suffix: str) -> None:
    out = tmp_path / f"film.{suffix}"
    done = subprocess.run([sys.executable, "-c", BLOCKED, str(out)], capture_output=True, text=True, check=False)
    assert done.returncode == FAILED, done.stderr
    said = [*done.stdout.splitlines(), done.stderr.splitlines()[-1]]
    assert len(said) == 3
    assert all("pip install -e '.[render]'" in line for line in said)
    assert "matplotlib" in said[0]
    assert ("imageio_ffmpeg" if suffix == "mp4" else "PIL") in said[2]
    assert not list(tmp_path.iterdir())


def test_the_extra_is_not_imported_before_a_picture_is_wanted() -> None:
    done = subprocess.run([sys.executable, "-c", LEAN], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
