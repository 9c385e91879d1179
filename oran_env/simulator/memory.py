"""Whether a batch fits into the memory, asked before any of it is taken: a scenario may come out of a file."""

from __future__ import annotations

import os

from oran_env.scenario.fields import Scenario
from oran_env.scenario.validation import ScenarioError

_BYTES = 8
_PER_UE, _PER_RB = 20, 2  # arrays of the state and the outcome, at least


def physical_memory() -> int:
    """Bytes of memory of this machine, or a guess where the system does not tell."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # Windows
        return 64 << 30


def check_memory(scenario: Scenario, num_networks: int) -> None:
    """Refuse what this machine cannot hold, by an estimate from below.

    Raises:
        ScenarioError: naming what is needed and what there is.
    """
    ues, dus, rbs = scenario.layout.num_ues, scenario.layout.num_dus, scenario.radio.num_rbs
    needed, most = _BYTES * num_networks * (ues * (dus + _PER_UE) + _PER_RB * dus * rbs), physical_memory()
    if needed > most:
        raise ScenarioError(
            f"{num_networks} networks of num_ues {ues}, num_dus {dus} and num_rbs {rbs} need {needed >> 20} MiB of "
            f"memory; allowed: at most {most >> 20} MiB, what this machine has"
        )
