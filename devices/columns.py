"""Columns of numbers that compiled code reads and writes without a Python object for each.

They are `vec` of mypyc's own library: compiled code reaches their elements in one instruction,
numpy sees them as arrays without a copy, and interpreted code uses them like lists of fixed length.
"""

from __future__ import annotations

import copyreg
from typing import Any

from librt.vecs import vec
from mypy_extensions import i16, i32, i64, u8
from numpy import asarray, ascontiguousarray, bool_, float64, generic, int32, uint8
from numpy.typing import NDArray

__all__ = ["flags", "integers", "reals"]


def integers(values: NDArray[generic]) -> vec[i32]:
    """The same numbers in 32 bits each."""
    return vec[i32](ascontiguousarray(values, dtype=int32))


def reals(values: NDArray[generic]) -> vec[float]:
    """The same numbers in 64 bits each."""
    return vec[float](ascontiguousarray(values, dtype=float64))


def flags(values: NDArray[bool_]) -> vec[u8]:
    """The same truth values, as 0 and 1."""
    return vec[u8](ascontiguousarray(values).view(uint8))


_EMPTY: tuple[Any, ...] = (vec[i16](), vec[i32](), vec[i64](), vec[u8](), vec[float]())
_KINDS = {asarray(empty).dtype.str: type(empty) for empty in _EMPTY}


def _column(values: NDArray[generic]) -> Any:
    return _KINDS[values.dtype.str](values)


def _reduced(column: Any) -> tuple[Any, ...]:
    return _column, (asarray(column),)


# By themselves they can be neither pickled nor copied.
for _kind in _KINDS.values():
    copyreg.pickle(_kind, _reduced)
