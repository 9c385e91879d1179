"""``tasam --print-completion``: tab completion in bash, made of what the commands say of themselves."""

from __future__ import annotations

import contextlib
import importlib
import io
import os
from collections.abc import Iterable

from oran_env.commands.completion import bash_script
from tasam_agents.baselines import BASELINES
from tasam_agents.config.variants import VARIANTS
from tasam_agents.envs.make import reference_policies


def script(commands: Iterable[str]) -> str:
    """What bash is to source: see ``oran_env/commands/completion.py``."""
    trained = [*VARIANTS, *BASELINES]
    shown = (VARIANTS["default"], VARIANTS["dynamic"])  # where a backlog is seen there are rules that read it
    rules = dict.fromkeys(rule for each in shown for rule in reference_policies(each.env_id, each.env_kwargs))
    return bash_script(
        "tasam", {name: _help(name) for name in commands}, {"--config": trained, "--agents": [*trained, *rules]}
    )


def _help(command: str) -> str:
    """The help text of a command, one option a line."""
    shown, before = io.StringIO(), os.environ.get("COLUMNS")
    os.environ["COLUMNS"] = "1000"
    try:
        with contextlib.redirect_stdout(shown), contextlib.suppress(SystemExit):
            importlib.import_module(f"tasam_agents.cli.commands.{command}").run(["--help"])
    finally:
        os.environ.pop("COLUMNS")
        if before is not None:
            os.environ["COLUMNS"] = before
    return shown.getvalue()
