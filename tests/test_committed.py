"""The README's table of results against the committed ones, which `make train` prints."""

import re
from pathlib import Path

from measure.committed import rows

README = (Path(__file__).parents[1] / "README.md").read_text("utf-8")


def test_the_table_of_the_readme_is_the_committed_one() -> None:
    committed = {cells[0]: cells[1:3] for cells in rows()}
    told = re.findall(r"^\| `(\w+)`[^|]*\| ([\d.]+) \| ([^|]+) \| \[", README, flags=re.MULTILINE)
    told = [(name, level, over) for name, level, over in told if over != "ten fresh networks"]  # before training
    assert {"default", "no_sam", "sac_zones_tuned", "zone_rule"} <= {name for name, *_ in told}
    assert {name: [level, over] for name, level, over in told} == {name: committed[name] for name, *_ in told}


def test_the_best_comes_first_and_lookahead_is_marked() -> None:
    levels = [float(cells[1]) for cells in rows()]
    assert levels == sorted(levels, reverse=True)
    assert "lookahead *" in [cells[0] for cells in rows()]
