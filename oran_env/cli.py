"""``oran-env COMMAND …``: what can be done with the environment from a shell."""

from __future__ import annotations

import argparse
import contextlib
import importlib
import os
import re
import sys
from collections.abc import Sequence
from typing import NoReturn

import oran_env
from oran_env.commands import MODULES, CommandError
from oran_env.commands.completion import OPTION, bash_script
from oran_env.rendering import FilmError, MissingExtra, NoDisplay
from oran_env.scenario.near_miss import did_you_mean
from oran_env.scenario.validation import ScenarioError

BAD_INPUT, FAILED, INTERRUPTED = 2, 1, 130
READER_GONE = 141  # 128 + SIGPIPE, as a shell says


class _PrintCompletion(argparse.Action):
    """Print the script and leave; ``const``: the parsers of the commands, by name."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        commands: dict[str, argparse.ArgumentParser] = self.const
        print(bash_script("oran-env", {name: each.format_help() for name, each in commands.items()}))
        parser.exit()


class _Parser(argparse.ArgumentParser):
    """Says in one line what is wrong, and what was probably meant."""

    def error(self, message: str) -> NoReturn:
        """Refuse.

        Raises:
            CommandError: always.
        """
        wrong = re.match(r"argument \S+: invalid choice: '([^']*)' \(choose from (.*)\)", message)
        near = did_you_mean(wrong[1], re.split(r"[', ]+", wrong[2])) if wrong else ""
        raise CommandError(f"{message}{near and f'; {near.strip()}'} ({self.prog} --help lists all)")


def parser(asked: Sequence[str] = ()) -> argparse.ArgumentParser:
    """The parser with all subcommands.

    Raises:
        CommandError: what is asked for is none of them.
    """
    top = _Parser(prog="oran-env", description="O-RAN resource management as an environment.")
    top.add_argument("--version", action="version", version=f"oran-env {oran_env.__version__}")
    subparsers = top.add_subparsers(title="commands", metavar="COMMAND", required=True)
    words = 'print what makes bash complete commands and options: eval "$(oran-env --print-completion)"'
    top.add_argument("--print-completion", action=_PrintCompletion, nargs=0, const=subparsers.choices, help=words)
    for module in MODULES:
        importlib.import_module(module).register(subparsers)
    for command in subparsers.choices.values():
        command.set_defaults(parser=command)
    for name in asked:  # argparse itself would say nothing of a near miss
        if not name.startswith("-") and name not in subparsers.choices:
            near = did_you_mean(name, subparsers.choices)
            raise CommandError(f"command {name!r}; {near}allowed: {', '.join(subparsers.choices)}")
    return top


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point. Ends with exit code 2 on bad input, 1 when something failed, 130 when interrupted."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, ValueError, OSError):  # none, replaced by a test, or closed
            stream.reconfigure(errors="replace")  # type: ignore[union-attr]  # an encoding without our signs
    try:
        given = list(sys.argv[1:] if arguments is None else arguments)
        options, surplus = parser(given[:1]).parse_known_args(given)
        if surplus:
            near = did_you_mean(surplus[0].partition("=")[0], OPTION.findall(options.parser.format_help()))
            options.parser.error(f"unrecognized: {' '.join(surplus)}{near and f'; {near.strip()}'}")
        options.run(options)
        sys.stdout.flush()
    except BrokenPipeError:  # nobody reads, `| head`: what is left goes nowhere, so that the exit is quiet
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(READER_GONE)
    except (CommandError, ScenarioError, FilmError) as error:
        _leave(f"error: {error}", BAD_INPUT)
    except (MissingExtra, NoDisplay, OSError) as error:  # OSError: a full disk
        _leave(f"error: {error}", FAILED)
    except KeyboardInterrupt:
        _leave("stopped", INTERRUPTED)


def _leave(message: str, code: int) -> None:
    print(message, file=sys.stderr)
    sys.exit(code)


if __name__ == "__main__":
    main()
