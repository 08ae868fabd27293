"""Evaluating the program's expressions natively, with errors at the program's lines."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from functools import lru_cache
from types import CodeType
from typing import Any

from devices.errors import InputError
from devices.expression import Expression
from runtime.errors import LanguageError
from runtime.language.blocks import LoopSpec, RegionSpec
from runtime.language.liveness import names_in
from runtime.language.operators import OPERATORS, with_operators
from runtime.language.syntax import Assign, Bare
from runtime.language.values import TensorValue

__all__ = ["Evaluator", "Names"]

Names = dict[str, Any]
"""What the names of a block stand for: tensors, scalars, constants."""


class Evaluator:
    """Evaluates expressions of one function.

    Parameters
    ----------
    file : str
        The file that defines the function.
    namespace : mapping
        What names mean that the function itself does not assign.
    """

    def __init__(self, file: str, namespace: Mapping[str, Any]) -> None:
        self.file = file
        self.namespace = {**namespace, **OPERATORS}
        self.gone: dict[str, int] = {}

    def evaluate(self, node: ast.expr, names: Names) -> Any:
        """Value of `node` where its names mean `names`.

        Raises
        ------
        LanguageError
            It has none; the message says the line and why.
        """
        for lost in sorted(names_in(node) & self.gone.keys() - names.keys()):
            # Otherwise a constant of the builder with that name would take its place.
            raise self.error(node.lineno, self._unknown(lost))
        try:
            return eval(_compiled(node, self.file), self.namespace, names)  # noqa: S307 - the user's own program
        except LanguageError:
            raise
        except NameError as error:
            raise self.error(node.lineno, self._unknown(str(error.name))) from error
        except (
            InputError,
            TypeError,
            ValueError,
            AttributeError,
            ArithmeticError,
            LookupError,
        ) as e:
            raise self.error(node.lineno, str(e)) from e

    def resolve(self, node: ast.expr) -> object:
        """The object that a name or dotted name means outside the function, None if nothing."""
        match node:
            case ast.Name(id=name):
                return self.namespace.get(name)
            case ast.Attribute(value=base, attr=name):
                return getattr(self.resolve(base), name, None)
        return None

    def loop(self, header: ast.expr | LoopSpec, names: Names, line: int) -> LoopSpec:
        """The loop that a ``for`` header describes."""
        spec = header if isinstance(header, LoopSpec) else self.evaluate(header, names)
        if not isinstance(spec, LoopSpec):
            raise self.error(line, "a loop goes over pl.range(...) or pl.parallel(...)")
        return spec

    def region(self, header: ast.expr, names: Names, line: int) -> RegionSpec:
        """The region that a ``with`` header describes."""
        spec = self.evaluate(header, names)
        if not isinstance(spec, RegionSpec):
            raise self.error(line, "with takes pl.incore(), pl.auto_incore() or pl.at(...)")
        return spec

    def condition(self, node: ast.expr, names: Names) -> Expression | bool:
        """The condition of an ``if``: a constant, or known only when the program runs."""
        value = self.evaluate(node, names)
        if isinstance(value, TensorValue):
            raise self.error(node.lineno, "a tensor has no truth value; compare scalars")
        return value if isinstance(value, Expression) else bool(value)

    def execute(self, statement: Assign | Bare, names: Names) -> None:
        """Evaluate a statement and bind the names that it assigns."""
        value = self.evaluate(statement.value, names)
        if isinstance(statement, Assign):
            self.assign(statement, value, names)

    def assign(self, statement: Assign, value: Any, names: Names) -> None:
        """Bind the names that a statement assigns to a value, or to each of several."""
        values: Sequence[Any] = (value,)
        if len(statement.targets) > 1:
            if not isinstance(value, tuple) or len(value) != len(statement.targets):
                raise self.error(statement.line, f"expected {len(statement.targets)} values")
            values = value
        for name, item in zip(statement.targets, values, strict=True):
            self.bind(names, name, item, statement.line)

    def bind(self, names: Names, name: str, value: Any, line: int) -> None:
        """Let `name` stand for `value`; a tensor keeps its shape and dtype for good."""
        old = names.get(name)
        if isinstance(old, TensorValue) and (
            not isinstance(value, TensorValue)
            or (old.shape, old.dtype) != (value.shape, value.dtype)
        ):
            raise self.error(
                line, f"cannot reassign {name!r} with another type: was {old!r}, now {value!r}"
            )
        if not isinstance(value, TensorValue | Expression | int | float | tuple | list):
            raise self.error(line, f"{name!r} cannot stand for {value!r}")
        names[name] = value
        self.gone.pop(name, None)

    def forget(self, names: Names, lost: set[str], line: int) -> None:
        """Drop names that do not leave the block at `line`."""
        for name in lost & names.keys():
            del names[name]
            self.gone[name] = line

    def error(self, line: int, message: str) -> LanguageError:
        """An error at a line of the program."""
        return LanguageError(f"{self.file}:{line}: {message}")

    def _unknown(self, name: str) -> str:
        if name in self.gone:
            return (
                f"{name!r} is used after the block at line {self.gone[name]} without being an "
                "output of it; assemble it into a tensor, or give it a value before that block"
            )
        if name == "self":
            return (
                "a kernel of the program is called outside regions, and in a statement of its own: "
                "y = self.kernel(x, y)"
            )
        return f"the name {name!r} is not defined here"


@lru_cache(maxsize=1 << 14)
def _compiled(node: ast.expr, file: str) -> CodeType:
    return compile(ast.Expression(with_operators(node)), file, "eval")
