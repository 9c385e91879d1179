"""The notebook: stored without outputs, and run from top to bottom in under five minutes."""

from __future__ import annotations

import json
import resource
from pathlib import Path

import pytest

NOTEBOOK = Path(__file__).parents[2] / "examples" / "first_steps.ipynb"
LIMIT_S = 300  # of a processor, by which a busy machine is not blamed on the notebook


@pytest.mark.slow
def test_the_notebook_runs_in_under_five_minutes(tmp_path: Path) -> None:
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert not any(cell.outputs or cell.execution_count for cell in cells)  # stored stripped
    used = children()
    nbclient.NotebookClient(notebook, timeout=1800, resources={"metadata": {"path": str(tmp_path)}}).execute()
    assert children() - used < LIMIT_S
    shown = [output.get("data", {}) for cell in cells for output in cell.outputs]
    assert sum("image/png" in each for each in shown) == 3  # a frame, a curve, a comparison
    text = "".join(output.get("text", "") for cell in cells for output in cell.outputs)
    assert "zone_rule" in text
    assert "TA-SAM-tiny (deterministic)" in text


def children() -> float:
    """What finished processes that this one started have taken of a processor [s]."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def test_the_notebook_is_stored_without_outputs() -> None:
    for cell in json.loads(NOTEBOOK.read_text("utf-8"))["cells"]:
        if cell["cell_type"] == "code":
            assert cell["outputs"] == []
            assert cell["execution_count"] is None
            compile("".join(cell["source"]), NOTEBOOK.name, "exec")
