"""Random edits of every kind of file that is read: each is refused with a message, or read; no traceback."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from oran_env import ScenarioError
from oran_env.model.demand.trace_file import read_trace
from tasam_agents.config.toml_file import as_toml, read_toml
from tasam_agents.errors import UserError
from tasam_agents.experiments.run_evaluation import evaluate_run
from tasam_agents.study.budgets import BUDGETS
from tasam_agents.study.plan import Plan
from tasam_agents.training.run_directory import RunDirectory
from tasam_agents.training.trainer import train
from trust.files import SHORT, TRUSTED, quietly, read_all
from trust.part import Part
from trust.strangers import sealed_anew

VALUES = ["-1", "1e400", "NaN", "null", "[]", "{}", '"x"', "9" * 400, "true", '"\\u001b[31m"', "0.5", "-7", ",", "\n"]
TRACE = "step,du,slice,offered_bits\n" + "".join(f"{t},{m},eMBB,{1000 * t + m}\n" for t in range(8) for m in range(2))


def edited(written: bytes, chance: random.Random) -> bytes:
    """One to four of its parts replaced by a value, a byte, or nothing."""
    text = bytearray(written)
    for _ in range(chance.randint(1, 4)):
        at, edit = chance.randrange(len(text) + 1), chance.randrange(3)
        put = chance.choice(VALUES).encode() if edit == 0 else bytes([chance.randrange(256)]) if edit == 1 else b""
        text[at : at + chance.randint(0, 12)] = put
    return bytes(text)


def loaders(place: Path) -> dict[Path, Callable[[], object]]:
    """The files, and what reads them: a run with its evaluation, the plan of a study, a configuration, a trace."""
    run = RunDirectory(train(SHORT, place / "run", quiet=True))
    evaluate_run(run.path, 2, TRUSTED)

    def read_run() -> None:
        for read in (lambda: read_all(run), run.metrics, lambda: evaluate_run(run.path, 2, TRUSTED)):
            with suppress(UserError):
                read()

    plan = Plan(BUDGETS["smoke"], place / "study")
    toml, trace = place / "own.toml", place / "trace.csv"
    toml.write_text(as_toml("tiny"))
    trace.write_text(TRACE)
    found: dict[Path, Callable[[], object]] = {path: read_run for path in run.path.rglob("*.json*") if path.is_file()}
    return found | {plan.fix(): plan.fix, toml: lambda: read_toml(toml), trace: lambda: read_trace(str(trace))}


def fuzz(place: Path, is_quick: bool) -> str:
    """File after file, for some time."""
    read_by = loaders(place)
    written = {path: path.read_bytes() for path in read_by}
    chance, count = random.Random(7), 0
    end = time.monotonic() + (30 if is_quick else 300)
    while time.monotonic() < end:
        path = chance.choice(sorted(read_by))
        path.write_bytes(edited(written[path], chance))
        count += 1
        with suppress(UserError, ScenarioError):
            read_by[path]()
        path.write_bytes(written[path])
    kinds = "configuration, checkpoint, log, evaluation, plan, TOML, trace"
    return f"{count} edits of {len(read_by)} files ({kinds}), no traceback"


FUZZING = {
    "fuzz": Part("random edits of every kind of file that is read", quietly(fuzz)),
    "sealed-anew": Part("structural edits of them, with every seal made anew", quietly(sealed_anew)),
}
