"""``oran-env COMMAND …``: what can be done with the environment from a shell."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence

import oran_env
from oran_env.commands import MODULES, CommandError
from oran_env.rendering import FilmError, MissingExtra, NoDisplay
from oran_env.scenario.validation import ScenarioError

BAD_INPUT, FAILED, INTERRUPTED = 2, 1, 130


def parser() -> argparse.ArgumentParser:
    """The parser with all subcommands."""
    top = argparse.ArgumentParser(prog="oran-env", description="O-RAN resource management as an environment.")
    top.add_argument("--version", action="version", version=f"oran-env {oran_env.__version__}")
    subparsers = top.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for module in MODULES:
        importlib.import_module(module).register(subparsers)
    return top


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point. Ends with exit code 2 on bad input, 1 when something failed, 130 when interrupted."""
    options = parser().parse_args(arguments)
    try:
        options.run(options)
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
