"""How commands read their options: alike everywhere, and without loading what `--help` does not need."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oran_env.commands.watch import fields
from tasam_agents.cli import main
from tasam_agents.cli.arguments import call, environment_arguments
from tasam_agents.errors import UserError

HEAVY = ("torch", "numba", "oran_env", "scipy", "matplotlib", "gymnasium", "stable_baselines3", "ray")


@pytest.mark.parametrize("arguments", ["--help", "--version", "train --help", "study --help", "study run --help"])
def test_help_loads_nothing_heavy(arguments: str) -> None:
    program = f"""
import sys
from tasam_agents.cli.main import main
try:
    main({arguments.split()!r})
except SystemExit as leaving:
    assert not leaving.code
print("loaded:", *sorted(set({HEAVY!r}) & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "loaded:"
    assert len(done.stdout.splitlines()) > 1


@pytest.mark.parametrize("command", main.COMMANDS)
def test_every_command_of_the_table_has_a_help_page(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    if command == "study":
        main.main([command, "--help"])
    else:
        with pytest.raises(SystemExit) as leaving:
            main.main([command, "--help"])
        assert not leaving.value.code
    printed = capsys.readouterr().out
    assert printed.startswith(f"usage: tasam {command} ")
    for word in main.COMMANDS[command][0].split():
        option = word.strip("[]")
        assert not option.startswith("--") or option in printed or command == "study", option


JSON = ("true", "null", "[1, 2]", '["a", 0.5]', "[[1], [2]]", '"text"', "nan", "NaN", "a=b", "[1", "", " ", 5000 * "1")
VALUES = st.one_of(st.integers().map(str), st.floats().map(str), st.sampled_from(JSON), st.text())
SETTINGS = st.one_of(st.text(), st.builds("{}={}".format, st.sampled_from(("load", "num_ues", "")), VALUES))


def answer(read: Callable[[str], Any], setting: str) -> str:
    """What is read, or what is said of it."""
    try:
        return repr(read(setting))
    except ValueError as error:
        return str(error)


@given(SETTINGS)
def test_both_packages_read_name_and_value_alike(setting: str) -> None:
    """The packages may not share the code."""
    ours = answer(lambda text: environment_arguments("--env", [text], {}), setting)
    assert ours == answer(lambda text: fields([text]), setting)
    assert ours.startswith("{") or ours == f"--env is {setting!r}; allowed: NAME=VALUE"


def test_a_fault_of_a_command_is_not_taken_for_a_bad_option() -> None:
    def command(number: int = 1) -> None:
        raise ValueError(f"a fault with {number}")

    with pytest.raises(ValueError, match="a fault with 2") as fault:
        call(command, "tasam command", ["--number", "2"])
    assert not isinstance(fault.value, UserError)
    with pytest.raises(UserError, match=r"--number.*\(tasam command --help lists all\)"):
        call(command, "tasam command", ["--number", "two"])


def test_a_fault_of_the_program_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasam_agents.cli.commands.plot.run", {"nothing": "known"}.__getitem__)
    with pytest.raises(TypeError, match="unhashable"):
        main.main(["plot"])


@pytest.mark.parametrize("flag", ["--iterations", "--learner.gamma"])
def test_no_option_is_given_twice_and_loses(flag: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as leaving:
        main.main(["train", flag, "1", f"{flag}=2"])
    assert leaving.value.code == main.BAD_INPUT
    assert f"{flag} is given twice" in capsys.readouterr().err
