"""`tasam tune`: search settings of a configuration by short trainings, judged on validation networks.

The log is the state: one line per trial with all that the search goes on from. Trial n is drawn by a generator of its
own from the trials before it, so that a search that was interrupted finds what it would have found.
"""

from __future__ import annotations

import csv
import io
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from tasam_agents.baselines.config import BaselineConfig
from tasam_agents.baselines.search_space import Choice, Config, Range, Space, shortened, space_of, with_settings
from tasam_agents.baselines.training import train_baseline
from tasam_agents.config.fields import Scalar
from tasam_agents.errors import UserError
from tasam_agents.files.atomic_write import write_json_atomically, write_text_atomically
from tasam_agents.files.bounded_read import parsed_json, read_text
from tasam_agents.files.form import check_form
from tasam_agents.training.trainer import Interrupted, TrainingDiverged, train

State = Literal["complete", "pruned", "diverged"]

FIRST_SEED = 500_000
"""Trial n has the training seed FIRST_SEED + n, far from those of comparisons."""
VALIDATIONS = 4
"""Of a trial, evenly spaced."""
_UNPRUNED_VALIDATIONS = 1  # a trial may be pruned later: at the first, one with a long warm-up has hardly begun
_RANDOM_TRIALS = 6  # drawn uniformly before the search follows what was good
_UNPRUNED_TRIALS = 5
_COLUMNS = {"trial", "state", "validation_return", "curve", "cpu_time_s"}


@dataclass(frozen=True)
class Trial:
    """One line of the log."""

    number: int
    state: State
    curve: tuple[float, ...]
    """Return on the validation networks, one after each part of the budget."""
    cpu_time_s: float
    settings: Mapping[str, Any]

    @property
    def validation_return(self) -> float:
        """The best so far, as in every run; −inf: none."""
        return max(self.curve, default=float("-inf"))


def require_optuna() -> Any:
    """The library that searches; raises ImportError naming the extra if it is not installed."""
    try:
        import optuna
    except ImportError as error:
        raise ImportError("tuning needs optuna; in the folder of the project: pip install -e '.[tuning]'") from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna


def read_log(log: Path, space: Space) -> list[Trial]:
    """The trials so far; none where there is no log.

    Raises:
        UserError: not a log of this search.
    """
    if not log.is_file():
        return []
    try:
        trials = [_trial(row, space) for row in csv.DictReader(io.StringIO(read_text(log), newline=""), strict=True)]
    except (OSError, ValueError, KeyError, TypeError, csv.Error) as error:
        raise UserError(f"{log} is no log of this search: {error!r}; allowed: another --out") from error
    if [trial.number for trial in trials] != list(range(len(trials))):
        raise UserError(f"{log} does not number its trials from 0; allowed: another --out")
    return trials


def _trial(row: Mapping[str, str], space: Space) -> Trial:
    if set(row) - _COLUMNS != set(space):
        raise KeyError(f"settings {sorted(set(row) - _COLUMNS)}")
    settings = {name: _value(own, row[name]) for name, own in space.items()}
    if row["state"] not in get_args(State):
        raise ValueError(f"state is {row['state']!r}")
    state: State = row["state"]  # type: ignore[assignment]
    numbers = [parsed_json(row[name], name) for name in ("trial", "curve", "cpu_time_s")]
    check_form(numbers, (int, [float], float), "trial, curve and cpu_time_s")
    number, curve, cpu_time_s = numbers
    return Trial(number, state, tuple(map(float, curve)), float(cpu_time_s), settings)


def _value(own: Choice | Range, text: str) -> Scalar:
    """A setting as it was, from the text that stands in the log."""
    if isinstance(own, Range):
        value = int(text) if own.is_integer else float(text)
        if not own.low <= value <= own.high:
            raise ValueError(f"{value} is not from {own.low} to {own.high}")
        return value
    return {str(value): value for value in own.values}[text]


