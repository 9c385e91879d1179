"""Sharpness-aware multi-agent soft actor-critic with a TD-error gate, for any PettingZoo ParallelEnv."""

from oran_env import __version__

__all__ = ["__version__"]
