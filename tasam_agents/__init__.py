"""Sharpness-aware multi-agent soft actor-critic with a TD-error gate, for any PettingZoo ParallelEnv.

What a name needs is imported when it is asked for: ``import tasam_agents`` alone loads neither torch nor an
environment.
"""

from __future__ import annotations

import importlib
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tasam_agents.config.fields import TrainConfig
    from tasam_agents.config.variants import VARIANTS, variant
    from tasam_agents.public import compare, evaluate, load_policy, score, train

    __version__: str

__all__ = [
    "VARIANTS",
    "TrainConfig",
    "__version__",
    "compare",
    "evaluate",
    "load_policy",
    "score",
    "train",
    "variant",
]

_MODULE_OF = {
    "TrainConfig": "tasam_agents.config.fields",
    "VARIANTS": "tasam_agents.config.variants",
    "variant": "tasam_agents.config.variants",
} | dict.fromkeys(("compare", "evaluate", "load_policy", "score", "train"), "tasam_agents.public")


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return version("oran-tasam")
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'tasam_agents' has no attribute {name!r}; allowed: {', '.join(__all__)}")
    return getattr(importlib.import_module(_MODULE_OF[name]), name)


def __dir__() -> list[str]:
    return __all__
