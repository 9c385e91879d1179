"""What the commands of `tasam` share: how they read their arguments, and naming the files they wrote.

A command is a function whose annotations are its options, or a dataclass of options beside the fields of a named
configuration. tyro reads both.
"""

from __future__ import annotations

import contextlib
import dataclasses
import difflib
import functools
import io
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeVar

import tyro

from tasam_agents.baselines import BASELINES, BaselineConfig
from tasam_agents.config.fields import Scalar, TrainConfig
from tasam_agents.config.name_value import name_and_value
from tasam_agents.config.reading import with_members
from tasam_agents.config.toml_file import read_toml
from tasam_agents.config.variants import VARIANTS, for_environment
from tasam_agents.envs.trust import check_env_id
from tasam_agents.errors import UserError, not_among

Options = TypeVar("Options")
Unprefixed = tyro.conf.arg(name="")
"""Marks a dataclass of options whose name is no part of theirs."""

REPEATABLE = ("--env", "--first-env", "--then-env", "--search")


@dataclass(frozen=True)
class Named:
    """Which named configuration, on which environment."""

    config: str = "default"
    """Named configuration, or a file ending in .toml, whose fields are the defaults of all that follow."""
    env: tyro.conf.UseAppendAction[tuple[str, ...]] = ()
    """NAME=VALUE, an argument of the environment; as often as wanted."""


def call(command: Callable[..., None], program: str, arguments: Sequence[str]) -> None:
    """Call a command with the options that its signature declares. What it raises is not taken for a bad option."""

    @functools.wraps(command)
    def bound(*values: Any, **named: Any) -> Callable[[], None]:
        return functools.partial(command, *values, **named)

    parse(bound, program, arguments)()


def parse_with_configuration(
    kind: type[Options], program: str, arguments: Sequence[str]
) -> tuple[Options, TrainConfig | BaselineConfig]:
    """Read options of a command and, beside them, any field of a named configuration.

    Args:
        kind: dataclass of the command's own options, with what the command does for a docstring; ``Named`` comes by
            itself.
        program, arguments: e.g. "tasam train", and what stands behind it.

    Raises:
        UserError: an unknown name, option or value.
    """

    def first(
        named: Annotated[Named, Unprefixed], env_id: str | None = None, trust_env: tuple[str, ...] = ()
    ) -> tuple[Named, str | None, tuple[str, ...]]:
        return named, env_id, trust_env

    (named, env_id, trusted), _ = parse(first, program, arguments, return_unknown_args=True, add_help=False)
    try:
        default = with_members(_named_configuration(named, env_id, trusted), arguments)
    except ValueError as error:
        raise UserError(str(error)) from None
    every = dataclasses.make_dataclass(
        "Arguments",
        [
            ("named", Annotated[Named, Unprefixed]),
            ("options", Annotated[kind, Unprefixed]),
            ("configuration", Annotated[type(default), Unprefixed], dataclasses.field(default=default)),
        ],
    )
    # A union of classes (which baseline) is no subcommand; the settings of a baseline are options without its prefix.
    is_flat = isinstance(default, BaselineConfig)
    config = (tyro.conf.AvoidSubcommands, *((tyro.conf.OmitArgPrefixes,) if is_flat else ()))
    description = f"{kind.__doc__}\n\nFields have the values of --config {named.config}."
    given = parse(every, program, arguments, description=description, config=config)
    return given.options, given.configuration


def _named_configuration(named: Named, env_id: str | None, trusted: tuple[str, ...]) -> TrainConfig | BaselineConfig:
    config: TrainConfig | BaselineConfig
    if named.config.endswith(".toml"):
        config = read_toml(Path(named.config))
        if env_id is None:
            check_env_id(config.env_id, named.config, trusted)
        if env_id not in (None, config.env_id):  # the file's values stay, but for what only its own environment has
            learner = dataclasses.replace(config.learner, input_scaling=())
            config = dataclasses.replace(config, env_id=env_id, env_kwargs={}, choose="", choices=(), learner=learner)
        return dataclasses.replace(config, env_kwargs=environment_arguments("--env", named.env, config.env_kwargs))
    if named.config not in VARIANTS and named.config not in BASELINES:
        raise UserError(not_among("--config is", named.config, [*VARIANTS, *BASELINES], ", or a file ending in .toml"))
    if named.config in BASELINES:
        config = BASELINES[named.config]
    else:
        own = VARIANTS[named.config]
        config = own if env_id is None else for_environment(named.config, env_id)
    return dataclasses.replace(config, env_kwargs=environment_arguments("--env", named.env, config.env_kwargs))


def environment_arguments(option: str, settings: Iterable[str], default: Mapping[str, Scalar]) -> dict[str, Scalar]:
    """What an option of NAME=VALUE changes of the arguments of an environment."""
    try:
        return dict(default) | dict(map(name_and_value, settings))
    except ValueError as error:
        raise UserError(f"{option} is {error}") from None


def parse(kind: Any, program: str, arguments: Sequence[str], **options: Any) -> Any:
    """tyro.cli, but a mistake of the user becomes one line instead of a box of them."""
    names = [argument.partition("=")[0] for argument in arguments if argument.startswith("--")]
    for name in names:
        if name not in REPEATABLE and names.count(name) > 1:
            raise UserError(f"{name} is given twice")
    messages = io.StringIO()
    keeps_unknown = options.pop("return_unknown_args", False)
    try:
        with contextlib.redirect_stderr(messages):
            parsed, unknown = tyro.cli(kind, prog=program, args=list(arguments), return_unknown_args=True, **options)
        if keeps_unknown:
            return parsed, unknown
        if unknown:
            raise UserError(_unknown(unknown, kind, program, options))
        return parsed
    except SystemExit as leaving:
        if not leaving.code:  # --help
            raise
        raise UserError(f"{_first_paragraph(messages.getvalue())} ({program} --help lists all)") from None
    except (ValueError, TypeError) as error:
        raise UserError(str(error)) from error


def _unknown(arguments: Sequence[str], kind: Any, program: str, options: Mapping[str, Any]) -> str:
    """What is said of arguments that are no options, and which option was probably meant by the first of them."""
    shown = io.StringIO()
    with contextlib.redirect_stdout(shown), contextlib.suppress(SystemExit):
        tyro.cli(kind, prog=program, args=["--help"], **options)
    known = dict.fromkeys(re.findall(r"--[a-z][\w.-]*", shown.getvalue()))
    name = next((each for each in arguments if each.startswith("--")), arguments[0]).partition("=")[0]
    near = difflib.get_close_matches(name.replace("_", "-"), known, n=1)
    meant = f"; did you mean {near[0]}?" if near else ""
    return f"Unrecognized options: {', '.join(arguments)}{meant} ({program} --help lists all)"


def _first_paragraph(box: str) -> str:
    """What stands in tyro's box above its first rule; the rest repeats the help text. Its hook for errors would spare
    the reading, and is private: it may change with any release."""
    words: list[str] = []
    for line in box.splitlines()[1:]:
        text = line.strip("│╭╮╰╯ ")
        if text.startswith("──"):
            break
        words += text.split()
    return " ".join(words)


def print_paths(paths: Iterable[Path]) -> None:
    """One line per file."""
    for path in paths:
        print(f"written: {path}")
