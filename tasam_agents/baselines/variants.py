"""Named baselines. Plain ones are the library as it is; `tuned` ones get what our own agents get.

Two settings are not the library's even in the plain ones. It counts on one environment; with many networks side by side
PPO's rollouts are cut to the same 2048 network steps in sum. And its TD3 explores with no noise at all unless told to.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tasam_agents.baselines.config import BaselineConfig, Ppo, Td3
from tasam_agents.config import ORAN_INPUT_SCALING

_SAC = BaselineConfig(name="SAC-SB3")
_TD3 = BaselineConfig(name="TD3-SB3", settings=Td3(action_noise=0.1))
_PPO = BaselineConfig(name="PPO-SB3", settings=Ppo(rollout_steps=32))


def _tuned(config: BaselineConfig, batch_size: int | None = None, **settings: Any) -> BaselineConfig:
    """With the inputs and discount of our own default configuration and the learning rates that our own relaxed policy
    learnt best with; the rest by algorithm."""
    return replace(
        config,
        name=f"{config.name}-tuned",
        settings=replace(config.settings, **settings),
        input_scaling=ORAN_INPUT_SCALING,
        gamma=0.0,
        learning_rate=6e-4,
        final_learning_rate_factor=0.02,
        batch_size=batch_size,
    )


def _shared(config: BaselineConfig, batch_size: int | None = None) -> BaselineConfig:
    return replace(config, name=f"{config.name}-shared", view="shared", batch_size=batch_size)


_SAC_ENTROPY: dict[str, Any] = {"initial_entropy_coefficient": 0.001, "target_entropy_per_dim": -1.5}
_PACE: dict[str, Any] = {"warmup_steps": 20, "train_every": 10, "updates_per_round": 6}  # of our own agents
_ROWS = 1152  # 192 network steps of six DUs, the mini-batch of our own agents

BASELINES: dict[str, BaselineConfig] = {
    "sac_sb3": _SAC,
    "td3_sb3": _TD3,
    "ppo_sb3": _PPO,
    "sac_sb3_shared": _shared(_SAC),
    "td3_sb3_shared": _shared(_TD3),
    "ppo_sb3_shared": _shared(_PPO, batch_size=384),  # 64 network steps of six DUs: as many updates as with `joint`
    "sac_sb3_tuned": _tuned(_SAC, **_PACE, **_SAC_ENTROPY),
    "td3_sb3_tuned": _tuned(_TD3, **_PACE),
    "ppo_sb3_tuned": _tuned(_PPO),
    "sac_sb3_shared_tuned": _tuned(_shared(_SAC), **_PACE, batch_size=_ROWS, **_SAC_ENTROPY),
    "td3_sb3_shared_tuned": _tuned(_shared(_TD3), **_PACE, batch_size=_ROWS),
    "ppo_sb3_shared_tuned": _tuned(_shared(_PPO), batch_size=384),
}
