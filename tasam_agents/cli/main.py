"""`tasam train`, `compare`, `forget`, and `evaluate`, `plot`, `watch`, `sharpness`, `generalise` of what is trained."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import tyro

from oran_env.rendering import RENDER_FPS, FilmError, MissingExtra
from tasam_agents.baselines import BASELINES, BaselineConfig
from tasam_agents.baselines.training import is_baseline, train_baseline
from tasam_agents.cli.arguments import parse as _parse
from tasam_agents.cli.arguments import print_paths as _print_paths
from tasam_agents.cli.compare import RunsFailed, compare_agents
from tasam_agents.cli.forget import forget
from tasam_agents.cli.generalise import USAGE as GENERALISE_USAGE
from tasam_agents.cli.generalise import generalise_command
from tasam_agents.cli.study import USAGE as STUDY_USAGE
from tasam_agents.cli.study import study
from tasam_agents.cli.watch import watch_run
from tasam_agents.config.fields import LearnerConfig, Scalar, TrainConfig
from tasam_agents.config.variants import VARIANTS
from tasam_agents.distributed.config import DistributedConfig
from tasam_agents.distributed.training import train_distributed
from tasam_agents.envs.interface import EnvironmentRefused
from tasam_agents.experiments.run_evaluation import evaluate_run
from tasam_agents.experiments.run_figures import draw_run, learning_curves
from tasam_agents.experiments.sharpness.measure import RHO, measure_run
from tasam_agents.training import checkpoint
from tasam_agents.training.checkpoint import CheckpointError
from tasam_agents.training.evaluation import TEST_SEED
from tasam_agents.training.run_directory import RunDirectory, RunError
from tasam_agents.training.trainer import Interrupted, TrainingDiverged
from tasam_agents.training.trainer import train as run_training

BAD_INPUT, FAILED, INTERRUPTED = 2, 1, 130
HELD_OUT_NETWORKS = 20
DISTRIBUTED_OPTIONS = ("--collectors", "--staleness", "--address")
PICTURES = (".png", ".pdf", ".svg")

USAGE = f"""usage: tasam COMMAND …

  tasam train [--config NAME] [--run-dir DIR] [any field]   train, evaluate on held-out networks, draw
              [--env NAME=VALUE]…                           (an argument of the environment)
  tasam train --resume RUN                                  go on with an interrupted run
              [--collectors N] [--staleness K] [--address A]  both with the networks on a Ray cluster
  tasam evaluate RUN [--networks N]                         compare a run with the reference policies
  tasam plot RUN… [--output FILE]                           draw runs; several on one learning curve
  tasam watch RUN [--out FILE]                              film the best actors: .gif, .mp4, or .png of the last step
  tasam compare --agents NAME… [--seeds N] [--jobs J]       train several agents over seeds and compare them
  tasam sharpness RUN [--batches N] [--double] [--json]     largest Hessian eigenvalue and ε-sharpness of every loss
{GENERALISE_USAGE}
  tasam forget --first A --then B [any field]               what learning scenario B costs on A, with SAM and anchor
{STUDY_USAGE}
NAME: {", ".join(VARIANTS)};
baselines of stable-baselines3: {", ".join(BASELINES)};
for compare also the reference policies of the environment.
`tasam train --config NAME --help` lists every field and its value there."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point. Ends with exit code 2 on bad input, 1 when training diverged, 130 when interrupted."""
    command, *rest = list(sys.argv[1:] if arguments is None else arguments) or ["--help"]
    commands = {
        "train": _train,
        "evaluate": _evaluate,
        "plot": _plot,
        "watch": _watch,
        "sharpness": _sharpness,
        "compare": compare_agents,
        "generalise": _generalise,
        "forget": _forget,
        "study": study,
    }
    if command in ("-h", "--help"):
        print(USAGE)
        return
    try:
        if command not in commands:
            raise RunError(f"command {command!r}; allowed: {', '.join(commands)}")
        commands[command](rest)
    except (RunError, CheckpointError, EnvironmentRefused, FilmError) as error:
        _leave(f"error: {error}", BAD_INPUT)
    # OSError: a full disk, a directory that may not be written.
    except (TrainingDiverged, RunsFailed, MissingExtra, ImportError, OSError) as error:
        _leave(f"error: {error}", FAILED)
    except Interrupted as error:
        _leave(str(error), INTERRUPTED)
    except KeyboardInterrupt:
        _leave("stopped", INTERRUPTED)


