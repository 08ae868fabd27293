"""From a function's source to a tree of the statements that the language has.

Nothing of the function is executed here. Expressions stay Python syntax; they are evaluated
later, natively, when it is known what their names stand for.
"""

from __future__ import annotations

import ast
import inspect
from dataclasses import dataclass, field
from functools import lru_cache
from types import FunctionType as PythonFunction

from devices.expression import Symbol
from runtime.errors import LanguageError
from runtime.language.blocks import LoopSpec
from runtime.language.definitions import definitions

__all__ = [
    "Assign",
    "Bare",
    "For",
    "If",
    "Return",
    "Statement",
    "Syntax",
    "With",
    "calls_kernel",
    "read_function",
]


@dataclass(frozen=True, slots=True, eq=False)
class Assign:
    """``a = value`` or ``a, b = value``."""

    targets: tuple[str, ...]
    value: ast.expr
    line: int


@dataclass(frozen=True, slots=True, eq=False)
class Bare:
    """An expression that stands alone."""

    value: ast.expr
    line: int


@dataclass(frozen=True, slots=True, eq=False)
class For:
    """A loop. The header is syntax, or already known where the compiler made the loop.

    Attributes
    ----------
    symbol : Symbol or None
        The loop's variable, where the compiler made the loop.
    in_chunk : bool
        Whether it runs the iterations of one chunk, which make one task.
    carried : tuple of str
        Names for the ``init_values`` of the header.
    """

    variable: str
    header: ast.expr | LoopSpec
    body: tuple[Statement, ...]
    line: int
    symbol: Symbol | None = None
    in_chunk: bool = False
    carried: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class If:
    """A conditional."""

    condition: ast.expr
    then: tuple[Statement, ...]
    orelse: tuple[Statement, ...]
    line: int


@dataclass(frozen=True, slots=True, eq=False)
class With:
    """A region; the header is syntax."""

    header: ast.expr
    body: tuple[Statement, ...]
    line: int


@dataclass(frozen=True, slots=True, eq=False)
class Return:
    """The function's end; makes no code, but uses the names that it returns."""

    value: ast.expr | None
    line: int


Statement = Assign | Bare | For | If | With | Return

_INSTEAD = {
    ast.AugAssign: "augmented assignment; write x = x + y",
    ast.Assert: "assert; use pl.static_assert",
    ast.While: "a while loop (the compiler emits its body once); use pl.range",
    ast.Break: "break (the compiler drops it); put the condition into the loop bound",
    ast.Continue: "continue (the compiler drops it); use if",
    ast.IfExp: "a conditional expression; use an if statement or pl.min / pl.max",
    ast.Lambda: "lambda; write the operation out",
    ast.ListComp: "a comprehension; write the elements out",
    ast.GeneratorExp: "a comprehension; write the elements out",
    ast.DictComp: "a comprehension; write the elements out",
    ast.SetComp: "a comprehension; write the elements out",
    ast.Try: "try; there are no exceptions in a program",
    ast.NamedExpr: "an assignment inside an expression; write it as a statement",
    ast.Yield: "yield; use pl.yield_, or re-assign the carried name in the body of the loop",
    ast.YieldFrom: "yield; use pl.yield_, or re-assign the carried name in the body of the loop",
    ast.Await: "await; the order of tasks follows from their data",
}

_NOT_OF_SCALARS = (ast.In, ast.NotIn, ast.Is, ast.IsNot)


def calls_kernel(node: ast.expr | None) -> bool:
    """Whether an expression calls a function of its program: ``self.name(...)``."""
    match node:
        case ast.Call(func=ast.Attribute(value=ast.Name(id="self"))):
            return True
    return False


@dataclass(frozen=True)
class Syntax:
    """A function as the compiler sees it.

    Attributes
    ----------
    name, file : str
        Function name, and the file that defines it.
    line : int
        Line of its ``def``.
    parameters : mapping
        Line of each parameter but ``self``, in order.
    body : tuple of Statement
        Its statements; lines count from the start of the file.
    """

    name: str
    file: str
    line: int
    parameters: dict[str, int]
    body: tuple[Statement, ...] = field(repr=False)


