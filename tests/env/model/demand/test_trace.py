"""Demand from a trace: what each UE is offered, where an episode begins, and which files are refused."""

from __future__ import annotations

import builtins
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.networks import STANDING, idle

from oran_env import SLICES, Components, Simulator
from oran_env.model.demand.trace_file import COLUMNS, MAX_BYTES, SHIPPED, read_trace
from oran_env.scenario.validation import ScenarioError

QUEUE: dict[str, Any] = {"latency": "queue", "arrivals": ("constant",) * 3}


def written(path: Path, bits: Any, slices: tuple[int, ...] = (0, 1, 2), order: tuple[int, ...] = (0, 1, 2, 3)) -> str:
    """A file of bits (T, D, S), the rows shuffled and the columns in this order."""
    rows = [(str(t), str(m), SLICES[slices[j]], repr(float(bits[t, m, j]))) for t, m, j in np.ndindex(*np.shape(bits))]
    np.random.default_rng(0).shuffle(rows)
    lines = [[line[i] for i in order] for line in [COLUMNS, *rows]]
    path.write_text("\n".join(",".join(line) for line in lines))
    return str(path)


def bits_of(steps: int, dus: int) -> Any:
    return np.random.default_rng(1).integers(0, 10**6, (steps, dus, 3)).astype(float)


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 2, 0, 1)])
def test_each_slice_of_each_du_gets_its_bits(tmp_path: Path, order: tuple[int, ...]) -> None:
    """Shared evenly by the UEs that are there; the trace begins again; who has no UE gets nothing."""
    bits = bits_of(7, 2)
    path = written(tmp_path / "t.csv", bits, order=order)
    simulator = Simulator("tiny", 3, 1, demand_trace=path, trace_start="first", horizon=20, load=1.5, **QUEUE)
    simulator.reset()
    for t in range(18):
        serving, before = simulator.state.serving.copy(), simulator.state.backlog.copy()
        simulator.step(idle(simulator))
        out = simulator.last_outcome
        assert out is not None
        for b, m, i in np.ndindex(3, 2, 3):
            mine = (serving[b] == m) & (simulator.state.slice_of_ue[b] == i)
            if mine.any():
                np.testing.assert_allclose(out.arrived[b, mine], 1.5 * bits[t % 7, m, i] / mine.sum())
        np.testing.assert_allclose(simulator.state.backlog, before + out.arrived)


def test_law_and_load_follow_the_trace(tmp_path: Path) -> None:
    bits = bits_of(4, 2) / 10
    path = written(tmp_path / "t.csv", bits)
    simulator = Simulator("tiny", 2, 3, demand_trace=path, trace_start="first", **STANDING)
    simulator.reset()
    for t in range(4):
        result = simulator.step(np.full((2, 2, 20), 0.9, dtype=np.float32))
        out = simulator.last_outcome
        assert out is not None
        for b, u in np.ndindex(2, 20):
            m, i = simulator.state.serving[b, u], simulator.state.slice_of_ue[b, u]
            offered = bits[t, m, i] / result.info["num_ues"][b, m, i] / 0.1
            if out.rate[b, u] > offered:
                packet = 8 * simulator.scenario.traffic.packet_bytes[i]
                assert out.tau[b, u] == pytest.approx(min(1.0, packet / (out.rate[b, u] - offered)))
            else:
                assert out.tau[b, u] == 1.0


def test_slices_that_are_not_named_keep_their_own(tmp_path: Path) -> None:
    path = written(tmp_path / "t.csv", bits_of(5, 2)[:, :, 1:2], slices=(1,))
    simulator = Simulator("tiny", 2, 1, demand_trace=path, offered_bps=(0.0, 5e9, 64e3), **QUEUE)
    simulator.reset()
    simulator.step(idle(simulator))
    out, of = simulator.last_outcome, simulator.state.slice_of_ue
    assert out is not None
    assert (out.arrived[of == 0] == 0).all()  # full buffer
    assert (out.arrived[of == 1] < 2e6).all()
    np.testing.assert_allclose(out.arrived[of == 2], 6400.0)


