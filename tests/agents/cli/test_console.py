"""Commands on a terminal without our signs, in a pipe that closes, and interrupted at any moment."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.short_runs import FAKE

from tasam_agents.cli.console import READER_GONE, harmless
from tasam_agents.cli.main import BAD_INPUT, INTERRUPTED, main
from tasam_agents.training.trainer import train

PROGRAMS = {"tasam": "tasam_agents.cli", "oran-env": "oran_env.cli"}


def run(module: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )


@pytest.mark.parametrize("module", PROGRAMS.values())
@pytest.mark.parametrize("environment", [{"PYTHONIOENCODING": "cp1252"}, {"PYTHONIOENCODING": "ascii"}])
def test_help_is_printed_in_every_encoding(module: str, environment: dict[str, str]) -> None:
    done = run(module, "--help", **environment)
    assert (done.returncode, done.stderr) == (0, "")
    assert "usage:" in done.stdout


@pytest.mark.parametrize("arguments", [["train", "--help"], ["study", "--help"], ["evaluate", "nowhere"]])
def test_other_texts_are_printed_in_every_encoding(arguments: list[str]) -> None:
    done = run("tasam_agents.cli", *arguments, PYTHONIOENCODING="ascii")
    assert "Traceback" not in done.stderr


PIPED = """
import sys
from tasam_agents.cli import main as program
program.usage = lambda: "a line\\n" * 100_000
program.main(["--help"])
"""


def test_a_pipe_that_closes_ends_the_command_without_a_traceback() -> None:
    process = subprocess.Popen([sys.executable, "-c", PIPED], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.readline() == "a line\n"
    process.stdout.close()
    assert process.stderr.read() == ""
    assert process.wait() == READER_GONE


def test_evaluate_into_a_closed_pipe_writes_its_files_and_no_traceback(tmp_path: Path) -> None:
    path = train(FAKE, tmp_path / "run", quiet=True)
    command = f"{sys.executable} -m tasam_agents.cli evaluate {path} --networks 2 --trust-env {FAKE.env_id}"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen(
        command.split(), env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    process.stdout.close()  # before anything is printed
    assert process.stderr is not None
    assert "Traceback" not in process.stderr.read()
    assert process.wait() == READER_GONE
    assert (path / "evaluation.json").is_file()


INTERRUPTED_IMPORT = """
import _thread, signal, sys, threading
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs begin without it
sys.argv = ["tasam", "evaluate", "nowhere"]
from tasam_agents.cli.main import main
import importlib.abc
class Interrupting(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == sys.argv_interrupted:
            _thread.interrupt_main()
        return None
sys.argv_interrupted = {name!r}
sys.meta_path.insert(0, Interrupting())
main()
"""


@pytest.mark.parametrize(
    "name", ["tasam_agents.cli.commands.evaluate", "tasam_agents.baselines.training", "torch", "numba"]
)
def test_ctrl_c_during_an_import_leaves_no_traceback(name: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED_IMPORT.format(name=name)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (INTERRUPTED, "stopped\n")


def test_a_name_from_a_file_does_not_steer_the_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert harmless("red \x1b[31m\nnext\r") == "red \\x1b[31m\nnext\\r"
    with pytest.raises(SystemExit) as left:
        main(["evaluate", str(tmp_path / "\x1b[31mrun")])
    assert left.value.code == BAD_INPUT
    assert "\x1b" not in capsys.readouterr().err
