"""The order in which cells were touched last, in runs of neighbours: tasks touch many at once."""

from __future__ import annotations

from array import array
from typing import Final

__all__ = ["Recency", "filled"]

_FEW_RUNS: Final = 1 << 16
"""Runs that are kept without a look at whether their cells have been touched again."""

_LENGTH_BITS: Final = 24
_LENGTH: Final = (1 << _LENGTH_BITS) - 1
"""Where the length of a run is in its number."""


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
        self._runs: list[int] = []  # first cell and length in one number, as it costs one object
        self._base = 0  # number of the first run that is kept
        self._head = 0  # where the oldest run is
        self._most = _FEW_RUNS

    def touch(self, first: int, stop: int) -> None:
        """Make neighbouring cells those touched last."""
        if len(self._runs) >= self._most:
            self._compact()
        number = self._base + len(self._runs)
        self._runs.append(first << _LENGTH_BITS | (stop - first))
        if stop - first == 1:
            self._run_of[first] = number
        else:
            self._run_of[first:stop] = filled(number, stop - first)

    def oldest(self) -> int:
        """The cell touched longest ago."""
        while True:
            run, number = self._runs[self._head], self._base + self._head
            first, length = run >> _LENGTH_BITS, run & _LENGTH
            while length:
                if self._run_of[first] == number:
                    self._runs[self._head] = first << _LENGTH_BITS | length
                    return first
                first, length = first + 1, length - 1
            self._head += 1

    def take(self, first: int, most: int) -> int:
        """Take out `oldest`, and neighbours that were touched at the same time.

        Parameters
        ----------
        first : int
            The oldest cell.
        most : int
            Cells to take out at the most.

        Returns
        -------
        int
            The cell behind the last one.
        """
        number, length = self._base + self._head, self._runs[self._head] & _LENGTH
        count = min(length, most)
        if count > 1 and self._run_of[first : first + count] != filled(number, count):
            count = 1
            while self._run_of[first + count] == number:
                count += 1
        self._runs[self._head] = (first + count) << _LENGTH_BITS | (length - count)
        return first + count

    def _compact(self) -> None:
        """Forget runs of which no cell is left, and number the others anew."""
        runs, base, head = self._runs, self._base, self._head
        self._runs, self._base, self._head = [], base + len(runs), 0
        self._most = len(runs) + 1  # while they come back
        for place in range(head, len(runs)):
            first, length = runs[place] >> _LENGTH_BITS, runs[place] & _LENGTH
            number, begun = base + place, first
            for cell in range(first, first + length):
                if self._run_of[cell] != number:
                    if cell > begun:
                        self.touch(begun, cell)
                    begun = cell + 1
            if first + length > begun:
                self.touch(begun, first + length)
        self._most = max(_FEW_RUNS, 2 * len(self._runs))
