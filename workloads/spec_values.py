"""What a file's tensor specs say that its integer tensors hold."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runtime.host_memory import InputValue
from workloads.stand_ins import TensorSpec
from workloads.torch_stand_in import MissingPackageError

__all__ = ["integer_values"]

_MOST_ELEMENTS = 1 << 20
"""Largest tensor that is made of a spec: lengths and tables, not caches of indices."""

_WITH_SHAPE = ("rand", "randn")
_WITH_DTYPE = ("zeros", "ones")
"""Functions of torch that the library calls with shape and dtype; all others with nothing. Those
that draw give floats here, for they have no integers."""


def integer_values(specs: object) -> dict[str, InputValue]:
    """Values of the integer tensors among `specs`, by name.

    A tensor whose spec cannot be evaluated, for it needs a package that is not installed, is left
    out; so is a tensor of floats, which no control flow reads.

    Parameters
    ----------
    specs : sequence of TensorSpec
        What a file's ``build_tensor_specs`` returns.
    """
    found: dict[str, InputValue] = {}
    for spec in specs if isinstance(specs, Sequence) else ():
        if not isinstance(spec, TensorSpec) or not _is_integer(spec.dtype):
            continue
        try:
            value = _value(spec)
        except MissingPackageError:
            continue
        if value is not None:
            found[spec.name] = value
    return found


def _is_integer(dtype: object) -> bool:
    name = repr(dtype).rpartition(".")[2]
    return name.startswith(("int", "uint"))


def _value(spec: TensorSpec) -> InputValue | None:
    initial = spec.init_value
    if initial is None or spec.is_output:
        return 0
    if math.prod(spec.shape) > _MOST_ELEMENTS:
        return None
    if callable(initial) and not isinstance(initial, np.ndarray):
        name = getattr(initial, "__name__", "")
        shape = tuple(spec.shape)
        if name in _WITH_DTYPE:
            initial = initial(shape, dtype=spec.dtype)
        else:
            initial = initial(shape) if name in _WITH_SHAPE else initial()
    if isinstance(initial, int | float):
        return int(initial)
    return _array(initial, spec)


def _array(value: Any, spec: TensorSpec) -> NDArray[np.int64]:
    """Values of a sequence, an array, or a tensor of torch."""
    numbers = np.asarray(value.numpy() if hasattr(value, "numpy") else value)
    return np.broadcast_to(numbers, tuple(spec.shape)).astype(np.int64)
