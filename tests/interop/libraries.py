"""Which libraries are tried, what is installed for each, and where its versions are read."""

from __future__ import annotations

from typing import NamedTuple


class Library(NamedTuple):
    """One library. The script ``tries/NAME.py`` is run with it."""

    title: str
    requirements: tuple[str, ...]
    distribution: str  # whose version the table tells


LIBRARIES = {
    "try_sb3": Library("stable-baselines3", ("stable-baselines3",), "stable-baselines3"),
    "try_sb3_contrib": Library("sb3-contrib", ("sb3-contrib",), "sb3-contrib"),
    "try_torchrl": Library("TorchRL", ("torchrl",), "torchrl"),
    "try_benchmarl": Library("BenchMARL", ("benchmarl",), "benchmarl"),
    "try_tianshou": Library("Tianshou", ("tianshou",), "tianshou"),
    "try_agilerl": Library("AgileRL", ("agilerl",), "agilerl"),
    "try_skrl": Library("skrl", ("skrl",), "skrl"),
    "try_cleanrl_loop": Library("CleanRL-style loop", ("torch",), "torch"),
    "try_supersuit": Library("SuperSuit", ("supersuit", "stable-baselines3"), "supersuit"),
    "try_minari": Library("Minari", ("minari[hdf5,create]",), "minari"),
    "try_rllib": Library("RLlib", ("ray[rllib]", "torch"), "ray"),
}
OURS = ("numba", "numpy>=2,<3", "filelock", "gymnasium>=1.1,<2", "pettingzoo>=1.24.3,<2")
"""What the environment itself needs; versions beside the library's are told in the table."""
BESIDE = ("gymnasium", "pettingzoo", "torch", "torchrl", "numpy")
