"""Files of a sweep's rows: CSV, Parquet or JSON lines."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from tilesim.points import FIGURES, Row
from tilesim.sweep_table import SweepTable
from workloads.files import check_writable, file_ending, write_file
from workloads.formats.tables import TABLE_ENDINGS, parquet_library, write_columns

__all__ = ["RESULT_ENDINGS", "check_results", "row_record", "write_results"]

RESULT_ENDINGS = (*TABLE_ENDINGS, ".jsonl")
"""Endings of the files that `write_results` writes."""


def check_results(path: Path) -> None:
    """Refuse a file that could not be written, before anything runs.

    Raises
    ------
    InputError
        Its ending is another or its folder cannot be written to, or nothing that writes Parquet is
        installed.
    """
    check_writable(path, RESULT_ENDINGS)
    if file_ending(path, RESULT_ENDINGS) == ".parquet":
        parquet_library(path)


def row_record(row: Row) -> dict[str, Any]:
    """A row as a JSON object: axes, figures, null where it has failed, seconds and error."""
    figures = {name: row.figures.get(name) for name in FIGURES}
    return {**row.values, **figures, "seconds": row.seconds, "error": row.error}


def write_results(table: SweepTable, path: Path) -> None:
    """Write the rows of a sweep, whole or not at all.

    Raises
    ------
    InputError
        As `check_results`; or the disk is full.
    """
    records = [row_record(row) for row in table.rows]
    if file_ending(path, RESULT_ENDINGS) == ".jsonl":
        text = "".join(json.dumps(record, allow_nan=False) + "\n" for record in records)
        write_file(path, lambda temporary: _write_text(temporary, text))
        return
    names = [*(axis.name for axis in table.axes), *FIGURES, "seconds", "error"]
    columns = {name: np.array([r[name] for r in records] or [], dtype=object) for name in names}
    write_columns(columns, path)


def _write_text(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
