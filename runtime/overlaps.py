"""Which rectangles of one tensor overlap, without comparing each with every other."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import product
from math import prod

__all__ = ["Overlaps", "overlap"]

_FEW = 8
"""Rectangles that are compared one by one sooner than a grid is looked at."""

_Ints = tuple[int, ...]


def overlap(offset: _Ints, shape: _Ints, other_offset: _Ints, other_shape: _Ints) -> bool:
    """Whether two rectangles share an element; touching is not sharing."""
    for x, m, y, n in zip(offset, shape, other_offset, other_shape, strict=True):
        if x >= y + n or y >= x + m:
            return False
    return True


class Overlaps:
    """Numbers that are kept at rectangles of one tensor.

    Rectangles of about one size are in a grid whose cells are as large, so that each is in few
    cells, and a rectangle that is looked up is compared with those of few cells only. One that is
    looked up again is compared with what has come since.
    """

    def __init__(self) -> None:
        self._places: dict[_Ints, dict[_Ints, int]] = {}  # by shape and offset
        # Of each place: the rectangle, what is kept there, other places that it overlaps, and with
        # how many of `_kept` it has been compared for that. Places know each other by number: if
        # they held each other, only the garbage collector could free them.
        self._rectangles: list[tuple[_Ints, _Ints]] = []
        self._entries: list[list[int]] = []
        self._near: list[_Ints] = []
        self._compared: list[int] = []
        self._kept: list[int] = []  # places that something was ever kept at
        # By the exponents of a size: positions in `_kept`, by cells.
        self._grids: dict[_Ints, dict[_Ints, list[int]]] = {}

    def keep(self, offset: _Ints, shape: _Ints, entry: int) -> None:
        """Keep one more number, which is the highest so far."""
        place = self._place(offset, shape)
        entries = self._entries[place]
        if entries is not _NOTHING:
            entries.append(entry)
            return
        self._entries[place] = [entry]
        exponents = _exponents(shape)
        grid = self._grids.get(exponents)
        if grid is None:
            grid = self._grids[exponents] = {}
        for cell in product(*_spans(offset, shape, exponents)):
            grid.setdefault(cell, []).append(len(self._kept))
        self._kept.append(place)

    def remove(self, offset: _Ints, shape: _Ints, entry: int) -> None:
        """Keep a number no longer."""
        self._entries[self._place(offset, shape)].remove(entry)

    def overlapping(self, offset: _Ints, shape: _Ints) -> list[int]:
        """Numbers kept at rectangles that overlap this one, the highest first."""
        place = self._place(offset, shape)
        if self._compared[place] < len(self._kept):
            self._compare(place, offset, shape)
        near = self._near[place]
        if not near:
            return self._entries[place][::-1]
        found = [entry for other in (place, *near) for entry in self._entries[other]]
        found.sort(reverse=True)
        return found

    def _place(self, offset: _Ints, shape: _Ints) -> int:
        of_shape = self._places.get(shape)
        if of_shape is None:
            of_shape = self._places[shape] = {}
        place = of_shape.setdefault(offset, len(self._rectangles))
        if place == len(self._rectangles):
            self._rectangles.append((offset, shape))
            self._entries.append(_NOTHING)
            self._near.append(())
            self._compared.append(0)
        return place

    def _compare(self, place: int, offset: _Ints, shape: _Ints) -> None:
        """Find the other places that overlap this one, among those not yet compared with it."""
        kept, rectangles = self._kept, self._rectangles
        start, count = self._compared[place], len(kept)
        self._compared[place] = count
        positions: Iterable[int] = range(start, count)
        if count - start > _FEW:
            positions = self._positions(offset, shape)
            if start:
                positions = [p for p in positions if p >= start]
        new = []
        for position in positions:
            other = kept[position]
            if other != place and overlap(offset, shape, *rectangles[other]):
                new.append(other)
        if new:
            self._near[place] = (*self._near[place], *new)

    def _positions(self, offset: _Ints, shape: _Ints) -> Sequence[int]:
        """Positions in `_kept` of all places that may overlap a rectangle."""
        found: list[int] = []
        several = False
        for exponents, grid in self._grids.items():
            spans = _spans(offset, shape, exponents)
            cells = prod(map(len, spans))
            several = several or cells > 1
            if cells > len(grid):
                for positions in grid.values():
                    found += positions
                continue
            for cell in product(*spans):
                found += grid.get(cell, ())
        return sorted(set(found)) if several else found


_NOTHING: list[int] = []
"""Stands for the entries of a place that has never had any."""


@lru_cache(maxsize=1024)
def _exponents(shape: _Ints) -> _Ints:
    """The least powers of two that are no smaller than a shape."""
    return tuple([max(n - 1, 0).bit_length() for n in shape])


def _spans(offset: _Ints, shape: _Ints, exponents: _Ints) -> list[range]:
    """The cells that a rectangle reaches into, along each dimension."""
    return [
        range(x >> e, (x + n - 1 >> e) + 1)
        for x, n, e in zip(offset, shape, exponents, strict=True)
    ]
