"""How one run is spread over a cluster, and the note of it in the run directory."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

from tasam_agents.errors import Damaged, UserError
from tasam_agents.files.atomic_write import write_json_atomically
from tasam_agents.files.bounded_read import KIB, read_json
from tasam_agents.training.run_directory import RunError

_RECORD = "distributed.json"


@dataclass(frozen=True)
class DistributedConfig:
    """Collectors and learner of one run. With one collector and no staleness the run is the one of ``train``."""

    collectors: int = 1
    """Processes among which the run's envs are divided."""
    staleness: int = 0
    """Iterations between the weights that collect and the newest ones. 0: learner and collectors take turns; 1: the
    experience of the next iteration is collected during the updates of this one."""
    address: str | None = None
    """Of a running Ray cluster, "auto" or host:port; None: one of this machine, for as long as the run takes."""

    def __post_init__(self) -> None:
        for name, minimum in (("collectors", 1), ("staleness", 0)):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < minimum:
                raise ValueError(f"DistributedConfig.{name} = {value!r}, allowed: an integer >= {minimum}")
        if self.address is not None and not self.address:
            raise ValueError("DistributedConfig.address = '', allowed: 'auto', host:port or None")

    def shares(self, num_envs: int) -> list[slice]:
        """Which envs each collector simulates; the numbers differ by one at most.

        Raises:
            UserError: there are more collectors than envs.
        """
        if self.collectors > num_envs:
            raise UserError(f"DistributedConfig.collectors = {self.collectors}, allowed: at most num_envs = {num_envs}")
        ends = [num_envs * (c + 1) // self.collectors for c in range(self.collectors)]
        return [slice(first, end) for first, end in zip([0, *ends], ends, strict=False)]

    def threads(self, learner_threads: int) -> int:
        """CPUs and threads of a collector: a single one computes just as the learner's process would."""
        return learner_threads if self.collectors == 1 else 1

    def record(self, run_dir: Path) -> None:
        """Note in the run directory what its numbers depend on."""
        document = asdict(self)
        del document["address"]
        write_json_atomically(run_dir / _RECORD, document, indent=2)

    @staticmethod
    def recorded(run_dir: Path, address: str | None = None) -> DistributedConfig:
        """How a run was spread; one that was trained by a single process counts as one collector without staleness.

        Raises:
            RunError: the note is damaged.
        """
        file = run_dir / _RECORD
        if not file.is_file():
            return DistributedConfig(address=address)
        try:
            return DistributedConfig(**read_json(file, 64 * KIB), address=address)
        except (Damaged, OSError, ValueError, TypeError) as error:
            raise RunError(f"{file} does not say how the run was spread: {error}") from error

    def check_same(self, run_dir: Path) -> None:
        """Refuse to go on with a run that was spread otherwise, since its numbers would be others.

        Raises:
            RunError: naming what differs.
        """
        began = DistributedConfig.recorded(run_dir)
        for name in ("collectors", "staleness"):
            here, there = getattr(self, name), getattr(began, name)
            if here != there:
                raise RunError(f"DistributedConfig.{name} = {here}, allowed: {there}, with which {run_dir} began")
