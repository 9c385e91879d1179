"""The site: every page can be reached, every public name is in the reference, every equation leads to its file."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import for_index
import pytest
from test_architecture import HOME, headed_equations

import oran_env
import tasam_agents

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"


def test_every_page_stands_in_the_contents() -> None:
    contents = re.findall(
        r"```\{toctree\}\n(?::[^\n]*\n)*\n(.*?)```", (DOCS / "index.md").read_text("utf-8"), re.DOTALL
    )
    listed = [f"{name}.md" for part in contents for name in part.split()]
    pages = {path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md") if "_build" not in path.parts}
    assert sorted(listed) == sorted(pages - {"index.md"})


def test_readme_names_ten_pages_and_the_contents_all() -> None:
    rows = (ROOT / "README.md").read_text("utf-8").split("| you want to | page |")[1].split("\n\n")[0]
    assert rows.count("\n|") <= 11, "the rest has its place in docs/index.md"
    told = (DOCS / "index.md").read_text("utf-8").split("```{toctree}")[0]
    linked = {target.partition("#")[0] for target in re.findall(r"\]\(([^)]+\.md[^)]*)\)", told)}
    pages = {path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md") if "_build" not in path.parts}
    assert pages - linked == {"index.md"}


@pytest.mark.parametrize("package", [oran_env, tasam_agents], ids=lambda package: str(package.__name__))
def test_every_public_name_is_in_the_reference(package: object) -> None:
    text = (DOCS / "api.md").read_text("utf-8")
    for name in package.__all__:  # type: ignore[attr-defined]
        assert name == "__version__" or re.search(rf":: {package.__name__}\.{name}\n|`{name}`", text), name  # type: ignore[attr-defined]


def test_each_equation_leads_to_the_file_that_it_heads() -> None:
    text = (DOCS / "concepts.md").read_text("utf-8")
    found: dict[str, str] = {}
    for equations, path in re.findall(
        r"^\| ([^|]*\(\d[^|]*) \|[^|]*\| \[[\w.]+\]\(\.\./(\S+)\) \|$", text, re.MULTILINE
    ):
        headed = headed_equations(ROOT / path)
        first, *last = re.findall(r"\((\d+)([a-d]?)\)", equations)
        numbers = [str(n) for n in range(int(first[0]), int((last or [first])[-1][0]) + 1)]
        letters = [first[1]] if not last else [chr(c) for c in range(ord(first[1] or "`"), ord(last[-1][1] or "`") + 1)]
        each = [n + letter.strip("`") for n in numbers for letter in letters]
        assert set(each) <= headed, f"{path}: {equations}"
        found |= dict.fromkeys(each, path)
    assert {number: path for number, path in found.items() if number in HOME} == HOME
    assert {"9", "10", "11", "12"} <= found.keys()


def test_the_readme_of_an_index_has_no_relative_link() -> None:
    address = "https://example.org/user/oran-tasam"
    text = for_index.absolute((ROOT / "README.md").read_text("utf-8"), address, "v1.2.3")
    links = re.findall(
        r"\]\(([^)\s]+)\)|^\[[^\]]+\]: (\S+)", re.sub(r"```.*?```", "", text, flags=re.DOTALL), re.MULTILINE
    )
    targets = [inline or named for inline, named in links]
    assert len(targets) > 15
    assert [target for target in targets if not target.startswith("https://")] == []
    for target in targets:  # and every one leads to a file of this repository
        if target.startswith(address):
            kind, tag, path = target.removeprefix(f"{address}/").partition("#")[0].split("/", 2)
            assert (ROOT / path).is_file(), target
            assert (kind, tag) == ("raw" if path.endswith((".png", ".gif")) else "blob", "v1.2.3")
    assert for_index.UNKNOWN not in text
    urls = tomllib.loads(for_index.with_addresses((ROOT / "pyproject.toml").read_text("utf-8"), address, "v1"))
    assert {"Paper", "Repository", "Documentation"} <= urls["project"]["urls"].keys()


@pytest.mark.slow
def test_the_site_is_built_without_a_warning(tmp_path: Path) -> None:
    pytest.importorskip("furo")
    pytest.importorskip("myst_parser")
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html", str(DOCS), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    for name in oran_env.__all__:
        assert f"oran_env.{name}" in (tmp_path / "api.html").read_text("utf-8") or name.isupper() or name == "Policy"
