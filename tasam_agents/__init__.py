"""Sharpness-aware multi-agent soft actor-critic with a TD-error gate, for any PettingZoo ParallelEnv."""

from importlib.metadata import version

__version__ = version("oran-tasam")

__all__ = ["__version__"]
