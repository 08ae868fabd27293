"""Producers that a program names itself, and the numbers of its submits, with little memory."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

__all__ = ["named_producers", "shared_numbers"]


def shared_numbers(count: int) -> list[int]:
    """The numbers from 0 to `count`; an object for a number takes 32 bytes, so each has one."""
    return list(range(count + 1))


def named_producers(
    start: NDArray[np.int64], producer: NDArray[np.integer], number: Sequence[int]
) -> dict[int, tuple[int, ...]]:
    """`Submits.explicit` of a program that names all its producers.

    Parameters
    ----------
    start, producer : arrays, shape (n + 1,) and (e,)
        Producers of each submit (CSR).
    number : sequence of int
        `shared_numbers`, of which the result is made.
    """
    named = [number[p] for p in producer]
    ends = pairwise(start.tolist())
    return {n: tuple(named[a:b]) for n, (a, b) in zip(number, ends, strict=False) if a < b}
