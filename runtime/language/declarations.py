"""What a program declares: dtypes, tensor annotations, functions and the program itself."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import FrameType
from types import FunctionType as PythonFunction
from typing import Any, overload

from devices.dtypes import BY_NAME, DType
from devices.errors import InputError
from runtime.errors import LanguageError
from runtime.language.enumerations import FunctionType, Level, Role

__all__ = [
    "Argument",
    "Function",
    "InOut",
    "Inline",
    "Out",
    "Program",
    "Scalar",
    "ScalarType",
    "Tensor",
    "TensorType",
    "Tile",
    "function",
    "inline",
    "program",
]


@dataclass(frozen=True, slots=True)
class TensorType:
    """Shape (elements) and dtype of a tensor in global memory."""

    shape: tuple[int, ...]
    dtype: DType

    def __repr__(self) -> str:
        return f"Tensor[{list(self.shape)}, {self.dtype}]"


@dataclass(frozen=True, slots=True)
class ScalarType:
    """A scalar parameter."""

    dtype: DType


@dataclass(frozen=True, slots=True)
class Argument:
    """A tensor parameter with the direction that its author wrote."""

    type: TensorType
    wrapper: str


class Tensor:
    """Annotation of a tensor: ``Tensor[[rows, columns], FP32]``."""

    def __class_getitem__(cls, item: Any) -> TensorType:
        frame = sys._getframe(1)
        where = f"{frame.f_code.co_filename}:{frame.f_lineno}"
        if not isinstance(item, tuple) or len(item) < 2 or not isinstance(item[1], DType):
            raise LanguageError(f"{where}: Tensor[...] takes a shape and a dtype, not {item!r}")
        shape = tuple(item[0])
        if not shape or not all(isinstance(d, int) and d > 0 for d in shape):
            raise LanguageError(
                f"{where}: a tensor's shape is a list of positive integers, not {item[0]!r}"
            )
        return TensorType(shape, item[1])


class Out:
    """Annotation of a tensor that the program writes."""

    def __class_getitem__(cls, item: TensorType) -> Argument:
        return Argument(item, "Out")


class InOut:
    """Annotation of a tensor that the program reads and writes."""

    def __class_getitem__(cls, item: TensorType) -> Argument:
        return Argument(item, "InOut")


class Scalar:
    """Annotation of a scalar parameter: ``Scalar[INDEX]``."""

    def __class_getitem__(cls, item: DType) -> ScalarType:
        return ScalarType(item)


class Tile:
    """Annotation of a value on chip; accepted as the compiler accepts it, and not looked at."""

    def __class_getitem__(cls, item: object) -> type[Tile]:
        del item
        return cls


@dataclass(frozen=True, slots=True, eq=False)
class Function:
    """A function of a program, not yet read.

    Attributes
    ----------
    python : function
        What the decorator was given. It is read, never called.
    type : FunctionType
        As declared.
    namespace : mapping
        What names in its body mean: globals, then the builder's locals, then its closure.
    """

    python: PythonFunction
    type: FunctionType
    namespace: Mapping[str, Any]

    @property
    def name(self) -> str:
        """Name of the function; kernels are named after it."""
        return self.python.__name__

    @property
    def is_kernel(self) -> bool:
        """Whether it is a kernel written by hand, of which every call is a task."""
        return self.type in (FunctionType.InCore, FunctionType.AIC, FunctionType.AIV)


@dataclass(frozen=True, slots=True, eq=False)
class Inline:
    """A function whose body is pasted wherever it is called; see `inline`."""

    python: PythonFunction
    namespace: Mapping[str, Any]

    @property
    def name(self) -> str:
        """Name of the function."""
        return self.python.__name__


@dataclass(frozen=True, slots=True, eq=False)
class Program:
    """A class of functions that was decorated with ``program``."""

    name: str
    functions: Mapping[str, Function]

    @property
    def entry(self) -> Function:
        """The function that orchestrates: the last one that is not a hand-written kernel.

        Raises
        ------
        InputError
            There is none.
        """
        entries = [f for f in self.functions.values() if not f.is_kernel]
        if not entries:
            raise InputError(f"program {self.name} has no Opaque or Orchestration function")
        return entries[-1]


def _namespace(python: PythonFunction, frame: FrameType | None) -> dict[str, Any]:
    """Names that a body may use: those that the builder function can see."""
    names = dict(python.__globals__)
    if frame is not None:
        names.update(frame.f_locals)
    for name, cell in zip(python.__code__.co_freevars, python.__closure__ or (), strict=True):
        try:
            names[name] = cell.cell_contents
        except ValueError:  # assigned only after the program was built, so never a constant
            continue
    return names


@overload
def function(func: PythonFunction, /) -> Function: ...
@overload
def function(
    func: None = None,
    *,
    type: FunctionType = FunctionType.Opaque,
    level: Level | None = None,
    role: Role | None = None,
    attrs: Mapping[str, Any] | None = None,
    strict_ssa: bool = False,
) -> Callable[[PythonFunction], Function]: ...


def function(
    func: PythonFunction | None = None,
    *,
    type: FunctionType = FunctionType.Opaque,
    level: Level | None = None,
    role: Role | None = None,
    attrs: Mapping[str, Any] | None = None,
    strict_ssa: bool = False,
) -> Function | Callable[[PythonFunction], Function]:
    """Declare a function of a program.

    Parameters
    ----------
    func : function
        The body, when the decorator is used without parentheses.
    type : FunctionType
        Opaque (contains regions), Orchestration (calls kernels) or InCore (one kernel).
    level, role, attrs, strict_ssa
        Accepted as the compiler accepts them; they have no effect on the task graph.
    """
    del level, role, attrs, strict_ssa
    # The decorator runs in the class body; the builder that sees the constants is one frame out.
    frame = sys._getframe(1).f_back
    if func is not None:
        return Function(func, type, _namespace(func, frame))
    return lambda f: Function(f, type, _namespace(f, frame))


def inline(func: PythonFunction) -> Inline:
    """Declare a function whose body is pasted at each call, in regions and outside of them."""
    return Inline(func, _namespace(func, sys._getframe(1)))


@overload
def program(cls: type, /) -> Program: ...
@overload
def program(cls: None = None, *, strict_ssa: bool = False) -> Callable[[type], Program]: ...


def program(
    cls: type | None = None, *, strict_ssa: bool = False
) -> Program | Callable[[type], Program]:
    """Make a program of a class whose methods are declared with ``function``."""
    del strict_ssa
    if cls is None:
        return _program
    return _program(cls)


def _program(cls: type) -> Program:
    functions = {name: f for name, f in vars(cls).items() if isinstance(f, Function)}
    return Program(cls.__name__, functions)


def __getattr__(name: str) -> DType:
    """Dtypes under their names: ``declarations.BF16``."""
    if name in BY_NAME:
        return BY_NAME[name]
    raise AttributeError(name)
