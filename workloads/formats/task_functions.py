"""What each recorded task executes: one function, or one on each core of a cluster; how often."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from devices.errors import InputError
from workloads.formats.deps import Dependences
from workloads.formats.recorded_tasks import RecordedTasks
from workloads.formats.recording import NO_FUNCTION, Recording

__all__ = [
    "ABSENT",
    "UNKNOWN_AIC",
    "UNKNOWN_AIV",
    "Functions",
    "TaskFunctions",
    "find_functions",
]

Functions = tuple[int, int, int]
"""What the cube core and the two vector cores of a cluster execute; `ABSENT` for nothing."""

ABSENT = -1

UNKNOWN_AIC, UNKNOWN_AIV = -2, -3
"""Stand for the functions of cube and vector cores where the file does not say them."""


@dataclass(frozen=True)
class TaskFunctions:
    """What recorded tasks execute.

    Attributes
    ----------
    table : list of Functions
        All that occur.
    task : int32 array, shape (n,)
        Position in `table`; -1 for tasks that run on no core.
    blocks : int32 array, shape (n,)
        How many cores, or clusters, execute it.
    side : int8 array, shape (r,)
        Which core of its cluster each row stands for.
    notes : tuple of str
        What had to be guessed.
    """

    table: list[Functions]
    task: NDArray[np.int32]
    blocks: NDArray[np.int32]
    side: NDArray[np.int8]
    notes: tuple[str, ...]


def find_functions(
    recording: Recording,
    tasks: RecordedTasks,
    dependences: Dependences | None,
    lane: NDArray[np.int8],
) -> TaskFunctions:
    """Find what tasks execute, from their rows, and where it is given from `deps.json`.

    Parameters
    ----------
    recording, tasks, dependences
        What was read.
    lane : int8 array, shape (r,)
        Which vector core of its cluster each row ran on, 0 or 1; 0 for cube cores.

    Raises
    ------
    InputError
        Rows of a task contradict each other or `deps.json`.
    """
    rows = recording.rows
    function = rows.function.copy()
    unknown = function == NO_FUNCTION
    function[unknown] = np.where(rows.is_aic[unknown], UNKNOWN_AIC, UNKNOWN_AIV)
    finder = _Finder(recording, tasks, dependences)
    alone = np.bincount(tasks.row, minlength=len(tasks.id))[tasks.row] == 1
    if dependences is None:
        finder.add_alone(tasks.row[alone], function[alone], rows.is_aic[alone])
    order = np.argsort(tasks.row, kind="stable")
    if dependences is None:
        order = order[~alone[order]]
    starts = np.flatnonzero(np.diff(tasks.row[order], prepend=-1))
    columns = [order.tolist(), *(c[order].tolist() for c in (function, rows.is_aic, lane))]
    owners = tasks.row[order][starts].tolist()
    ends = np.append(starts, len(order))[1:].tolist()
    side = np.zeros(len(order), dtype=np.int8)
    for task, start, end in zip(owners, starts.tolist(), ends, strict=True):
        own = [column[start:end] for column in columns]
        side[start:end] = finder.add(task, *own)
    back = np.where(rows.is_aic, 0, 1).astype(np.int8)
    back[order] = side
    return TaskFunctions(list(finder.numbers), finder.task, finder.blocks, back, finder.notes())


class _Finder:
    def __init__(
        self, recording: Recording, tasks: RecordedTasks, dependences: Dependences | None
    ) -> None:
        self._where = f"{recording.path}: {recording.rows.where}"
        self._ids = tasks.id.tolist()
        self._dependences = dependences
        self._lost = 0
        self.numbers: dict[Functions, int] = {}
        self.task = np.full(len(tasks.id), -1, dtype=np.int32)
        self.blocks = np.ones(len(tasks.id), dtype=np.int32)

    def add_alone(
        self, task: NDArray[np.int32], function: NDArray[np.int64], is_aic: NDArray[np.bool_]
    ) -> None:
        """Take tasks in that have one row each."""
        for on_cube in (True, False):
            own = np.flatnonzero(is_aic == on_cube)
            kinds, kind = np.unique(function[own], return_inverse=True)
            places = [
                (f, ABSENT, ABSENT) if on_cube else (ABSENT, f, ABSENT) for f in kinds.tolist()
            ]
            numbers = [self.numbers.setdefault(place, len(self.numbers)) for place in places]
            self.task[task[own]] = np.array(numbers, dtype=np.int32)[kind]

    def add(
        self,
        task: int,
        records: list[int],
        function: list[int],
        is_aic: list[bool],
        lane: list[int],
    ) -> list[int]:
        """Take the rows of a task in; returns the side of each."""
        if self._dependences is None:
            functions = self._seen(records[0], self._ids[task], function, is_aic, lane)
            cubes, sides = sum(is_aic), sum(f != ABSENT for f in functions)
            per_block = sides - (functions[0] != ABSENT)
            blocks = cubes or -(-(len(is_aic) - cubes) // per_block)
        else:
            given = self._dependences.tasks[self._ids[task]]
            functions, blocks = given.functions, given.blocks
            self._check_given(records, functions, is_aic)
            sides = sum(f != ABSENT for f in functions)
        self._lost += blocks * sides != len(is_aic)
        self.task[task] = self.numbers.setdefault(functions, len(self.numbers))
        self.blocks[task] = blocks
        _, first, second = functions
        if self._dependences is not None or ABSENT in (first, second):
            # The device tools name all vector rows after the first vector function there is.
            only = 1 if first != ABSENT else 2
            return [0 if cube else only for cube in is_aic]
        if first == second:
            return [0 if cube else 1 + where for cube, where in zip(is_aic, lane, strict=True)]
        return [
            0 if cube else 1 if one == first else 2
            for cube, one in zip(is_aic, function, strict=True)
        ]

    def notes(self) -> tuple[str, ...]:
        """What had to be guessed."""
        found = []
        if self._lost:
            found.append(
                f"{self._lost} tasks have fewer or more executions than blocks and functions "
                "make; records were lost."
            )
        if self._dependences is not None and any(
            min(first, second) >= 0 and first != second for _, first, second in self.numbers
        ):
            found.append(
                "Executions on vector cores of MIX tasks count under the first vector function, "
                "as in the device tools; the file does not tell the two apart."
            )
        return tuple(found)

    def _seen(
        self, record: int, task: int, function: list[int], is_aic: list[bool], lane: list[int]
    ) -> Functions:
        """The functions that the rows of a task show."""
        cube = {f for f, on_cube in zip(function, is_aic, strict=True) if on_cube}
        lanes: dict[int, Counter[int]] = {}
        for one, on_cube, where in zip(function, is_aic, lane, strict=True):
            if not on_cube:
                lanes.setdefault(one, Counter())[where] += 1
        if len(cube) > 1 or len(lanes) > 2:
            raise InputError(
                f"{self._where}[{record}]: task {task} executes functions "
                f"{sorted({*cube, *lanes})[:6]}; a task has one for cube cores and up to two for "
                "vector cores"
            )
        first, second = self._lanes_in_order(lanes, sum(is_aic))
        return (cube.pop() if cube else ABSENT, first, second)

    @staticmethod
    def _lanes_in_order(lanes: dict[int, Counter[int]], cubes: int) -> tuple[int, int]:
        if not lanes:
            return ABSENT, ABSENT
        if len(lanes) == 1:
            ((only, places),) = lanes.items()
            if not cubes:
                return only, ABSENT
            if places.total() > cubes:
                return only, only
            return (ABSENT, only) if places[1] == places.total() else (only, ABSENT)
        # What runs more on the first vector core of clusters is first; a tie goes to the lower id.
        one, other = sorted(lanes, key=lambda f: (lanes[f][1] / lanes[f].total(), f))
        return one, other

    def _check_given(self, records: list[int], functions: Functions, is_aic: list[bool]) -> None:
        for record, cube in zip(records, is_aic, strict=True):
            given = functions[0] != ABSENT if cube else max(functions[1:]) != ABSENT
            if not given:
                name = "cube" if cube else "vector"
                raise InputError(
                    f"{self._where}[{record}]: runs on a {name} core, for which "
                    f"kernel_ids {list(functions)} in deps.json have no kernel; it is of another "
                    "run"
                )
