"""The page of `oran-env explore`: it shows what the simulator did, in a real browser, and needs nothing else."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.browser import CHROMIUM, visit

from oran_env import Simulator, cli
from oran_env.rendering.film import FilmError
from oran_env.rendering.web_page import PLACE, TEMPLATE, record_step, write_web_page
from oran_env.scoring.playable import policy_on

STEPS = 4
# Choose the last policy, go on two steps and one back, and read what is shown.
PROBE = """page => {
  const $ = id => page.getElementById(id), policy = $("policy");
  const names = [...policy.options].map(each => each.value);
  policy.value = names.at(-1);
  policy.dispatchEvent(new Event("change"));
  $("next").click(); $("next").click(); $("back").click();
  const count = (id, what) => $(id).querySelectorAll(what).length;
  const fills = [...$("rbs").querySelectorAll(".rb")].map(each => each.getAttribute("fill"));
  return {presets: [...$("preset").options].map(each => each.value), names, told: $("told").textContent, fills,
    bars: count("qos", ".bar"), areas: count("map", "polygon"), parts: count("reward", "rect"),
    curves: count("curve", "polyline"), wide: $("map").getBoundingClientRect().height};
}"""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("explore") / "index.html"
    policies = ["--policy", "static", "--policy", "count_rule"]
    cli.main(["explore", "tiny", *policies, "--steps", str(STEPS), "--seed", "3", "--out", str(out), "--no-open"])
    return out


def data_of(page: Path) -> dict[str, Any]:
    (text,) = re.findall(r"^const data = (.*);$", page.read_text("utf-8"), re.MULTILINE)
    found: dict[str, Any] = json.loads(text)
    return found


def second_step() -> Simulator:
    """What the page shows after the probe: the second step of count_rule."""
    simulator = Simulator("tiny", seed=3)
    policy, observations = policy_on("count_rule", simulator), simulator.reset()
    for _ in range(2):
        observations = simulator.step(policy(observations)).observations
    return simulator


def test_an_episode_is_recorded_as_it_was(page: Path) -> None:
    static, rule = data_of(page)["episodes"]
    assert [each["policy"] for each in (static, rule)] == ["static", "count_rule"]
    assert static["steps"][0]["ues"] != static["steps"][1]["ues"]  # they move
    assert len(rule["steps"]) == STEPS
    simulator = second_step()
    outcome = simulator.last_outcome
    assert outcome is not None
    step = rule["steps"][1]
    assert np.allclose(step["reward"], outcome.reward[0], atol=1e-3)
    assert np.allclose(np.sum(list(step["parts"].values()), axis=0), step["reward"], atol=5e-3)
    assert np.allclose(step["qos"], outcome.qos_normalised[0], atol=1e-3)
    assert [[int(kind) - 1 for kind in row] for row in step["rbs"]] == [
        [kind if ue >= 0 or kind < 0 else kind + 3 for kind, ue in zip(*each, strict=True)]
        for each in zip(outcome.slice_of_rb[0].tolist(), outcome.ue_of_rb[0].tolist(), strict=True)
    ]


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium on PATH (Debian: apt-get install chromium)")
def test_a_browser_shows_the_step_that_was_chosen(page: Path, tmp_path: Path) -> None:
    seen = visit(page.parent, tmp_path / "profile", PROBE)
    assert seen.faults() == []
    data, outcome = data_of(page), second_step().last_outcome
    assert outcome is not None
    for frame in seen.frames:
        found = frame["probe"]
        assert (found["presets"], found["names"]) == (["tiny"], ["static", "count_rule"])
        assert found["told"].startswith(f"step 2 of {STEPS} (0.2 s): reward {outcome.reward[0].mean():.3f} per DU")
        kinds = "".join(data["episodes"][1]["steps"][1]["rbs"])
        assert found["fills"] == [data["cell_colours"][int(kind)] for kind in kinds]
        assert (found["bars"], found["areas"], found["curves"]) == (6, 2, 2)
        assert found["parts"] == 2 * 4 + 4  # of each DU, and the key
        assert found["wide"] > 50


def test_the_page_needs_no_network_and_ends_no_script(page: Path, tmp_path: Path) -> None:
    text = page.read_text("utf-8")
    assert "default-src 'none'" in text
    assert not re.search(r"(src|href)=\"(?!data:)", text)
    assert TEMPLATE.read_text("utf-8").count(PLACE) == 1
    out = write_web_page([{"policy": "</script><script>alert(1)</script>"}], tmp_path / "x.html")
    assert out.read_text("utf-8").count("</script>") == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["tiny", "--policy", "statik"], "statik"),
        (["tinny"], "tinny"),
        (["tiny", "--steps", "0"], "steps is 0; allowed: 1 or more"),
        (["tiny", "--seed", "-1"], "seed is -1; allowed: integers >= 0"),
        (["tiny", "--seed", "9" * 40], "9; allowed: integers >= 0 (below 2^128)"),
        (["tiny", "--steps", "1", "--policy", "static", "--out", "page.htm"], "allowed: a file ending in .html"),
    ],
)
def test_bad_input_is_named(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        cli.main(["explore", *arguments, "--no-open"])
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err


def test_nothing_is_recorded_before_a_step(tmp_path: Path) -> None:
    simulator = Simulator("tiny", seed=0)
    simulator.reset()
    with pytest.raises(RuntimeError, match="before a step"):
        record_step(simulator)
    with pytest.raises(FilmError, match="there is no directory"):
        write_web_page([], tmp_path / "gone" / "x.html")
