"""Columns of numbers that grow, or that compiled code reads: Python's own arrays."""

from __future__ import annotations

from array import array
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

__all__ = ["append", "column"]


def column(typecode: Literal["i", "q", "d"], values: NDArray[Any]) -> array[Any]:
    """The values of an array whose elements are of that type."""
    made: array[Any] = array(typecode)
    append(made, values)
    return made


def append(column: array[Any], values: NDArray[Any]) -> None:
    """Append the values of an array whose elements are of the column's type."""
    if len(values):  # bytes of an empty array cannot be had
        column.frombytes(np.ascontiguousarray(values).data.cast("B"))
