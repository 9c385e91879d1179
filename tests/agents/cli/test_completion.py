"""`tasam --print-completion` has every command, option and name."""

from __future__ import annotations

import re

import pytest

from tasam_agents.baselines import BASELINES
from tasam_agents.cli import main
from tasam_agents.config.variants import VARIANTS


def test_the_script_tells_all(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")  # which is not to break names
    main.main(["--print-completion"])
    script = capsys.readouterr().out

    def words(key: str) -> list[str]:
        (found,) = re.findall(rf"^    {re.escape(key)}\) words='(.*)' ;;$", script, re.MULTILINE)
        return str(found).split(" ")

    for command in main.COMMANDS:
        assert f"    {command})" in script
    assert {"--config", "--learner.gamma", "--run-dir", "--track"} <= set(words("train"))
    assert words("train,--config") == [*VARIANTS, *BASELINES]
    assert {"default", "sac_zones", "zone_rule", "backlog_rule"} <= set(words("compare,--agents"))
    assert words("train,--learner.critic") == ["mean_field", "joint", "pooled"]
    assert words("study,study") == ["plan", "run", "status", "report"]
