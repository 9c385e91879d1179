"""What a file may name: an environment that is installed and registered, never code to import by name.

A run directory may come from a stranger. Its configuration is data: an id of a registry picks among environments that
are installed anyway; ``module:function``, and ``module:Id-v0`` of Gymnasium, would import whatever the file says.
"""

from __future__ import annotations

from collections.abc import Collection

from tasam_agents.envs.interface import EnvironmentRefused

KNOWN = ("mpe2.simple_spread_v3:parallel_env",)
"""Ids with a module that a file may name all the same: those of our own named configurations."""


def check_env_id(env_id: str, file: object, trusted: Collection[str] = ()) -> None:
    """Refuse an environment id out of a file that names a module which the user did not name, too.

    Args:
        env_id: out of the file.
        file: for the message.
        trusted: ids that the user named beside the file, as ``--trust-env`` does.

    Raises:
        EnvironmentRefused: the id would import code.
    """
    if ":" in env_id and env_id not in KNOWN and env_id not in trusted:
        raise EnvironmentRefused(
            f"{file} names the environment {env_id!r}, which would import code of its choosing; allowed from a file: "
            f"an id of a registry, {', '.join(KNOWN)}, or one that you name, too: --trust-env {env_id}"
        )
