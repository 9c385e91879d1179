"""Whether networks and replay fit into the memory, asked before any of it is taken.

A configuration may be a stranger's. An estimate from below: weights with the two moments of Adam, targets without, and
the whole ring of the replay.
"""

from __future__ import annotations

from itertools import pairwise

from tasam_agents.config.fields import TrainConfig
from tasam_agents.errors import UserError
from tasam_agents.files.tensor_file import physical_memory
from tasam_agents.learner.learner import TaskSpec

_BYTES = 4
_COPIES = 3  # the weight and two moments


def needed_bytes(task: TaskSpec, config: TrainConfig) -> int:
    """At least so many bytes, all float32."""
    agents, observed, acted = len(task.agents), max(task.observation_sizes), max(task.action_sizes)
    hidden = config.learner.hidden
    behind_inputs = sum(here * there for here, there in pairwise(hidden))
    actor = behind_inputs + observed * hidden[0] + hidden[-1] * acted
    critic = behind_inputs + acted * hidden[0]
    weights = _COPIES * (agents * actor + 2 * critic) + 2 * critic
    replay = config.replay_capacity * agents * (acted + 2)  # observations may be left out, actions not
    return _BYTES * (weights + replay)


def check_memory(task: TaskSpec, config: TrainConfig) -> None:
    """Refuse what this machine cannot hold.

    Raises:
        UserError: naming what is needed and what there is.
    """
    needed, most = needed_bytes(task, config), physical_memory()
    if needed > most:
        raise UserError(
            f"networks {config.learner.hidden} and replay_capacity = {config.replay_capacity} need {needed >> 20} MiB "
            f"of memory; allowed: at most {most >> 20} MiB, what this machine has"
        )
