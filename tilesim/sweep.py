"""Sweeps: a workload at every point of a product of axes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from devices.errors import InputError
from tilesim.axes import Axis
from tilesim.local_pool import LocalPool, run_here, usable_cores
from tilesim.point_queue import PointQueue
from tilesim.points import FIGURES, Origin, Row
from tilesim.setup_words import Value, Words
from tilesim.sweep_plan import Plan, make_plan

__all__ = ["SweepTable", "run_plan", "sweep", "table_of"]


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

    @property
    def failed(self) -> tuple[Row, ...]:
        """The points that have failed."""
        return tuple(row for row in self.rows if row.error is not None)


def sweep(
    source: str,
    axes: Mapping[str, Iterable[Value] | str] | Sequence[str],
    settings: Mapping[str, int] | None = None,
    setup: Words | None = None,
    *,
    call: str | None = None,
    jobs: int | None = None,
    on_row: Callable[[Row], None] | None = None,
) -> SweepTable:
    """Simulate a workload at every point of a product of axes.

    Parameters
    ----------
    source : str
        Name of a workload, a program file, or a recorded run or graph.
    axes : mapping or sequence of str
        What is varied: values by name, or texts as for ``--vary``. Names are parameters of the
        workload and words of the setup (see `tilesim.setup_words.setup_of`).
    settings : mapping, optional
        Parameters that differ from the defaults at all points.
    setup : mapping, optional
        Words of the setup at all points, such as ``{"policy": "heft"}``.
    call : str, optional
        Name of the program in a file that has several.
    jobs : int, optional
        Processes, by default one for each core; 0 runs everything in this one.
    on_row : callable, optional
        Told each row as it comes, in any order.

    Raises
    ------
    InputError
        Something does not exist or fit. What is wrong with one point only is in its row.
    """
    plan = make_plan(Origin(source, call), axes, settings, setup)
    rows = []
    for row in run_plan(plan, jobs):
        rows.append(row)
        if on_row is not None:
            on_row(row)
    return table_of(plan, rows)


def run_plan(plan: Plan, jobs: int | None = None, done: Iterable[int] = ()) -> Iterator[Row]:
    """Run the points of a plan that are not done, on this machine.

    Parameters
    ----------
    plan : Plan
        What to run.
    jobs : int, optional
        As for `sweep`.
    done : iterable of int
        Numbers of points that have run already.

    Raises
    ------
    InputError
        The number of processes is negative, or none can be started.
    """
    finished = set(done)
    queue = PointQueue(plan.groups(finished))
    if jobs is not None and jobs < 0:
        raise InputError(f"--jobs is the number of processes, 0 for none but this, not {jobs}")
    if jobs == 0:
        yield from run_here(queue)
        return
    left = max(1, plan.count - len(finished))
    with LocalPool(min(jobs or usable_cores(), left)) as pool:
        yield from pool.run(queue)


def table_of(plan: Plan, rows: Iterable[Row]) -> SweepTable:
    """The table of some rows of a plan."""
    ordered = tuple(sorted(rows, key=lambda row: row.number))
    return SweepTable(plan.name, plan.axes, ordered)
