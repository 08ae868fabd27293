"""What an orchestration reads of the program's tensors while it submits, without a task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from devices.dtypes import DType
from devices.errors import InputError
from runtime.graph import View

__all__ = ["HostMemory", "InputValue"]

InputValue = int | float | NDArray[Any]
"""What a tensor of the program holds, or one number for all of its elements."""


@dataclass
class HostMemory:
    """Values of the program's tensors and scalars as its orchestration sees them.

    The orchestration runs on a control core and reads global memory directly: no task does it,
    and no task is waited for. So only what a program is given can be read, not what it computes.

    Attributes
    ----------
    values : mapping of str to number or array
        What each tensor holds, by the name of the parameter; scalars of the program likewise.
    """

    values: Mapping[str, InputValue] = field(default_factory=dict)
    _written: dict[str, NDArray[Any]] = field(default_factory=dict)

    def check(self, arguments: Sequence[View], scalars: Sequence[str]) -> None:
        """Refuse inputs that the program has no parameter for, or of another shape.

        Raises
        ------
        InputError
            Names the input.
        """
        shapes = {view.buffer.name: view.shape for view in arguments}
        dtypes = {view.buffer.name: view.buffer.dtype for view in arguments}
        for name, value in self.values.items():
            if name in scalars:
                if not isinstance(value, int | float) and np.ndim(value):
                    raise InputError(f"input {name!r} is one number, not an array")
                continue
            if name not in shapes:
                known = ", ".join([*shapes, *scalars])
                raise InputError(f"the program has no parameter {name!r} (it has: {known})")
            _check_numbers(name, value, dtypes[name])
            if np.ndim(value) and np.shape(value) != shapes[name]:
                raise InputError(
                    f"input {name!r} has shape {list(np.shape(value))}, and the program's tensor "
                    f"{list(shapes[name])}"
                )

    def scalar(self, name: str, dtype: DType) -> int | float:
        """A scalar parameter of the program.

        A float changes results only, never the graph, so it is 1 where nobody gives it.

        Raises
        ------
        InputError
            It is an integer and not given.
        """
        if name in self.values:
            value = float(np.asarray(self.values[name]).reshape(-1)[0])
            return value if dtype.is_float else int(value)
        if dtype.is_float:
            return 1.0
        raise InputError(_missing(name))

    def read(self, view: View, index: tuple[int, ...]) -> int | float:
        """One element of a tensor.

        Raises
        ------
        InputError
            Nobody gave the tensor's values, or the index is outside.
        """
        name, place = view.buffer.name, self._place(view, index)
        if name in self._written:
            value = self._written[name][place]
        elif name in self.values:
            given = np.asarray(self.values[name])
            value = given[place] if given.ndim else given[()]
        else:
            raise InputError(_missing(name))
        return float(value) if view.buffer.dtype.is_float else int(value)

    def integers(self, arguments: Sequence[View], name: str) -> NDArray[np.int64]:
        """All elements of an integer tensor of the program.

        Raises
        ------
        InputError
            Nobody gave them.
        """
        if name not in self.values:
            raise InputError(_missing(name))
        (view,) = (view for view in arguments if view.buffer.name == name)
        return np.broadcast_to(np.asarray(self.values[name]), view.shape).astype(np.int64)

    def write(self, view: View, index: tuple[int, ...], value: float) -> None:
        """Have one element of a tensor hold a number from now on."""
        name, place = view.buffer.name, self._place(view, index)
        if name not in self._written:
            given = self.values.get(name, 0)
            kind = np.float64 if view.buffer.dtype.is_float else np.int64
            self._written[name] = np.array(np.broadcast_to(given, view.buffer.shape), dtype=kind)
        self._written[name][place] = value

    @staticmethod
    def _place(view: View, index: tuple[int, ...]) -> tuple[int, ...]:
        for size, position in zip(view.shape, index, strict=True):
            if not 0 <= position < size:
                raise InputError(
                    f"element {list(index)} is outside {view.buffer.name!r}, of which there are "
                    f"{list(view.shape)} elements"
                )
        return tuple([a + b for a, b in zip(view.offset, index, strict=True)])


def _check_numbers(name: str, value: InputValue, dtype: DType) -> None:
    """Refuse numbers that a tensor of integers cannot hold."""
    numbers = np.asarray(value)
    if dtype.is_float or numbers.dtype.kind == "b":
        return
    if numbers.dtype.kind == "f" and not (np.isfinite(numbers) & (numbers % 1 == 0)).all():
        raise InputError(f"input {name!r} holds {dtype}, and what is given is no whole number")
    bits = min(dtype.bits, 64)
    signed = not dtype.name.startswith("U")
    least, most = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if signed else (0, (1 << bits) - 1)
    if numbers.size and not (numbers.min() >= least and numbers.max() <= most):
        raise InputError(f"input {name!r} holds {dtype}: from {least} to {most}, and no more")


def _missing(name: str) -> str:
    return (
        f"the program reads {name!r}, which has no value; give one with "
        f"--input {name}=NUMBER or --input {name}=FILE.npy"
    )
