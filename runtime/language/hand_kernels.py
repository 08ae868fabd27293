"""Kernels that a program writes by hand, as functions of type InCore, and calls of them."""

from __future__ import annotations

import ast
import inspect
from dataclasses import dataclass

from devices.errors import InputError
from devices.expression import Expression, Scalar, Symbol
from devices.kernel import Direction, Kernel, Parameter
from runtime.language.declarations import Function, Program, ScalarType, TensorType
from runtime.language.evaluation import Evaluator, Names
from runtime.language.expansion import Expander
from runtime.language.kernel_record import free_symbols
from runtime.language.kernel_statements import StatementReader
from runtime.language.orchestration import Handle
from runtime.language.parameters import FunctionParameter, read_parameters
from runtime.language.syntax import Return, read_function
from runtime.language.tiles import GlobalArgument
from runtime.language.values import tracing

__all__ = ["HandKernels"]

_BY_WRAPPER = {"Out": Direction.OUT_EXISTING, "InOut": Direction.INOUT}


@dataclass(frozen=True, slots=True)
class _HandKernel:
    """A kernel that was read.

    Attributes
    ----------
    number : int
        Its place among the kernels of the program.
    parameters : tuple of FunctionParameter
        Of the function, in order.
    results : tuple of str
        The parameters that it returns.
    """

    number: int
    parameters: tuple[FunctionParameter, ...]
    results: tuple[str, ...]


class HandKernels:
    """Reads the kernels of a program when they are called first.

    Parameters
    ----------
    program : Program
        Whose functions can be called as ``self.name(...)``.
    kernels : list of Kernel
        Where kernels go.
    """

    def __init__(self, program: Program, kernels: list[Kernel]) -> None:
        self.functions = program.functions
        self.kernels = kernels
        self._read: dict[str, _HandKernel] = {}

    def forget(self, count: int) -> None:
        """Forget all kernels from number `count` on."""
        self._read = {name: kernel for name, kernel in self._read.items() if kernel.number < count}

    def submit(
        self, call: ast.Call, names: Names, evaluator: Evaluator
    ) -> tuple[int, tuple[Handle, ...], tuple[Scalar, ...], Handle | tuple[Handle, ...] | None]:
        """What a call submits.

        Returns
        -------
        number : int
            The kernel.
        tensors, scalars : tuple
            Its arguments.
        results : Handle, tuple of Handle or None
            What the call returns: tensors among its arguments.

        Raises
        ------
        LanguageError
            There is no such kernel, or its parameters do not take these arguments.
        """
        assert isinstance(call.func, ast.Attribute)  # noqa: S101 - `calls_kernel` has looked
        name = call.func.attr
        function = self.functions.get(name)
        if function is None or not function.is_kernel:
            known = [f.name for f in self.functions.values() if f.is_kernel]
            raise evaluator.error(
                call.lineno,
                f"self.{name} is no kernel of this program; a function of type InCore can be "
                f"called (it has: {', '.join(known) or 'none'})",
            )
        kernel = self._read.get(name)
        if kernel is None:
            kernel = self._read[name] = self.read(function)
        given = self.arguments(call, function, kernel, names, evaluator)
        tensors = {n: v for n, v in given.items() if isinstance(v, Handle)}
        scalars = tuple(v for v in given.values() if not isinstance(v, Handle))
        results = tuple(tensors[result] for result in kernel.results)
        returned = results[0] if len(results) == 1 else results or None
        return kernel.number, tuple(tensors.values()), scalars, returned

    def arguments(
        self,
        call: ast.Call,
        function: Function,
        kernel: _HandKernel,
        names: Names,
        evaluator: Evaluator,
    ) -> dict[str, Handle | Scalar]:
        """The argument of each parameter, in the order of the parameters."""
        parameters = [
            inspect.Parameter(p.name, inspect.Parameter.POSITIONAL_OR_KEYWORD)
            for p in kernel.parameters
        ]
        try:
            bound = inspect.Signature(parameters).bind(
                *call.args, **{str(k.arg): k.value for k in call.keywords}
            )
        except TypeError as error:
            raise evaluator.error(call.lineno, f"{function.name}: {error}") from error
        given: dict[str, Handle | Scalar] = {}
        for parameter in kernel.parameters:
            value = evaluator.evaluate(bound.arguments[parameter.name], names)
            fits = (
                isinstance(value, Handle) and TensorType(value.shape, value.dtype) == parameter.type
                if isinstance(parameter.type, TensorType)
                else isinstance(value, int | float | Expression) and not isinstance(value, bool)
            )
            if not fits:
                raise evaluator.error(
                    call.lineno,
                    f"{function.name} takes {parameter.type!r} as {parameter.name!r}, not "
                    f"{value!r}",
                )
            given[parameter.name] = value
        return given

    def read(self, function: Function) -> _HandKernel:
        """Read the function of a kernel."""
        syntax = read_function(function.python)
        evaluator = Evaluator(syntax.file, function.namespace)
        parameters = tuple(read_parameters(evaluator, function, syntax))
        reader = _FunctionReader(evaluator)
        names: Names = {}
        for p in parameters:
            if isinstance(p.type, ScalarType):
                names[p.name] = Symbol(p.name, p.type.dtype.is_float)
            else:
                argument = reader.tracer.argument(p.name, p.type.shape, p.type.dtype, fresh=False)
                names[p.name] = argument
        scalars = tuple(names[p.name] for p in parameters if isinstance(p.type, ScalarType))
        with tracing(reader.tracer):
            reader.block(Expander(evaluator).expanded(syntax.body), names, set())
        try:
            core = reader.tracer.core()
        except InputError as error:
            raise evaluator.error(syntax.line, str(error)) from error
        tensors = reader.tracer.arguments
        body = reader.tracer.body(tensors)
        unknown = free_symbols(body) - set(scalars)
        assert not unknown, unknown  # noqa: S101 - names come from the parameters alone
        wrappers = [p.wrapper for p in parameters if isinstance(p.type, TensorType)]
        self.kernels.append(
            Kernel(
                function.name,
                core,
                tuple(map(_parameter, tensors, wrappers)),
                scalars,
                body,
                syntax.line,
            )
        )
        return _HandKernel(len(self.kernels) - 1, parameters, tuple(reader.results))


def _parameter(argument: GlobalArgument, wrapper: str) -> Parameter:
    """The parameter with the direction that its author wrote, or else what the kernel does."""
    direction = _BY_WRAPPER.get(wrapper, argument.direction)
    return Parameter(argument.name, argument.shape, argument.dtype, direction)


class _FunctionReader(StatementReader):
    """Reads the body of a function that is a kernel."""

    def __init__(self, evaluator: Evaluator) -> None:
        super().__init__(evaluator)
        self.results: list[str] = []

    def finish(self, statement: Return, names: Names) -> None:
        """Note which parameters are returned."""
        if statement.value is None:
            return
        value = self.evaluator.evaluate(statement.value, names)
        for result in value if isinstance(value, tuple) else (value,):
            if not isinstance(result, GlobalArgument):
                raise self.evaluator.error(
                    statement.line,
                    f"a kernel returns tensors that it stores into, not {result!r}; pl.store it",
                )
            self.results.append(result.name)
