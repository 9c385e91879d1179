"""Libraries of the extra ``render``, imported when they are needed and not before."""

from __future__ import annotations

import importlib
from typing import Any

from oran_env.extras import how_to_install


class MissingExtra(ImportError):
    """A library of an optional extra is not installed; the message says how to install it."""


def needed(module: str) -> Any:
    """Import ``module`` of the extra ``render``.

    Raises:
        MissingExtra: it is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        library = module.partition(".")[0]
        raise MissingExtra(f"pictures need {library}, which is missing: {how_to_install('render')}") from error
