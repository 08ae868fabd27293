"""What the orchestrator is told: the submits of one execution of a program, in order."""

from __future__ import annotations

from array import array
from collections.abc import MutableSequence, Sequence
from dataclasses import dataclass, field

import numpy as np

from devices.dtypes import DType
from devices.errors import InputError
from devices.kernel import Direction, Kernel
from runtime.arguments import ScalarArguments, TensorArguments
from runtime.errors import LanguageError
from runtime.graph import ALLOC, Buffer, View, whole_view
from runtime.host_memory import HostMemory
from runtime.launch import Launch
from runtime.scopes import Scopes

__all__ = ["MOST_SUBMITS", "AllocGroup", "Submits", "TensorSpec"]

MOST_SUBMITS = 5_000_000
"""More tasks than any machine holds; a length that is read may be wrong by any factor."""

_NO_SCOPE = -1
"""Stands for the number of a scope that holds no submit yet, and for the end of an open one."""


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """Name, shape (elements) and dtype of a tensor to be allocated."""

    name: str
    shape: tuple[int, ...]
    dtype: DType


@dataclass(frozen=True, slots=True)
class AllocGroup:
    """Tensors that one hidden alloc makes, and the scope depth where it stands."""

    tensors: tuple[TensorSpec, ...]
    depth: int


