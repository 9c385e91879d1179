"""Write docs/environments/*.md from the docstrings, the scenario's fields and their comments, and docs/certificates.md.

    python docs/generate.py

A test holds that the pages in the repository are what this command writes now.
"""

from __future__ import annotations

from pathlib import Path

from generator.certificates import certificates_page
from generator.environment_pages import gymnasium_page, parallel_page
from generator.scenario_page import scenario_page

import oran_env
from oran_env import registration

PAGES = Path(__file__).parent / "environments"
CERTIFICATES = Path(__file__).parent / "certificates.md"


def pages() -> dict[str, str]:
    """Every page by its file name."""
    return {
        "oran_v1.md": parallel_page(),
        "oran_joint_v1.md": gymnasium_page(
            registration.JOINT_ID, oran_env.OranJointEnv, "one, for all DUs", ("M",), "One row per DU."
        ),
        "oran_du_v1.md": gymnasium_page(
            registration.DU_ID, oran_env.OranDuEnv, "one DU; the others follow a policy", (), "Those of the DU."
        ),
        "scenario.md": scenario_page(),
    }


def main() -> None:
    """Write the pages."""
    PAGES.mkdir(exist_ok=True)
    for name, text in pages().items():
        (PAGES / name).write_text(text, encoding="utf-8")
        print(f"written: docs/environments/{name}")
    CERTIFICATES.write_text(certificates_page(), encoding="utf-8")
    print(f"written: docs/{CERTIFICATES.name}")


if __name__ == "__main__":
    main()
