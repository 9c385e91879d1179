"""The page of an environment, in the form of the Farama Foundation's.

Its sections are those of the class docstring; what that does not say is taken from ``OranParallelEnv``.
"""

from __future__ import annotations

import inspect
import re
import sys
import textwrap
import typing
from collections.abc import Iterator
from typing import Any

import gymnasium
import numpy as np

import oran_env
from generator.docstrings import HEAD, code, comments, doc, named, table
from oran_env import registration
from oran_env.model import outcome
from oran_env.model.mac import action_codec as actions
from oran_env.model.reward import observation as observations
from oran_env.model.reward import reward

SHARED = oran_env.OranParallelEnv  # its docstring has every section
SEE_ALSO = """## See also

[Every field, preset and traffic profile](scenario.md) · [other interfaces](../interfaces.md) · [checking and
scoring](../scoring.md) · [mechanisms of your own](../extending.md) · [differences to the paper](../differences.md)
"""


def sections(cls: type) -> dict[str, str]:
    """The sections of a class docstring by title; before the first one stands "", after the last one the arguments."""
    body = re.split(r"^(?:Args|Raises):$", doc(cls), flags=re.MULTILINE)[0]
    parts = re.split(r"^## (.*)$", body, flags=re.MULTILINE)
    return {title: text.strip() for title, text in zip(["", *parts[1::2]], parts[::2], strict=True)}


def arguments(cls: Any) -> str:
    """Table of the arguments, from the signature and the docstring."""
    block = re.split(r"^(?:Args|Raises):$", doc(cls), flags=re.MULTILINE)[1]
    meaning = named(textwrap.dedent(block), r"(\w+):")
    signature = inspect.signature(cls.__init__).parameters
    assert set(meaning) == set(signature) - {"self"}, cls

    def rows() -> Iterator[tuple[str, ...]]:
        for name, text in meaning.items():
            keywords = signature[name].kind is inspect.Parameter.VAR_KEYWORD
            yield f"`{'**' if keywords else ''}{name}`", "" if keywords else code(signature[name].default), text

    return table(("argument", "default", "meaning"), rows())


def codecs() -> str:
    """Table of the codecs: how many values a DU's action has, and what they mean."""

    def rows() -> Iterator[tuple[str, ...]]:
        for name, codec in actions.CODECS.items():
            size = actions.action_size(oran_env.make_scenario("paper", codec=name))
            head, _, meaning = doc(sys.modules[codec.decode.__module__]).partition(": ")
            assert head == f"`{name}`", codec
            yield f"`{name}`", str(size), " ".join(meaning.split())

    return table(("`codec`", "values per DU in `paper`", "meaning"), rows())


def columns() -> str:
    """Table of what a DU sees."""
    meaning = named(doc(observations), r"(\w+): ")
    scenarios = {kind: oran_env.make_scenario("paper", observation=kind) for kind in observations.OBSERVATIONS}
    layouts = {kind: observations.observation_layout(scenario) for kind, scenario in scenarios.items()}
    low, high = observations.observation_bounds(scenarios["kpm"])  # which has every part

    def span(part: slice | None) -> str:
        return f"{part.start} – {part.stop - 1}" if part else ""

    def rows() -> Iterator[tuple[str, ...]]:
        for name, part in layouts["kpm"].items():
            bounds = f"[{low[part].min():g}, {high[part].max():g}]".replace("inf]", "∞)")
            yield f"`{name}`", *(span(layout.get(name)) for layout in layouts.values()), bounds, meaning[name]

    return table(("part", *(f"columns in `{kind}`" for kind in layouts), "bounds", "meaning"), rows())


