"""Which rectangles of one tensor overlap, without comparing each with every other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
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

    Rectangles of about one size are in a grid whose cells are as large, so that each is in one
    cell and a rectangle that is looked up overlaps those of few cells only. One that is looked up
    again is compared with what has come since.
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
        if entries is _NOTHING:
            entries = self._entries[place] = []
            exponents = _exponents(shape)
            grid = self._grids.setdefault(exponents, {})
            cell = tuple([x >> e for x, e in zip(offset, exponents, strict=True)])
            grid.setdefault(cell, []).append(len(self._kept))
            self._kept.append(place)
        entries.append(entry)

    def remove(self, offset: _Ints, shape: _Ints, entry: int) -> None:
        """Keep a number no longer."""
        self._entries[self._place(offset, shape)].remove(entry)

    def overlapping(self, offset: _Ints, shape: _Ints) -> list[int]:
        """Numbers kept at rectangles that overlap this one, the highest first."""
        place = self._place(offset, shape)
        if self._compared[place] < len(self._kept):
            self._compare(place)
        found = self._entries[place][::-1]
        near = self._near[place]
        if near:
            for other in near:
                found += self._entries[other]
            found.sort(reverse=True)
        return found

    def _place(self, offset: _Ints, shape: _Ints) -> int:
        of_shape = self._places.get(shape)
        if of_shape is None:
            of_shape = self._places[shape] = {}
        place = of_shape.get(offset, -1)
        if place < 0:
            place = of_shape[offset] = len(self._rectangles)
            self._rectangles.append((offset, shape))
            self._entries.append(_NOTHING)
            self._near.append(())
            self._compared.append(0)
        return place

    def _compare(self, place: int) -> None:
        """Find the other places that overlap this one, among those not yet compared with it."""
        kept, rectangles = self._kept, self._rectangles
        start, count = self._compared[place], len(kept)
        rectangle = rectangles[place]
        positions: Iterable[int] = range(start, count)
        if count - start > _FEW:
            positions = (p for p in self._positions(*rectangle) if p >= start)
        others = [kept[position] for position in positions]
        new = [o for o in others if o != place and overlap(*rectangle, *rectangles[o])]
        if new:
            self._near[place] = (*self._near[place], *new)
        self._compared[place] = count

    def _positions(self, offset: _Ints, shape: _Ints) -> Iterator[int]:
        """Positions in `_kept` of all places that may overlap a rectangle."""
        for exponents, grid in self._grids.items():
            spans = [
                range((x >> e) - 1, (x + max(n, 1) - 1 >> e) + 1)
                for x, n, e in zip(offset, shape, exponents, strict=True)
            ]
            if prod(map(len, spans)) > len(grid):
                for positions in grid.values():
                    yield from positions
                continue
            for cell in product(*spans):
                yield from grid.get(cell, ())


_NOTHING: list[int] = []
"""Stands for the entries of a place that has never had any."""


def _exponents(shape: Sequence[int]) -> _Ints:
    """The least powers of two that are no smaller than a shape."""
    return tuple([max(n - 1, 0).bit_length() for n in shape])
