"""The subcommands of ``oran-env``, one module each.

A module has ``register(subparsers)``: it adds its parser and sets ``run`` to a function of the parsed arguments. Its
name goes into ``MODULES``. What the user did wrong is raised as ``CommandError``, ScenarioError or FilmError.
"""

from __future__ import annotations

from oran_env.numerics.seeding import checked_seed

MODULES = (
    "oran_env.commands.list_options",
    "oran_env.commands.score",
    "oran_env.commands.watch",
    "oran_env.commands.explore",
    "oran_env.commands.certify",
    "oran_env.commands.levels",
    "oran_env.commands.compile_kernels",
)


class CommandError(ValueError):
    """The command line asks for something that does not exist; the message says what is allowed."""


def check_seed(seed: int) -> None:
    """Raise CommandError if that is no seed."""
    try:
        checked_seed(seed)
    except ValueError as error:
        raise CommandError(str(error)) from error
