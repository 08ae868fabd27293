"""Which point runs next, so that each program is built as few times as can be."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from tilesim.points import Point

__all__ = ["PointQueue"]


class PointQueue:
    """Hands points out to workers.

    A worker stays with its program while that has points; then it begins a program that nobody
    has; when there is none, it helps with the program that has most points left, which it has to
    build, too. So a program is built once, but where a worker would have nothing to do instead.

    Parameters
    ----------
    groups : iterable of sequence of Point
        Points of one program each; taken as they are needed.
    """

    def __init__(self, groups: Iterable[Sequence[Point]]) -> None:
        self._groups = iter(groups)
        self._open: dict[int, deque[Point]] = {}
        self._begun = 0

    @staticmethod
    def of(points: Iterable[Point]) -> PointQueue:
        """The queue of some points, of which those of one program follow each other."""
        return PointQueue(_grouped(points))

    def take(self, group: int | None) -> tuple[int, Point] | None:
        """The next point of a worker with its group, or None if there is no more.

        Parameters
        ----------
        group : int or None
            The group of the point that the worker had last.
        """
        if group is not None and self._open.get(group):
            return group, self._open[group].popleft()
        self._open = {number: left for number, left in self._open.items() if left}
        for points in self._groups:
            self._begun += 1
            self._open[self._begun] = deque(points)
            if points:
                return self._begun, self._open[self._begun].popleft()
        if not self._open:
            return None
        most = max(self._open, key=lambda number: len(self._open[number]))
        return most, self._open[most].pop()  # from the end: its owner goes on from the begin

    def put_back(self, group: int, point: Point) -> None:
        """Have a point run again."""
        self._open.setdefault(group, deque()).append(point)


def _grouped(points: Iterable[Point]) -> Iterator[list[Point]]:
    for _, group in groupby(points, key=lambda point: point.program):
        yield list(group)
