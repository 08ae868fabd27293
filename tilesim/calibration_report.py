"""A fit, for the terminal and as plain values."""

from __future__ import annotations

from dataclasses import asdict
from statistics import median
from typing import Any

from rich.console import Console

from tilesim.calibration import Calibration
from tilesim.console import new_table
from workloads.published import FIGURES

__all__ = ["calibration_record", "print_calibration"]


def calibration_record(fitted: Calibration) -> dict[str, Any]:
    """A fit as a JSON object; errors are relative."""
    return {
        "parameters": [asdict(parameter) for parameter in fitted.parameters],
        "rows": [asdict(row) for row in fitted.rows],
        "median_error": {
            "start": _median(fitted, "start_us"),
            "fitted": _median(fitted, "fitted_us"),
            "left_out": _median(fitted, "left_out_us"),
        },
        "evaluations": fitted.evaluations,
    }


def _median(fitted: Calibration, time: str) -> float:
    return float(median(abs(getattr(row, time) / row.published_us - 1.0) for row in fitted.rows))


def print_calibration(console: Console, fitted: Calibration) -> None:
    """Print the constants, then the rows."""
    table = new_table("Constants")
    table.add_column("Key", overflow="fold")
    for heading in ("Range", "Start", "Fitted", "Moves\nrows"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("Most correlated with", overflow="fold")
    for p in fitted.parameters:
        table.add_row(
            p.key,
            f"{p.low:g} to {p.high:g}",
            f"{p.start:.4g}",
            f"{p.fitted:.4g}",
            f"{p.sensitivity:.1%}",
            f"{p.partner} {p.correlation:+.2f}",
        )
    console.print(table)
    table = new_table("Errors of the rows")
    table.add_column("Case", overflow="fold")
    table.add_column("Figure", no_wrap=True)
    for heading in ("Published us", "Start", "Fitted", "Left out"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in fitted.rows:
        times = (row.start_us, row.fitted_us, row.left_out_us)
        table.add_row(
            row.case,
            FIGURES[row.figure],
            f"{row.published_us:.2f}",
            *(f"{time / row.published_us - 1.0:+.1%}" for time in times),
        )
    console.print(table)
    console.print(
        f"Median error {_median(fitted, 'start_us'):.1%} before, "
        f"{_median(fitted, 'fitted_us'):.1%} after, "
        f"{_median(fitted, 'left_out_us'):.1%} of rows that were left out",
        highlight=False,
    )
