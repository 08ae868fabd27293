"""What tasks touch in global memory, in columns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from librt.vecs import vec
from mypy_extensions import i32

__all__ = ["Footprints", "Kinds", "Touch", "Touches", "Use", "Uses"]

_Lists = tuple[list[int], list[int], list[int]]


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
    start : int32 column
        Where the touches of each submit begin; at the end, how many there are.
    cell : int32 column
        First cell of each touch.
    kind : int32 column
        Its kind.
    """

    start: vec[i32]
    cell: vec[i32]
    kind: vec[i32]


@dataclass(frozen=True)
class Footprints:
    """What all submits of a graph touch in global memory.

    Attributes
    ----------
    loads, stores : Touches
        What they read and write; nothing for an alloc.
    kinds : Kinds
        Of both.
    loaded_bytes : float64 column
        Bytes that each submit loads, at least 1: `first_bytes` of its loads are parts of that.
    moved_bytes : float64 column
        Bytes that each submit loads and stores.
    cell_bytes : int32 column
        Bytes of each cell: a group of lines that tasks touch together only.
    """

    loads: Touches
    stores: Touches
    kinds: Kinds
    loaded_bytes: vec[float]
    moved_bytes: vec[float]
    cell_bytes: vec[i32]

    def __len__(self) -> int:
        return len(self.moved_bytes)

    @classmethod
    def of_uses(cls, uses: Iterable[Use], cell_bytes: Sequence[int]) -> Footprints:
        """Footprints that are given one by one."""
        kinds, moved = Kinds(), []
        columns: tuple[_Lists, _Lists] = ([0], [], []), ([0], [], [])
        for use in uses:
            for touches, (start, cell, kind) in zip((use.loads, use.stores), columns, strict=True):
                for cells, share, nbytes in touches:
                    cell.extend(cells)
                    kind.extend([kinds.add(1, 1, 0, share, nbytes)] * len(cells))
                start.append(len(cell))
            moved.append(use.nbytes)
        loads, stores = (Touches(*map(vec[i32], lists)) for lists in columns)
        ones = vec[float]([1.0] * len(moved))
        return cls(loads, stores, kinds, ones, vec[float](moved), vec[i32](cell_bytes))

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
        begin: int = touches.start[task]
        end: int = touches.start[task + 1]
        for place in range(begin, end):
            first: int = touches.cell[place]
            kind: int = touches.kind[place]
            runs, length, step = kinds.runs[kind], kinds.cells[kind], kinds.step[kind]
            cells = [first + run * step + cell for run in range(runs) for cell in range(length)]
            count = float(len(cells))
            share = kinds.first_bytes[kind] / loaded_bytes / count
            yield Touch(tuple(cells), share, kinds.line_bytes[kind] / count)


@dataclass(frozen=True)
class Uses:
    """What all submits of a graph do with global memory, and what it does to their times.

    Attributes
    ----------
    footprints : Footprints
        What they touch.
    hit_gains : sequence of float
        Part of the kernel time of each that is saved if all it loads is in L2.
    """

    footprints: Footprints
    hit_gains: Sequence[float]
