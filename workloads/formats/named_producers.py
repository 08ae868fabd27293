"""Producers that a program names itself, and the numbers of its submits, with little memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import cast

import numpy as np
from numpy.typing import NDArray

__all__ = ["NamedProducers", "named_producers", "shared_numbers"]


class NamedProducers(Mapping[int, tuple[int, ...]]):
    """Producers of the submits that have any, in columns; a tuple is made when it is looked at.

    Parameters
    ----------
    start : int64 array, shape (n + 1,)
        Where the producers of each submit begin, and the last ones end.
    producer : int array
        The producers.
    """

    def __init__(self, start: NDArray[np.int64], producer: NDArray[np.integer]) -> None:
        self.start = start
        self.producer = producer

    def __len__(self) -> int:
        return int(np.count_nonzero(np.diff(self.start)))

    def __iter__(self) -> Iterator[int]:
        return iter(np.flatnonzero(np.diff(self.start)).tolist())

    def __getitem__(self, submit: int) -> tuple[int, ...]:
        if 0 <= submit < len(self.start) - 1:
            named = self.producer[self.start[submit] : self.start[submit + 1]].tolist()
            if named:
                return tuple(named)
        raise KeyError(submit)


def named_producers(
    start: NDArray[np.int64], producer: NDArray[np.integer]
) -> dict[int, tuple[int, ...]]:
    """`Submits.explicit` of a program that names all its producers; see `NamedProducers`."""
    # A dict is for those who record; nobody adds to what was read.
    return cast("dict[int, tuple[int, ...]]", NamedProducers(start, producer))


def shared_numbers(count: int) -> list[int]:
    """The numbers from 0 to `count`; an object for a number takes 32 bytes, so each has one."""
    return list(range(count + 1))
