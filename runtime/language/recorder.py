"""Running a program's orchestration once and recording what it submits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from devices.errors import InputError
from runtime.accesses import check_bounds
from runtime.errors import LanguageError
from runtime.graph import Buffer, View
from runtime.host_memory import HostMemory, InputValue
from runtime.language.declarations import Program
from runtime.language.lowering import Lowering, lower
from runtime.submits import Submits

__all__ = ["record"]

_PROGRAM_ARGUMENT = -1


def record(
    program: Program,
    lowering: Lowering = Lowering.APRIL,
    inputs: Mapping[str, InputValue] | None = None,
) -> Submits:
    """Lower `program` and run its orchestration.

    Parameters
    ----------
    program : Program
        What to record.
    lowering : Lowering
        The compiler whose rules for directions of arguments apply.
    inputs : mapping of str to number or array, optional
        What tensors of the program hold, and its scalars, for an orchestration that reads them.

    Returns
    -------
    Submits
        Every task and hidden alloc, in program order, with its arguments.

    Raises
    ------
    InputError
        Misuse of the language (with file and line), a program that submits nothing, or one that
        touches memory outside its tensors.
    """
    lowered = lower(program, lowering)
    arguments = tuple(
        View(Buffer(name, t.shape, t.dtype, _PROGRAM_ARGUMENT), t.shape, (0,) * len(t.shape))
        for name, t in lowered.parameters
    )
    orchestration = lowered.orchestration
    host = HostMemory(inputs or {})
    host.check(arguments, [name for name, _ in lowered.scalars])
    submits = Submits(
        lowered.name,
        lowered.file,
        arguments,
        lowered.kernels,
        orchestration.alloc_groups,
        host=host,
    )
    scalars = [host.scalar(name, dtype) for name, dtype in lowered.scalars]
    for table in lowered.tables:
        with _at(lowered.file, table.line):
            table.values = host.integers(arguments, table.name)
    try:
        orchestration.run(submits, *arguments, *scalars)
    except ArithmeticError as error:
        raise LanguageError(
            f"{lowered.file}: {lowered.name}: {error} in a scalar outside its regions; check the "
            "values that its loops give"
        ) from error
    if not any(kernel >= 0 for kernel in submits.kernel):
        raise InputError(
            f"{lowered.file}: {lowered.name} submits nothing: no loop around its regions runs; "
            "check the loop bounds"
        )
    for table in lowered.tables:
        with _at(lowered.file, table.line):
            submits.check_given(table.name)
    check_bounds(submits)
    return submits


@contextmanager
def _at(file: str, line: int) -> Iterator[None]:
    """Name a line in errors."""
    try:
        yield
    except InputError as error:
        raise LanguageError(f"{file}:{line}: {error}") from error
