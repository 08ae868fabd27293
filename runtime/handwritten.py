"""Orchestrations written by hand: tasks submitted one by one, as the runtime's own examples do.

A program in the language is cut into tasks by the compiler. Here the user says which kernel each
task executes, on which tensors, and how it is launched.

Examples
--------
>>> from runtime import language as pl
>>> from runtime.handwritten import Orchestration, kernel_of
>>> @pl.program
... class Scale:
...     @pl.function
...     def scale(self, x: pl.Tensor[[16, 64], pl.FP32], y: pl.Out[pl.Tensor[[16, 64], pl.FP32]]):
...         with pl.incore():
...             y = pl.assemble(y, pl.mul(x, 2.0), [0, 0])
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from devices.dtypes import DType
from devices.errors import InputError
from devices.kernel import CoreType, Direction, Kernel, Parameter, Statement, renumbered
from runtime.graph import ALLOC, DUMMY, Buffer, View, whole_view
from runtime.host_memory import InputValue
from runtime.language import Lowering, Program, record
from runtime.launch import Launch
from runtime.submits import Submits

__all__ = ["Orchestration", "Task", "kernel_of", "mix_kernel", "submits_of"]

_ONCE = Launch()


@dataclass(frozen=True, slots=True)
class Task:
    """A submitted task: its number, and the tensors that the runtime allocated for it."""

    number: int
    outputs: tuple[View, ...]


@dataclass(frozen=True, slots=True)
class _KnownKernel:
    """A kernel that was submitted: its number, and its parameters.

    Attributes
    ----------
    given : sequence of Parameter
        Those whose tensors are given.
    made : sequence of (int, Parameter)
        Those that the runtime allocates, and where they are among all.
    """

    number: int
    given: Sequence[Parameter]
    made: Sequence[tuple[int, Parameter]]

    def outputs(self, owner: int) -> tuple[View, ...]:
        """The tensors that the runtime allocates for a task."""
        if not self.made:
            return ()
        return tuple(
            [whole_view(Buffer(f"{p.name}_{owner}", p.shape, p.dtype, owner)) for _, p in self.made]
        )


class Orchestration:
    """Collects submits.

    Parameters
    ----------
    name : str
        What to call the program.
    """

    def __init__(self, name: str) -> None:
        self._kernels: list[Kernel] = []
        self._known: dict[int, _KnownKernel] = {}  # by the ids of the kernels
        file = sys._getframe(1).f_code.co_filename
        self._submits = Submits(name, file, (), self._kernels, [])
        self._depth = 0  # the executor's own scope
        self._manual = False

    # Tensors

    def tensor(self, name: str, shape: Sequence[int], dtype: DType) -> View:
        """A tensor that the program is given."""
        view = whole_view(Buffer(name, tuple(shape), dtype, -1))
        self._submits.arguments = (*self._submits.arguments, view)
        return view

    def alloc(self, *tensors: tuple[str, Sequence[int], DType]) -> tuple[View, ...]:
        """Have the runtime allocate tensors, given by name, shape and dtype, in a hidden alloc."""
        number = len(self._submits)
        made = tuple([whole_view(Buffer(n, tuple(s), d, number)) for n, s, d in tensors])
        self._append(ALLOC, made, ())
        return made

    # Tasks

    def submit(
        self,
        kernel: Kernel,
        *arguments: View,
        scalars: Sequence[int] = (),
        after: Sequence[Task] = (),
        launch: Launch = _ONCE,
    ) -> Task:
        """Submit a task.

        Parameters
        ----------
        kernel : Kernel
            What it executes.
        arguments : View
            A tensor for each parameter of the kernel, in order, but for those of direction OUT,
            which the runtime allocates.
        scalars : sequence of int
            The kernel's scalar arguments.
        after : sequence of Task
            Tasks that it waits for, besides those that the runtime finds.
        launch : Launch
            On how many cores it runs.

        Raises
        ------
        InputError
            Arguments or scalars are not as many as the kernel has, or of other shapes.
        """
        number = len(self._submits)
        known = self._known.get(id(kernel))
        if known is None:
            known = self._know(kernel)
        if len(arguments) != len(known.given) or len(scalars) != len(kernel.scalars):
            raise _wrong_count(kernel, known.given, arguments, scalars)
        for parameter, view in zip(known.given, arguments, strict=True):
            if view.shape != parameter.shape or (
                view.buffer.dtype is not parameter.dtype and view.buffer.dtype != parameter.dtype
            ):
                raise _wrong_tensor(kernel, parameter, view)
        views, outputs = arguments, known.outputs(number)
        if outputs:
            among = list(arguments)
            for (place, _), output in zip(known.made, outputs, strict=True):
                among.insert(place, output)
            views = tuple(among)
        self._append(known.number, views, tuple(scalars), after)
        if launch is not _ONCE and launch != _ONCE:
            self._submits.launches[number] = launch
        return Task(number, outputs)

    def _know(self, kernel: Kernel) -> _KnownKernel:
        """Number a kernel; `_kernels` keeps it, so that no other one can have its id."""
        made = [
            (place, p) for place, p in enumerate(kernel.parameters) if p.direction is Direction.OUT
        ]
        given = [p for p in kernel.parameters if p.direction is not Direction.OUT]
        known = self._known[id(kernel)] = _KnownKernel(len(self._kernels), given, made)
        self._kernels.append(kernel)
        return known

    def dummy(self, after: Sequence[Task]) -> Task:
        """Submit a task that runs on no core: what waits for it waits for all of `after`."""
        number = len(self._submits)
        self._append(DUMMY, (), (), after)
        return Task(number, ())

    def _append(
        self,
        kernel: int,
        views: tuple[View, ...],
        scalars: tuple[int, ...],
        after: Sequence[Task] = (),
    ) -> None:
        submits = self._submits
        if after:
            submits.explicit[len(submits)] = tuple(task.number for task in after)
        if self._manual:
            submits.manual.add(len(submits))
        submits.add(kernel, views, scalars, self._depth)

    def include(self, program: Submits, tensors: Mapping[str, View]) -> None:
        """Submit what a recorded program submits, on other tensors than its own.

        Nothing is recorded anew, so this is quick: a model of many layers records one.

        Parameters
        ----------
        program : Submits
            The recorded program.
        tensors : mapping of str to View
            A whole tensor for each of its parameters, by name.

        Raises
        ------
        InputError
            A parameter has no tensor, or one of another shape.
        """
        submits = self._submits
        first, first_scope = len(submits), len(submits.scope_line)
        buffers = {view.buffer: _in_place_of(view, tensors) for view in program.arguments}
        for view in program.views.views:
            old = view.buffer
            if old not in buffers:
                buffers[old] = Buffer(old.name, old.shape, old.dtype, first + old.owner)
        views = [View(buffers[v.buffer], v.shape, v.offset) for v in program.views.views]
        known = [self._known.get(id(kernel)) or self._know(kernel) for kernel in program.kernels]
        submits.kernel += [known[k].number if k >= 0 else k for k in program.kernel]
        submits.depth += [depth + self._depth for depth in program.depth]
        submits.views.extend(program.views, views)
        submits.scalars.extend(program.scalars)
        scopes = program.scopes
        submits.scope.extend((scopes.of + first_scope).tolist())
        submits.scope_line.extend(scopes.line.tolist())
        submits.scope_end.extend((scopes.end + first).tolist())
        for submit, launch in program.launches.items():
            submits.launches[first + submit] = launch
        for submit, producers in program.explicit.items():
            submits.explicit[first + submit] = tuple(first + p for p in producers)
        inside = range(len(program)) if self._manual else program.manual
        submits.manual.update(first + submit for submit in inside)

    @contextmanager
    def scope(self, *, manual: bool = False) -> Iterator[None]:
        """Open a scope; what is submitted inside is kept until it ends.

        In a manual scope the runtime looks for no producers: tasks wait for those in `after`.
        """
        line = sys._getframe(2).f_lineno  # of the with statement, past contextlib
        outer, self._manual = self._manual, self._manual or manual
        self._depth += 1
        self._submits.enter_scope(line)
        try:
            yield
        finally:
            self._submits.leave_scope()
            self._depth -= 1
            self._manual = outer

    def submits(self) -> Submits:
        """Everything submitted.

        Raises
        ------
        InputError
            Nothing was.
        """
        if not any(kernel >= 0 for kernel in self._submits.kernel):
            raise InputError(f"{self._submits.name} submits no task")
        return self._submits


def submits_of(
    program: Program | Orchestration,
    lowering: Lowering = Lowering.APRIL,
    inputs: Mapping[str, InputValue] | None = None,
) -> Submits:
    """What a program submits, written in the language or by hand; raises as `record`."""
    if not isinstance(program, Orchestration):
        return record(program, lowering, inputs)
    if inputs:
        raise InputError("a program that submits by hand reads no inputs")
    return program.submits()


def kernel_of(program: Program, name: str, fresh: Sequence[str] = ()) -> Kernel:
    """The kernel of a program in the language that has one region and submits it once.

    Parameters
    ----------
    program : Program
        Its tensors are the kernel's parameters, whole, by name.
    name : str
        What to call the kernel.
    fresh : sequence of str
        Parameters that it writes and the runtime allocates, instead of the caller.

    Raises
    ------
    InputError
        There are more regions, or `fresh` names no parameter that is only written.
    """
    recorded = record(program)
    if len(recorded.kernels) != 1:
        raise InputError(f"{name}: {recorded.name} has {len(recorded.kernels)} regions, not one")
    kernel = recorded.kernels[0]
    written = {p.name for p in kernel.parameters if p.direction is Direction.OUT_EXISTING}
    for wanted in fresh:
        if wanted not in written:
            raise InputError(f"{name}: {wanted} is no tensor that the region only writes")
    # The program's order of tensors, which the compiler sorts by name.
    order = [view.buffer.name for view in recorded.arguments]
    places = sorted(
        range(len(kernel.parameters)), key=lambda n: order.index(kernel.parameters[n].name)
    )
    parameters = tuple(
        replace(kernel.parameters[place], direction=Direction.OUT)
        if kernel.parameters[place].name in fresh
        else kernel.parameters[place]
        for place in places
    )
    moved = {old: new for new, old in enumerate(places)}
    return replace(kernel, name=name, parameters=parameters, body=renumbered(kernel.body, moved))


def mix_kernel(
    name: str, aic: Kernel | None, aiv0: Kernel | None = None, aiv1: Kernel | None = None
) -> Kernel:
    """A MIX kernel of kernels that run on the cores of one cluster, each by itself.

    Its parameters and scalars are those of its sides, one side after the other.

    Raises
    ------
    InputError
        Fewer than two sides, or one that runs on another type of core.
    """
    sides = (aic, aiv0, aiv1)
    present = [side for side in sides if side is not None]
    if len(present) < 2:
        raise InputError(f"{name}: a MIX kernel has at least two sides")
    parameters: list[Parameter] = []
    body: list[Statement] = []
    for slot, side in enumerate(sides):
        if side is None:
            continue
        core = CoreType.AIC if slot == 0 else CoreType.AIV
        if side.core is not core:
            raise InputError(f"{name}: {side.name} runs on {side.core.value}, not {core.value}")
        shift = {n: n + len(parameters) for n in range(len(side.parameters))}
        parameters += side.parameters
        body += renumbered(side.body, shift)
    return Kernel(
        name=name,
        core=CoreType.MIX,
        parameters=tuple(parameters),
        scalars=tuple(symbol for side in present for symbol in side.scalars),
        body=tuple(body),
        line=present[0].line,
        sides=sides,
    )


def _in_place_of(parameter: View, tensors: Mapping[str, View]) -> Buffer:
    """The tensor that stands for a parameter of a program."""
    name = parameter.buffer.name
    given = tensors.get(name)
    if given is None:
        raise InputError(f"parameter {name!r} of the program has no tensor")
    wanted, buffer = parameter.buffer, given.buffer
    if (buffer.shape, given.shape, buffer.dtype) != (wanted.shape, wanted.shape, wanted.dtype):
        raise InputError(
            f"parameter {name!r} is {wanted.dtype}{list(wanted.shape)}; given is {buffer.name}, "
            f"{buffer.dtype}{list(given.shape)} of {list(buffer.shape)}"
        )
    return buffer


def _wrong_count(
    kernel: Kernel, given: Sequence[Parameter], arguments: Sequence[View], scalars: Sequence[int]
) -> InputError:
    return InputError(
        f"{kernel.name} takes {len(given)} tensors ({', '.join(p.name for p in given)}) and "
        f"{len(kernel.scalars)} scalars; given are {len(arguments)} and {len(scalars)}"
    )


def _wrong_tensor(kernel: Kernel, parameter: Parameter, view: View) -> InputError:
    return InputError(
        f"{kernel.name}: {parameter.name} is {parameter.dtype}{list(parameter.shape)}; "
        f"given is {view.buffer.name}, {view.buffer.dtype}{list(view.shape)}"
    )
