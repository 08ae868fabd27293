"""Sets of tasks as integers, so that whole sets are united and compared at once."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["TaskSets", "last_uses"]

_MANY_BITS = 1024
"""Bits without use that are worth the time to cut them off."""


class TaskSets:
    """Sets of some of a graph's tasks; newer tasks have higher bits.

    The oldest bits are cut off when nobody asks for them any more: a layer of a model need not
    carry the bits of those before it.

    Parameters
    ----------
    members : sequence of int
        The tasks that sets may have, ascending.
    last_use : sequence of int
        For every submit, the last one that asks whether it is in a set.
    """

    def __init__(self, members: Sequence[int], last_use: Sequence[int]) -> None:
        self._members = members
        self._rank = {task: rank for rank, task in enumerate(members)}
        self._last_use = last_use
        self._base = 0
        self._oldest = 0

    def of(self, task: int) -> int:
        """The set of this task alone; empty if it can be in none."""
        rank = self._rank.get(task, -1)
        return 1 << rank - self._base if rank >= self._base else 0

    def among(self, tasks: Iterable[int]) -> int:
        """The set of those of `tasks` that can be in one."""
        found = 0
        for task in tasks:
            found |= self.of(task)
        return found

    def before(self, task: int) -> int:
        """The set of everything that was submitted before `task`."""
        return (1 << bisect_left(self._members, task) - self._base) - 1

    def newest(self, members: int) -> int:
        """The last task of a set."""
        return self._members[self._base + members.bit_length() - 1]

    def tasks(self, members: int) -> NDArray[np.int64]:
        """The tasks of a set, ascending."""
        packed = members.to_bytes((members.bit_length() + 7) // 8, "little")
        bits = np.unpackbits(np.frombuffer(packed, dtype=np.uint8), bitorder="little")
        return np.array(self._members, dtype=np.int64)[self._base + np.flatnonzero(bits)]

    def forget(self, now: int, *kept: dict[int, int]) -> bool:
        """Cut off the bits that no task after `now` asks for, when they are many.

        Parameters
        ----------
        now : int
            The task that has just been dealt with.
        kept : dict of int to int
            Sets that are still in use, to be cut as well. Sets that were one object stay one.

        Returns
        -------
        bool
            Whether bits were cut, so that no other set of before has a meaning any more.
        """
        members, oldest = self._members, self._oldest
        while oldest < len(members) and self._last_use[members[oldest]] <= now:
            oldest += 1
        self._oldest = oldest
        unused = oldest - self._base
        if unused < _MANY_BITS:
            return False
        cut: dict[int, int] = {}
        for sets in kept:
            for key, value in sets.items():
                sets[key] = cut.setdefault(id(value), value >> unused)
        self._base = oldest
        return True


def last_uses(producers: Sequence[Sequence[int]], last_use: Sequence[int]) -> dict[int, list[int]]:
    """Submits whose sets are not asked for after each submit.

    Parameters
    ----------
    producers : sequence of sequence of int
        Producers of each submit; consumers ask for the sets of their producers.
    last_use : sequence of int
        The last submit that otherwise asks for the set of each submit.
    """
    last = list(last_use)
    for task, before in enumerate(producers):
        for producer in before:
            last[producer] = max(last[producer], task)
    ending: dict[int, list[int]] = {}
    for submit, end in enumerate(last):
        ending.setdefault(end, []).append(submit)
    return ending
