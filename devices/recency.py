"""The order in which cells were touched last, in runs of neighbours: tasks touch many at once."""

from __future__ import annotations

from array import array
from typing import Final

__all__ = ["Recency", "filled"]

_FEW_RUNS: Final = 1 << 16
"""Runs that are kept without a look at whether their cells have been touched again."""


def filled(value: int, count: int) -> array[int]:
    """The same number several times."""
    return array("i", [value]) * count


class Recency:
    """Cells that are in L2, those touched longest ago first.

    A touch of neighbouring cells is a run in a queue. A cell belongs to the run that touched it
    last; where that is another one, it has gone from this.

    Parameters
    ----------
    count : int
        Cells, in L2 or not.
    """

    def __init__(self, count: int) -> None:
        self._run_of = filled(-1, count)
        self._number: list[int] = []
        self._first: list[int] = []
        self._stop: list[int] = []
        self._next = 0  # number of the next run
        self._head = 0  # where the oldest run is
        self._most = _FEW_RUNS

    def touch(self, first: int, stop: int) -> None:
        """Make neighbouring cells those touched last."""
        number = self._next
        self._next = number + 1
        self._number.append(number)
        self._first.append(first)
        self._stop.append(stop)
        if stop - first == 1:
            self._run_of[first] = number
        else:
            self._run_of[first:stop] = filled(number, stop - first)
        if len(self._number) > self._most:
            self._compact()

    def oldest(self) -> int:
        """The cell touched longest ago."""
        while True:
            head = self._head
            number, first, stop = self._number[head], self._first[head], self._stop[head]
            while first < stop:
                if self._run_of[first] == number:
                    self._first[head] = first
                    return first
                first += 1
            self._head = head + 1

    def take(self, most: int) -> tuple[int, int]:
        """Take out neighbours of `oldest`, itself included, that were touched at the same time.

        Returns
        -------
        first, stop : int
            The first, and the one behind the last; `most` at the most.
        """
        first, head = self.oldest(), self._head
        number, stop = self._number[head], min(self._stop[head], first + most)
        if stop - first > 1 and self._run_of[first:stop] != filled(number, stop - first):
            end = first + 1
            while self._run_of[end] == number:
                end += 1
            stop = end
        self._first[head] = stop
        return first, stop

    def _compact(self) -> None:
        """Forget runs of which no cell is left."""
        kept = [place for place in range(self._head, len(self._number)) if self._is_left(place)]
        self._number = [self._number[place] for place in kept]
        self._first = [self._first[place] for place in kept]
        self._stop = [self._stop[place] for place in kept]
        self._head = 0
        self._most = max(_FEW_RUNS, 2 * len(kept))

    def _is_left(self, place: int) -> bool:
        number, first, stop = self._number[place], self._first[place], self._stop[place]
        if stop - first == 1:
            return self._run_of[first] == number
        return number in self._run_of[first:stop]