def _write_log(log: Path, trials: Sequence[Trial]) -> None:
    """All of it, so that a kill leaves no half line."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    for trial in trials:
        row = {
            "trial": trial.number,
            "state": trial.state,
            "validation_return": trial.validation_return,
            "curve": list(trial.curve),
            "cpu_time_s": trial.cpu_time_s,
            **trial.settings,
        }
        if trial.number == 0:
            writer.writerow(row)
        writer.writerow(row.values())
    log.parent.mkdir(parents=True, exist_ok=True)
    write_text_atomically(log, text.getvalue())


def _distributions(optuna: Any, space: Space) -> dict[str, Any]:
    kinds = optuna.distributions

    def distribution(own: Choice | Range) -> Any:
        if isinstance(own, Choice):
            return kinds.CategoricalDistribution(own.values)
        if own.is_integer:
            return kinds.IntDistribution(int(own.low), int(own.high), log=own.is_log)
        return kinds.FloatDistribution(own.low, own.high, log=own.is_log)

    return {name: distribution(own) for name, own in space.items()}


def _asked(optuna: Any, space: Space, done: Sequence[Trial]) -> Any:
    """The next trial: the first has the library's defaults, the others are drawn from those before them."""
    states = optuna.trial.TrialState
    known = {"complete": states.COMPLETE, "pruned": states.PRUNED, "diverged": states.FAIL}
    distributions = _distributions(optuna, space)
    study = optuna.create_study(
        direction="maximize",
        sampler=optuna.samplers.TPESampler(seed=len(done), n_startup_trials=_RANDOM_TRIALS),
        pruner=optuna.pruners.MedianPruner(_UNPRUNED_TRIALS, _UNPRUNED_VALIDATIONS),
    )
    for trial in done:
        study.add_trial(
            optuna.trial.create_trial(
                state=known[trial.state],
                value=trial.validation_return if trial.state == "complete" else None,
                params=dict(trial.settings),
                distributions=distributions,
                intermediate_values=dict(enumerate(trial.curve)),
            )
        )
    if not done:
        study.enqueue_trial({name: own.default for name, own in space.items()})
    return study.ask(distributions)


def tune(
    rival: Config,
    log: Path,
    trials: int,
    share: float,
    say: Callable[[str], None] = lambda _: None,
    space: Space | None = None,
) -> Trial:
    """Do the trials that the log does not have yet; return the best of all.

    Args:
        rival: with the settings that are not tuned.
        log: a CSV file, a line per trial.
        trials: in all, the one with the library's defaults among them.
        share: of the rival's budget that a trial gets.
        say: is told of each trial.
        space: what is searched; default: what is tuned of this rival.

    Raises:
        ImportError: an extra is not installed.
        UserError: a number or a log that is not allowed, or no trial that has not diverged.
        Interrupted: stopped from outside; the trial that was going on is lost.
    """
    optuna = require_optuna()
    if trials < 1 or not 0 < share <= 1:
        raise UserError(f"trials is {trials}, share {share}; allowed: 1 or more, a number in (0, 1]")
    try:
        space = space_of(rival) if space is None else space
    except ValueError as error:
        raise UserError(str(error)) from error
    done = read_log(log, space)
    while len(done) < trials:
        trial = _tried(optuna, space, done, rival, share)
        done.append(trial)
        _write_log(log, done)
        say(f"trial {trial.number}: {trial.state}, validation return {trial.validation_return:.3f}, "
            f"{trial.cpu_time_s:.1f} CPU s; best so far {max(map(_rank, done))[1]:.3f}")  # fmt: skip
    best = max(done[:trials], key=_rank)
    if best.state != "complete":
        raise UserError(f"none of the {trials} trials of {log} was completed; allowed: more --trials")
    return best


def _rank(trial: Trial) -> tuple[bool, float]:
    return trial.state == "complete", trial.validation_return


def _tried(optuna: Any, space: Space, done: Sequence[Trial], rival: Config, share: float) -> Trial:
    asked = _asked(optuna, space, done)
    config = shortened(with_settings(rival, asked.params), share, FIRST_SEED + len(done), VALIDATIONS)
    validations = -(-config.iterations // config.evaluate_every)
    curve: list[float] = []

    def watch(validation_return: float) -> None:
        curve.append(round(validation_return, 4))  # as it stands in the log, so that a resumed search is the same
        asked.report(curve[-1], len(curve) - 1)
        if len(curve) < validations and asked.should_prune():
            raise optuna.TrialPruned

    state: State = "complete"
    began = time.process_time()
    with tempfile.TemporaryDirectory() as directory:
        try:
            run = Path(directory) / "trial"
            if isinstance(config, BaselineConfig):
                train_baseline(config, run, quiet=True, watch=watch)
            else:
                train(config, run, quiet=True, watch=watch)
        except optuna.TrialPruned:
            state = "pruned"
        except TrainingDiverged:
            state = "diverged"
        except Interrupted:  # which speaks of a run that nobody keeps
            raise Interrupted("stopped during a trial, which is lost; the same command goes on") from None
    if state == "complete" and len(curve) < validations:
        raise Interrupted("stopped during the last validation of a trial, which is lost; the same command goes on")
    return Trial(len(done), state, tuple(curve), round(time.process_time() - began, 1), dict(asked.params))


def write_settings(best: Trial, trials: int, env_steps: int, file: Path) -> Path:
    """Keep what was found, as data that a named baseline reads."""
    document = {
        "trials": trials,
        "env_steps_per_trial": env_steps,
        "trial": best.number,
        "validation_return": round(best.validation_return, 4),
        "settings": dict(best.settings),
    }
    file.parent.mkdir(parents=True, exist_ok=True)
    return write_json_atomically(file, document, indent=1)
