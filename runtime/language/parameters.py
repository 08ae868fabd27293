"""The parameters of a function: their annotations, evaluated."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from devices.errors import InputError
from runtime.language.declarations import Argument, Function, ScalarType, TensorType
from runtime.language.evaluation import Evaluator
from runtime.language.syntax import Syntax

__all__ = ["FunctionParameter", "read_parameters"]


@dataclass(frozen=True, slots=True)
class FunctionParameter:
    """A parameter of a function.

    Attributes
    ----------
    name : str
        As the function names it.
    type : TensorType or ScalarType
        What its annotation says.
    wrapper : str
        ``Out`` or ``InOut`` where its author wrote that, else empty.
    """

    name: str
    type: TensorType | ScalarType
    wrapper: str


def read_parameters(
    evaluator: Evaluator, function: Function, syntax: Syntax
) -> Iterator[FunctionParameter]:
    """The parameters of a function, in order.

    Raises
    ------
    LanguageError
        One has no annotation, or one that is no tensor or scalar.
    """
    for name, line in syntax.parameters.items():
        value: object = function.python.__annotations__.get(name)
        wrapper = ""
        if isinstance(value, str):  # the file postpones the evaluation of annotations
            try:
                value = eval(value, dict(evaluator.namespace))  # noqa: S307 - the user's own program
            except (NameError, InputError, TypeError, AttributeError) as error:
                raise evaluator.error(line, f"annotation of {name!r}: {error}") from error
        if isinstance(value, Argument):
            wrapper = value.wrapper
            value = value.type
        if not isinstance(value, TensorType | ScalarType):
            raise evaluator.error(
                line, f"parameter {name!r} needs an annotation pl.Tensor[[...], ...]"
            )
        yield FunctionParameter(name, value, wrapper)
