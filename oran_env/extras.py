"""How to install what an extra needs: the package is on no index, so that it is installed from its folder."""

from __future__ import annotations


def how_to_install(extra: str) -> str:
    """The command that works in a clone of the repository."""
    return f"in the folder of the project: pip install -e '.[{extra}]'"