def test_more_dus_than_the_file_has_and_none(tmp_path: Path) -> None:
    bits = bits_of(3, 2)
    path = written(tmp_path / "t.csv", bits)
    simulator = Simulator("paper", 1, 1, num_dus=5, demand_trace=path, trace_start="first", **QUEUE)
    simulator.reset()
    serving = simulator.state.serving[0].copy()
    simulator.step(idle(simulator))
    assert simulator.last_outcome is not None
    for m, i in np.ndindex(5, 3):
        mine = (serving == m) & (simulator.state.slice_of_ue[0] == i)
        assert simulator.last_outcome.arrived[0, mine].sum() == pytest.approx(bits[0, m % 2, i] if mine.any() else 0.0)
    empty = written(tmp_path / "zero.csv", 0 * bits)
    silent = Simulator("tiny", 1, 1, demand_trace=empty, latency="queue")
    silent.reset()
    info = silent.step(idle(silent)).info
    assert (info["latency_s"] == 0).all()
    assert (info["late_share"] == 0).all()


def test_the_start_is_drawn_once_per_episode(tmp_path: Path) -> None:
    """Every start comes, the episode goes on from it step by step, and seeds, episodes and networks differ."""
    steps = 8
    bits = np.repeat(np.arange(steps, dtype=float)[:, None, None], 6, axis=1).reshape(steps, 2, 3) + 1
    path = written(tmp_path / "t.csv", bits)
    simulator = Simulator("tiny", 200, 2, demand_trace=path, num_ues=1, horizon=50, **QUEUE, **STANDING)
    starts = []
    for _ in range(3):
        simulator.reset()
        rows = []
        for _ in range(5):
            simulator.step(idle(simulator))
            assert simulator.last_outcome is not None
            rows.append(np.rint(simulator.last_outcome.arrived[:, 0]).astype(int) - 1)
        for t in range(5):
            np.testing.assert_array_equal(rows[t], (rows[0] + t) % steps)
        starts.append(rows[0])
        assert (np.bincount(rows[0], minlength=steps) > 8).all()  # 25 are expected
    assert (starts[0] != starts[1]).mean() > 0.7
    again = Simulator(simulator.scenario, 200, 2, num_threads=2)
    again.reset()
    again.step(idle(again))
    assert again.last_outcome is not None
    np.testing.assert_array_equal(np.rint(again.last_outcome.arrived[:, 0]) - 1, starts[0])


def test_the_shipped_trace() -> None:
    """It is what its script writes, small, and keeps every policy busy."""
    from measure import make_trace  # in docs/, which copies for planting lack

    assert SHIPPED["synthetic"].read_text(encoding="utf-8") == make_trace.text()
    assert SHIPPED["synthetic"].stat().st_size < 100_000
    bits, named = read_trace("synthetic")
    assert bits.shape == (240, 6, 3)
    assert named.all()
    assert (bits > 0).all()
    assert bits[..., 2].max() > 5 * np.median(bits[..., 2])  # bursts


GOOD = "step,du,slice,offered_bits\n0,0,eMBB,1\n1,0,eMBB,2\n"
REFUSED = {
    "a column is missing": ("step,du,slice\n0,0,eMBB\n", "has columns"),
    "another column": (GOOD.replace("offered_bits", "bits"), "has columns"),
    "no rows": ("step,du,slice,offered_bits\n", "has no rows"),
    "nothing at all": ("", "has columns"),
    "a row is missing": (GOOD + "3,0,eMBB,1\n", "3 rows for 4 steps"),
    "a row twice": (GOOD + "1,0,eMBB,2\n", "3 rows for 2 steps"),
    "a row for another": (
        "step,du,slice,offered_bits\n0,0,eMBB,1\n0,0,eMBB,1\n1,0,eMBB,1\n1,1,eMBB,1\n",
        "allowed: one",
    ),
    "a far step": (GOOD + "9999999,0,eMBB,2\n", "3 rows for 10000000 steps"),
    "a step that is no number": (GOOD + "x,0,eMBB,2\n", "row 3"),
    "a step out of range": (GOOD + "99999999999999999999,0,eMBB,2\n", "row 3"),
    "a negative DU": (GOOD + "1,-1,eMBB,2\n", "row 3"),
    "an unknown slice": (GOOD + "1,0,embb,2\n", "row 3"),
    "negative bits": (GOOD + "1,0,mMTC,-2\n", "row 3"),
    "NaN": (GOOD + "1,0,mMTC,nan\n", "row 3"),
    "infinity": (GOOD + "1,0,mMTC,inf\n", "row 3"),
    "a short line": (GOOD + "1,0\n", "line 4: 2 fields"),
}


