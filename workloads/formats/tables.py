"""Tables of traces in files: CSV for every tool, Parquet for data frames."""

from __future__ import annotations

import csv
import gzip
import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from devices.errors import InputError
from runtime.table import columns_of, installed
from runtime.trace import Trace
from workloads.files import file_ending, write_file

__all__ = ["TABLE_ENDINGS", "parquet_library", "write_columns", "write_table"]

TABLE_ENDINGS = (".csv", ".csv.gz", ".parquet")
"""Endings of the files that `write_table` writes."""

_ROWS_AT_ONCE = 1 << 14


def write_table(trace: Trace, path: str | os.PathLike[str]) -> None:
    """Write the rows of a trace as a table, with the columns of `Trace.columns`.

    Numbers in CSV are the shortest that are read back as the same floats; pandas does so with
    ``read_csv(path, float_precision="round_trip")``.

    Parameters
    ----------
    trace : Trace
        The run.
    path : path
        File to write, ending in one of `TABLE_ENDINGS`. Parquet needs pyarrow or polars.

    Raises
    ------
    InputError
        The ending is another, the file cannot be written, or what Parquet needs is not installed.
    """
    write_columns(columns_of(trace), path)


def write_columns(columns: dict[str, NDArray[Any]], path: str | os.PathLike[str]) -> None:
    """Write columns of one length as a table; None in a column of objects is an empty cell.

    Raises
    ------
    InputError
        As `write_table`.
    """
    ending = file_ending(path, TABLE_ENDINGS)
    if ending == ".parquet":
        _write_parquet(columns, path)
        return

    def write(temporary: Path) -> None:
        with temporary.open("wb") as file:
            if ending.endswith(".gz"):
                # Without name and time in it, the same run gives the same bytes.
                with gzip.GzipFile("", "wb", compresslevel=6, fileobj=file, mtime=0) as packed:
                    _write_csv(columns, packed)
            else:
                _write_csv(columns, file)

    write_file(path, write)


def _write_csv(columns: dict[str, NDArray[Any]], file: Any) -> None:
    with io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=False) as text:
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(columns)
        for rows in _pieces(columns):
            writer.writerows(rows)


def _pieces(columns: dict[str, NDArray[Any]]) -> Iterator[Iterator[tuple[Any, ...]]]:
    """Rows, some thousands at a time, so that not all are Python objects at once."""
    count = max(map(len, columns.values()))
    for first in range(0, count, _ROWS_AT_ONCE):
        part = [column[first : first + _ROWS_AT_ONCE].tolist() for column in columns.values()]
        yield zip(*part, strict=True)


def parquet_library(path: str | os.PathLike[str]) -> Any:
    """What writes Parquet: pyarrow, or polars where that is missing.

    Raises
    ------
    InputError
        Neither is installed; the message names the file.
    """
    library = installed(("pyarrow.parquet", "polars"))
    if library is None:
        raise InputError(
            f"{os.fspath(path)}: Parquet needs pyarrow or polars, which are not installed; run: "
            "pip install pyarrow, or end the file name in .csv"
        )
    return library


def _write_parquet(columns: dict[str, NDArray[Any]], path: str | os.PathLike[str]) -> None:
    library = parquet_library(path)
    lists = {
        name: column.tolist() if column.dtype == object else np.ascontiguousarray(column)
        for name, column in columns.items()
    }

    def write(temporary: Path) -> None:
        if library.__name__ == "polars":
            library.DataFrame(lists).write_parquet(temporary)
        else:
            library.write_table(installed(("pyarrow",)).table(lists), temporary)

    write_file(path, write)