def info(lead: tuple[str, ...]) -> str:
    """Table of the keys of info; lead: the axes before those of a DU's value."""
    source = comments(inspect.getsource(outcome))
    hints = typing.get_type_hints(outcome.Outcome)
    kinds = {"float64": "float", "int64": "int", "bool": "bool"}

    def shape(axes: tuple[str, ...]) -> str:
        return "(" + ", ".join(lead + axes) + ("," if len(lead + axes) == 1 else "") + ")"

    def rows() -> Iterator[tuple[str, ...]]:
        for name in outcome.INFO:
            _, axes, text = re.split(r"\(B, M(, 3)?\) ", source[f"Outcome.{name}"])
            kind = kinds[np.dtype(typing.get_args(typing.get_args(hints[name])[1])[0]).name]
            yield f"`{name}`", shape(("3",) if axes else ()), kind, text
        yield "`ue_mask`", shape(("64",)), "bool", "only with `ue_grid`, also after a reset: which columns have a UE"
        yield "`owned_rbs`", shape(()), "int", "only with `zones`, also after a reset: RBs that the DU owns"

    return table(("key", "shape", "type", "meaning"), rows())


def facts(rows: dict[str, str]) -> str:
    """The table at the top of a page."""
    return table(("", "with preset `paper`"), rows.items())


def environment(title: str, cls: type, top: dict[str, str], lead: tuple[str, ...], rows_of_info: str) -> str:
    """The page of one environment."""
    own = {**sections(SHARED), **sections(cls)}
    history = sections(registration)["Version History"]  # type: ignore[arg-type]
    parts = [
        HEAD,
        f"# {title}\n",
        own[""].replace(" What is not said here is as in `OranParallelEnv`.", "").split("\n\n")[0] + "\n",
        facts(top) + "\n",
        "![A network in the middle of an episode](../pictures/paper.png)\n",
        f"## Description\n\n{own['Description']}\n",
        f"## Action Space\n\n{own['Action Space']}\n\n{codecs()}\n",
        f"## Observation Space\n\n{own['Observation Space']}\n\n{columns()}\n",
        f"## Rewards\n\n{own['Rewards']}\n\n```text\n{doc(reward)}\n```\n",
        f"## Starting State\n\n{own['Starting State']}\n",
        f"## Episode End\n\n{own['Episode End']}\n",
        f"## Arguments\n\n{arguments(cls)}\n",
        f"## Info\n\n{rows_of_info} Slices in the order eMBB, mMTC, URLLC.\n\n{info(lead)}\n",
        f"## Example\n\n{own['Example']}\n",
        f"## Version History\n\n{history}\n",
        SEE_ALSO,
    ]
    return "\n".join(parts)


def parallel_page() -> str:
    """The page of the PettingZoo environment."""
    env = oran_env.parallel_env()
    agent = env.possible_agents[0]
    top = {
        "Import": '`import oran_env`, `pettingzoo.make("parallel", "oran/ORAN-v1")` or `oran_env.parallel_env()`',
        "API": "PettingZoo, parallel; AEC by `pettingzoo.utils.parallel_to_aec`",
        "Agents": f"{len(env.possible_agents)}: `{agent}` … `{env.possible_agents[-1]}`",
        "Action space": f"`{env.action_space(agent)}` each",
        "Observation space": f"`Box(0, {env.observation_space(agent).high.max():g}, "
        f"{env.observation_space(agent).shape}, float32)` each",
        "State": f"`{env.state_space.shape}`",
        "Reward": "one per agent",
    }
    rows = "For each agent, with the shape of one DU."
    return environment("oran/ORAN-v1", oran_env.OranParallelEnv, top, (), rows)


def gymnasium_page(name: str, cls: type, agent: str, lead: tuple[str, ...], rows_of_info: str) -> str:
    """The page of a Gymnasium environment."""
    env = gymnasium.make(name)
    space = typing.cast(gymnasium.spaces.Box, env.observation_space)
    top = {
        "Import": f'`gymnasium.make("oran_env:{name}")`; a batch: `gymnasium.make_vec("oran_env:{name}", num_envs=8)`',
        "API": "Gymnasium",
        "Agent": agent,
        "Action space": f"`{env.action_space}`",
        "Observation space": f"`Box(0, {space.high.max():g}, {space.shape}, float32)`",
    }
    return environment(name, cls, top, lead, rows_of_info)
