"""Tensor values while a program is read, and who gives operations on them their meaning.

The same ``pl.slice`` is a view where the program orchestrates and a load inside a region. The
functions of the language check shapes and dtypes; a `Tracer` decides what they make.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn, Protocol

from devices.dtypes import DType
from devices.errors import InputError
from devices.expression import Scalar, constant_difference
from devices.kernel import Memory

__all__ = ["TensorValue", "Tracer", "current_tracer", "tracing"]


class TensorValue:
    """A tensor or tile that a name stands for; its shape and dtype are known, its data is not."""

    __slots__ = ("dtype", "shape")

    def __init__(self, shape: tuple[int, ...], dtype: DType) -> None:
        self.shape = shape
        self.dtype = dtype

    def __repr__(self) -> str:
        return f"{self.dtype}{list(self.shape)}"

    def __getitem__(self, index: Any) -> TensorValue | Scalar:
        """``x[a:b, c]``: a slice, where an integer keeps a dimension of 1; ``x[a, b]``: a read."""
        parts = index if isinstance(index, tuple) else (index,)
        if len(parts) != len(self.shape):
            raise InputError(f"{self!r} needs {len(self.shape)} indices, not {len(parts)}")
        if not any(isinstance(part, slice) for part in parts):
            return current_tracer().read(self, tuple(parts))
        ranges = [_bounds(p, size) for p, size in zip(parts, self.shape, strict=True)]
        shape = tuple(extent for _, extent in ranges)
        return current_tracer().slice(self, shape, tuple(start for start, _ in ranges), None)

    def _no_operator(self, *_: object) -> NoReturn:
        raise InputError("operators on tensors are not in the language; use pl.add, pl.mul, ...")

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = _no_operator
    __truediv__ = __rtruediv__ = __neg__ = __matmul__ = _no_operator
    __lt__ = __le__ = __gt__ = __ge__ = _no_operator

    def __iter__(self) -> NoReturn:
        raise InputError("a tensor cannot be iterated; use pl.range and pl.slice")

    def __bool__(self) -> NoReturn:
        raise InputError("a tensor has no truth value; compare scalars")


def _bounds(part: Any, size: int) -> tuple[Scalar, int]:
    if not isinstance(part, slice):
        return part, 1
    start = 0 if part.start is None else part.start
    stop = size if part.stop is None else part.stop
    extent = constant_difference(stop, start)
    if part.step is not None or extent is None or extent <= 0:
        raise InputError("a subscript takes start:stop with a constant positive extent, no step")
    return start, extent


class Tracer(Protocol):
    """What operations make: views and submits, or tile operations of a kernel.

    Every method may raise `InputError` where the operation has no meaning.
    """

    def create(self, shape: tuple[int, ...], dtype: DType) -> TensorValue:
        """An uninitialised tensor."""

    def slice(
        self,
        tensor: TensorValue,
        shape: tuple[int, ...],
        offset: tuple[Scalar, ...],
        valid: tuple[Scalar, ...] | None,
    ) -> TensorValue:
        """A rectangle of `tensor`, of which only the part `valid` holds data, if that is given."""

    def read(self, tensor: TensorValue, index: tuple[Scalar, ...]) -> Scalar:
        """One element of `tensor`."""

    def write(self, tensor: TensorValue, index: tuple[Scalar, ...], value: Scalar) -> None:
        """Write one element of `tensor`."""

    def load(
        self,
        tensor: TensorValue,
        offset: tuple[Scalar, ...],
        shape: tuple[int, ...],
        memory: Memory,
        *,
        transposed: bool,
        valid: tuple[Scalar, ...] | None,
    ) -> TensorValue:
        """A tile with a rectangle of `tensor`."""

    def store(
        self, tile: TensorValue, offset: tuple[Scalar, ...], tensor: TensorValue
    ) -> TensorValue:
        """`tensor` with `tile` written at `offset`."""

    def move(self, tile: TensorValue, memory: Memory) -> TensorValue:
        """The tile in another memory."""

    def create_tile(self, shape: tuple[int, ...], dtype: DType, memory: Memory) -> TensorValue:
        """An uninitialised tile."""

    def assemble(
        self, target: TensorValue, source: TensorValue, offset: tuple[Scalar, ...]
    ) -> TensorValue:
        """`target` with `source` written at `offset`."""

    def compute(
        self,
        name: str,
        shape: tuple[int, ...],
        dtype: DType,
        operands: Sequence[TensorValue],
        attributes: Mapping[str, Any],
    ) -> TensorValue:
        """Result of a vector operation."""

    def matmul(
        self,
        shape: tuple[int, int],
        dtype: DType,
        lhs: tuple[TensorValue, bool],
        rhs: tuple[TensorValue, bool],
        accumulator: TensorValue | None,
    ) -> TensorValue:
        """Product of `lhs` and `rhs`, each with whether it is transposed, plus `accumulator`."""


_active: list[Tracer] = []


@contextmanager
def tracing(tracer: Tracer) -> Iterator[None]:
    """Give operations the meaning that `tracer` has for them."""
    _active.append(tracer)
    try:
        yield
    finally:
        _active.pop()


def current_tracer() -> Tracer:
    """The innermost active tracer.

    Raises
    ------
    InputError
        No program is being read.
    """
    if not _active:
        raise InputError("operations of the language exist only inside a function of a pl.program")
    return _active[-1]
