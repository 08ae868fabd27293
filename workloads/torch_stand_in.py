"""A stand-in for torch where it is not installed: what tensor specs do with integers.

The control flow of a program reads integers alone, as lengths and tables. Their tensors are arrays
of numpy here; of all others nobody asks for the elements, and they have none. What a file draws at
random has torch's ranges and shapes, and not its numbers, which differ from run to run anyway.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterator, Sequence
from types import ModuleType
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from devices.errors import InputError

__all__ = ["MissingPackageError", "torch_modules"]

_MOST_ELEMENTS = 1 << 20
"""Largest tensor whose elements are kept: lengths and tables, not weights."""

_PARTS = ("torch.nn", "torch.nn.functional")
"""Modules of torch that files import at their top, for what a run on a device is compared with."""

_INTEGERS = (
    "int8",
    "int16",
    "int32",
    "int64",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "int",
    "long",
)
_OTHERS = ("bool", "float", "float16", "float32", "float64", "bfloat16", "half", "double")


class MissingPackageError(InputError):
    """Something needs torch, which is not installed."""


class _Dtype:
    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"torch.{self.name}"


class _Unread:
    """A tensor without elements, or whatever else files make with torch."""

    def __getattr__(self, name: str) -> _Unread:
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def _itself(self, *_: object, **__: object) -> _Unread:
        return self

    __call__ = __getitem__ = __neg__ = __enter__ = _itself
    __add__ = __sub__ = __mul__ = __truediv__ = __floordiv__ = __mod__ = __pow__ = _itself
    __radd__ = __rsub__ = __rmul__ = __rtruediv__ = __rfloordiv__ = __rpow__ = _itself
    __matmul__ = __rmatmul__ = __lt__ = __le__ = __gt__ = __ge__ = _itself

    def __mro_entries__(self, bases: tuple[object, ...]) -> tuple[type, ...]:
        """Let a file derive classes from what torch has."""
        del bases
        return ()

    def __setitem__(self, index: object, value: object) -> None:
        return None

    def __exit__(self, *_: object) -> None:
        return None

    def _unknown(self, *_: object, **__: object) -> NoReturn:
        raise MissingPackageError(
            "the file asks for elements that only torch knows; install torch, or give what the "
            "program reads with --input NAME=VALUE"
        )

    __array__ = __bool__ = __int__ = __index__ = __float__ = __iter__ = __len__ = _unknown


def _operated(function: Callable[[Any, Any], Any]) -> Callable[[_Integers, Any], Any]:
    """A method that operates on the elements of a tensor and a number or another tensor."""

    def operate(self: _Integers, other: Any) -> Any:
        if not isinstance(other, int | _Integers):
            return _Unread()
        return _Integers(function(self.values, np.asarray(other)))

    return operate


class _Integers:
    """A tensor of integers."""

    def __init__(self, values: Any) -> None:
        self.values: NDArray[np.int64] = np.array(values, dtype=np.int64)

    @property
    def shape(self) -> tuple[int, ...]:
        """Elements in every dimension."""
        return self.values.shape

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.array(self.values, dtype=dtype)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return lambda *_, **__: _Unread()  # what it would give is not an integer, or not needed

    def _itself(self, *_: object, **__: object) -> _Integers:
        return self

    int = long = contiguous = cpu = detach = _itself

    def to(self, dtype: object = None, **_: object) -> Any:
        """Itself, or a tensor without elements where the dtype has none."""
        return _Unread() if isinstance(dtype, _Dtype) and dtype.name in _OTHERS else self

    type = to

    def clone(self) -> _Integers:
        """A copy."""
        return _Integers(self.values)

    def numpy(self) -> NDArray[np.int64]:
        """Its elements."""
        return self.values

    def item(self) -> Any:
        """Its one element."""
        return self.values.item()

    def tolist(self) -> Any:
        """Its elements in lists."""
        return self.values.tolist()

    def view(self, *shape: Any) -> _Integers:
        """The same elements in another shape."""
        return _Integers(self.values.reshape(_size(shape)))

    reshape = view

    def unsqueeze(self, dim: Any) -> _Integers:
        """With a dimension of 1 more."""
        return _Integers(np.expand_dims(self.values, dim))

    def repeat(self, *times: Any) -> _Integers:
        """Its elements several times along every dimension."""
        return _Integers(np.tile(self.values, _size(times)))

    def expand(self, *shape: Any) -> _Integers:
        """Broadcast."""
        sizes = _size(shape)
        return _Integers(np.broadcast_to(self.values, sizes))

    def clamp(self, *bounds: Any, **named: Any) -> _Integers:
        """With elements moved into the range ``(min, max)``."""
        given = dict(zip(("min", "max"), bounds, strict=False)) | named
        return _Integers(np.clip(self.values, given.get("min"), given.get("max")))

    def max(self) -> _Integers:
        """The largest element."""
        return _Integers(self.values.max())

    def min(self) -> _Integers:
        """The least element."""
        return _Integers(self.values.min())

    def sum(self) -> _Integers:
        """The sum of all elements."""
        return _Integers(self.values.sum())

    def __getitem__(self, index: Any) -> _Integers:
        return _Integers(self.values[index])

    def __setitem__(self, index: Any, value: Any) -> None:
        self.values[index] = np.asarray(value)

    def __len__(self) -> Any:
        return len(self.values)

    def __iter__(self) -> Iterator[_Integers]:
        return map(_Integers, self.values)

    def __index__(self) -> Any:
        return self.values.item()

    __int__ = __index__

    __add__ = __radd__ = _operated(operator.add)
    __mul__ = __rmul__ = _operated(operator.mul)
    __sub__ = _operated(operator.sub)
    __rsub__ = _operated(lambda a, b: b - a)
    __floordiv__ = _operated(operator.floordiv)
    __mod__ = _operated(operator.mod)

    def __truediv__(self, other: object) -> _Unread:
        return _Unread()

    __rtruediv__ = __pow__ = __rpow__ = __truediv__


def _size(sizes: Sequence[Any]) -> tuple[Any, ...]:
    """A shape, given as one sequence or as several numbers."""
    return tuple(sizes[0]) if len(sizes) == 1 and not isinstance(sizes[0], int) else tuple(sizes)


class _Torch:
    """The functions of torch that make integers."""

    def __init__(self) -> None:
        self._generator = np.random.default_rng(0)
        self._draws = 0

    def manual_seed(self, seed: int) -> _Unread:
        """Draw from another seed."""
        self._generator = np.random.default_rng(seed)
        return _Unread()

    def _drawn(self) -> np.random.Generator:
        self._draws += 1
        return self._generator

    def randint(self, *bounds: Any, **options: Any) -> Any:
        """Integers of ``([low,] high, size)``."""
        given = [*bounds, *(options[n] for n in ("low", "high", "size") if n in options)]
        *limits, size = given
        low, high = limits if len(limits) == 2 else (0, limits[0])
        return self._made(size, options, lambda shape: self._drawn().integers(low, high, shape))

    def randperm(self, n: int, **options: Any) -> Any:
        """A permutation of ``0 ... n - 1``."""
        return self._made((n,), options, lambda _: self._drawn().permutation(n))

    def arange(self, *bounds: Any, **options: Any) -> Any:
        """Numbers from a start to a stop."""
        if not all(isinstance(b, int) for b in bounds):
            return _Unread()
        return self._made((len(range(*bounds)),), options, lambda _: np.arange(*bounds))

    def full(self, size: Any, fill_value: Any, **options: Any) -> Any:
        """One number everywhere."""
        whole = isinstance(fill_value, int) and not isinstance(fill_value, bool)
        if not whole and not _is_integer(options.get("dtype")):
            return _Unread()
        return self._made(size, options, lambda shape: np.full(shape, int(fill_value)))

    def zeros(self, *size: Any, **options: Any) -> Any:
        """Zeros."""
        return self.full(_size(size), 0.0, **options)

    def ones(self, *size: Any, **options: Any) -> Any:
        """Ones."""
        return self.full(_size(size), 1.0, **options)

    def tensor(self, data: Any, **options: Any) -> Any:
        """A tensor of numbers in lists."""
        if isinstance(data, _Unread):
            return data
        values = np.asarray(data)
        if values.dtype.kind not in "iu" and not _is_integer(options.get("dtype")):
            return _Unread()
        return self._made(values.shape, options, lambda _: values)

    as_tensor = from_numpy = tensor

    def _made(self, size: Any, options: dict[str, Any], values: Callable[[Any], Any]) -> Any:
        dtype = options.get("dtype")
        shape = tuple(size)
        is_other = dtype is not None and not _is_integer(dtype)
        if is_other or math.prod(shape) > _MOST_ELEMENTS:
            return _Unread()
        return _Integers(values(shape))


def _is_integer(dtype: object) -> bool:
    return isinstance(dtype, _Dtype) and dtype.name in _INTEGERS


class _Module(ModuleType):
    def __getattr__(self, name: str) -> _Unread:
        if name.startswith("__"):
            raise AttributeError(name)
        return _Unread()


def torch_modules() -> tuple[dict[str, ModuleType], Callable[[], int]]:
    """The modules of torch, by name, and what tells how many tensors have been drawn."""
    torch = _Module("torch", "Stand-in while a program file is read.")
    torch.__path__ = []
    made: dict[str, ModuleType] = {"torch": torch}
    functions = _Torch()
    for name in dir(functions):
        if not name.startswith("_") and callable(getattr(functions, name)):
            setattr(torch, name, getattr(functions, name))
    for name in (*_INTEGERS, *_OTHERS):
        setattr(torch, name, _Dtype(name))
    for name in _PARTS:
        made[name] = part = _Module(name)
        part.__path__ = []
        parent, _, last = name.rpartition(".")
        setattr(made[parent], last, part)
    return made, lambda: functions._draws