@dataclass
class Submits:
    """The submits of a program, recorded while its orchestration runs.

    Attributes
    ----------
    name, file : str
        Name of the program's function, and the file that has it.
    arguments : tuple of View
        The program's tensors, whole.
    kernels : sequence of Kernel
        What tasks execute.
    alloc_groups : sequence of AllocGroup
        The places that allocate.
    kernel, depth : list of int
        Kernel index (or `ALLOC`) and scope depth of each submit.
    views : TensorArguments
        Tensor arguments of each submit; the tensors made, for an alloc.
    scalars : ScalarArguments
        Scalar arguments of each submit.
    launches : dict of int to Launch
        How submits are launched that are not run once on one core (or cluster).
    explicit : dict of int to tuple of int
        Producers that the program names for a submit, besides those that are found.
    manual : set of int
        Submits of manual scopes, for which no producer is looked for.
    scope : sequence of int
        Scope that directly encloses each submit.
    scope_line, scope_end : sequence of int
        Where each scope that holds submits begins in the program, and how many submits had been
        made when it ended.
    host : HostMemory
        What the orchestration reads of the program's tensors.
    """

    name: str
    file: str
    arguments: tuple[View, ...]
    kernels: Sequence[Kernel]
    alloc_groups: Sequence[AllocGroup]
    kernel: list[int] = field(default_factory=list)
    depth: list[int] = field(default_factory=list)
    views: TensorArguments = field(default_factory=TensorArguments)
    scalars: ScalarArguments = field(default_factory=ScalarArguments)
    launches: dict[int, Launch] = field(default_factory=dict)
    explicit: dict[int, tuple[int, ...]] = field(default_factory=dict)
    manual: set[int] = field(default_factory=set)
    scope: MutableSequence[int] = field(default_factory=lambda: array("i"))
    scope_line: MutableSequence[int] = field(default_factory=lambda: array("i"))
    scope_end: MutableSequence[int] = field(default_factory=lambda: array("i"))
    host: HostMemory = field(default_factory=HostMemory)
    # Of each open scope: its number, as soon as it holds a submit, and its line.
    _open: list[list[int]] = field(default_factory=lambda: [[_NO_SCOPE, 0]])
    _written: set[Buffer] = field(default_factory=set)
    _looked_at: int = 0

    def __len__(self) -> int:
        return len(self.kernel)

    @property
    def scopes(self) -> Scopes:
        """The scopes; those that are still open end behind the last submit."""
        end = [len(self) if e == _NO_SCOPE else e for e in self.scope_end]
        return Scopes(
            np.array(self.scope, dtype=np.int32),
            np.array(end, dtype=np.int64),
            np.array(self.scope_line, dtype=np.int32),
        )

    def enter_scope(self, line: int) -> None:
        """Begin a scope, at a line of the program."""
        self._open.append([_NO_SCOPE, line])

    def leave_scope(self) -> None:
        """End the innermost scope."""
        scope, _ = self._open.pop()
        if scope != _NO_SCOPE:
            self.scope_end[scope] = len(self.kernel)

    def add(
        self, kernel: int, views: tuple[View, ...], scalars: tuple[int, ...], depth: int
    ) -> None:
        """Record anything that is submitted; the innermost scope holds it."""
        innermost = self._open[-1]
        if innermost[0] == _NO_SCOPE:
            innermost[0] = len(self.scope_line)
            self.scope_line.append(innermost[1])
            self.scope_end.append(_NO_SCOPE)
        self.scope.append(innermost[0])
        self.kernel.append(kernel)
        self.depth.append(depth)
        self.views.append(views)
        self.scalars.append(scalars)

    def alloc(self, group: int) -> tuple[View, ...]:
        """Record a hidden alloc; returns the tensors that it makes."""
        owner = len(self.kernel)
        spec = self.alloc_groups[group]
        made = tuple([whole_view(Buffer(t.name, t.shape, t.dtype, owner)) for t in spec.tensors])
        self.add(ALLOC, made, (), spec.depth)
        return made

    def submit(
        self, kernel: int, views: tuple[View, ...], scalars: tuple[int, ...], depth: int
    ) -> None:
        """Record a task, at a scope depth."""
        if len(self.kernel) >= MOST_SUBMITS:
            raise LanguageError(
                f"{self.file}: {self.name} submits more than {MOST_SUBMITS:,} tasks; check the "
                "loop bounds, and what they read"
            )
        self.add(kernel, views, scalars, depth)

    def read(self, view: View, index: tuple[int, ...], line: int) -> int | float:
        """One element of a tensor, as the control core finds it in memory.

        Raises
        ------
        LanguageError
            A task that was submitted before writes the tensor, for which nobody waits; the tensor
            is none of the program's; or its values are not known.
        """
        buffer = view.buffer
        if buffer.owner >= 0 or buffer in self._written_buffers():
            raise LanguageError(
                f"{self.file}:{line}: reads an element of {buffer.name!r}, which tasks compute, "
                "and the orchestration waits for none; read a tensor that the program is given"
            )
        try:
            return self.host.read(view, index)
        except InputError as error:
            raise LanguageError(f"{self.file}:{line}: {error}") from error

    def check_given(self, name: str) -> None:
        """Refuse a tensor that kernels read single elements of, if tasks write it.

        Raises
        ------
        InputError
            One does.
        """
        if any(buffer.name == name and buffer.owner < 0 for buffer in self._written_buffers()):
            raise InputError(
                f"reads single elements of {name!r}, which tasks compute, so that nobody knows "
                "them before the run; read a tensor that the program is given"
            )

    def write(self, view: View, index: tuple[int, ...], value: float, line: int) -> None:
        """Have the control core write one element of a tensor that the program is given.

        Raises
        ------
        LanguageError
            The index is outside the tensor, or the tensor is not the program's.
        """
        if view.buffer.owner >= 0:
            raise LanguageError(
                f"{self.file}:{line}: writes an element of {view.buffer.name!r}, which the program "
                "creates; write it in a region"
            )
        try:
            self.host.write(view, index, value)
        except InputError as error:
            raise LanguageError(f"{self.file}:{line}: {error}") from error

    def _written_buffers(self) -> set[Buffer]:
        """The buffers that the tasks so far write."""
        for submit in range(self._looked_at, len(self)):
            kernel = self.kernel[submit]
            if kernel >= 0:
                parameters = self.kernels[kernel].parameters
                self._written.update(
                    view.buffer
                    for view, parameter in zip(self.views[submit], parameters, strict=True)
                    if parameter.direction is not Direction.IN
                )
        self._looked_at = len(self)
        return self._written

    def view(self, base: View, shape: tuple[int, ...], offset: tuple[int, ...]) -> View:
        """The rectangle of `base` that starts at `offset`; costs no submit.

        Raises
        ------
        LanguageError
            It leaves `base`.
        """
        for size, extent, start in zip(base.shape, shape, offset, strict=True):
            if start < 0 or start + extent > size:
                raise LanguageError(
                    f"{self.file}: {self.name} takes a view {list(shape)} at offset "
                    f"{list(offset)} of {base.buffer.name!r}, of which it has "
                    f"{list(base.shape)}; check the loop bounds and sizes"
                )
        return View(
            base.buffer, shape, tuple([a + b for a, b in zip(base.offset, offset, strict=True)])
        )
