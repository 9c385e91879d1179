"""Make a copy of the repository fit for a package index, where relative links and pictures lead nowhere.

    python docs/for_index.py FOLDER https://example.org/user/oran-tasam v0.2.0

In FOLDER the links of README.md become absolute, into that repository at that tag, and pyproject.toml gets its
addresses. `make dist ADDRESS=…` does this in a copy and builds sdist and wheel from it.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

PICTURES = (".png", ".gif", ".svg")
LINK = re.compile(r"(\]\(|^\[[^\]]+\]: )(?!https?:|#|mailto:)([^)\s]+)", re.MULTILINE)
UNKNOWN = "ADDRESS-OF-THIS-REPOSITORY"


def absolute(text: str, address: str, tag: str) -> str:
    """The text with every relative link leading into the repository at the tag; pictures to the files themselves."""

    def lead(found: re.Match[str]) -> str:
        path = found[2].partition("#")[0]
        kind = "raw" if path.endswith(PICTURES) else "blob"
        return f"{found[1]}{address}/{kind}/{tag}/{found[2]}"

    parts = re.split(r"(^```.*?^```|^    .*?$)", text, flags=re.MULTILINE | re.DOTALL)
    parts[::2] = [LINK.sub(lead, part) for part in parts[::2]]
    return "".join(parts).replace(UNKNOWN, address)


def with_addresses(pyproject: str, address: str, tag: str) -> str:
    """pyproject.toml with the addresses that an index shows."""
    urls = {"Repository": address, "Documentation": f"{address}/blob/{tag}/docs/index.md",
            "Changelog": f"{address}/blob/{tag}/CHANGELOG.md", "Issues": f"{address}/issues"}  # fmt: skip
    lines = "".join(f'{name} = "{url}"\n' for name, url in urls.items())
    return pyproject.replace("[project.urls]\n", f"[project.urls]\n{lines}")


def main() -> None:
    """Change the files of the folder."""
    folder, address, tag = Path(sys.argv[1]), sys.argv[2].rstrip("/"), sys.argv[3]
    for name, change in (("README.md", absolute), ("pyproject.toml", with_addresses)):
        path = folder / name
        path.write_text(change(path.read_text("utf-8"), address, tag), encoding="utf-8")


if __name__ == "__main__":
    main()
