"""Global memory in a numeric run: one array per buffer, made when it is first touched."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from devices.dtypes import DType
from devices.errors import InputError
from runtime.graph import Buffer, View
from runtime.numerics.elements import Array, storage_dtype, unwritten
from runtime.submits import Submits

__all__ = ["GlobalMemory", "buffer_bytes", "tensor_bytes"]


class GlobalMemory:
    """The tensors of a program while its tasks run.

    Buffers are never reused, so what nothing has written stays NaN (the least integer, for
    integers). Arrays that were given are copied before a task first writes into them.

    Parameters
    ----------
    arguments : sequence of View
        The program's tensors.
    values : mapping of str to array
        What they hold at the beginning, by name, in shape and dtype of the tensor; those that are
        not given hold nothing yet.

    Raises
    ------
    InputError
        A name that no tensor has, a wrong shape or dtype, or a dtype that numpy has not.
    """

    def __init__(self, arguments: Sequence[View], values: Mapping[str, Array]) -> None:
        self._arrays: dict[Buffer, Array] = {}
        self._is_given: set[Buffer] = set()
        named = {view.buffer.name: view.buffer for view in arguments}
        for name, array in values.items():
            if name not in named:
                raise InputError(
                    f"the program has no tensor {name!r}; it has {', '.join(sorted(named))}"
                )
            buffer = named[name]
            _check(array, name, buffer.shape, buffer.dtype)
            self._arrays[buffer] = array
            self._is_given.add(buffer)

    def read(self, view: View, offset: Sequence[int], shape: Sequence[int]) -> Array:
        """A copy of a rectangle of `view`, offset and shape in elements."""
        return self.array(view.buffer)[_place(view, offset, shape)].copy()

    def write(self, view: View, offset: Sequence[int], values: Array) -> None:
        """Write `values` into `view` at `offset`."""
        buffer = view.buffer
        array = self.array(buffer)
        if buffer in self._is_given:
            self._arrays[buffer] = array = array.copy()
            self._is_given.remove(buffer)
        array[_place(view, offset, values.shape)] = values

    def array(self, buffer: Buffer) -> Array:
        """All of a buffer, as it is now."""
        array = self._arrays.get(buffer)
        if array is None:
            array = self._arrays[buffer] = unwritten(buffer.shape, buffer.dtype)
        return array


def buffer_bytes(submits: Submits) -> int:
    """Bytes that all tensors of a program and all that it allocates take in a numeric run."""
    made: Iterable[View] = (
        view for views in submits.views for view in views if view.buffer.owner >= 0
    )
    buffers = {view.buffer for view in (*submits.arguments, *made)}
    return sum(map(tensor_bytes, buffers))


def tensor_bytes(buffer: Buffer) -> int:
    """Bytes of one tensor in a numeric run, which stores every element in whole bytes."""
    return math.prod(buffer.shape) * storage_dtype(buffer.dtype).itemsize


def _place(view: View, offset: Sequence[int], shape: Sequence[int]) -> tuple[slice, ...]:
    return tuple(
        [
            slice(base + start, base + start + extent)
            for base, start, extent in zip(view.offset, offset, shape, strict=True)
        ]
    )


def _check(array: Array, name: str, shape: tuple[int, ...], dtype: DType) -> None:
    if array.shape != shape or array.dtype != storage_dtype(dtype):
        raise InputError(
            f"tensor {name!r} is {dtype}{list(shape)}; given is an array of "
            f"{array.dtype}{list(array.shape)}"
        )
