"""Running a program's orchestration once and recording what it submits."""

from __future__ import annotations

from devices.errors import InputError
from runtime.accesses import check_bounds
from runtime.errors import LanguageError
from runtime.graph import Buffer, View
from runtime.language.declarations import Program
from runtime.language.lowering import Lowering, lower
from runtime.submits import Submits

__all__ = ["record"]

_PROGRAM_ARGUMENT = -1


def record(program: Program, lowering: Lowering = Lowering.APRIL) -> Submits:
    """Lower `program` and run its orchestration.

    Parameters
    ----------
    program : Program
        What to record.
    lowering : Lowering
        The compiler whose rules for directions of arguments apply.

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
    lowered = lower(program.entry, lowering)
    arguments = tuple(
        View(Buffer(name, t.shape, t.dtype, _PROGRAM_ARGUMENT), t.shape, (0,) * len(t.shape))
        for name, t in lowered.parameters
    )
    orchestration = lowered.orchestration
    depths = [orchestration.kernel_depth[k] for k in range(len(lowered.kernels))]
    submits = Submits(
        lowered.name, lowered.file, arguments, lowered.kernels, depths, orchestration.alloc_groups
    )
    try:
        orchestration.run(submits, *arguments)
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
    check_bounds(submits)
    return submits
