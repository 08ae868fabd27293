"""Rows of a table that are different."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["distinct_rows"]

Ints = NDArray[np.int64]

_LARGEST = 1 << 62


def distinct_rows(table: Ints) -> tuple[Ints, Ints]:
    """Number the different rows of a table of integers.

    Parameters
    ----------
    table : int64 array, shape (n, columns)

    Returns
    -------
    first : int64 array, shape (d,)
        Where each different row is first.
    number : int64 array, shape (n,)
        Which of them each row is.

    Examples
    --------
    >>> first, number = distinct_rows(np.array([[7, 1], [2, 1], [7, 1]]))
    >>> first.tolist(), number.tolist()
    ([1, 0], [1, 0, 1])
    """
    if not table.size:  # all rows are alike
        return np.arange(min(len(table), 1)), np.zeros(len(table), dtype=np.int64)
    least = table.min(axis=0)
    sizes = [int(size) + 1 for size in (table.max(axis=0) - least).tolist()]
    key = np.zeros(len(table), dtype=np.int64)
    largest = 1
    for column, size in enumerate(sizes):
        if size == 1:
            continue
        largest *= size
        if size < 1 or largest > _LARGEST:  # too far apart for one integer
            _, first, number = np.unique(table, axis=0, return_index=True, return_inverse=True)
            return first, number.reshape(-1)
        key *= size
        key += table[:, column] - least[column]
    if largest == 1:
        return np.zeros(1, dtype=np.int64), key
    _, first, number = np.unique(key, return_index=True, return_inverse=True)
    return first, number.reshape(-1)
