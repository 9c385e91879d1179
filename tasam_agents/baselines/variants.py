"""Named baselines: one agent for all DUs, and rivals, of which one policy serves every DU.

A rival is an algorithm, a codec, and settings: the library's own, or those that `tasam tune` has found. In both it sees
what our own default sees, has its discount, widths and budget.

Some settings are not the library's even in the plain ones. It counts on one environment; with many networks side by
side PPO's rollouts are cut to the same 2048 network steps in sum, and its mini-batches hold 64 of these, of all DUs.
And its TD3 explores with no noise at all unless told to.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, NamedTuple

from tasam_agents.baselines.config import BaselineConfig, CrossQ, Ppo, RecurrentPpo, Sac, Td3, Tqc
from tasam_agents.baselines.search_space import TAKES_FROM, with_settings
from tasam_agents.config import ORAN_INPUT_SCALING
from tasam_agents.config.checks import field_types
from tasam_agents.config.variants import VARIANTS
from tasam_agents.files.bounded_read import read_json

TUNED = Path(__file__).parent / "tuned"
"""What `tasam tune` has found, a file per rival."""

_TD3, _PPO, _ROWS = Td3(action_noise=0.1), Ppo(rollout_steps=32), 384  # 64 network steps of six DUs


class _Plain(NamedTuple):
    """An algorithm with the library's own settings."""

    label: str
    settings: Any
    activation: Literal["tanh", "relu"]
    batch_size: int | None = None


_ALGORITHMS = {
    plain.settings.algorithm: plain
    for plain in (
        _Plain("SAC", Sac(), "relu"),
        _Plain("TD3", _TD3, "relu"),
        _Plain("PPO", _PPO, "tanh", _ROWS),
        _Plain("CrossQ", CrossQ(), "relu"),
        _Plain("TQC", Tqc(), "relu"),
        _Plain("RecurrentPPO", RecurrentPpo(rollout_steps=32), "tanh", _ROWS),
    )
}

CODECS = ("two_bit", "slice_share", "zones", "prb_quota")
"""Of the environment, those that a policy with few outputs can serve."""


def _rival(algorithm: str, codec: str) -> BaselineConfig:
    plain, own = _ALGORITHMS[algorithm], VARIANTS["default"]
    rival = BaselineConfig(
        name=f"{plain.label}-{codec}",
        settings=plain.settings,
        view="shared",
        env_kwargs={"scenario": "paper", "codec": codec},
        activation=plain.activation,
        input_scaling=ORAN_INPUT_SCALING,
        gamma=own.learner.gamma,
        batch_size=plain.batch_size,
    )
    return rival.like(replace(own, env_kwargs={"scenario": "paper"}))


PLAIN_RIVALS = {f"{algorithm}_{codec}": _rival(algorithm, codec) for codec in CODECS for algorithm in _ALGORITHMS}
"""With the library's own settings."""


def found_settings(name: str) -> Mapping[str, Any] | None:
    """What was found for a rival, by the paths of the fields; None: it was not tuned."""
    file = TUNED / f"{name}.json"
    return read_json(file)["settings"] if file.is_file() else None


def _tuned(algorithm: str, codec: str) -> BaselineConfig | None:
    rival = PLAIN_RIVALS[f"{algorithm}_{codec}"]
    giver = TAKES_FROM.get(type(rival.settings), type(rival.settings))
    found = found_settings(f"{giver().algorithm}_{codec}")
    if found is None:
        return None
    lacking = {f"settings.{name}" for name in field_types(giver).keys() - field_types(type(rival.settings))}
    fitting = {path: value for path, value in found.items() if path not in lacking}
    return replace(with_settings(rival, fitting), name=f"{rival.name}-tuned")


TUNED_RIVALS = {
    f"{algorithm}_{codec}_tuned": rival
    for codec in CODECS
    for algorithm in _ALGORITHMS
    if (rival := _tuned(algorithm, codec)) is not None
}
"""With the settings that were found; one without a file there is left out."""

BASELINES: dict[str, BaselineConfig] = {
    "sac_sb3": BaselineConfig(name="SAC-SB3"),
    "td3_sb3": BaselineConfig(name="TD3-SB3", settings=_TD3),
    "ppo_sb3": BaselineConfig(name="PPO-SB3", settings=_PPO),
    **PLAIN_RIVALS,
    **TUNED_RIVALS,
    # The batch and the learning rate that `default` has gone to since, by hand: 128 joint transitions of six DUs.
    "sac_zones_large": replace(
        TUNED_RIVALS["sac_zones_tuned"], name="SAC-zones-large-batch", batch_size=768, learning_rate=1e-2
    ),
}