def _train(arguments: Sequence[str]) -> None:
    """Train, evaluate on held-out networks, draw."""
    fields, given = _take(arguments, "--config", "--run-dir", "--resume", *DISTRIBUTED_OPTIONS)
    distributed = _distributed({name: given.pop(name) for name in DISTRIBUTED_OPTIONS if name in given})
    resume, run_dir = given.pop("--resume", None), given.get("--run-dir")
    config: TrainConfig | BaselineConfig
    if resume is not None:
        surplus = [*given, *fields]
        if surplus:
            raise RunError(f"--resume takes the configuration of the run; not allowed with it: {' '.join(surplus)}")
        path = Path(resume)
        config = RunDirectory.open(path).config()
        recorded = DistributedConfig.recorded(path)
        if distributed is None and recorded != DistributedConfig():  # else its numbers would be others
            distributed = recorded
    else:
        name = given.get("--config", "default")
        config = _baseline(name, fields) if name in BASELINES else _configuration(name, fields)
        path = Path(run_dir) if run_dir else Path("runs") / f"{config.name}-{time.strftime('%Y%m%d-%H%M%S')}"
    try:
        if isinstance(config, BaselineConfig):
            if distributed is not None:
                raise RunError("--collectors, --staleness and --address: allowed with our own agents, not a baseline")
            train_baseline(config, path)
        elif distributed is not None:
            train_distributed(config, path, distributed, resume=resume is not None)
        else:
            run_training(config, path, resume=resume is not None)
    except KeyboardInterrupt:
        saved = checkpoint.exists(RunDirectory(path).latest)
        way = f"to go on from the last save: tasam train --resume {path}" if saved else "nothing was saved yet"
        raise Interrupted(f"stopped at once; {way}") from None
    print(f"trained: {path}", flush=True)
    _compare_and_draw(path, HELD_OUT_NETWORKS)


def _distributed(given: dict[str, str]) -> DistributedConfig | None:
    """What the options of a distributed run ask for; None: a run of this process."""
    if not given:
        return None
    numbers: dict[str, Any] = {}
    for name in ("--collectors", "--staleness"):
        if name in given:
            try:
                numbers[name.lstrip("-")] = int(given[name])
            except ValueError:
                raise RunError(f"{name} is {given[name]!r}; allowed: an integer") from None
    try:
        return DistributedConfig(**numbers, address=given.get("--address"))
    except ValueError as error:
        raise RunError(str(error)) from error


def _evaluate(arguments: Sequence[str]) -> None:
    """Compare a run with the reference policies."""

    def options(run: tyro.conf.Positional[Path], networks: int = HELD_OUT_NETWORKS) -> tuple[Path, int]:
        """Compare the best actors of a run with the reference policies on held-out networks.

        Args:
            run: run directory.
            networks: how many held-out networks, at least 2.
        """
        return run, networks

    _compare_and_draw(*_parse(options, "tasam evaluate", arguments))


def _plot(arguments: Sequence[str]) -> None:
    """Draw runs."""

    def options(
        runs: tyro.conf.Positional[tuple[Path, ...]], output: Path | None = None
    ) -> tuple[tuple[Path, ...], Path | None]:
        """Draw the figures of each run, and the learning curves of several on one picture.

        Args:
            runs: run directories, one or more.
            output: where the common picture goes; default, for several runs: learning_curves.png beside them.
        """
        return runs, output

    runs, output = _parse(options, "tasam plot", arguments)
    if not runs:
        raise RunError("no run given; allowed: one or more run directories")
    if output is not None and output.suffix not in PICTURES:
        raise RunError(f"output is {output}; allowed: a file ending in {', '.join(PICTURES)}")
    directories = [RunDirectory.open(path) for path in runs]
    pictures = [picture for run in directories for picture in draw_run(run)]
    if len(directories) > 1 or output is not None:
        beside = Path(os.path.commonpath([path.absolute().parent for path in runs]))
        pictures.append(learning_curves(directories, output or beside / "learning_curves.png"))
    _print_paths(pictures)


def _watch(arguments: Sequence[str]) -> None:
    """Film a run."""

    def options(
        run: tyro.conf.Positional[Path],
        out: Path | None = None,
        steps: int | None = None,
        seed: int = TEST_SEED,
        fps: float = RENDER_FPS,
    ) -> dict[str, Any]:
        """Film the best actors of a run, deterministic, on one network.

        Args:
            run: run directory.
            out: a file ending in .gif, .mp4, or .png for the last frame alone; default: RUN/figures/watch.gif.
            steps: frames, one per step; default: one episode.
            seed: of the network; default: the first held-out one.
            fps: frames per second.
        """
        return {"path": run, "out": out, "steps": steps, "seed": seed, "fps": fps}

    _print_paths([watch_run(**_parse(options, "tasam watch", arguments))])


def _sharpness(arguments: Sequence[str]) -> None:
    """Measure how sharp a run's losses are."""

    def options(
        run: tyro.conf.Positional[Path],
        batches: int = 4,
        batch_size: int | None = None,
        products: int = 30,
        rho: float = RHO,
        double: bool = False,
        json: bool = False,
    ) -> tuple[bool, dict[str, Any]]:
        """Largest Hessian eigenvalue and ε-sharpness of every critic and actor of a run, on fixed batches.

        Args:
            run: run directory.
            batches: how many fixed batches.
            batch_size: joint transitions per batch; default: the run's own.
            products: Hessian-vector products per eigenvalue, at least 2.
            rho: radius of the ε-sharpness.
            double: compute in double precision.
            json: print sharpness.json instead of the table.
        """
        chosen = {"batches": batches, "batch_size": batch_size, "products": products, "rho": rho, "double": double}
        return json, {"path": run, **chosen}

    as_json, chosen = _parse(options, "tasam sharpness", arguments)
    sharpness = measure_run(**chosen)
    files = sharpness.write(RunDirectory.open(chosen["path"]))
    if as_json:
        print(json.dumps(sharpness.document(), indent=1, allow_nan=False))
        return
    print(f"\n{sharpness.text()}\n")
    _print_paths(files)