def read_function(python: PythonFunction) -> Syntax:
    """Read the source of `python`.

    Raises
    ------
    LanguageError
        The source cannot be found, or has a statement that the language has not.
    """
    # A decorator of the author's may stand around what is to be read.
    code = inspect.unwrap(python).__code__
    file, first = code.co_filename, code.co_firstlineno
    definition = definitions(file, python.__globals__).get((code.co_name, first))
    if code.co_name == "<lambda>" or isinstance(definition, ast.AsyncFunctionDef):
        raise LanguageError(f"{file}:{first}: {python.__name__} is not a plain function")
    if definition is None:
        raise LanguageError(
            f"{file}: the source of {python.__name__} cannot be read; programs live in files, "
            "which stay as they are while they are in use"
        )
    return _read(definition, file)


@lru_cache(maxsize=1 << 10)  # many tasks of one program, and many runs of it, read it once
def _read(definition: ast.FunctionDef, file: str) -> Syntax:
    arguments = [a for a in definition.args.args if a.arg != "self"]
    return Syntax(
        definition.name,
        file,
        definition.lineno,
        {a.arg: a.lineno for a in arguments},
        _Reader(file).block(definition.body),
    )


class _Reader:
    """Turns Python statements into the language's."""

    def __init__(self, file: str) -> None:
        self.file = file

    def block(self, statements: list[ast.stmt]) -> tuple[Statement, ...]:
        read = (self.statement(s) for s in statements)
        return tuple(s for s in read if s is not None)

    def statement(self, node: ast.stmt) -> Statement | None:
        match node:
            case ast.Assign(targets=[target], value=value):
                return Assign(self.names(target), self.expression(value), node.lineno)
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                return Assign((name,), self.expression(value), node.lineno)
            case ast.For(target=ast.Name(id=name), iter=header, body=body, orelse=[]):
                return For(name, self.expression(header), self.block(body), node.lineno)
            case ast.For(
                target=ast.Tuple(elts=[ast.Name(id=name), *carried]),
                iter=header,
                body=body,
                orelse=[],
            ):
                names = self.carried(carried)
                header, inside = self.expression(header), self.block(body)
                return For(name, header, inside, node.lineno, carried=names)
            case ast.If(test=test, body=body, orelse=orelse):
                condition = self.expression(test)
                return If(condition, self.block(body), self.block(orelse), node.lineno)
            case ast.With(items=[ast.withitem(context_expr=header, optional_vars=None)]):
                return With(self.expression(header), self.block(node.body), node.lineno)
            case ast.Return(value=value):
                return Return(value and self.expression(value), node.lineno)
            case ast.Expr(value=ast.Constant()) | ast.Pass():  # a docstring, or nothing
                return None
            case ast.Expr(value=value):
                return Bare(self.expression(value), node.lineno)
        raise self.unsupported(node)

    def carried(self, targets: list[ast.expr]) -> tuple[str, ...]:
        """Names behind a loop's variable, alone or in a tuple of their own."""
        return tuple(name for target in targets for name in self.names(target))

    def names(self, target: ast.expr) -> tuple[str, ...]:
        match target:
            case ast.Name(id=name):
                return (name,)
            case ast.Tuple(elts=elements) if all(isinstance(e, ast.Name) for e in elements):
                return tuple(e.id for e in elements if isinstance(e, ast.Name))
        raise LanguageError(
            f"{self.file}:{target.lineno}: only names can be assigned to; "
            "write into a tensor with pl.assemble"
        )

    def expression(self, node: ast.expr) -> ast.expr:
        for part in ast.walk(node):
            compared = part.ops if isinstance(part, ast.Compare) else ()
            if len(compared) > 1 or any(isinstance(op, _NOT_OF_SCALARS) for op in compared):
                raise self.unsupported(part)
            if type(part) in _INSTEAD:
                raise self.unsupported(part)
        return node

    def unsupported(self, node: ast.AST) -> LanguageError:
        what = type(node).__name__
        reason = _INSTEAD.get(type(node), f"this form of {what}")
        if isinstance(node, ast.Compare):
            reason = "a chained comparison, `in` or `is`; compare two scalars at a time"
        line = getattr(node, "lineno", 0)
        return LanguageError(f"{self.file}:{line}: the language does not have {reason}")
