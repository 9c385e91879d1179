"""``tasam COMMAND …``: a table of commands, and errors as exit codes. A command is imported when it is asked for."""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
from collections.abc import Sequence

import tasam_agents
from tasam_agents.cli import console
from tasam_agents.errors import UserError, not_among

BAD_INPUT, FAILED, INTERRUPTED = 2, 1, 130

COMMANDS = {  # name of the command and of its module: (what may follow, what it does)
    "train": ("[--config NAME | --resume RUN] [any field]", "train, evaluate on held-out networks, draw"),
    "evaluate": ("RUN [--networks N]", "compare a run with the reference policies"),
    "score": ("RUN… [--suite NAME]", "score runs on the fixed networks of a suite"),
    "plot": ("RUN… [--output FILE]", "draw runs; several on one learning curve"),
    "watch": ("RUN [--out FILE]", "film the best actors: .gif, .mp4, or .png of the last step"),
    "compare": ("--agents NAME… [--seeds N]", "train several agents over seeds and compare them"),
    "tune": ("NAME… [--search FIELD=…]", "search settings, of any field, on validation networks; resumable"),
    "sharpness": ("RUN [--batches N] [--json]", "largest Hessian eigenvalue and ε-sharpness of every loss"),
    "generalise": ("RUN… | --config NAME --train-on NAME…", "evaluate runs on scenarios they were not trained on"),
    "forget": ("--first A --then B [any field]", "what learning scenario B costs on A, with SAM and anchor"),
    "dataset": ("POLICY | RUN [--view joint|du]", "store episodes as a Minari dataset, for offline learning"),
    "list": ("[--config NAME]", "names to choose from; a configuration as TOML, to be changed"),
    "regimes": ("[--part map|closer] [--runs DIR]", "where SAM could pay: replay ratio x networks x rho, as a map"),
    "study": ("plan|run|status|report [--budget NAME]", "the paper's figures and tables, from plan to report"),
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point. Ends with exit code 2 on bad input, 1 when something failed, 130 when interrupted."""
    console.prepare()
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch is imported; see training/threads.py
    try:
        _run(*(sys.argv[1:] if arguments is None else arguments) or ["--help"])
    except KeyboardInterrupt:
        _leave("stopped", INTERRUPTED)
    except Exception as error:
        if isinstance(error, BrokenPipeError):
            console.silence(sys.stdout)
            sys.exit(console.READER_GONE)
        code = exit_code(error)
        if code is None:
            raise
        _leave(str(error) if code == INTERRUPTED else f"error: {error}", code)
    if console.is_reader_gone():  # what was printed last was still in the buffer
        sys.exit(console.READER_GONE)


def _run(command: str, *rest: str) -> None:
    if command in ("-h", "--help"):
        print(usage())
    elif command == "--version":
        print(f"tasam {tasam_agents.__version__}")
    elif command == "--print-completion":
        print(importlib.import_module("tasam_agents.cli.completion").script(COMMANDS))
    elif command not in COMMANDS:
        raise UserError(not_among("command", command, COMMANDS))
    else:
        importlib.import_module(f"tasam_agents.cli.commands.{command}").run(list(rest))


def usage() -> str:
    """The table of commands, and the names that they take."""
    from tasam_agents.baselines import BASELINES
    from tasam_agents.config.variants import VARIANTS

    lines = [f"  tasam {name + ' ' + follows:<52}{does}" for name, (follows, does) in COMMANDS.items()]
    return f"""usage: tasam COMMAND …

{chr(10).join(lines)}

NAME: {", ".join(VARIANTS)};
RIVAL, a baseline of stable-baselines3: {", ".join(BASELINES)};
for compare also the reference policies of the environment.
`eval "$(tasam --print-completion)"` completes all this by tab, in bash.
`tasam COMMAND --help` lists its options, `tasam train --config NAME --help` every field and its value there."""


def exit_code(error: Exception) -> int | None:
    """What a process ends with; None: a fault of the program, whose traceback is to be seen."""
    if isinstance(error, UserError):
        return BAD_INPUT
    if isinstance(error, (ImportError, OSError)):  # an extra is missing; a full disk
        return FAILED
    # Heavy, but what is raised here has been imported already.
    from oran_env.rendering import FilmError
    from tasam_agents.jobs.job import RunsFailed
    from tasam_agents.training.trainer import Interrupted, TrainingDiverged

    codes: dict[int, tuple[type[Exception], ...]] = {
        BAD_INPUT: (FilmError,),
        FAILED: (TrainingDiverged, RunsFailed),
        INTERRUPTED: (Interrupted,),
    }
    return next((code for code, kinds in codes.items() if isinstance(error, kinds)), None)


def _leave(message: str, code: int) -> None:
    with contextlib.suppress(OSError, ValueError):  # nobody reads
        print(console.harmless(message), file=sys.stderr, flush=True)
    console.is_reader_gone()
    sys.exit(code)