@pytest.mark.parametrize("fault", REFUSED)
def test_what_is_refused(tmp_path: Path, fault: str) -> None:
    text, message = REFUSED[fault]
    path = tmp_path / "t.csv"
    path.write_text(GOOD)
    assert read_trace(str(path))[0][:, 0, 0].tolist() == [1.0, 2.0]
    path.write_text(text)
    with pytest.raises(ScenarioError, match=message):
        Simulator("tiny", 1, 0, demand_trace=str(path))


def test_files_that_are_none(tmp_path: Path) -> None:
    for name in ("nobody.csv", "trace", "config.json", str(tmp_path / "x.parquet.exe")):
        with pytest.raises(ScenarioError, match=r"allowed: (a file that exists|synthetic)"):
            read_trace(name)
    (tmp_path / "directory.csv").mkdir()
    with pytest.raises(ScenarioError, match="a file that exists"):
        read_trace(str(tmp_path / "directory.csv"))
    (tmp_path / "binary.csv").write_bytes(b"step,du,slice,offered_bits\n\xff\xfe\x00")
    with pytest.raises(ScenarioError, match="cannot be read"):
        read_trace(str(tmp_path / "binary.csv"))
    with (tmp_path / "large.csv").open("wb") as file:
        os.truncate(file.fileno(), MAX_BYTES + 1)  # sparse
    with pytest.raises(ScenarioError, match="allowed: up to 100000000"):
        read_trace(str(tmp_path / "large.csv"))


def test_parquet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same as a CSV file, through pyarrow; without it the error says what to install."""
    path = tmp_path / "t.parquet"
    path.write_bytes(b"PAR1")
    own_import = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name.startswith("pyarrow"):
            raise ImportError(name)
        return own_import(name, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(builtins, "__import__", without)
        with pytest.raises(ScenarioError, match="pip install pyarrow"):
            read_trace(str(path))
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    with pytest.raises(ScenarioError, match="cannot be read"):
        read_trace(str(path))
    bits = bits_of(4, 2)
    where = np.argwhere(np.ones_like(bits))
    columns = {"du": where[:, 1], "offered_bits": bits.ravel(), "step": where[:, 0]}
    parquet.write_table(pyarrow.table({**columns, "slice": [SLICES[i] for i in where[:, 2]]}), path)
    np.testing.assert_array_equal(read_trace(str(path))[0], bits)
    long = "x" * 2**22  # stored once and named by every row: 256 GiB, were it repeated
    whole = pyarrow.table({name: np.zeros(65_536) for name in columns})
    indices = pyarrow.array(np.zeros(65_536, np.int32))
    for words in ([long], ["eMBB", "x"], ["eMBB", "mMTC", "URLLC", "eMBB "]):
        slices = pyarrow.DictionaryArray.from_arrays(indices, words)
        parquet.write_table(whole.append_column("slice", slices), path)
        with pytest.raises(ScenarioError, match="has other slices; allowed: eMBB"):
            read_trace(str(path))
    slices = ["eMBB"] * len(where)
    for other in ({"slice": where[:, 0]}, {"slice": [["eMBB"]] * len(where)}, {"slice": slices, "step": slices}):
        parquet.write_table(pyarrow.table({**columns, **other}), path)
        with pytest.raises(ScenarioError, match=r"allowed: (numbers, and text for slice|step, du, slice)"):
            read_trace(str(path))


def test_what_does_not_go_together() -> None:
    others: tuple[dict[str, Any], ...] = ({"drift_sigma": 0.1}, {"burst_factor": 2.0})
    for other in others:
        with pytest.raises(ScenarioError, match="the trace is the demand"):
            Simulator("tiny", 1, 0, demand_trace="synthetic", **other)
    with pytest.raises(ScenarioError, match="demand_trace is ''"):
        Simulator("tiny", 1, 0, demand_trace="")
    with pytest.raises(ScenarioError, match="demand_trace is 3"):
        Simulator("tiny", 1, 0, demand_trace=3)
    components = Components(demand=lambda network: network.state.demand)
    with pytest.raises(ValueError, match="allowed: one of them"):
        Simulator("tiny", 1, 0, demand_trace="synthetic", components=components)
