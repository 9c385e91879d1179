"""A Ray cluster to work on: one that runs already, or one of this machine for as long as it is needed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tasam_agents.errors import UserError
from tasam_agents.training.threads import thread_variables


def import_ray() -> Any:
    """The module ``ray``; ImportError says how to install it."""
    try:
        import ray
    except ImportError as error:
        raise ImportError(
            "no Ray, which a cluster needs; in the folder of the project: pip install -e '.[ray]'"
        ) from error
    return ray


@contextmanager
def connected(address: str | None, cpus: int = 0) -> Iterator[Any]:
    """Within, this process is a driver of a cluster; gives the module ``ray``.

    A connection that stands already is used as it is and left open.

    Args:
        address: of a running cluster, "auto" or host:port; None: one of this machine, which ends with the block.
        cpus: what the cluster of this machine has at least, also if these are more than the machine's own.

    Raises:
        ImportError: Ray is not installed.
        UserError: there is no cluster at the address.
    """
    ray = import_ray()
    if ray.is_initialized():
        yield ray
        return
    try:
        if address is None:
            os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # Ray would report over the network that it was used
            own = max(cpus, os.cpu_count() or 1)
            ray.init("local", num_cpus=own, include_dashboard=False, log_to_driver=False, logging_level="warning")
        else:
            ray.init(address, log_to_driver=False, logging_level="warning")
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise UserError(
            f"address is {address!r}: {error}; allowed: a running Ray cluster, or none for one here"
        ) from error
    try:
        yield ray
    finally:
        ray.shutdown()


def threads_environment(threads: int) -> dict[str, Any]:
    """A ``runtime_env`` whose processes begin with so many threads in every numerical library."""
    return {"env_vars": thread_variables(threads)}
