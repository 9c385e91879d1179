"""The ids of the present version make environments, those of the one before say where to go."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import gymnasium
import pettingzoo
import pytest
from gymnasium.error import DeprecatedEnv

from oran_env import registration
from oran_env.version import __version__

CALLS: dict[str, tuple[Callable[..., Any], str]] = {
    "parallel": (lambda name, **more: pettingzoo.make("parallel", name, **more), registration.PARALLEL_ID),
    "aec": (lambda name, **more: pettingzoo.make("aec", name, **more), registration.PARALLEL_ID),
    "joint": (gymnasium.make, registration.JOINT_ID),
    "joint vector": (lambda name, **more: gymnasium.make_vec(name, 2, **more), registration.JOINT_ID),
    "joint loop": (lambda name, **more: gymnasium.make_vec(name, 2, "sync", **more), registration.JOINT_ID),
    "du": (gymnasium.make, registration.DU_ID),
    "du vector": (lambda name, **more: gymnasium.make_vec(name, 2, **more), registration.DU_ID),
}


@pytest.mark.parametrize("which", CALLS)
@pytest.mark.parametrize("arguments", [{}, {"scenario": "tiny", "num_ues": 9}], ids=["plain", "arguments"])
def test_v0_says_where_it_is(which: str, arguments: dict[str, Any]) -> None:
    make, name = CALLS[which]
    old = name.replace("-v1", "-v0")
    assert old != name
    message = rf"{old} is no longer here. Use '{name}'.* or package version 0\.1\.0 \(git revision \w+\), the last"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Gymnasium's own word on old versions
        with pytest.raises(DeprecatedEnv, match=message):
            make(old, **arguments)
    make(name, scenario="tiny").close()


def test_registering_again_changes_nothing() -> None:
    before = dict(gymnasium.registry), dict(pettingzoo.parallel_registry), dict(pettingzoo.aec_registry)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        registration.register()
    assert before == (gymnasium.registry, pettingzoo.parallel_registry, pettingzoo.aec_registry)


def test_the_package_is_not_the_last_one_with_v0() -> None:
    assert __version__ not in registration.LAST_WITH_V0


@pytest.mark.parametrize("which", CALLS)
def test_every_preset_has_an_id(which: str) -> None:
    make, name = CALLS[which]
    env = make(registration.preset_id(name, "dus_4"), horizon=7)
    made = env.envs[0] if hasattr(env, "envs") else env
    assert made.unwrapped.scenario.name == "dus_4"
    assert made.unwrapped.scenario.control.horizon == 7
    env.close()
