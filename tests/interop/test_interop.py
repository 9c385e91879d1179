"""The page on other libraries is what the stored results make, and each library has a script."""

from __future__ import annotations

from pathlib import Path

from interop.libraries import LIBRARIES
from interop.page import PAGE, page, stored


def test_the_page_is_what_the_results_make() -> None:
    results = stored()
    assert set(results) <= set(LIBRARIES)
    assert page(results) == PAGE.read_text("utf-8"), "make interop writes it"
    assert "not tried" in page({}), "what was not tried is said to be so"


def test_each_library_has_a_script() -> None:
    tries = {path.stem for path in (Path(__file__).parent / "tries").glob("*.py")}
    assert tries == set(LIBRARIES)


def test_results_tell_how_and_when() -> None:
    for name, found in stored().items():
        assert found["verdict"] in ("works", "shim", "fails"), name
        assert found["how"], name
        assert found["version"], name
        assert len(found["date"]) == 10, name
