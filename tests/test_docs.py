"""The pages of the environment: generated ones are current, code prints what stands there, links lead somewhere."""

from __future__ import annotations

import csv
import importlib.util
import re
import runpy
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import oran_env
from oran_env import cli
from oran_env.scenario import FIELD_GROUPS
from oran_env.scoring.playable import returns_of

ROOT = Path(__file__).parents[1]
GENERATED = ("oran_v1.md", "oran_joint_v1.md", "oran_du_v1.md", "scenario.md")
WITH_CODE = ("environment.md", "extending.md", *(f"environments/{name}" for name in GENERATED))
LINKED = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")])
LINKED = [path for path in LINKED if "_build" not in path.parts]


def load(path: Path) -> ModuleType:
    """A module that stands outside of the packages."""
    spec = importlib.util.spec_from_file_location(f"tested_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def generate(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / "docs"))
    return load(ROOT / "docs" / "generate.py")


@pytest.fixture(scope="module")
def decisions() -> ModuleType:
    pytest.importorskip("scipy")
    return load(ROOT / "docs" / "measure" / "decisions.py")


# Generated pages


def test_pages_are_what_the_generator_writes_now(generate: ModuleType) -> None:
    pages = generate.pages()
    assert sorted(pages) == sorted(GENERATED) == sorted(path.name for path in (ROOT / "docs/environments").iterdir())
    for name, text in pages.items():
        found = (ROOT / "docs/environments" / name).read_text(encoding="utf-8")
        assert found == text, f"docs/environments/{name} is out of date: python docs/generate.py"
    found = (ROOT / "docs" / "certificates.md").read_text(encoding="utf-8")
    assert found == generate.certificates_page(), "docs/certificates.md is out of date: python docs/generate.py"


def table_rows(page: str, title: str) -> list[list[str]]:
    """Cells of the first table below a heading, without its head."""
    text = (ROOT / "docs/environments" / page).read_text(encoding="utf-8").split(f"\n{title}\n")[1]
    lines = [line for line in text.split("\n#")[0].splitlines() if line.startswith("| ")]
    return [[cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines[2:]]


@pytest.mark.parametrize(
    ("page", "lead"), [("oran_v1.md", ()), ("oran_du_v1.md", ()), ("oran_joint_v1.md", ("M",))], ids=str
)
def test_info_has_the_keys_shapes_and_types_of_the_page(page: str, lead: tuple[str, ...]) -> None:
    size = {"oran_v1.md": "parallel", "oran_du_v1.md": "du", "oran_joint_v1.md": "joint"}[page]
    info: dict[str, Any] = {}
    for codec in ("ue_grid", "zones"):  # which tell of themselves
        if size == "parallel":
            env = oran_env.parallel_env("tiny", codec=codec)
            env.reset(seed=0)
            info |= env.step({agent: env.action_space(agent).sample() for agent in env.agents})[-1]["du_0"]
        else:
            make = oran_env.OranDuEnv if size == "du" else oran_env.OranJointEnv
            single = make("tiny", codec=codec)
            single.reset(seed=0)
            info |= single.step(single.action_space.sample())[-1]
    rows = {cells[0].strip("`"): cells for cells in table_rows(page, "## Info")}
    assert set(rows) == set(info)
    kinds = {"f": "float", "i": "int", "b": "bool"}
    for key, value in info.items():
        told = tuple(axis for axis in rows[key][1].strip("()").replace(" ", "").split(",") if axis)
        assert told[: len(lead)] == lead
        assert np.shape(value) == (2,) * len(lead) + tuple(map(int, told[len(lead) :])), key
        assert kinds[np.asarray(value).dtype.kind] == rows[key][2], key
        assert len(rows[key][3]) >= 4, f"no meaning of {key}"


def test_every_field_preset_and_profile_is_told() -> None:
    groups = ("Layout", "Mobility", "Radio", "Traffic", "Quality", "Reward", "Energy", "Control")
    fields = [cells for group in groups for cells in table_rows("scenario.md", f"### {group}")]
    assert {cells[0].strip("`") for cells in fields} == set(FIELD_GROUPS)
    for name, _, _, _, meaning, source in fields:
        assert re.search(r"\w{2}|[ληBMNKTα]", meaning), name
        assert re.match(r"ours|T1|T5|VI-|IV-|eq\.|38\.901", source), name
    for title, names in (("## Presets", oran_env.PRESETS), ("## Traffic profiles", oran_env.TRAFFIC_PROFILES)):
        rows = table_rows("scenario.md", title)
        assert [cells[0].strip("`") for cells in rows] == list(names)
        assert all(cells[1] for cells in rows)


def test_overrides_of_the_preset_table_make_the_presets() -> None:
    for name, _, sizes, changes in table_rows("scenario.md", "## Presets"):
        overrides = eval(f"dict({changes.replace('`', '')})")
        preset = oran_env.make_scenario(name.strip("`"))
        assert oran_env.Scenario(name=preset.name).with_overrides(**overrides) == preset
        assert sizes == f"{preset.layout.num_dus} / {preset.layout.num_ues} / {preset.radio.num_rbs}"


# Code and links


def snippets(page: str) -> Iterator[tuple[str, str | None]]:
    """Python blocks of a page, each with the text block behind it; None where times are printed."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    found = re.findall(r"^```python( timing)?\n(.*?)^```\n(?:\n```text\n(.*?)^```\n)?", text, re.MULTILINE | re.DOTALL)
    for timing, code, printed in found:
        assert printed, f"{page}: a block of code shows nothing of what it prints"
        yield code, None if timing else printed


@pytest.mark.parametrize("page", WITH_CODE)
def test_code_prints_what_stands_below_it(
    page: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(sys, "path", list(sys.path))
    blocks = list(snippets(page))
    assert blocks
    for code, printed in blocks:
        if printed is None:
            code = code.replace("range(90)", "range(1)").replace("range(7)", "range(1)")
        exec(compile(code, page, "exec"), {"__name__": "snippet"})
        shown = capsys.readouterr().out
        assert shown
        if printed is not None:
            assert shown == printed


def test_interfaces_print_what_stands_below_them(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each block by itself; one whose library is not installed is left out."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    done = 0
    for code, printed in snippets("interfaces.md"):
        needs = [
            name for name in ("stable_baselines3", "oran_env.adapters.rllib", "torchrl", "benchmarl") if name in code
        ]
        if any(importlib.util.find_spec(name.replace("oran_env.adapters.rllib", "ray")) is None for name in needs):
            continue
        if "oran_env.adapters.torchrl" in code and importlib.util.find_spec("torchrl") is None:
            continue
        exec(compile(code, "interfaces.md", "exec"), {"__name__": "snippet"})
        assert capsys.readouterr().out == printed
        done += 1
    assert done >= 4


def test_commands_of_the_page_on_scoring_print_what_stands_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (ROOT / "docs/scoring.md").read_text(encoding="utf-8")
    for code in re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        exec(compile(code, "scoring.md", "exec"), {"__name__": "snippet"})
    monkeypatch.chdir(tmp_path)
    quoted = re.findall(r"^```console\n\$ oran-env (score [^\n]*tiny[^\n]*)\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    assert quoted
    for command, printed in quoted:
        cli.main(shlex.split(command))
        assert capsys.readouterr().out == printed
    (script,) = re.findall(r"^\$ python (examples/score\S+)", text, re.MULTILINE)
    runpy.run_path(str(ROOT / script), run_name="__main__")
    assert f"$ python {script}\n{capsys.readouterr().out}" in text


def test_the_readme_fits_the_screen_and_its_code_runs(capsys: pytest.CaptureFixture[str]) -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert max(map(len, text.splitlines())) <= 100
    first, *others = re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    exec(compile(first, "README.md", "exec"), {"__name__": "snippet"})
    assert "0.0" in capsys.readouterr().out  # a reward and three latencies
    for code in others if importlib.util.find_spec("stable_baselines3") else ():
        exec(compile(code.replace("500", "30"), "README.md", "exec"), {"__name__": "snippet"})


def test_examples_print_what_the_page_quotes(capsys: pytest.CaptureFixture[str]) -> None:
    text = (ROOT / "docs/extending.md").read_text(encoding="utf-8")
    quoted = re.findall(r"^```console\n\$ python (examples/custom_\w+\.py)\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    assert len(quoted) == len(list((ROOT / "examples").glob("custom_*.py")))
    for script, printed in quoted:
        runpy.run_path(str(ROOT / script), run_name="__main__")
        assert capsys.readouterr().out == printed, script


def test_the_page_on_components_names_them_all() -> None:
    text = (ROOT / "docs/extending.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)) == set(oran_env.Components.__dataclass_fields__)


def anchors(path: Path) -> set[str]:
    """What GitHub makes of the headings of a page, and the names that stand in it."""
    text = path.read_text(encoding="utf-8")
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    named = set(re.findall(r'<a id="([^"]+)">', text))
    return named | {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", LINKED, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path: Path) -> None:
    text = re.sub(r"^```.*?^```", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"https?:", target):
            continue
        name, _, anchor = target.partition("#")
        file = (path.parent / name).resolve() if name else path
        assert file.exists(), f"{path.name} links to {target}"
        assert not anchor or anchor in anchors(file), f"{path.name} links to {target}"


def test_there_are_links_to_check() -> None:
    assert len(LINKED) >= 10


# What each choice does to the return


def test_decisions_on_two_small_networks(
    decisions: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    of_six_dus = [choice for choice in decisions.CHOICES if {"wrap_around", "sectors"} & set(choice[1])]
    assert len(of_six_dus) == 2
    monkeypatch.setattr(decisions, "CHOICES", tuple(c for c in decisions.CHOICES if c not in of_six_dus))
    decisions.main(["--scenario", "tiny", "--networks", "2", "--output", str(tmp_path)])
    printed = capsys.readouterr().out
    with (tmp_path / "decisions.csv").open(encoding="utf-8") as file:
        rows = {row["change"]: row for row in csv.DictReader(file)}
    assert len(rows) == len(decisions.CHOICES) + 1 == printed.count("\n") - 2
    number = {name: {key: float(row[key]) for key in list(row)[2:]} for name, row in rows.items()}
    seeds = [decisions.FIRST_SEED, decisions.FIRST_SEED + 1]
    expected = returns_of("count_rule", oran_env.Simulator("tiny", 2), seeds)
    assert number["as is"]["count_rule"] == pytest.approx(expected.mean(), abs=1e-4)
    longer = returns_of("count_rule", oran_env.Simulator("tiny", 2, load=4.0), seeds) - expected
    row = number["load=4.0"]
    assert row["difference"] == pytest.approx(longer.mean(), abs=1e-4)
    assert row["high"] - row["low"] == pytest.approx(2 * 12.7062 * longer.std(ddof=1) / np.sqrt(2), abs=2e-4)
    assert number["reward_sharing='team'"]["difference"] == pytest.approx(0, abs=1e-4)
    assert number["codec='slice_share'"]["static"] == number["as is"]["static"]
    assert number["zeta=4.0"]["random"] < number["as is"]["random"] < number["zeta=1.0"]["random"]
    assert number["Q_min half as demanding"]["mmtc_satisfied"] > number["as is"]["mmtc_satisfied"]


def test_choices_are_different_and_accepted(decisions: ModuleType) -> None:
    labels = [name or decisions.label(overrides) for _, overrides, name in decisions.CHOICES]
    assert len(set(labels)) == len(labels)
    base = oran_env.make_scenario("paper")
    for group, overrides, _ in decisions.CHOICES:
        changed = oran_env.make_scenario("paper", **overrides)
        assert getattr(changed, group) != getattr(base, group), overrides


def test_the_page_quotes_the_stored_table(decisions: ModuleType) -> None:
    with (ROOT / "docs/results/decisions.csv").open(encoding="utf-8") as file:
        read = list(csv.reader(file))
    assert tuple(read[0]) == decisions.Row._fields
    table = [decisions.Row(*line[:2], *map(float, line[2:])) for line in read[1:]]
    assert len(table) == len(decisions.CHOICES) + 1
    text = (ROOT / "docs/differences.md").read_text(encoding="utf-8")
    assert decisions.markdown(table) in text


def test_the_map_shows_every_wing_and_imports_that_go_down(tmp_path: Path) -> None:
    map_of_wings = load(ROOT / "docs" / "draw_map.py")
    floor = {
        name: -number
        for package in ("oran_env", "tasam_agents")
        for number, names in enumerate(map_of_wings.floors(package))
        for name in names
    }
    folders = {f"{path.parts[-3]}.{path.parts[-2]}" for path in ROOT.glob("*_*/*/__init__.py")}
    assert folders <= floor.keys()
    arrows = map_of_wings.imports(list(floor))
    assert ("oran_env.simulator", "oran_env.model") in arrows
    assert all(floor[one] > floor[two] for one, two in arrows if one.split(".")[0] == two.split(".")[0])
    map_of_wings.draw(tmp_path / "map.png")
    assert (tmp_path / "map.png").stat().st_size > 10_000


def test_no_script_hides_a_library() -> None:
    """A script's folder comes first on the path: a ``coverage.py`` beside it is what numba would then import."""
    folders = [str(ROOT / folder) for folder in ("docs", "docs/measure", "examples", "speed")]
    imported = "import sys; sys.path[:0] = {}; import oran_env.cli"
    told = "; print([m.__file__ for m in [*sys.modules.values()] if str(getattr(m, '__file__', '')).startswith({!r})])"
    code = imported.format(folders) + told.format(str(ROOT / "docs")) + told.format(str(ROOT / "examples"))
    shown = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert shown.stdout.split("\n") == ["[]", "[]", ""]
