"""`tasam train`: train, evaluate on held-out networks, draw; a new run or the rest of an old one."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Literal

from tasam_agents.cli.arguments import Unprefixed, parse, parse_with_configuration
from tasam_agents.cli.commands.evaluate import HELD_OUT_NETWORKS, evaluate_and_draw
from tasam_agents.distributed.config import DistributedConfig
from tasam_agents.errors import UserError
from tasam_agents.training.run_directory import RunDirectory


@dataclass(frozen=True)
class Cluster:
    """Options of a run whose networks are on a Ray cluster; any of them makes it one."""

    collectors: int | None = None
    """On a Ray cluster: processes among which the radio networks are divided."""
    staleness: int | None = None
    """On a Ray cluster: iterations between the weights that collect and the newest ones."""
    address: str | None = None
    """Of a running Ray cluster, "auto" or host:port."""

    def config(self) -> DistributedConfig | None:
        """What they ask for; None: a run of this process.

        Raises:
            UserError: a number that is not allowed.
        """
        given = {name: value for name, value in asdict(self).items() if value is not None}
        try:
            return DistributedConfig(**given) if given else None
        except ValueError as error:
            raise UserError(str(error)) from error


@dataclass(frozen=True)
class Resumed:
    """Options of a run that goes on."""

    cluster: Annotated[Cluster, Unprefixed]
    resume: Path | None = None
    """Run directory of an interrupted run, to go on with it."""
    trust_env: tuple[str, ...] = ()
    """Environment ids with a module that a run or a file of --config may name; else only a registry's are made."""
    track: Literal["tensorboard", "wandb", "mlflow"] | None = None
    """Show the log with this tool, too; each is an extra: docs/metrics.md."""
    accept_changes: bool = False
    """With --resume: go on although configuration or versions are not those it began with, or its log is damaged."""


@dataclass(frozen=True)
class Machine:
    """What a run that goes on may have of another machine: none of it is part of what is learnt."""

    threads: int | None = None
    """CPU threads of the matrix products, from here on; rounding, and so the last bits, may depend on it."""


@dataclass(frozen=True)
class Begun:
    """Train, evaluate on held-out networks, draw."""

    resumed: Annotated[Resumed, Unprefixed]
    run_dir: Path | None = None
    """A new or an empty directory; default: one under runs/."""


def run(arguments: Sequence[str]) -> None:
    """Run the command."""
    resumed, surplus = parse(Resumed, "tasam train", arguments, return_unknown_args=True, add_help=False)
    distributed = resumed.cluster.config()
    claimed = threads = None
    if resumed.resume is None:
        if resumed.accept_changes:
            raise UserError("--accept-changes: allowed with --resume")
        options, config = parse_with_configuration(Begun, "tasam train", arguments)
        if options.run_dir is None:
            stamp = time.strftime("%Y%m%d-%H%M%S")
            path = claimed = RunDirectory.claim(Path("runs"), f"{config.name}-seed{config.seed}-{stamp}")
        else:
            path = options.run_dir
    else:
        machine, surplus = parse(Machine, "tasam train", surplus, return_unknown_args=True, add_help=False)
        if surplus:
            raise UserError(f"--resume takes the configuration of the run; not allowed with it: {' '.join(surplus)}")
        threads = machine.threads
        path = resumed.resume
        run = RunDirectory.open(path)
        config = run.config(resumed.trust_env, changed=resumed.accept_changes)
        recorded = DistributedConfig.recorded(path)
        if distributed is None and recorded != DistributedConfig():  # else its numbers would be others
            distributed = recorded

    from tasam_agents.public import train
    from tasam_agents.training import checkpoint
    from tasam_agents.training.trainer import Interrupted

    try:
        train(
            config,
            path,
            resume=resumed.resume is not None,
            distributed=distributed,
            accept_changes=resumed.accept_changes,
            threads=threads,
            track=resumed.track,
        )
    except (UserError, Interrupted):
        if claimed is not None:
            with suppress(OSError):  # something stands in it
                claimed.rmdir()
        raise
    except KeyboardInterrupt:
        saved = checkpoint.exists(RunDirectory(path).latest)
        way = f"to go on from the last save: tasam train --resume {path}" if saved else "nothing was saved yet"
        raise Interrupted(f"stopped at once; {way}") from None
    with suppress(BrokenPipeError):  # nobody reads; the evaluation is to be written all the same
        print(f"trained: {path}", flush=True)
    evaluate_and_draw(path, HELD_OUT_NETWORKS, (config.env_id,))
