"""NAME=VALUE, as users write the arguments of an environment, whose names are not ours to declare."""

from __future__ import annotations

import json

from tasam_agents.config.fields import Scalar


def name_and_value(setting: str) -> tuple[str, Scalar]:
    """Read one setting; its value is JSON if it can be, else text. ``oran-env watch`` reads its own alike.

    Raises:
        ValueError: not of that form.
    """
    name, _, text = setting.partition("=")
    if not (name and text):
        raise ValueError(f"{setting!r}; allowed: NAME=VALUE")
    try:
        value: Scalar = json.loads(text)
    except ValueError:
        value = text
    return name, value
