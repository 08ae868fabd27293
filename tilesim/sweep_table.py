"""The rows of a sweep, as columns."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from devices.errors import InputError
from tilesim.axes import Axis
from tilesim.points import FIGURES, Row
from tilesim.sweep_plan import Plan

__all__ = ["SweepTable", "table_of"]


@dataclass(frozen=True)
class SweepTable:
    """The rows of a sweep, as columns.

    Attributes
    ----------
    name : str
        The workload.
    axes : tuple of Axis
        What was varied.
    rows : tuple of Row
        The points that have run, in the order of their numbers.
    """

    name: str
    axes: tuple[Axis, ...]
    rows: tuple[Row, ...]

    def __len__(self) -> int:
        return len(self.rows)

    @cached_property
    def columns(self) -> dict[str, NDArray[Any]]:
        """Axes, figures, seconds and errors by name; arrays of shape (points,).

        Axes of numbers and figures are float64, NaN where a point has failed; names and errors
        are objects, empty where there is none.
        """
        columns: dict[str, NDArray[Any]] = {}
        for axis in self.axes:
            kind = np.float64 if axis.is_numeric else object
            columns[axis.name] = np.array([row.values[axis.name] for row in self.rows], dtype=kind)
        for name in FIGURES:
            is_text = name == "binding"
            missing: Any = "" if is_text else np.nan
            values = [row.figures.get(name, missing) for row in self.rows]
            columns[name] = np.array(values, dtype=object if is_text else np.float64)
        columns["seconds"] = np.array([row.seconds for row in self.rows])
        columns["error"] = np.array([row.error or "" for row in self.rows], dtype=object)
        return columns

    def best(self, figure: str = "wall_clock_us") -> Row:
        """The point with the least of a figure among those that run and fit on chip.

        Raises
        ------
        InputError
            There is none.
        """
        fitting = [row for row in self.rows if row.error is None and not row.figures["overflows"]]
        if not fitting:
            raise InputError(f"{self.name}: no point runs and fits on chip")
        return min(fitting, key=lambda row: row.figures[figure])

    @property
    def failed(self) -> tuple[Row, ...]:
        """The points that have failed."""
        return tuple(row for row in self.rows if row.error is not None)


def table_of(plan: Plan, rows: Iterable[Row]) -> SweepTable:
    """The table of some rows of a plan."""
    ordered = tuple(sorted(rows, key=lambda row: row.number))
    return SweepTable(plan.name, plan.axes, ordered)
