"""The page of everything that a scenario says: presets, traffic profiles, fields, and how each group works."""

from __future__ import annotations

import dataclasses
import inspect
import math
import re
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Any

import oran_env
from generator.docstrings import HEAD, code, comments, doc, named, table
from oran_env.model.cell import deployment, mobility, sessions
from oran_env.model.demand import queues, traffic, variation
from oran_env.model.mac import mac_scheduler
from oran_env.model.radio import channel, coherence, ergodic, fading, jakes, path_loss, uma_path_loss
from oran_env.model.reward import kpi, qos
from oran_env.scenario import fields as scenario
from oran_env.scenario import presets
from oran_env.scenario.fields import CHOICES, FIELD_GROUPS, Scenario


def allowed(metadata: Mapping[str, Any]) -> str:
    """The bounds of a field, if it has any."""
    if "bounds" not in metadata:
        return ""
    least, greatest = metadata["bounds"]
    return f"≥ {least:g}" if math.isinf(greatest) else f"{least:g} – {greatest:.8g}"


def fields_table(group: type) -> str:
    """Table of the fields of a group of the scenario: default, unit, meaning, source."""
    source = comments(inspect.getsource(scenario))

    def rows() -> Iterator[tuple[str, ...]]:
        for field in dataclasses.fields(group):
            comment = source[f"{group.__name__}.{field.name}"]
            origin = re.search(r" ?\(((?:ours|T\d|VI|IV|eq\.|38\.901)(?:[^()]|\([^()]*\))*)\)", comment)
            units = re.findall(r" ?\[([^\]]*)\]", comment)
            text = comment.replace(origin[0], "") if origin else comment
            text = re.sub(r" \[[^\]]*\]", "", text, count=1) if len(units) == 1 else text
            choices = ", ".join(code(choice) for choice in CHOICES.get(field.name, ()))
            yield (
                f"`{field.name}`",
                code(field.default),
                units[0] if len(units) == 1 else "",
                allowed(field.metadata),
                text + (f"; one of {choices}" if choices else ""),
                origin[1] if origin else "",
            )

    return table(("field", "default", "unit", "allowed", "meaning", "source"), rows())


def assignment(field: str, value: Any) -> str:
    """As an argument is written."""
    return f"`{field}={code(value).strip('`')}`"


def presets_table() -> str:
    """Table of the presets: what they are for, their sizes, and the fields that differ from ``paper``."""
    meaning = named(doc(presets), r"(\w+): ")
    plain = Scenario()

    def rows() -> Iterator[tuple[str, ...]]:
        for name in oran_env.PRESETS:
            s = oran_env.make_scenario(name)
            changed = [
                assignment(field, getattr(getattr(s, group), field))
                for field, group in FIELD_GROUPS.items()
                if getattr(getattr(s, group), field) != getattr(getattr(plain, group), field)
            ]
            sizes = f"{s.layout.num_dus} / {s.layout.num_ues} / {s.radio.num_rbs}"
            yield f"`{name}`", meaning[name], sizes, ", ".join(changed)

    return table(("preset", "", "DUs / UEs / RBs", "differs from `paper` in"), rows())


def profiles_table() -> str:
    """Table of the traffic profiles."""
    meaning = named(doc(presets), r"profile (\w+): ")

    def rows() -> Iterator[tuple[str, ...]]:
        for name, values in oran_env.TRAFFIC_PROFILES.items():
            yield f"`{name}`", meaning[name], ", ".join(assignment(*item) for item in values.items())

    return table(("`traffic`", "", "sets"), rows())


def scenario_page() -> str:
    """The page of everything a scenario says."""
    how: dict[str, tuple[ModuleType, ...]] = {
        "Layout": (deployment,),
        "Mobility": (mobility,),
        "Radio": (channel, fading, coherence, jakes, ergodic, path_loss, uma_path_loss),
        "Traffic": (traffic, queues, variation, sessions),
        "Quality": (kpi, qos),
        "Reward": (),
        "Control": (mac_scheduler,),
    }
    parts = [
        HEAD,
        "# The scenario: fields, presets, traffic profiles\n",
        "A scenario is a preset, changed by a traffic profile, then field by field; every environment takes all "
        "three. Codecs, observations and the reward stand on the [page of each environment](../environment.md).\n",
        """```python
import oran_env

scenario = oran_env.make_scenario("paper", traffic="coloran", num_dus=4, scheduler="proportional_fair")
env = oran_env.parallel_env(scenario)  # or all of it at once: parallel_env("paper", traffic="coloran", num_dus=4, …)
print(env.scenario.traffic.offered_bps)
try:
    oran_env.make_scenario("paper", num_dus=0)
except oran_env.ScenarioError as error:
    print(error)
```
""",
        "```text\n(4000000.0, 30000.0, 10000.0)\nnum_dus is 0; allowed: 1 to 1024\n```\n",
        f"## Presets\n\n{presets_table()}\n",
        f"## Traffic profiles\n\n{profiles_table()}\n",
        "## Fields\n\nSource: T1 and T5 are Table 1 and 5 of the paper, VI-A and the like its sections, 38.901 is 3GPP "
        "TR 38.901; *ours* where the paper is silent, with reasons and effects in [differences.md](../differences.md). "
        "Tuples of three are in the order eMBB, mMTC, URLLC.\n",
    ]
    for name, modules in how.items():
        group = getattr(scenario, name)
        parts.append(f"### {name}\n\n{doc(group)}\n\n{fields_table(group)}\n")
        parts += [f"{doc(module)}\n" for module in modules]
    return "\n".join(parts)