def _baseline(name: str, arguments: Sequence[str]) -> BaselineConfig:
    """A named baseline with fields overridden from the command line."""
    kwargs, fields = _environment_arguments(BASELINES[name].env_kwargs, arguments)
    default = dataclasses.replace(BASELINES[name], env_kwargs=kwargs)
    description = f"Fields of --config {name}. Also: --config NAME, --run-dir DIR and --env NAME=VALUE."
    config = _parse(BaselineConfig, "tasam train", fields, flat=True, default=default, description=description)
    assert isinstance(config, BaselineConfig)
    return config


def _generalise(arguments: Sequence[str]) -> None:
    """Evaluate runs on scenarios they were not trained on."""
    _print_paths(generalise_command(arguments, _parse))


def _forget(arguments: Sequence[str]) -> None:
    """Train on one scenario, then on another, and measure what was lost."""
    forget(arguments, _configuration)


def _configuration(name: str, arguments: Sequence[str]) -> TrainConfig:
    """A named configuration with fields overridden from the command line."""
    if name not in VARIANTS:
        raise RunError(f"--config is {name!r}; allowed: {', '.join([*VARIANTS, *BASELINES])}")
    default, fields = _with_environment(_for_environment(VARIANTS[name], arguments), arguments)
    description = (
        f"Fields of --config {name}. Also: --config NAME, --run-dir DIR, --resume RUN, and for any argument of the "
        "environment --env NAME=VALUE."
    )
    config = _parse(TrainConfig, "tasam train", fields, default=default, description=description)
    assert isinstance(config, TrainConfig)
    return config


def _compare_and_draw(path: Path, num_networks: int) -> None:
    comparison = evaluate_run(path, num_networks)
    run = RunDirectory.open(path)
    files = comparison.write(run)
    print(f"\n{comparison.text()}\n")
    _print_paths([*files, *([] if is_baseline(path) else draw_run(run))])


def _take(arguments: Sequence[str], *options: str) -> tuple[list[str], dict[str, str]]:
    """Separate ``--option VALUE`` and ``--option=VALUE`` from the fields, which tyro reads."""
    fields: list[str] = []
    values: dict[str, str] = {}
    remaining = iter(arguments)
    for argument in remaining:
        option, equals, value = argument.partition("=")
        if option not in options:
            fields.append(argument)
            continue
        if not equals:
            value = next(remaining, "")
        if not value or value.startswith("--"):
            raise RunError(f"{option} lacks its value")
        if option in values:
            raise RunError(f"{option} is given twice")
        values[option] = value
    return fields, values


def _for_environment(default: TrainConfig, arguments: Sequence[str]) -> TrainConfig:
    """With another ``--env-id`` than the configuration's, leave out what was meant for its own environment: inputs,
    bits, and a critic that asks for resources."""
    reader = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    reader.add_argument("--env-id", "--env_id", default=default.env_id)
    env_id = reader.parse_known_args(list(arguments))[0].env_id
    if env_id == default.env_id:
        return default
    general = LearnerConfig()
    critic = general.critic if default.learner.critic == "resource" else default.learner.critic
    learner = dataclasses.replace(
        default.learner,
        input_scaling=(),
        critic=critic,
        policy=general.policy,
        temperature=general.temperature,
        actor_delay=general.actor_delay,
    )
    return dataclasses.replace(default, env_id=env_id, env_kwargs={}, learner=learner)


def _with_environment(default: TrainConfig, arguments: Sequence[str]) -> tuple[TrainConfig, list[str]]:
    """Apply every ``--env NAME=VALUE``."""
    kwargs, rest = _environment_arguments(default.env_kwargs, arguments)
    return dataclasses.replace(default, env_kwargs=kwargs), rest


def _environment_arguments(default: dict[str, Scalar], arguments: Sequence[str]) -> tuple[dict[str, Scalar], list[str]]:
    """Take out every ``--env NAME=VALUE``, which tyro cannot read: the names are the environment's, not ours."""
    rest: list[str] = []
    kwargs = dict(default)
    remaining = iter(arguments)
    for argument in remaining:
        if argument == "--env":
            setting = next(remaining, "")
        elif argument.startswith("--env="):
            setting = argument.removeprefix("--env=")
        else:
            rest.append(argument)
            continue
        name, equals, text = setting.partition("=")
        if not (name and equals):
            raise RunError("--env is to be followed by NAME=VALUE")
        try:
            value = json.loads(text)
        except json.JSONDecodeError:
            value = text
        kwargs[name] = value
    return kwargs, rest


def _leave(message: str, code: int) -> None:
    print(message, file=sys.stderr)
    sys.exit(code)


if __name__ == "__main__":
    main()
