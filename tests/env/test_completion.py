"""Tab completion, in a bash that runs it."""

from __future__ import annotations

import shlex
import shutil
import subprocess

import pytest

from oran_env import cli
from oran_env.commands.completion import bash_script
from oran_env.scoring.suites import SUITES

needs_bash = pytest.mark.skipif(shutil.which("bash") is None, reason="no bash here")


def completed(script: str, typed: str) -> list[str]:
    """What bash offers for the last word of what was typed."""
    words = typed.split(" ")
    call = f"COMP_WORDS=({shlex.join(words)}) COMP_CWORD={len(words) - 1}; _{words[0].replace('-', '_')} "
    run = f'{script}\n{call}\nprintf "%s\\n" "${{COMPREPLY[@]}}"'
    return subprocess.run(["bash", "-c", run], capture_output=True, text=True, check=True).stdout.split()


HELPS = {
    "make": "usage: make [--colour {red,None}] [--env-kwargs.scenario NAME] --config NAME\n  non--option",
    "study": "usage\n  prog study plan  Plan.\n  prog study run   Run.",
}
SCRIPT = bash_script("prog", HELPS, {"--config": ["one", "two"]})


@needs_bash
@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("prog ", ["make", "study", "--help", "--version"]),
        ("prog st", ["study"]),
        ("prog make --", ["--colour", "--env-kwargs.scenario", "--config"]),
        ("prog make --env", ["--env-kwargs.scenario"]),
        ("prog make --colour ", ["red"]),
        ("prog make --config t", ["two"]),
        ("prog make --config one t", ["two"]),  # an option may take several
        ("prog make --config one --col", ["--colour"]),
        ("prog make file", []),  # then bash completes files
        ("prog study ", ["plan", "run"]),
        ("prog study r", ["run"]),
        ("prog weather ", []),
    ],
)
def test_what_bash_offers(typed: str, offered: list[str]) -> None:
    assert completed(SCRIPT, typed) == offered


@needs_bash
def test_oran_env_completes_what_it_has(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as leaving:
        cli.main(["--print-completion"])
    assert not leaving.value.code
    script = capsys.readouterr().out
    assert completed(script, "oran-env w") == ["watch"]
    assert completed(script, "oran-env levels --suite ") == sorted(SUITES)
    assert "--scenario" in completed(script, "oran-env watch --")
