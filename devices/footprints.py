"""What tasks touch in global memory, in columns."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

__all__ = ["Footprints", "Kinds", "Touch", "Touches", "Use"]


class Touch(NamedTuple):
    """Lines that a task reads or writes.

    Attributes
    ----------
    cells : tuple of int
        Groups of lines that tasks touch together only.
    share : float
        Part of all bytes that the task loads which miss if one cell of these is not there.
    nbytes : float
        Bytes of the lines that the task touches in one cell: whole lines, whatever it takes of
        each.
    """

    cells: tuple[int, ...]
    share: float
    nbytes: float


class Use(NamedTuple):
    """What one submit does with global memory.

    Attributes
    ----------
    loads, stores : tuple of Touch
        Lines that it reads and writes, in that order.
    nbytes : float
        Bytes that it loads and stores.
    """

    loads: tuple[Touch, ...]
    stores: tuple[Touch, ...]
    nbytes: float


@dataclass(frozen=True)
class Kinds:
    """What touches have in common, wherever they are; few lists that all touches point into.

    Attributes
    ----------
    runs, cells : list of int
        Runs of neighbouring cells, and cells of a run.
    step : list of int
        From a run's first cell to the next one's.
    first_bytes : list of float
        Bytes of the loads that are the first to touch their lines.
    line_bytes : list of float
        Bytes of the lines.
    """

    runs: list[int] = field(default_factory=list)
    cells: list[int] = field(default_factory=list)
    step: list[int] = field(default_factory=list)
    first_bytes: list[float] = field(default_factory=list)
    line_bytes: list[float] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.runs)

    def add(self, runs: int, cells: int, step: int, first_bytes: float, line_bytes: float) -> int:
        """Add one; returns its number."""
        self.runs.append(runs)
        self.cells.append(cells)
        self.step.append(step)
        self.first_bytes.append(first_bytes)
        self.line_bytes.append(line_bytes)
        return len(self.runs) - 1


@dataclass(frozen=True)
class Touches:
    """What all submits read, or what all write.

    Attributes
    ----------
    start : int32 array
        Where the touches of each submit begin; at the end, how many there are.
    cell : int32 array
        First cell of each touch.
    kind : int32 array
        Its kind.
    """

    start: array[int]
    cell: array[int]
    kind: array[int]


@dataclass(frozen=True)
class Footprints:
    """What all submits of a graph touch in global memory.

    Attributes
    ----------
    loads, stores : Touches
        What they read and write; nothing for an alloc.
    kinds : Kinds
        Of both.
    loaded_bytes : float64 array
        Bytes that each submit loads, at least 1: `first_bytes` of its loads are parts of that.
    moved_bytes : float64 array
        Bytes that each submit loads and stores.
    cell_bytes : sequence of int
        Bytes of each cell: a group of lines that tasks touch together only.
    """

    loads: Touches
    stores: Touches
    kinds: Kinds
    loaded_bytes: array[float]
    moved_bytes: array[float]
    cell_bytes: Sequence[int]

    def __len__(self) -> int:
        return len(self.moved_bytes)

    @classmethod
    def of_uses(cls, uses: Iterable[Use], cell_bytes: Sequence[int]) -> Footprints:
        """Footprints that are given one by one."""
        kinds, loaded, moved = Kinds(), array("d"), array("d")
        loads, stores = (Touches(array("i", [0]), array("i"), array("i")) for _ in range(2))
        for use in uses:
            for touches, column in ((use.loads, loads), (use.stores, stores)):
                for cells, share, nbytes in touches:
                    kind = kinds.add(1, 1, 0, share, nbytes)
                    column.cell.extend(cells)
                    column.kind.extend([kind] * len(cells))
                column.start.append(len(column.cell))
            loaded.append(1.0)
            moved.append(use.nbytes)
        return cls(loads, stores, kinds, loaded, moved, cell_bytes)

    @property
    def uses(self) -> list[Use]:
        """The same one by one."""
        found = []
        for task, nbytes in enumerate(self.moved_bytes):
            loads = tuple(self._touches(self.loads, task, self.loaded_bytes[task]))
            stores = tuple(self._touches(self.stores, task, self.loaded_bytes[task]))
            found.append(Use(loads, stores, nbytes))
        return found

    def _touches(self, touches: Touches, task: int, loaded_bytes: float) -> Iterator[Touch]:
        kinds = self.kinds
        for place in range(touches.start[task], touches.start[task + 1]):
            first, kind = touches.cell[place], touches.kind[place]
            runs, length, step = kinds.runs[kind], kinds.cells[kind], kinds.step[kind]
            cells = [first + run * step + cell for run in range(runs) for cell in range(length)]
            count = float(len(cells))
            share = kinds.first_bytes[kind] / loaded_bytes / count
            yield Touch(tuple(cells), share, kinds.line_bytes[kind] / count)
