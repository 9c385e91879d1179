"""The lines of metrics.jsonl as they are written, shown by a tool of the user's: TensorBoard, W&B or MLflow.

The log of the run stays what counts. A tool is imported when it is asked for, and one that fails is left behind with a
note: it never ends a run.
"""

from __future__ import annotations

import hashlib
import importlib
import math
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, Protocol

from tasam_agents.errors import Note, UserError, not_among
from tasam_agents.files import run_log

Tool = Literal["tensorboard", "wandb", "mlflow"]
PROJECT = "oran-tasam"
"""Under which W&B and MLflow file a run."""


class Tracker(Protocol):
    """What a tool is told."""

    def log(self, numbers: Mapping[str, float], step: int) -> None:
        """The numbers of a line, by name; step: the iteration, or of a baseline the steps of each network."""

    def close(self) -> None:
        """Nothing follows."""


class TensorBoard:
    """Event files in ``RUN/tensorboard``."""

    def __init__(self, run: Path, config: Mapping[str, Any]) -> None:
        self._writer = _imported("torch.utils.tensorboard", "tensorboard").SummaryWriter(str(run / "tensorboard"))
        self._writer.add_text("config", "\n".join(f"    {name} = {value}" for name, value in flat(config).items()))

    def log(self, numbers: Mapping[str, float], step: int) -> None:
        """A scalar each, at once readable."""
        for name, number in numbers.items():
            self._writer.add_scalar(name, number, step)
        self._writer.flush()

    def close(self) -> None:
        """Close the file."""
        self._writer.close()


class WeightsAndBiases:
    """A run of W&B; a run that is resumed goes on there, too. Its own settings (WANDB_MODE, …) hold."""

    def __init__(self, run: Path, config: Mapping[str, Any]) -> None:
        known = hashlib.sha256(str(run.absolute()).encode()).hexdigest()[:16]
        self._run = _imported("wandb", "wandb").init(
            project=PROJECT, name=run.name, id=known, resume="allow", dir=str(run), config=dict(config)
        )

    def log(self, numbers: Mapping[str, float], step: int) -> None:
        """One row."""
        self._run.log(dict(numbers), step=step)

    def close(self) -> None:
        """Send what is left."""
        self._run.finish()


class MLflow:
    """A run of MLflow, where its own settings (MLFLOW_TRACKING_URI, …) put it; a resumed run is another one there."""

    def __init__(self, run: Path, config: Mapping[str, Any]) -> None:
        self._mlflow = _imported("mlflow", "mlflow")
        self._mlflow.set_experiment(PROJECT)
        self._mlflow.start_run(run_name=run.name)
        self._mlflow.log_params({name: str(value)[:500] for name, value in flat(config).items()})

    def log(self, numbers: Mapping[str, float], step: int) -> None:
        """One metric each."""
        self._mlflow.log_metrics(dict(numbers), step=step)

    def close(self) -> None:
        """End it."""
        self._mlflow.end_run()


TOOLS: dict[str, Callable[[Path, Mapping[str, Any]], Tracker]] = {
    "tensorboard": TensorBoard,
    "wandb": WeightsAndBiases,
    "mlflow": MLflow,
}
"""By the name that ``--track`` takes, which is also the extra."""


def _imported(module: str, extra: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ImportError(
            f"--track {extra} needs {extra}: in the folder of the project: pip install -e '.[{extra}]'"
        ) from error


def flat(document: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    """Nested mappings as one, with paths for names: ``learner.gamma``."""
    found: dict[str, Any] = {}
    for name, value in document.items():
        found |= flat(value, f"{before}{name}.") if isinstance(value, Mapping) else {f"{before}{name}": value}
    return found


def numbers_of(line: Mapping[str, Any]) -> dict[str, float]:
    """The finite numbers of a line of metrics; entry i of a list, of DU or slice i, is NAME/i."""
    found: dict[str, float] = {}
    for name, value in line.items():
        for place, entry in enumerate(value) if isinstance(value, list) else [(None, value)]:
            if isinstance(entry, (int, float)) and math.isfinite(entry):
                found[name if place is None else f"{name}/{place}"] = float(entry)
    return found


@contextmanager
def tracked(tool: str | None, log: Path, config: Mapping[str, Any]) -> Iterator[None]:
    """Within, what is added to the log of a run goes to a tool as well; None: to none.

    Args:
        tool: a name of ``TOOLS``.
        log: metrics.jsonl of the run, which need not exist yet.
        config: of the run.

    Raises:
        UserError: no such tool. ImportError: its extra is not installed.
    """
    if tool is None:
        yield
        return
    if tool not in TOOLS:
        raise UserError(not_among("track is", tool, TOOLS))
    _imported({"tensorboard": "torch.utils.tensorboard"}.get(tool, tool), tool)  # before any work
    tracker: list[Tracker] = []
    failed: list[Exception] = []

    def attempt(what: Callable[[], None]) -> None:
        try:
            if not failed:
                what()
        except Exception as error:  # whatever a tool raises: a network that is gone, a full disk
            failed.append(error)
            warnings.warn(f"{tool} has stopped tracking, the run goes on: {error}", Note, stacklevel=2)

    def heard(line: Mapping[str, Any]) -> None:
        def tell() -> None:
            if not tracker:  # with the first line, when the run has its directory
                tracker.append(TOOLS[tool](log.parent, config))
            tracker[0].log(numbers_of(line), line["iteration"])

        attempt(tell)

    with run_log.followed(log, heard):
        try:
            yield
        finally:
            if tracker:
                attempt(tracker[0].close)
