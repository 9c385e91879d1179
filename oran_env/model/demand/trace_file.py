"""The file of a trace: read once, checked before memory is spent on it, taken as numbers and nothing else.

Columns step, du, slice, offered_bits, in any order: bits offered to all UEs of a slice (eMBB, mMTC, URLLC) of a DU in a
step. Every step from 0 on has every DU from 0 on and every slice that the file names, once; rows in any order.
"""

from __future__ import annotations

import csv
from array import array
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oran_env.numerics.jit import Floats
from oran_env.scenario.slices import NUM_SLICES, SLICES
from oran_env.scenario.validation import ScenarioError

COLUMNS = ("step", "du", "slice", "offered_bits")
MAX_BYTES = 100_000_000
MAX_ROWS = 10_000_000
SHIPPED = {"synthetic": Path(__file__).parent / "traces" / "synthetic.csv"}  # made by docs/measure/make_trace.py

Row = tuple[str, str, str, str]  # in the order of COLUMNS, or what float() and int() make numbers of


def read_trace(name: str) -> tuple[Floats, NDArray[np.bool_]]:
    """Offered bits (T, D, 3), zero in slices that are not named, and which are (3,).

    Args:
        name: of a trace that is shipped, or the path of a .csv or .parquet file.

    Raises:
        ScenarioError: says what is wrong and what is allowed.
    """
    path = SHIPPED.get(name, Path(name))
    readers = {".csv": _rows_of_csv, ".parquet": _rows_of_parquet}
    if path.suffix not in readers:
        raise ScenarioError(f"demand_trace is {name!r}; allowed: {', '.join(SHIPPED)}, or a .csv or .parquet file")
    if not path.is_file():
        raise ScenarioError(f"demand_trace is {name!r}; allowed: a file that exists")
    if path.stat().st_size > MAX_BYTES:
        raise ScenarioError(f"demand_trace {name!r} has {path.stat().st_size} bytes; allowed: up to {MAX_BYTES}")
    try:
        return _table(name, readers[path.suffix](name, path))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ScenarioError(f"demand_trace {name!r} cannot be read: {error}") from error


def _table(name: str, rows: Iterable[Row]) -> tuple[Floats, NDArray[np.bool_]]:
    """Rows to arrays, if they are a complete grid."""
    steps, dus, slices, bits = array("q"), array("q"), array("b"), array("d")
    for number, (step, du, which, offered) in enumerate(rows, start=1):
        if number > MAX_ROWS:
            raise ScenarioError(f"demand_trace {name!r} has more than {MAX_ROWS} rows; allowed: up to so many")
        try:
            entry = int(step), int(du), SLICES.index(which), float(offered)
            fits = 0 <= entry[0] < MAX_ROWS and 0 <= entry[1] < MAX_ROWS and 0.0 <= entry[3] < np.inf
        except (ValueError, TypeError):
            fits = False
        if not fits:
            raise ScenarioError(
                f"demand_trace {name!r}, row {number}: no numbers, or out of range; allowed: step and du from 0, slice "
                f"{', '.join(SLICES)}, offered_bits a finite number from 0"
            )
        steps.append(entry[0])
        dus.append(entry[1])
        slices.append(entry[2])
        bits.append(entry[3])
    if not steps:
        raise ScenarioError(f"demand_trace {name!r} has no rows; allowed: at least one step")
    where = tuple(np.asarray(column, dtype=np.int64) for column in (steps, dus, slices))
    length, width, named = int(where[0].max()) + 1, int(where[1].max()) + 1, np.unique(where[2])
    full = length * width * len(named)
    if len(steps) == full:  # only then is there room for it
        table = np.full((length, width, NUM_SLICES), np.nan)
        table[:, :, np.setdiff1d(np.arange(NUM_SLICES), named)] = 0.0
        table[where] = bits
        if not np.isnan(table).any():
            return table, np.isin(np.arange(NUM_SLICES), named)
    raise ScenarioError(
        f"demand_trace {name!r} has {len(steps)} rows for {length} steps, {width} DUs and {len(named)} slices; "
        f"allowed: one for each step, DU and slice, {full}"
    )


def _columns(name: str, found: Iterable[str]) -> list[int]:
    """Where the columns stand."""
    header = list(found)
    if sorted(header) != sorted(COLUMNS):
        raise ScenarioError(f"demand_trace {name!r} has columns {header[:9]}; allowed: {', '.join(COLUMNS)}")
    return [header.index(column) for column in COLUMNS]


def _rows_of_csv(name: str, path: Path) -> Iterator[Row]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        lines = csv.reader(file)
        order = _columns(name, next(lines, []))
        for line in lines:
            if len(line) != len(COLUMNS):
                raise ScenarioError(
                    f"demand_trace {name!r}, line {lines.line_num}: {len(line)} fields; allowed: {len(COLUMNS)}"
                )
            yield line[order[0]], line[order[1]], line[order[2]], line[order[3]]


def _rows_of_parquet(name: str, path: Path) -> Iterator[Row]:
    try:
        from pyarrow import ArrowException, parquet, types
    except ImportError as error:
        raise ScenarioError(
            f"demand_trace is {name!r}, and pyarrow is not installed; allowed: a .csv file, or pip install pyarrow"
        ) from error
    try:
        _columns(name, parquet.read_metadata(path).schema.names)
        # A word that stands in every row is stored once, and may be as long as the file: it is not to be repeated.
        with parquet.ParquetFile(path, read_dictionary=["slice"]) as file:
            head, kinds = file.metadata, file.schema_arrow
            numbers = [kinds.field(column).type for column in COLUMNS if column != "slice"]
            is_text = types.is_dictionary(kinds.field("slice").type)
            if not is_text or not all(types.is_integer(kind) or types.is_floating(kind) for kind in numbers):
                raise ScenarioError(f"demand_trace {name!r} has {kinds.types}; allowed: numbers, and text for slice")
            if head.num_rows > MAX_ROWS:
                raise ScenarioError(f"demand_trace {name!r} has {head.num_rows} rows; allowed: up to {MAX_ROWS}")
            for part in file.iter_batches(batch_size=65_536, columns=list(COLUMNS)):
                columns = {column: part.column(column) for column in COLUMNS}
                values = {**columns, "slice": _once_each(name, columns["slice"])}
                yield from zip(*(values[column].to_pylist() for column in COLUMNS), strict=True)
    except ArrowException as error:
        raise ScenarioError(f"demand_trace {name!r} cannot be read: {error}") from error


def _once_each(name: str, column: Any) -> Any:
    """A column of slices, if its words are those of ours."""
    words = column.dictionary
    if len(words) > NUM_SLICES or not set(words.to_pylist()) <= set(SLICES):
        raise ScenarioError(f"demand_trace {name!r} has other slices; allowed: {', '.join(SLICES)}")
    return column
