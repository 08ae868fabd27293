"""Element types in numpy: how each dtype is stored, computed on and rounded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

from devices.dtypes import DType
from devices.errors import InputError

__all__ = ["Array", "rounded", "storage_dtype", "stored", "unwritten", "wide"]

Array = NDArray[Any]

_STORAGE: dict[str, np.dtype[Any]] = {
    name: np.dtype(kind)
    for name, kind in {
        "FP32": np.float32,
        "FP16": np.float16,
        "BF16": ml_dtypes.bfloat16,
        "FP8E4M3FN": ml_dtypes.float8_e4m3fn,
        "FP8E5M2": ml_dtypes.float8_e5m2,
        "INT8": np.int8,
        "INT16": np.int16,
        "INT32": np.int32,
        "INT64": np.int64,
        "UINT8": np.uint8,
        "UINT16": np.uint16,
        "UINT32": np.uint32,
        "UINT64": np.uint64,
        "BOOL": np.bool_,
        "INDEX": np.int64,
    }.items()
}

_INTEGER_ROUNDING: dict[str, Callable[[Array], Any]] = {
    "none": np.rint,
    "rint": np.rint,
    "round": lambda x: np.copysign(np.floor(np.abs(x) + 0.5), x),
    "floor": np.floor,
    "ceil": np.ceil,
    "trunc": np.trunc,
    "odd": lambda x: np.where((np.floor(x) == x) | (np.floor(x) % 2 != 0), np.floor(x), np.ceil(x)),
}
"""Rounding of floats to whole numbers, by the name of a cast's mode."""


def storage_dtype(dtype: DType) -> np.dtype[Any]:
    """Numpy's dtype for elements in memory.

    Raises
    ------
    InputError
        Numpy has none (4-bit types, HF8).
    """
    if dtype.name not in _STORAGE:
        known = ", ".join(_STORAGE)
        raise InputError(f"{dtype} has no numbers here; those that have: {known}")
    return _STORAGE[dtype.name]


def unwritten(shape: tuple[int, ...], dtype: DType) -> Array:
    """Memory that nothing has written: NaN, or the least integer, for integers have no NaN."""
    storage = storage_dtype(dtype)
    if dtype.is_float:
        return np.full(shape, np.nan, dtype=storage)
    least = False if dtype.name == "BOOL" else np.iinfo(storage).min
    return np.full(shape, least, dtype=storage)


def wide(values: Array) -> Array:
    """Values as a core computes on them: narrow floats as float32, all others as they are."""
    is_narrow = values.dtype.itemsize < 4 and values.dtype.kind not in "iub"
    return values.astype(np.float32) if is_narrow else values


def stored(values: Array, dtype: DType) -> Array:
    """Values as `dtype`; floats are rounded to nearest, ties to even."""
    return values.astype(storage_dtype(dtype), copy=False)


def rounded(values: Array, dtype: DType, mode: str) -> Array:
    """A cast.

    Parameters
    ----------
    values : array
        What is cast.
    dtype : DType
        To what.
    mode : str
        "none" and "rint" round to nearest with ties to even, "round" with ties away from zero;
        "floor", "ceil", "trunc" and "odd" (of the two neighbours the one with an odd last bit).
        Integers saturate, and NaN becomes 0.
    """
    source = wide(values)
    if not dtype.is_float:
        is_whole = source.dtype.kind != "f"
        whole = source if is_whole else np.nan_to_num(_INTEGER_ROUNDING[mode](source), nan=0.0)
        return _saturated(whole, dtype)
    if source.dtype.kind != "f":
        return stored(source, dtype)
    nearest = stored(source, dtype)
    if mode in ("none", "rint") or np.array_equal(wide(nearest), source, equal_nan=True):
        return nearest
    return _directed(source, nearest, mode)


def _saturated(values: Array, dtype: DType) -> Array:
    """Whole numbers as an integer type, those beyond its range as the nearest in it."""
    storage = storage_dtype(dtype)
    if dtype.name == "BOOL":
        return np.not_equal(values, 0)
    limits = np.iinfo(storage)
    result = values.astype(storage)
    # Compared as Python's integers, which no float rounds.
    result[values >= limits.max] = limits.max
    result[values <= limits.min] = limits.min
    return result


def _directed(source: Array, nearest: Array, mode: str) -> Array:
    """Round otherwise than to nearest even, from the nearest and the neighbour beyond the value."""
    error = source - wide(nearest)
    toward = np.copysign(np.inf, error).astype(nearest.dtype)
    other = np.where(error == 0, nearest, np.nextafter(nearest, toward))
    below, above = (np.where(error > 0, *pair) for pair in ((nearest, other), (other, nearest)))
    if mode == "floor":
        return below
    if mode == "ceil":
        return above
    if mode == "trunc":
        return np.where(source > 0, below, above)
    if mode == "odd":
        bits = nearest.view(f"u{nearest.dtype.itemsize}")
        return np.where((error == 0) | (bits % 2 == 1), nearest, other)
    is_tie = error == wide(other) - source
    return np.where(is_tie & (np.abs(wide(other)) > np.abs(wide(nearest))), other, nearest)
